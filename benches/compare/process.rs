//! Measured processes: their end, and the resources that they used.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::reap::{self, Ended};

/// Interval of looks at the memory.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A process. It is killed when this value is dropped, if it still runs.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<(Instant, Ended)>,
    memory: Memory,
    next_look: Instant,
}

/// Peak of the memory, in bytes.
#[derive(Copy, Clone, Debug, Default)]
pub struct Memory {
    /// Memory that is not backed by a file: `RssAnon`, looked at every 20 ms.
    pub anonymous: u64,
    /// All resident memory, with pages of files and programs: `VmHWM`.
    pub resident: u64,
}

impl Running {
    /// Starts a command. Its output goes to `<name>.out` and `<name>.err` in `logs`.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Result<Self, String> {
        let log = logs.join(name);
        let file = |extension| File::create(log.with_extension(extension));
        let mut start = || -> io::Result<Child> {
            command.stdin(Stdio::null()).stdout(file("out")?).stderr(file("err")?).spawn()
        };
        let child = start().map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            ended: None,
            memory: Memory::default(),
            next_look: Instant::now(),
        })
    }

    /// Looks at the process. True if it has ended.
    pub fn poll(&mut self) -> Result<bool, String> {
        if self.ended.is_none() && self.next_look <= Instant::now() {
            self.memory.look(self.child.id());
            self.next_look = Instant::now() + LOOK_INTERVAL;
        }
        self.collect(false).map_err(|error| format!("{} cannot be watched: {error}", self.name))?;
        Ok(self.ended.is_some())
    }

    /// Ends the process if it still runs, and returns the resources that it used.
    pub fn stop(&mut self) -> Result<Ended, String> {
        self.memory.look(self.child.id());
        self.end().map_err(|error| format!("{} cannot be ended: {error}", self.name))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// When the process ended.
    pub fn ended_at(&self) -> Option<Instant> {
        self.ended.map(|(at, _)| at)
    }

    /// The peak of its memory.
    pub fn memory(&self) -> Memory {
        self.memory
    }

    /// True when it has a UDP socket on this port.
    pub fn listens(&self, port: u16) -> bool {
        let table = fs::read_to_string(format!("/proc/{}/net/udp", self.child.id()));
        let end = format!(":{port:04X}");
        table.is_ok_and(|text| {
            text.lines()
                .any(|line| line.split_whitespace().nth(1).is_some_and(|at| at.ends_with(&end)))
        })
    }

    /// Bytes that its network has sent through an interface.
    pub fn bytes_sent(&self, interface: &str) -> Option<u64> {
        let table = fs::read_to_string(format!("/proc/{}/net/dev", self.child.id())).ok()?;
        let head = format!("{interface}:");
        let line = table.lines().find_map(|line| line.trim().strip_prefix(&head))?;
        line.split_whitespace().nth(8)?.parse().ok()
    }

    /// Its standard output.
    pub fn output(&self) -> String {
        fs::read_to_string(self.log.with_extension("out")).unwrap_or_default()
    }

    /// The last line of its output or errors, for messages; may be empty.
    pub fn last_line(&self) -> String {
        let read = |extension| fs::read(self.log.with_extension(extension)).unwrap_or_default();
        let text = [read("out"), read("err")].concat();
        let text = String::from_utf8_lossy(&text);
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("").to_owned()
    }

    fn end(&mut self) -> io::Result<Ended> {
        if let Some((_, ended)) = self.ended {
            return Ok(ended);
        }
        // It is not collected yet, so the id is still its own. It may have ended meanwhile.
        let _ = self.child.kill();
        self.collect(true)?;
        let (_, ended) = self.ended.ok_or_else(|| io::Error::other("it is still there"))?;
        Ok(ended)
    }

    fn collect(&mut self, wait: bool) -> io::Result<()> {
        if self.ended.is_none() {
            let ended = reap::reap(self.child.id(), wait)?;
            self.ended = ended.map(|ended| (Instant::now(), ended));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("{} cannot be ended: {error}", self.name);
        }
    }
}

impl Memory {
    fn look(&mut self, process: u32) {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let value = |key: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
            Some(kibibytes << 10)
        };
        self.anonymous = self.anonymous.max(value("RssAnon:").unwrap_or(0));
        self.resident = self.resident.max(value("VmHWM:").unwrap_or(0));
    }
}
