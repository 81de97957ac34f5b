//! Starting programs and looking at what they say.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use norm_core::Rng;
use serde_json::Value;

/// Longer than anything here takes, also on a slow machine under load.
pub const PATIENCE: Duration = Duration::from_secs(90);

pub fn norm_send() -> Command {
    homeless(env!("CARGO_BIN_EXE_norm-send"))
}

pub fn norm_recv() -> Command {
    homeless(env!("CARGO_BIN_EXE_norm-recv"))
}

/// A program that keeps nothing, unless it is told where.
fn homeless(program: &str) -> Command {
    let mut command = Command::new(program);
    for name in ["HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"] {
        command.env_remove(name);
    }
    command
}

pub fn norm_objects() -> Command {
    Command::new(env!("CARGO_BIN_EXE_norm-objects"))
}

pub fn normctl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_normctl"))
}

/// A group that no other test uses: its port is one that is free, and its address follows from it.
pub fn group() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let [high, low] = port.to_be_bytes();
    format!("239.255.{high}.{low}:{port}")
}

pub fn random_bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Files and folders in `folder`, hidden ones too.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A running program whose lines on standard output are JSON events.
pub struct Program {
    child: Child,
    lines: Receiver<String>,
    pub events: Vec<Value>,
    ended: bool,
}

impl Program {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                if send.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, events: Vec::new(), ended: false }
    }

    /// Reads events until one of this name, which it returns.
    pub fn wait_for(&mut self, name: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        while let Some(event) = self.next(deadline) {
            if event["event"] == name {
                return event;
            }
        }
        panic!("no event {name}; there were {:#?}", self.events);
    }

    fn next(&mut self, deadline: Instant) -> Option<Value> {
        let left = deadline.saturating_duration_since(Instant::now());
        match self.lines.recv_timeout(left) {
            Ok(line) => {
                let event: Value = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("not JSON: {line:?}: {error}"));
                assert!(event["event"].is_string() && event["at"].is_f64(), "{event}");
                self.events.push(event.clone());
                Some(event)
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("too slow; so far: {:#?}", self.events),
        }
    }

    /// Sends a signal, as Ctrl-C does.
    #[cfg(unix)]
    pub fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// Its process id.
    #[cfg(target_os = "linux")]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Reads all further events and waits for the end.
    pub fn finish(self) -> (ExitStatus, Vec<Value>) {
        self.finish_within(PATIENCE)
    }

    /// The same for something that takes long.
    pub fn finish_within(mut self, patience: Duration) -> (ExitStatus, Vec<Value>) {
        let deadline = Instant::now() + patience;
        while self.next(deadline).is_some() {}
        let status = self.child.wait().unwrap();
        self.ended = true;
        (status, std::mem::take(&mut self.events))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.ended {
            // A failed test must not leave programs running.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The last event of this name.
pub fn last<'a>(events: &'a [Value], name: &str) -> &'a Value {
    let found = events.iter().rev().find(|event| event["event"] == name);
    found.unwrap_or_else(|| panic!("no event {name} in {events:#?}"))
}
