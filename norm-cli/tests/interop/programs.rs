//! Our programs for files: `norm-send` and `norm-recv`.

use std::path::Path;
use std::process::Command;

use crate::matrix::{Feedback, Pairing};
use crate::peers::{GROUP, PORT, RECEIVER, SENDER, Task};
use crate::place::Spot;
use crate::process::Peer;

/// Node id of our receiver where NRL's is there too.
const OTHER: u32 = 3;

pub fn sender(task: &Task<'_>) -> Peer {
    let receivers = if task.case.pairing == Pairing::OursToBoth { "2" } else { "1" };
    let mut command = common(task, Spot::Sender, env!("CARGO_BIN_EXE_norm-send"), SENDER);
    command.args(["--compat", "nrl", "--fec", &task.case.fec.id().to_string()]);
    command.args(["--rate", &task.case.rate().to_string(), "--min-receivers", receivers]);
    command.args(["--start-timeout", "30"]).arg(task.source);
    Peer { name: "our-sender", command, ready: None, done: None, stop: false }
}

pub fn receiver(task: &Task<'_>, folder: &Path) -> Peer {
    // With both, NRL's receiver has the other id.
    let id = if task.case.pairing == Pairing::OursToBoth { OTHER } else { RECEIVER };
    let mut command = common(task, Spot::OurReceiver, env!("CARGO_BIN_EXE_norm-recv"), id);
    if task.case.feedback == Feedback::Unicast {
        command.args(["--feedback", "unicast"]);
    }
    command.args(["--timeout", "60"]).arg(folder);
    let (ready, done) = (Some("settings"), Some("file_complete"));
    Peer { name: "our-receiver", command, ready, done, stop: true }
}

/// What both have in common.
pub fn common(task: &Task<'_>, spot: Spot, program: &str, id: u32) -> Command {
    let mut command = task.place.command(spot, Path::new(program));
    command.args(["--json", "--group", &format!("{GROUP}:{PORT}")]);
    command.args(["--interface", task.place.interface(), "--node-id", &id.to_string()]);
    command
}
