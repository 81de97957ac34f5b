//! norm-send and norm-recv. Their command line is used only here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{Plan, Scene, Setting, Tool};
use crate::case::Case;
use crate::network::INTERFACE;
use crate::options::Options;

/// The port of their default group.
const PORT: u16 = 5740;

/// Location of the programs, and additional arguments.
pub struct Programs {
    folder: PathBuf,
    build: bool,
    send_args: String,
    recv_args: String,
}

impl Programs {
    pub fn new(options: &Options, myself: &Path) -> Self {
        let own_folder = myself.parent().map_or_else(PathBuf::new, Path::to_owned);
        Self {
            build: options.bin_dir.is_none(),
            folder: options.bin_dir.clone().unwrap_or(own_folder),
            send_args: options.ours_args.clone(),
            recv_args: options.ours_recv_args.clone(),
        }
    }

    /// Builds the programs, if cargo runs us and the options name no folder.
    pub fn build(&self) -> Result<(), String> {
        if self.build
            && let Some(cargo) = std::env::var_os("CARGO")
        {
            let mut command = Command::new(cargo);
            command.args(["build", "--quiet", "--release", "-p", "norm-cli"]);
            let built = command.status().is_ok_and(|status| status.success());
            built.then_some(()).ok_or("cargo could not build norm-cli")?;
        }
        for name in ["norm-send", "norm-recv"] {
            let path = self.folder.join(name);
            if !path.is_file() {
                let build = "cargo build --release -p norm-cli";
                return Err(format!(
                    "no {}; {build}, or name its folder: --bin-dir",
                    path.display()
                ));
            }
        }
        Ok(())
    }
}

/// The rate. `-b` does not count Ethernet headers, which the bottleneck does: 14 bytes per packet,
/// or 1 %.
fn rate(setting: Setting, case: &Case) -> String {
    match (setting.tool, case.bottleneck, setting.percent) {
        (_, Some(bits), Some(percent)) => (bits / 100 * u64::from(percent)).to_string(),
        (Tool::Auto, ..) | (Tool::Ours, Some(_), _) => "auto".to_owned(),
        _ => "max".to_owned(),
    }
}

pub fn plan(programs: &Programs, setting: Setting, scene: &Scene<'_>) -> Plan {
    // A report of an earlier run must not count for this one.
    let _ = fs::remove_file(report(scene));
    let mut sender = scene.network.at_sender(&programs.folder.join("norm-send"));
    sender.args(["-i", INTERFACE, "-b", &rate(setting, scene.case)]);
    sender.args(["--min-receivers", &scene.case.receivers.to_string()]);
    sender.arg("--report").arg(report(scene));
    sender.args(programs.send_args.split_whitespace()).arg(scene.work.source());
    Plan {
        receivers: scene.receivers(&programs.folder.join("norm-recv"), |index, command| {
            command.args(["-i", INTERFACE]);
            command.args(programs.recv_args.split_whitespace());
            command.arg(scene.work.receiver(index));
        }),
        sender,
        port: PORT,
        receivers_end: true,
        result: scene.files("source"),
    }
}

/// Bytes of content in the packets of the last run.
pub fn symbol_bytes(scene: &Scene<'_>) -> Option<u64> {
    let text = fs::read(report(scene)).ok()?;
    let report: Value = serde_json::from_slice(&text).ok()?;
    let count = |name: &str| report["summary"][name].as_u64();
    let packets = count("data_packets")? + count("resent_packets")? + count("coded_packets")?;
    Some(packets * report["settings"]["segment_size"].as_u64()?)
}

fn report(scene: &Scene<'_>) -> PathBuf {
    scene.work.path("report.json")
}
