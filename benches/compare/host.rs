//! The machine: its description, and limits that are raised during measurements.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::case::Buffers;
use crate::shell;

/// The limit on socket buffers that Linux ships, and the size of those that ask for nothing.
const STOCK_BUFFER: u64 = 212_992;
/// The limit with which the peers are fastest.
const LARGE_BUFFER: u64 = 256 << 20;
/// Packets that may wait between virtual interfaces: these are the network, whose losses are the
/// case's.
const BACKLOG: u64 = 100_000;

/// Kernel settings that were changed, for the whole machine: Linux has none of them per namespace.
/// They are restored when this value is dropped.
#[derive(Default)]
pub struct Settings {
    before: Vec<(PathBuf, String)>,
}

impl Settings {
    /// Sets what these buffers need.
    pub fn apply(buffers: Buffers) -> Result<Self, String> {
        let mut settings = Self::default();
        settings.change("netdev_max_backlog", |value| value.max(BACKLOG))?;
        match buffers {
            Buffers::Stock => {
                for name in ["rmem_max", "wmem_max", "rmem_default", "wmem_default"] {
                    settings.change(name, |_| STOCK_BUFFER)?;
                }
            }
            Buffers::Large => {
                for name in ["rmem_max", "wmem_max"] {
                    settings.change(name, |value| value.max(LARGE_BUFFER))?;
                }
            }
        }
        Ok(settings)
    }

    fn change(&mut self, name: &str, new: impl Fn(u64) -> u64) -> Result<(), String> {
        let path = PathBuf::from(format!("/proc/sys/net/core/{name}"));
        let fail = |error| format!("{}: {error} (this needs root)", path.display());
        let before = fs::read_to_string(&path).map_err(fail)?;
        let value: u64 = before.trim().parse().unwrap_or(0);
        let wanted = new(value);
        if wanted != value {
            fs::write(&path, wanted.to_string()).map_err(fail)?;
            self.before.push((path, before));
        }
        Ok(())
    }
}

/// The largest receive buffer, in bytes as the kernel counts them, of a program that these limits
/// hold for: the kernel doubles what is asked for.
pub fn max_receive_buffer(buffers: Buffers) -> Option<u64> {
    (buffers == Buffers::Stock).then_some(2 * STOCK_BUFFER)
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
