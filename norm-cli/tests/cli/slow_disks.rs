//! Receivers whose disk takes less than arrives, beside one that keeps up.

use std::process::Command;

use crate::common::{Program, last, stderr, stdout};
use crate::place::Place;
use crate::slow_writes::SlowDisk;

/// More than fits into the memory of a receiver.
const SIZE: usize = 32_000_000;
/// Fits into it.
const SMALL: usize = 10_000_000;
/// Bytes per second that the slow disk takes.
const DISK: u64 = 3_000_000;

/// A receiver with a slow disk, and one that keeps up.
fn receivers(place: &Place) -> (Program, SlowDisk, Program) {
    let command = |name| place.receiver(name, &["--name", name, "--memory", "16M"]);
    let (mut slow, disk) = SlowDisk::start(command("slow"), DISK);
    slow.wait_for("settings");
    let mut fast = Program::start(&mut command("fast"));
    fast.wait_for("settings");
    (slow, disk, fast)
}

fn sender(place: &Place, more: &[&str]) -> Command {
    place.sender(&[&["--rate-max", "160M", "--min-receivers", "2"], more].concat())
}

/// One that has this done with receivers that take less than 40 Mbit/s.
fn strict_sender(place: &Place, slow: &str) -> Command {
    sender(place, &["--json", "--slow", slow, "--slow-after", "1", "--slow-below", "40M"])
}

#[test]
fn receiver_with_a_slow_disk_writes_nothing_twice_in_the_separate_group() {
    let place = Place::new(80, SIZE);
    let (slow, disk, fast) = receivers(&place);
    let (status, events) = Program::start(&mut strict_sender(&place, "separate")).finish();
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
    let (slow, _disk, fast) = receivers(&place);
    let (status, events) = Program::start(&mut strict_sender(&place, "evict")).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    place.assert_received(slow, "slow");
    place.assert_received(fast, "fast");
}

#[test]
fn receiver_whose_memory_is_full_is_evicted_where_that_is_asked_for() {
    let place = Place::new(82, SIZE);
    let (slow, _disk, fast) = receivers(&place);
    let (status, events) = Program::start(&mut strict_sender(&place, "evict")).finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    assert_eq!(last(&events, "receiver_evicted")["name"], "slow");
    place.assert_received(fast, "fast");
    assert_eq!(slow.finish().0.code(), Some(9));
}

#[test]
fn slow_disk_is_told_once_and_the_receiver_waited_for() {
    let place = Place::new(83, SIZE);
    let (slow, _disk, fast) = receivers(&place);
    let sent = sender(&place, &[]).output().unwrap();
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
