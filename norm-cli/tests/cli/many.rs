//! A million small files: the time beside that of `cp`, and the memory. Takes minutes and 10 GiB in
//! the directory of temporary files, which should be in memory: `TMPDIR=/dev/shm`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::common::{Program, group, norm_recv, norm_send};

const FILES: u64 = 1_000_000;
const IN_DIRECTORY: u64 = 1_000;
const LONG: Duration = Duration::from_secs(900);
const MIB: u64 = 1 << 20;

/// The number of files, or `None`, after saying so, where it is not wanted. `NORM_TEST_FILES`
/// changes it.
fn files(test: &str) -> Option<u64> {
    if std::env::var("NORM_TEST_LARGE").as_deref() != Ok("1") {
        println!("{test} skipped: set NORM_TEST_LARGE=1");
        return None;
    }
    Some(std::env::var("NORM_TEST_FILES").ok().map_or(FILES, |files| files.parse().unwrap()))
}

/// Makes as many files of 1 KiB, all different, with names of this many bytes.
fn make(root: &Path, files: u64, name_len: usize) {
    let mut content = vec![0x5a; 1024];
    for number in 0..files {
        let directory = root.join(format!("{:04}", number / IN_DIRECTORY));
        if number.is_multiple_of(IN_DIRECTORY) {
            fs::create_dir_all(&directory).unwrap();
        }
        content[..8].copy_from_slice(&number.to_le_bytes());
        fs::write(directory.join(format!("{number:0name_len$}")), &content).unwrap();
    }
}

/// The most memory of its own that a program holds while it runs (`RssAnon`), in bytes.
struct Watch {
    most: Arc<AtomicU64>,
    thread: JoinHandle<()>,
    ended: Arc<AtomicBool>,
}

impl Watch {
    fn of(program: &Program) -> Self {
        let (most, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let status = format!("/proc/{}/status", program.id());
        let (peak, stop) = (Arc::clone(&most), Arc::clone(&ended));
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let text = fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
                let number = line.and_then(|line| line.split_whitespace().next());
                let kibibytes: u64 = number.map_or(0, |number| number.parse().unwrap());
                peak.fetch_max(kibibytes << 10, Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        Self { most, thread, ended }
    }

    fn finish(self) -> u64 {
        self.ended.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        self.most.load(Ordering::Relaxed)
    }
}

/// Sends a tree to one receiver: the seconds until both have ended, and the memory of both.
fn send(source: &Path, out: &Path, both: &[&str]) -> (f64, u64, u64) {
    let group = group();
    let place = ["-i", "127.0.0.1", "-g", &group, "--json"];
    let mut command = norm_recv();
    let mut receiver = Program::start(command.args(place).args(both).arg(out));
    receiver.wait_for("settings");
    let receiver_memory = Watch::of(&receiver);
    let mut command = norm_send();
    command.args(place).args(["--min-receivers", "1", "-b", "max"]).args(both);
    let start = Instant::now();
    let sender = Program::start(command.arg(source));
    let sender_memory = Watch::of(&sender);
    let (status, events) = receiver.finish_within(LONG);
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(status.code(), Some(0), "{:#?}", events.last());
    let (status, events) = sender.finish_within(LONG);
    assert_eq!(status.code(), Some(0), "{:#?}", events.last());
    (seconds, sender_memory.finish(), receiver_memory.finish())
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

#[test]
fn million_small_files_take_at_most_twice_as_long_as_cp() {
    let test = "million_small_files_take_at_most_twice_as_long_as_cp";
    let Some(files) = files(test) else { return };
    let temp = tempfile::tempdir().unwrap();
    let source = temp.path().join("source");
    make(&source, files, 12);
    let runs = std::env::var("NORM_TEST_RUNS").ok().map_or(3, |runs| runs.parse().unwrap());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let copy = temp.path().join("copy");
        let start = Instant::now();
        assert!(Command::new("cp").arg("-r").arg(&source).arg(&copy).status().unwrap().success());
        let cp = start.elapsed().as_secs_f64();
        fs::remove_dir_all(&copy).unwrap();
        let (seconds, sender, receiver) = send(&source, &copy, &[]);
        let same = Command::new("diff").arg("-r").arg(&source).arg(copy.join("source")).status();
        assert!(same.unwrap().success(), "the copy differs");
        fs::remove_dir_all(&copy).unwrap();
        println!(
            "{test}: run {run}: {seconds:.2} s, cp -r {cp:.2} s: {:.2}; {} MiB at the sender, {} \
             at the receiver",
            cp / seconds,
            sender / MIB,
            receiver / MIB
        );
        ours.push(seconds);
        theirs.push(cp);
    }
    let ratio = median(theirs) / median(ours);
    println!("{test}: {files} files: {ratio:.2} of the speed of cp -r");
    assert!(ratio >= 0.5, "{ratio:.2} of the speed of cp -r");
}

#[test]
fn million_long_names_take_100_mib() {
    let test = "million_long_names_take_100_mib";
    let Some(files) = files(test) else { return };
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("source"), temp.path().join("out"));
    make(&source, files, 195);
    let (seconds, sender, receiver) = send(&source, &out, &["--memory", "16M"]);
    println!(
        "{test}: {files} files: {seconds:.1} s, {:.1} MiB at the sender, {:.1} at the receiver",
        sender as f64 / MIB as f64,
        receiver as f64 / MIB as f64
    );
    assert!(sender <= 100 * MIB && receiver <= 100 * MIB, "{sender} and {receiver} bytes");
}
