//! A program with the NRL's library, which is built here.

use std::path::Path;
use std::process::Command;

use super::{Plan, Scene};
use crate::case::Case;
use crate::network::INTERFACE;
use crate::shell;

const PORT: u16 = 6003;
const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/compare/tools/nrl.cpp");

pub fn build(program: &Path) -> Result<(), String> {
    let mut command = Command::new("g++");
    command.args(["-std=c++17", "-O2", "-o"]).arg(program).arg(SOURCE).arg("-lnorm");
    match shell::run(&mut command) {
        Ok(_) => Ok(()),
        Err(message) => {
            let last = message.lines().last().unwrap_or_default();
            Err(format!("it cannot be built ({last}); apt-get install g++ libnorm-dev"))
        }
    }
}

/// Rate in Mbit/s (0 with congestion control) and parity segments per block of 64: the fastest of
/// several.
fn best(case: &Case) -> (u32, u32) {
    match (case.receivers, case.loss) {
        (1, 0.0) => (1500, 2),
        (1, loss) if loss <= 1.0 => (1000, 4),
        (1, _) => (600, 16),
        (2..=4, _) => (200, 16),
        _ => (100, 16),
    }
}

pub fn plan(program: &Path, scene: &Scene<'_>) -> Plan {
    let case = scene.case;
    let (rate, parity) = match case.bottleneck {
        Some(_) => (0, 16),
        None => best(case),
    };
    let segment = if case.mtu >= 9000 { 8800 } else { 1400 };
    let mut sender = scene.network.at_sender(program);
    sender.args(["send", INTERFACE]).arg(scene.work.source());
    sender.args([u32::from(case.receivers), rate, segment, parity].map(|n| n.to_string()));
    Plan {
        receivers: scene.receivers(program, |index, command| {
            let file = scene.work.receiver(index).join("out");
            command.args(["recv", INTERFACE]).arg(file).arg((index + 1).to_string());
        }),
        sender,
        port: PORT,
        receivers_end: false,
        result: scene.files("out"),
    }
}
