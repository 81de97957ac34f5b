//! Receives one file set into a directory and says what happens.
//!
//! ```sh
//! cargo run --example receive -- 239.255.1.1:6003 incoming
//! ```
//!
//! With the name of an interface as third argument it joins there; `lo` for a sender on this
//! machine.

use std::error::Error;

use norm_net::io::interface::InterfaceSpec;
use norm_net::{ReceiveEvent, ReceiveOptions, ReceiveOutcome, receive};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [group, directory, rest @ ..] = &arguments[..] else {
        return Err("usage: receive GROUP:PORT DIRECTORY [INTERFACE]".into());
    };
    let mut options = ReceiveOptions::new(group.parse()?, directory);
    options.interface = rest.first().map(|name| InterfaceSpec::Name(name.clone()));

    let receiving = receive(&options)?;
    let settings = receiving.settings();
    println!("listening on {} via {}", settings.group, settings.interface);
    for event in receiving.events() {
        match event {
            ReceiveEvent::SenderFound { address, .. } => println!("sender at {address}"),
            ReceiveEvent::FilesKnown { files, bytes, .. } => {
                println!("{files} files, {bytes} bytes");
            }
            ReceiveEvent::Progress(progress) => {
                println!("{} of {} bytes", progress.bytes_done, progress.bytes_total);
            }
            ReceiveEvent::FileComplete { path, .. } => println!("{} is complete", path.display()),
            ReceiveEvent::SetFailed(failure) => println!("failed: {failure}"),
            ReceiveEvent::Hint(hint) => println!("hint: {hint}"),
            _ => {}
        }
    }
    match receiving.wait()?.outcome {
        ReceiveOutcome::Complete => Ok(()),
        other => Err(format!("not complete: {other:?}").into()),
    }
}
