//! udpcast: acknowledged slices, full duplex, without FEC, which only costs time in this mode.
//!
//! Its blocks have at most 1456 bytes, even with an MTU of 9000. Its receivers end half a second
//! after the last byte, which does not count.

use std::path::Path;

use super::{Plan, Scene};
use crate::network::INTERFACE;

const PORT: u16 = 9000;

pub fn plan(scene: &Scene<'_>) -> Plan {
    let mut sender = scene.network.at_sender(Path::new("udp-sender"));
    sender.arg("--file").arg(scene.work.source());
    sender.args(["--interface", INTERFACE, "--nokbd", "--no-progress", "--full-duplex"]);
    sender.args(["--nopointopoint", "--mcast-data-address", "239.1.2.3", "--blocksize", "1456"]);
    sender.args(["--min-receivers", &scene.case.receivers.to_string()]);
    sender.args(["--rexmit-hello-interval", "100"]);
    Plan {
        receivers: scene.receivers(Path::new("udp-receiver"), |index, command| {
            command.arg("--file").arg(scene.work.receiver(index).join("out"));
            command.args(["--interface", INTERFACE, "--nokbd", "--no-progress"]);
            command.args(["--rcvbuf", "64m", "--receive-timeout", "5"]);
        }),
        sender,
        port: PORT,
        receivers_end: true,
        result: scene.files("out"),
    }
}
