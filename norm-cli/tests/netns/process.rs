//! A long-running program: the events it prints, the memory it takes, how it ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Set before an event that does not begin its line.
pub const MARK: &str = "@@ ";
/// How often the memory is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How much of the output a failing test repeats.
const TAIL: usize = 8;

/// A started program; killed when this value goes, should it still run.
pub struct Running {
    name: String,
    child: Child,
    log: PathBuf,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// How a program ended.
pub struct Finished {
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The most memory of its own it held, in bytes: `RssAnon`, seen every 50 ms.
    pub peak_memory: u64,
    /// All events, in order.
    pub events: Vec<Value>,
}

#[derive(Default)]
struct Shared {
    heard: Mutex<Heard>,
    changed: Condvar,
    peak_memory: AtomicU64,
    gone: AtomicBool,
}

#[derive(Default)]
struct Heard {
    events: Vec<Value>,
    closed: bool,
}

impl Running {
    /// Starts a command that prints events. What it says goes to `<name>.out` and `<name>.err` in
    /// `logs`.
    pub fn start(name: &str, mut command: Command, logs: &Path) -> Self {
        let log = logs.join(name);
        let errors = File::create(log.with_extension("err")).expect("the log folder is ours");
        let copy = File::create(log.with_extension("out")).expect("the log folder is ours");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("{command:?} cannot be started: {error}"),
        };
        let output = child.stdout.take().expect("asked for above");
        let shared = Arc::<Shared>::default();
        let id = child.id();
        let threads = vec![
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.listen(BufReader::new(output), copy)
            }),
            thread::spawn({
                let shared = Arc::clone(&shared);
                move || shared.watch_memory(id)
            }),
        ];
        Self { name: name.to_owned(), child, log, shared, threads }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// All events so far.
    pub fn events(&self) -> Vec<Value> {
        self.shared.heard().events.clone()
    }

    /// Waits until an event is what the test looks for, and returns it. Past events count.
    ///
    /// # Panics
    ///
    /// When the program ends without it, or `patience` does.
    pub fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let end = Instant::now() + patience;
        let mut seen = 0;
        let mut heard = self.shared.heard();
        loop {
            if let Some(event) = heard.events[seen..].iter().find(|event| wanted(event)) {
                return event.clone();
            }
            seen = heard.events.len();
            let left = end.saturating_duration_since(Instant::now());
            if heard.closed || left.is_zero() {
                let why = if heard.closed { "it ended" } else { "it took too long" };
                drop(heard);
                panic!("{} did not get to '{what}': {why}\n{}", self.name, self.tail());
            }
            let waited = self.shared.changed.wait_timeout(heard, left);
            heard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// When it does not come within `patience`; the program is killed then.
    pub fn finish(&mut self, patience: Duration) -> Finished {
        let end = Instant::now() + patience;
        let status = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(5)),
                Ok(None) => {
                    self.stop();
                    panic!("{} did not end within {patience:?}\n{}", self.name, self.tail());
                }
                Err(error) => panic!("{} cannot be waited for: {error}", self.name),
            }
        };
        self.collect(status)
    }

    /// Kills the program at once (SIGKILL).
    pub fn kill(&mut self) -> Finished {
        self.child.kill().expect("it was started by us and not waited for");
        let status = self.child.wait().expect("a killed child ends");
        self.collect(status)
    }

    /// The last lines of what the program printed, for messages; without its progress.
    pub fn tail(&self) -> String {
        let mut text = String::new();
        for stream in ["out", "err"] {
            let path = self.log.with_extension(stream);
            let all = fs::read_to_string(&path).unwrap_or_default();
            let progress = r#"{"event":"progress""#;
            let lines: Vec<&str> = all.lines().filter(|l| !l.starts_with(progress)).collect();
            let last = &lines[lines.len().saturating_sub(TAIL)..];
            text += &format!("--- the end of {}:\n{}\n", path.display(), last.join("\n"));
        }
        text
    }

    fn collect(&mut self, status: ExitStatus) -> Finished {
        self.join();
        Finished {
            code: if status.signal().is_some() { None } else { status.code() },
            peak_memory: self.shared.peak_memory.load(Ordering::Relaxed),
            events: self.shared.heard().events.clone(),
        }
    }

    fn stop(&mut self) {
        // Both fail only when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.join();
    }

    fn join(&mut self) {
        self.shared.gone.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so; this may run while a test fails.
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(&self, output: impl BufRead, mut copy: File) {
        for line in output.lines().map_while(Result::ok) {
            // The copy is for people; a full disk shows elsewhere.
            let _ = writeln!(copy, "{line}");
            let text = line.split_once(MARK).map_or(line.as_str(), |(_, event)| event);
            if let Ok(event) = serde_json::from_str(text) {
                self.heard().events.push(event);
                self.changed.notify_all();
            }
        }
        self.heard().closed = true;
        self.changed.notify_all();
    }

    fn watch_memory(&self, process: u32) {
        while !self.gone.load(Ordering::Relaxed) {
            if let Some(bytes) = own_memory(process) {
                self.peak_memory.fetch_max(bytes, Ordering::Relaxed);
            }
            thread::sleep(LOOK);
        }
    }
}

/// Memory that only this process holds and no file backs, in bytes.
fn own_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes << 10)
}
