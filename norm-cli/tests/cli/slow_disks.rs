//! Receivers whose disk takes less than arrives, beside one that keeps up.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{
    Program, group, last, names, norm_recv, norm_send, random_bytes, stderr, stdout,
};
use crate::slow_writes::SlowDisk;

/// More than fits into the memory of a receiver.
const SIZE: usize = 40_000_000;
/// Fits into it.
const SMALL: usize = 10_000_000;
/// Bytes per second that the slow disk takes.
const DISK: u64 = 4_000_000;

/// A file, and a folder for what is received.
struct Place {
    temp: tempfile::TempDir,
    group: String,
}

impl Place {
    fn new(seed: u64, size: usize) -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), random_bytes(seed, size)).unwrap();
        Self { temp, group: group() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    fn receiver(&self, name: &str) -> Command {
        let mut command = norm_recv();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json", "--name", name]);
        command.args(["--memory", "16M"]).arg(self.folder(name));
        command
    }

    /// A receiver with a slow disk, and one that keeps up.
    fn receivers(&self) -> (Program, SlowDisk, Program) {
        let (mut slow, disk) = SlowDisk::start(self.receiver("slow"), DISK);
        slow.wait_for("settings");
        let mut fast = Program::start(&mut self.receiver("fast"));
        fast.wait_for("settings");
        (slow, disk, fast)
    }

    fn sender(&self, more: &[&str]) -> Command {
        let mut command = norm_send();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--rate-max", "160M"]);
        command.args(["--start-timeout", "30", "--min-receivers", "2"]);
        command.args(more).arg(self.folder("file"));
        command
    }

    fn assert_received(&self, program: Program, name: &str) {
        let (status, events) = program.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        let folder = self.folder(name);
        assert!(fs::read(folder.join("file")).unwrap() == fs::read(self.folder("file")).unwrap());
        assert_eq!(names(&folder), ["file"]);
    }
}

#[test]
fn receiver_with_a_slow_disk_writes_nothing_twice_in_the_separate_group() {
    let place = Place::new(80, SIZE);
    let (slow, disk, fast) = place.receivers();
    let arguments = ["--json", "--slow", "separate", "--slow-after", "1"];
    let (status, events) = Program::start(&mut place.sender(&arguments)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let evicted = last(&events, "receiver_evicted");
    assert_eq!(evicted["name"], "slow", "{evicted}");
    place.assert_received(slow, "slow");
    place.assert_received(fast, "fast");
    let written = disk.written();
    assert!(written < SIZE as u64 / 100 * 103, "{written} of {SIZE} bytes");
}

#[test]
fn receiver_that_has_the_rest_in_memory_is_not_evicted() {
    let place = Place::new(81, SMALL);
    let (slow, _disk, fast) = place.receivers();
    let arguments = ["--json", "--slow", "evict", "--slow-after", "1"];
    let (status, events) = Program::start(&mut place.sender(&arguments)).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    place.assert_received(slow, "slow");
    place.assert_received(fast, "fast");
}

#[test]
fn receiver_whose_memory_is_full_is_evicted_where_that_is_asked_for() {
    let place = Place::new(82, SIZE);
    let (mut slow, _disk, fast) = place.receivers();
    let arguments = ["--json", "--slow", "evict", "--slow-after", "1"];
    let (status, events) = Program::start(&mut place.sender(&arguments)).finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    assert_eq!(last(&events, "receiver_evicted")["name"], "slow");
    place.assert_received(fast, "fast");
    let hint = slow.wait_for("hint");
    assert_eq!(hint["kind"], "slow_disk", "{hint}");
    assert_eq!(slow.finish().0.code(), Some(9));
}

#[test]
fn slow_disk_is_told_once_and_the_receiver_waited_for() {
    let place = Place::new(83, SIZE);
    let (slow, _disk, fast) = place.receivers();
    let sent = place.sender(&[]).output().unwrap();
    let words = stdout(&sent) + &stderr(&sent);
    assert_eq!(sent.status.code(), Some(0), "{words}");
    let told: Vec<&str> = words.lines().filter(|line| line.contains("receiver slow s")).collect();
    let [told] = told[..] else { panic!("{words}") };
    let expected = "receiver slow slows the others: its disk takes less than arrives. --slow \
                    separate sends to it apart from them";
    assert!(told.contains(expected), "{words}");
    assert!(!words.contains("drops packets"), "{words}");
    place.assert_received(slow, "slow");
    let unseen = |event: &serde_json::Value| event["kind"] == "unseen";
    let (status, events) = fast.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert!(!events.iter().any(unseen), "the sender hears both: {events:#?}");
}
