//! Sends files and directories to a multicast group and tells what happens.
//!
//! ```text
//! cargo run -p norm-net --example send -- 239.1.2.3:6003 file-or-directory...
//! ```
//!
//! Starts when one receiver has announced itself, at 100 Mbit/s, and ends when all receivers have
//! everything.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use norm_net::{SendEvent, SendOptions, SendOutcome, send};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let group = arguments.next().and_then(|group| group.into_string().ok());
    let group = group.ok_or("usage: send <group:port> <file or directory>...")?.parse()?;
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();

    let options = SendOptions::new(group).with(|o| o.min_receivers = 1);
    let sending = send(&paths, &options)?;
    let settings = sending.settings();
    println!(
        "{} files, {} bytes to {} via {} ({})",
        settings.files, settings.bytes, settings.group, settings.interface, settings.because
    );
    for event in sending.events() {
        match event {
            SendEvent::ReceiverFound { receiver } => println!("{} is there", receiver.name),
            SendEvent::ReceiverConfirmed { receiver } => {
                println!("{} has everything", receiver.name);
            }
            SendEvent::ReceiverFailed { receiver, reason } => {
                println!("{} failed: {reason}", receiver.name);
            }
            SendEvent::ReceiverLost { receiver } => println!("{} fell silent", receiver.name),
            SendEvent::Progress(now) => println!("{} of {} bytes", now.bytes_sent, now.bytes_total),
            SendEvent::Hint(hint) => println!("hint: {hint}"),
            _ => {}
        }
    }
    let report = sending.wait()?;
    println!("{:?} after {:.1?}", report.outcome, report.elapsed);
    match report.outcome {
        SendOutcome::Complete => Ok(()),
        _ => Err("not every receiver has everything".into()),
    }
}
