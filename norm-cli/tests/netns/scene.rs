//! What the tests have in common: a sender, receivers, a file, and an end to everything.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{self, say};
use crate::files;
use crate::forger;
use crate::helpers;
use crate::net::{Batches, Network};
use crate::process::Running;
use crate::relay::{self, Delays};

/// Set to 1, lets these tests run.
const SWITCH: &str = "NORM_TEST_NETNS";
/// How long a program may take until it is ready.
const START: Duration = Duration::from_secs(20);

/// One test's network, files and logs. Only one exists at a time: there are times to be measured,
/// and all namespaces share the processors.
pub struct Scene {
    // In the order in which they go: first the network, last the next test's permission to start.
    pub network: Network,
    folder: TempDir,
    logs: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

/// A `norm-recv` and where it writes.
pub struct Receiver {
    pub program: Running,
    pub folder: PathBuf,
}

/// Index of the sending host; receivers are on the ones that follow.
pub const SENDER: usize = 0;

impl Scene {
    /// A network with one sender and this many other hosts; `None`, after saying so, when tests
    /// like this one are not wanted.
    pub fn begin(test: &str, others: u8) -> Option<Self> {
        Self::begin_with(test, others, Batches::Cut)
    }

    /// The same, choosing what crosses the network as one packet.
    pub fn begin_with(test: &str, others: u8, batches: Batches) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
            say(format_args!("{test} skipped: set {SWITCH}=1 and run as root"));
            return None;
        }
        assert!(is_root(), "{SWITCH}=1 asks for network namespaces, which take root");
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("netns").join(test);
        // Not there the first time.
        let _ = fs::remove_dir_all(&logs);
        fs::create_dir_all(&logs).expect("the target folder is writable");
        Some(Self {
            network: Network::build(others + 1, batches),
            folder: tempfile::tempdir().expect("the system has a folder for temporary files"),
            logs,
            _turn: turn,
        })
    }

    /// A random file of this many bytes, to be sent.
    pub fn source(&self, bytes: u64) -> PathBuf {
        let path = self.folder.path().join("source.bin");
        files::random(&path, bytes, 57);
        path
    }

    /// The folder of the receiver of this name, for what it is to have from before.
    pub fn folder_of(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts `norm-recv` on a host, and returns when it listens.
    pub fn receiver(&self, host: usize, arguments: &[&str]) -> Receiver {
        self.receiver_called(&self.network.host(host).name(), host, arguments)
    }

    /// The same under this name, which is also that of its folder.
    pub fn receiver_called(&self, name: &str, host: usize, arguments: &[&str]) -> Receiver {
        let receiver = self.starting_receiver_called(name, host, arguments);
        receiver.program.wait_for("being ready", START, is("settings"));
        receiver
    }

    /// Starts `norm-recv` on a host, and returns at once.
    pub fn starting_receiver(&self, host: usize, arguments: &[&str]) -> Receiver {
        self.starting_receiver_called(&self.network.host(host).name(), host, arguments)
    }

    fn starting_receiver_called(&self, name: &str, host: usize, arguments: &[&str]) -> Receiver {
        let folder = self.folder.path().join(name);
        let recv = Path::new(env!("CARGO_BIN_EXE_norm-recv"));
        let mut command = self.network.host(host).command(recv);
        command.args(["--json", "--name", name]).args(arguments).arg(&folder);
        let program = Running::start(name, command, &self.logs);
        Receiver { program, folder }
    }

    /// Starts `norm-send` on the sending host.
    pub fn sender(&self, arguments: &[&str], source: &Path) -> Running {
        self.sender_called("sender", arguments, source)
    }

    /// The same; what it prints is kept under this name.
    pub fn sender_called(&self, name: &str, arguments: &[&str], source: &Path) -> Running {
        self.sender_at(SENDER, name, arguments, source)
    }

    /// The same on another host.
    pub fn sender_at(&self, host: usize, name: &str, arguments: &[&str], source: &Path) -> Running {
        let mut command =
            self.network.host(host).command(Path::new(env!("CARGO_BIN_EXE_norm-send")));
        command.arg("--json").args(arguments).arg(source);
        Running::start(name, command, &self.logs)
    }

    /// Makes the key files of a group: the sender's and the receivers'.
    pub fn keys(&self, name: &str) -> [String; 2] {
        let path = self.folder.path().join(name);
        command::run(Command::new(env!("CARGO_BIN_EXE_normctl")).arg("keygen").arg(&path));
        [".key", ".join"].map(|ending| format!("{}{ending}", path.display()))
    }

    /// Starts `normctl list` for some seconds on a host, and returns when it listens.
    pub fn listing(&self, host: usize, secs: &str) -> Running {
        let mut command = self.network.host(host).command(Path::new(env!("CARGO_BIN_EXE_normctl")));
        command.args(["list", secs, "--json"]);
        let program = Running::start("listing", command, &self.logs);
        program.wait_for("listening", START, is("listening"));
        program
    }

    /// Starts a function of [`helpers`] on a host, and returns when it says that it is ready.
    pub fn helper(&self, host: usize, function: &str) -> Running {
        self.helper_told(host, function, None)
    }

    /// Starts a relay with these delays on a host, and returns when it listens.
    pub fn relay(&self, host: usize, delays: Delays) -> Running {
        self.helper_told(host, "relay", Some((relay::DELAYS, format!("{delays:?}"))))
    }

    /// Starts a forger that sends this many packets a second on a host.
    pub fn forger(&self, host: usize, rate: u32) -> Running {
        self.helper_told(host, "forger", Some((forger::RATE, rate.to_string())))
    }

    fn helper_told(&self, host: usize, function: &str, told: Option<(&str, String)>) -> Running {
        let test = std::env::current_exe().expect("a running program has a path");
        let mut command = self.network.host(host).command(&test);
        command.args(["--ignored", "--exact", "--nocapture", &format!("helpers::{function}")]);
        command.env(helpers::SWITCH, "1").envs(told);
        let program = Running::start(function, command, &self.logs);
        program.wait_for("being ready", START, is("ready"));
        program
    }
}

impl Receiver {
    /// Waits for a good end, and for a copy that is the same as the source, and nothing else.
    pub fn must_complete(&mut self, source: &Path, patience: Duration) -> Completed {
        let completed = self.must_have(source, patience);
        assert_eq!(files::finished(&self.folder).len(), 1, "only the file");
        completed
    }

    /// The same, whatever else has come.
    pub fn must_have(&mut self, source: &Path, patience: Duration) -> Completed {
        let finished = self.program.finish(patience);
        assert_eq!(finished.code, Some(0), "the receiver's exit code\n{}", self.program.tail());
        let name = source.file_name().expect("the source is a file");
        files::assert_same(source, &self.folder.join(name));
        let summary = finished.events.iter().rfind(|event| is("summary")(event));
        let summary = summary.expect("a receiver that succeeds reports");
        Completed {
            seconds: summary["sets"][0]["elapsed"].as_f64().expect("the set's time is a number"),
            peak_memory: finished.peak_memory,
            useful_packets: count(summary, "packets") - count(summary, "duplicates"),
            security: summary["security"].clone(),
        }
    }
}

/// What is of interest about a receiver that has everything.
pub struct Completed {
    /// From its first packet of the set until the files had their names.
    pub seconds: f64,
    /// See [`Finished::peak_memory`](crate::process::Finished::peak_memory).
    pub peak_memory: u64,
    /// Packets that arrived and were of use.
    pub useful_packets: u64,
    /// What the receiver says of the protection of the session.
    pub security: Value,
}

/// A number of an event.
fn count(event: &Value, name: &str) -> u64 {
    event[name].as_u64().expect("a count is a number")
}

/// Looks for the event with this name.
pub fn is(name: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == name
}

fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // Real, effective, saved and file-system user.
    let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    users.and_then(|users| users.split_whitespace().nth(1)) == Some("0")
}
