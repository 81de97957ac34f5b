//! The machine: its description, and limits that are raised during measurements.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shell;

/// Minimum values of kernel settings, with which the peers are fastest. They apply to the whole
/// machine.
const MIN_SETTINGS: [(&str, u64); 3] =
    [("rmem_max", 256 << 20), ("wmem_max", 256 << 20), ("netdev_max_backlog", 100_000)];

/// Kernel settings that were raised. They are restored when this value is dropped.
#[derive(Default)]
pub struct Settings {
    before: Vec<(PathBuf, String)>,
}

impl Settings {
    /// Raises the settings that are too low.
    pub fn raise() -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, min) in MIN_SETTINGS {
            let path = PathBuf::from(format!("/proc/sys/net/core/{name}"));
            let fail = |error| format!("{}: {error} (this needs root)", path.display());
            let before = fs::read_to_string(&path).map_err(fail)?;
            if before.trim().parse::<u64>().is_ok_and(|value| value < min) {
                fs::write(&path, min.to_string()).map_err(fail)?;
                settings.before.push((path, before));
            }
        }
        Ok(settings)
    }
}

impl Drop for Settings {
    fn drop(&mut self) {
        for (path, value) in &self.before {
            if let Err(error) = fs::write(path, value) {
                eprintln!("{} cannot be restored: {error}", path.display());
            }
        }
    }
}

/// Processor, cores, memory, kernel.
pub fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = value_of(&info, "model name").unwrap_or("unknown processor").to_owned();
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kibibytes = value_of(&memory, "MemTotal").and_then(|text| text.split(' ').next());
    let gibibytes = kibibytes.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) >> 20;
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {gibibytes} GiB, Linux {}", kernel.trim())
}

/// Date and time in UTC.
pub fn now() -> String {
    shell::run(Command::new("date").args(["-u", "+%F %R UTC"]))
        .map_or_else(|_| "unknown date".to_owned(), |text| text.trim().to_owned())
}

/// The current commit, if there is one.
pub fn revision() -> Option<String> {
    let mut git = Command::new("git");
    let text = shell::run(git.args(["describe", "--always", "--dirty", "--exclude=*"])).ok()?;
    Some(text.trim().to_owned())
}

fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim())
}
