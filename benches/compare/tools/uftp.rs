//! uftp: without rate limit, or with TFMCC for a bottleneck; closed group, 100 MB socket buffers.

use std::path::Path;

use super::{Plan, Scene};
use crate::case::Case;
use crate::network::INTERFACE;

/// The port of its announcements.
const PORT: u16 = 1044;
/// Initial, minimum and maximum round-trip time that it assumes. A short one is the fastest.
const SHORT: &str = "0.01:0.01:1";
/// Round-trip times for loss: with short ones its sender gives up receivers that ask for repair.
const LONG: &str = "0.5:0.2:15";
const LONG_LABEL: &str = "GRTT 200 ms";

pub fn settings(case: &Case) -> &'static [&'static str] {
    if case.loss > 0.0 { &["", LONG_LABEL] } else { &[""] }
}

pub fn plan(label: &str, scene: &Scene<'_>) -> Plan {
    let case = scene.case;
    let block = if case.mtu >= 9000 { "8800" } else { "1400" };
    let grtt = if label == LONG_LABEL { LONG } else { SHORT };
    let ids: Vec<String> = (0..usize::from(case.receivers)).map(id).collect();
    let mut sender = scene.network.at_sender(Path::new("uftp"));
    let pace = if case.bottleneck.is_some() { ["-C", "tfmcc"] } else { ["-R", "-1"] };
    sender.args(pace);
    sender.args(["-b", block, "-B", "104857600", "-r", grtt, "-s", "20", "-m", "10"]);
    sender.args(["-x", "1", "-I", INTERFACE, "-H", &ids.join(","), "-D", "out"]);
    sender.arg(scene.work.source());
    Plan {
        receivers: scene.receivers(Path::new("uftpd"), |index, command| {
            command.args(["-d", "-q", "-x", "1", "-I", INTERFACE, "-B", "104857600"]);
            command.args(["-c", "20971520", "-U", &id(index), "-D"]);
            command.arg(scene.work.receiver(index));
        }),
        sender,
        port: PORT,
        receivers_end: false,
        result: scene.files("out"),
    }
}

fn id(index: usize) -> String {
    format!("0x{:08X}", 0x0A39_0265 + index)
}
