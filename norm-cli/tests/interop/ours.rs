//! Our side as a peer.

use std::path::Path;
use std::process::Command;

use crate::matrix::{Feedback, Kind, Pairing, Size};
use crate::peers::{GROUP, INFO, PORT, RECEIVER, SENDER, Task};
use crate::place::Spot;
use crate::process::Peer;
use crate::programs;

/// The program for DATA objects and streams.
const OBJECTS: &str = env!("CARGO_BIN_EXE_norm-objects");

/// Which of our programs takes part.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ours {
    /// `norm-send` and `norm-recv`, for files.
    Programs,
    /// `norm-objects`, for DATA and STREAM.
    Driver,
}

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
    pub fn sender(self, task: &Task<'_>) -> Peer {
        if self == Self::Programs {
            return programs::sender(task);
        }
        let (case, (block, parity)) = (task.case, task.case.block());
        let mut command = task.place.command(Spot::Sender, Path::new(OBJECTS));
        command.arg("send").arg(case.kind.name()).arg(task.source);
        session(&mut command, task, SENDER);
        let receivers = if case.pairing == Pairing::OursToBoth { 2 } else { 1 };
        command.arg(format!("--fec={}", case.fec.id()));
        command.arg(format!("--min-receivers={receivers}"));
        command.args([format!("--block={block}"), format!("--parity={parity}")]);
        command.args([format!("--segment={}", case.segment()), format!("--rate={}", case.rate())]);
        match case.kind {
            Kind::Data if case.size == Size::Nothing => {
                command.arg(format!("--info={INFO}"));
            }
            Kind::Stream => {
                // The whole stream, like the NRL sender's.
                let buffer = if case.size == Size::Large { 100_663_296 } else { 4_194_304 };
                command.arg(format!("--buffer={buffer}"));
                command.arg("--lengths").arg(task.sizes);
            }
            Kind::Data | Kind::File => {}
        }
        Peer { name: "our-sender", command, ready: Some("ready"), done: None, stop: false }
    }

    /// A receiver that writes what the NRL receiver writes, under the same names, into `folder`.
    ///
    /// In its case's loss it takes no part: the NRL sender drops in both directions, or the
    /// namespace in which it runs.
    pub fn receiver(self, task: &Task<'_>, folder: &Path) -> Peer {
        if self == Self::Programs {
            return programs::receiver(task, folder);
        }
        let case = task.case;
        let mut command = task.place.command(Spot::OurReceiver, Path::new(OBJECTS));
        command.arg("recv").arg("--dir").arg(folder).args(["--hold", "--secs=600"]);
        // The NRL sender waits for the one that it knows.
        let alone = case.pairing == Pairing::NrlToOurs;
        session(&mut command, task, if alone { RECEIVER } else { RECEIVER + 1 });
        if case.feedback == Feedback::Unicast {
            command.arg("--unicast");
        }
        Peer {
            name: "our-receiver",
            command,
            ready: Some("ready"),
            done: Some("done"),
            stop: false,
        }
    }
}

fn session(command: &mut Command, task: &Task<'_>, node: u32) {
    command.arg(format!("--group={GROUP}:{PORT}"));
    command.arg(format!("--interface={}", task.place.interface()));
    command.args([format!("--node-id={node}"), "--json".to_owned()]);
}
