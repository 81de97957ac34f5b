//! Our side as a peer. The one place to change when it learns to speak with NRL's.

use std::path::Path;
use std::process::Command;

use crate::matrix::{Feedback, Kind, Pairing};
use crate::peers::{GROUP, PORT, RECEIVER, SENDER, Task};
use crate::place::Spot;
use crate::process::Peer;

/// Which of our programs takes part.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// `norm-send` and `norm-recv`, for files.
    Programs,
    /// A driver of the library, for what the programs do not offer: DATA and STREAM.
    Driver,
}

/// There is no such peer yet; says which.
pub struct NotYet(pub String);

impl Ours {
    /// Which one sends and receives objects of this kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::File => Self::Programs,
            Kind::Data | Kind::Stream => Self::Driver,
        }
    }

    /// A sender of the task's source, that ends well when all receivers have confirmed.
    ///
    /// In its case's loss it takes no part: the NRL receiver drops in both directions.
    pub fn sender(self, task: &Task<'_>) -> Result<Peer, NotYet> {
        if self == Self::Driver {
            return Err(NotYet(format!("{self:?} cannot send '{}' yet", task.case)));
        }
        let receivers = if task.case.pairing == Pairing::OursToBoth { "2" } else { "1" };
        let mut command = common(task, Spot::Sender, env!("CARGO_BIN_EXE_norm-send"), SENDER);
        command.args(["--compat", "nrl", "--fec", &task.case.fec.id().to_string()]);
        command.args(["--rate", &task.case.rate().to_string(), "--min-receivers", receivers]);
        command.args(["--start-timeout", "30"]).arg(task.source);
        Ok(Peer { name: "our-sender", command, ready: None, done: None, stop: false })
    }

    /// A receiver that writes what the NRL receiver writes, under the same names, into `folder`.
    ///
    /// In its case's loss it takes no part: the NRL sender drops in both directions, or the
    /// namespace in which it runs.
    pub fn receiver(self, task: &Task<'_>, folder: &Path) -> Result<Peer, NotYet> {
        if self == Self::Driver {
            let (case, folder) = (task.case, folder.display());
            return Err(NotYet(format!("{self:?} cannot receive '{case}' into {folder} yet")));
        }
        // With both, NRL's receiver has the other id.
        let id = if task.case.pairing == Pairing::OursToBoth { OTHER } else { RECEIVER };
        let mut command = common(task, Spot::OurReceiver, env!("CARGO_BIN_EXE_norm-recv"), id);
        if task.case.feedback == Feedback::Unicast {
            command.args(["--feedback", "unicast"]);
        }
        command.args(["--timeout", "60"]).arg(folder);
        let (ready, done) = (Some("settings"), Some("file_complete"));
        Ok(Peer { name: "our-receiver", command, ready, done, stop: true })
    }
}

/// Node id of our receiver where NRL's is there too.
const OTHER: u32 = 3;

fn common(task: &Task<'_>, spot: Spot, program: &str, id: u32) -> Command {
    let mut command = task.place.command(spot, Path::new(program));
    command.args(["--json", "--group", &format!("{GROUP}:{PORT}")]);
    command.args(["--interface", task.place.interface(), "--node-id", &id.to_string()]);
    command
}
