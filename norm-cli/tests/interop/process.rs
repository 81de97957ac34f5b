//! A started peer: the events it prints, its end, and that it does end.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often a peer is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Lines of output that a failure repeats.
const TAIL: usize = 12;

/// A program to start, and what it says when it is where the test waits for it.
pub struct Peer {
    pub name: &'static str,
    pub command: Command,
    /// The event that says that it listens, if there is one.
    pub ready: Option<&'static str>,
    /// The event that says that it has everything; without one, it ends then.
    pub done: Option<&'static str>,
    /// It would stay longer: an interrupt ends it when it is let go.
    pub stop: bool,
}

/// A running program, killed when this value goes. Its standard input ends when it is let go.
pub struct Running {
    name: &'static str,
    child: Child,
    done: Option<&'static str>,
    stop: bool,
    log: PathBuf,
}

impl Peer {
    /// Starts it and waits until it is ready. What it prints goes to files in `logs`.
    pub fn start(mut self, logs: &Path) -> Result<Running, String> {
        let log = logs.join(self.name);
        let file = |extension: &str| {
            File::create(log.with_extension(extension)).map_err(|error| format!("{log:?}: {error}"))
        };
        self.command.stdin(Stdio::piped()).stdout(file("out")?).stderr(file("err")?);
        let child = self.command.spawn();
        let child = child.map_err(|error| format!("{:?}: {error}", self.command))?;
        let mut running = Running { name: self.name, child, done: self.done, stop: self.stop, log };
        if let Some(event) = self.ready {
            running.wait_for(event, Duration::from_secs(20))?;
        }
        Ok(running)
    }
}

impl Running {
    /// Waits for an event.
    pub fn wait_for(&mut self, event: &str, patience: Duration) -> Result<(), String> {
        let end = Instant::now() + patience;
        loop {
            // In this order: what it printed last before its end counts.
            let ended = self.try_wait()?;
            if self.events().iter().any(|line| line["event"] == event) {
                return Ok(());
            }
            if let Some(status) = ended {
                return Err(format!("{} ended without '{event}': {status}", self.name));
            }
            if Instant::now() > end {
                return Err(format!("{} did not get to '{event}' in {patience:?}", self.name));
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until a receiver has everything.
    pub fn wait_until_done(&mut self, patience: Duration) -> Result<(), String> {
        match self.done {
            Some(event) => self.wait_for(event, patience),
            None => self.must_succeed(patience),
        }
    }

    /// Waits for its end, and returns how that was.
    pub fn finish(&mut self, patience: Duration) -> Result<ExitStatus, String> {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.try_wait()? {
                return Ok(status);
            }
            if Instant::now() > end {
                return Err(format!("{} did not end in {patience:?}", self.name));
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits for a good end.
    pub fn must_succeed(&mut self, patience: Duration) -> Result<(), String> {
        let status = self.finish(patience)?;
        if status.success() { Ok(()) } else { Err(format!("{} ended: {status}", self.name)) }
    }

    /// Lets it end.
    pub fn let_go(&mut self) {
        self.child.stdin = None;
        if self.stop {
            let id = self.child.id().to_string();
            // Fails only when it is gone already.
            let _ = Command::new("kill").args(["-INT", &id]).status();
        }
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.log.with_extension("out")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it wrote to standard error so far.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.log.with_extension("err")).unwrap_or_default()
    }

    fn try_wait(&mut self) -> Result<Option<ExitStatus>, String> {
        self.child.try_wait().map_err(|error| format!("{}: {error}", self.name))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines of every log in a folder.
pub fn tails(logs: &Path) -> String {
    let mut paths: Vec<PathBuf> = match fs::read_dir(logs) {
        Ok(entries) => entries.map_while(Result::ok).map(|entry| entry.path()).collect(),
        Err(error) => return format!("{}: {error}", logs.display()),
    };
    paths.sort();
    let mut text = String::new();
    for path in paths {
        if path.extension().is_some_and(|extension| extension == "out" || extension == "err") {
            let all = fs::read_to_string(&path).unwrap_or_default();
            let lines: Vec<&str> = all.lines().collect();
            let last = &lines[lines.len().saturating_sub(TAIL)..];
            text += &format!("--- the end of {}:\n{}\n", path.display(), last.join("\n"));
        }
    }
    text
}
