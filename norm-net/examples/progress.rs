//! Sends files with a progress line, and ends the transfer when Enter is pressed.
//!
//! ```sh
//! cargo run -p norm-net --example progress -- 239.1.2.3:6003 file-or-directory...
//! ```
//!
//! It shows the three ways to a transfer that is under way: its events, for progress; a stopper,
//! which ends it from another thread; and `wait_timeout`, which looks whether it is over.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::path::PathBuf;
use std::time::Duration;

use norm_net::{NoEvent, SendEvent, SendOptions, SendOutcome, SendProgress, Sending, send};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let group = arguments.next().and_then(|group| group.into_string().ok());
    let group = group.ok_or("usage: progress GROUP:PORT FILE...")?.parse()?;
    let paths: Vec<PathBuf> = arguments.map(PathBuf::from).collect();

    let mut sending = send(&paths, &SendOptions::new(group).with(|o| o.min_receivers = 1))?;
    stop_at_enter(&sending);
    println!("press Enter to stop");
    let events = sending.events();
    loop {
        match events.recv_timeout(Duration::from_millis(200)) {
            Ok(SendEvent::Progress(progress)) => show(&progress)?,
            Ok(SendEvent::Hint(hint)) => println!("\rhint: {hint}"),
            // Another event, or none for a while: a program would do something else meanwhile.
            Ok(_) | Err(NoEvent::NotYet) => {}
            Err(NoEvent::Over) => break,
        }
    }
    // The session is over, so this does not wait. It could also be asked in place of the events.
    let report = match sending.wait_timeout(Duration::from_secs(1)) {
        Some(report) => report?,
        None => sending.wait()?,
    };
    println!("\r{:?} after {:.1?}", report.outcome, report.elapsed);
    match report.outcome {
        SendOutcome::Complete | SendOutcome::Stopped { .. } => Ok(()),
        _ => Err("not every receiver has everything".into()),
    }
}

/// Ends the transfer in good order, as a signal handler or a button would. Dropping `Sending` does
/// so, too, but then there is no report.
fn stop_at_enter(sending: &Sending) {
    let stopper = sending.stopper();
    std::thread::spawn(move || {
        // At the end of the input there is nothing to wait for.
        if stdin().lock().read_line(&mut String::new()).is_ok_and(|len| len > 0) {
            stopper.stop();
        }
    });
}

fn show(progress: &SendProgress) -> std::io::Result<()> {
    let percent = progress.bytes_sent * 100 / progress.bytes_total.max(1);
    print!(
        "\r{percent:3} %, {} of {} receivers have everything, {:?}      ",
        progress.confirmed, progress.receivers, progress.phase
    );
    stdout().flush()
}
