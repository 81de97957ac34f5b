//! `compare`: measures our programs, the bare socket, and the multicast programs of others.
//!
//! One command runs all of them in one set of network namespaces, one after another in rounds, so
//! that other load on the machine affects all of them. It checks every received file and prints
//! tables. `--help` explains the options, and docs/performance.md the tables.
//!
//! Time counts from the start of the sender's process until the file of the last receiver is
//! complete, which is when it was last changed. Needs root and Linux.

mod bottleneck;
mod case;
mod comparison;
mod default_rate;
mod host;
mod network;
mod options;
mod process;
mod reap;
mod run;
mod shell;
mod sockets;
mod stats;
mod table;
mod tools;
mod verdict;
mod work;

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use comparison::Comparison;
use options::{Cli, Mode, Options};
use tools::Kit;
use work::Work;

/// Set by Ctrl-C. The current run then ends with an error, and the network and files are removed.
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
    let mut work = Work::create()?;
    let (kit, missing) = Kit::assemble(options, &work)?;
    let mut results = Vec::new();
    for case in options.cases() {
        let result = work
            .set_size(case.size.as_u64())
            .and_then(|()| Comparison::run(case, &kit, options, &work));
        match result {
            Ok(comparison) => results.push(comparison),
            Err(message) if results.is_empty() => return Err(message),
            Err(message) => {
                // Results of earlier cases are still valid.
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

/// True when Ctrl-C was pressed.
fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
