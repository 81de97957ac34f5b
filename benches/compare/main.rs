//! `compare`: our programs, the bare socket, and the multicast programs of others, side by side.
//!
//! One command runs them all over the same network namespaces, one after another and round by
//! round, so that whatever else the machine does hits all of them; it checks every file that
//! arrived and prints tables. `--help` tells the options, docs/performance.md how to read the tables.
//!
//! The rule for time is the same for all: from the start of the sender's process until the file of
//! the last receiver is complete, which is when it was last changed. Needs root and Linux.

mod bottleneck;
mod case;
mod contest;
mod host;
mod network;
mod options;
mod process;
mod reap;
mod run;
mod shell;
mod stats;
mod table;
mod tools;
mod work;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use contest::Contest;
use options::{Cli, Mode, Options};
use tools::Kit;
use work::Work;

/// Set by Ctrl-C; what runs then ends with an error, and everything made is removed.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match &cli.mode {
        Some(Mode::RawSend(args)) => tools::raw::send(args),
        Some(Mode::RawRecv(args)) => tools::raw::receive(args),
        Some(Mode::Hash { file }) => work::hash(file).map(|hash| println!("{hash}")),
        None => compare(&cli.options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<(), String> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
        .map_err(|error| format!("Ctrl-C cannot be caught: {error}"))?;
    network::remove_orphans()?;
    let work = Work::create(options.size.as_u64())?;
    let (kit, missing) = Kit::assemble(options, &work)?;
    let _settings = host::Settings::raise()?;
    let mut results = Vec::new();
    for case in options.cases() {
        match Contest::hold(case, &kit, options, &work) {
            Ok(contest) => results.push(contest),
            Err(message) if results.is_empty() => return Err(message),
            Err(message) => {
                // What was measured before is still worth its time.
                table::publish(options, &missing, &results)?;
                return Err(message);
            }
        }
        if let Some(path) = &options.out {
            table::write(path, options, &missing, &results)?;
        }
    }
    table::publish(options, &missing, &results)
}

/// Whether Ctrl-C was pressed.
fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
