//! Senders that end early, and those that go on in their place.
#![cfg(unix)]

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};

const SIZE: u64 = 24_000_000;
/// The bytes that may travel when half of the content had arrived.
const MAX_REST: u64 = SIZE / 100 * 55;

/// A file, and a folder for what is received.
struct Place {
    temp: tempfile::TempDir,
    group: String,
}

impl Place {
    fn new(seed: u64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), random_bytes(seed, SIZE as usize)).unwrap();
        Self { temp, group: group() }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// A receiver that loses 1 % of the packets.
    fn receiver(&self, name: &str, more: &[&str]) -> Program {
        let mut command = norm_recv();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json", "--drop", "1"]);
        let mut program = Program::start(command.args(more).arg(self.folder(name)));
        program.wait_for("settings");
        program
    }

    fn sender(&self, more: &[&str]) -> Program {
        let mut command = norm_send();
        command.args(["-i", "127.0.0.1", "-g", &self.group, "--json", "--start-timeout", "30"]);
        Program::start(command.args(more).arg(self.folder("file")))
    }

    fn assert_received(&self, name: &str) {
        let folder: &Path = &self.folder(name);
        assert!(fs::read(folder.join("file")).unwrap() == fs::read(self.folder("file")).unwrap());
        assert_eq!(names(folder), ["file"]);
    }
}

/// Waits until half of the content was sent.
fn wait_for_half(sender: &mut Program) {
    while sender.wait_for("progress")["bytes_sent"].as_u64().unwrap() < SIZE / 2 {}
}

/// The transfer is complete, and no more than the rest has travelled.
fn assert_only_rest(events: &[Value]) {
    let summary = last(events, "summary");
    assert_eq!(summary["outcome"], "complete", "{summary:#}");
    let sent = summary["wire_bytes"].as_u64().unwrap();
    assert!(sent <= MAX_REST, "{sent} of {SIZE} bytes were sent: {summary:#}");
    assert!(last(events, "on_request")["bytes_done"].as_u64().unwrap() > SIZE / 3);
}

const SLOW: [&str; 4] = ["-b", "40M", "--min-receivers", "2"];

#[test]
fn interrupted_sender_leaves_its_receivers_to_the_next_one() {
    let place = Place::new(60);
    let mut receivers = [place.receiver("one", &[]), place.receiver("two", &[])];
    let mut first = place.sender(&SLOW);
    wait_for_half(&mut first);
    first.signal("-INT");
    let (status, events) = first.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    let stopped = last(&events, "content_stopped");
    assert_eq!((&stopped["receivers"], &stopped["wait"]), (&2.into(), &5.0.into()));
    let summary = last(&events, "summary");
    let expected = (&"stopped".into(), &true.into());
    assert_eq!((&summary["outcome"], &summary["receivers_wait"]), expected, "{summary:#}");
    for receiver in &mut receivers {
        receiver.wait_for("sender_stopped");
        assert!(receiver.is_running(), "it stays");
    }
    let (status, events) = place.sender(&SLOW).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_only_rest(&events);
    for (receiver, name) in receivers.into_iter().zip(["one", "two"]) {
        let (status, events) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        place.assert_received(name);
    }
}

#[test]
fn sender_that_crashes_and_is_started_at_once_sends_the_rest() {
    let place = Place::new(61);
    let receivers = [place.receiver("one", &[]), place.receiver("two", &[])];
    let mut first = place.sender(&SLOW);
    wait_for_half(&mut first);
    first.signal("-KILL");
    let second = place.sender(&SLOW);
    first.finish();
    let (status, events) = second.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    assert_only_rest(&events);
    for (receiver, name) in receivers.into_iter().zip(["one", "two"]) {
        let (status, events) = receiver.finish();
        assert_eq!(status.code(), Some(0), "{events:#?}");
        place.assert_received(name);
    }
}

#[test]
fn second_ctrl_c_ends_the_receivers_too() {
    let place = Place::new(62);
    let receiver = place.receiver("one", &[]);
    let mut sender = place.sender(&["-b", "20M", "--min-receivers", "1"]);
    wait_for_half(&mut sender);
    sender.signal("-INT");
    sender.wait_for("content_stopped");
    sender.signal("-INT");
    let (status, events) = sender.finish();
    assert_eq!(status.code(), Some(130), "{events:#?}");
    assert_eq!(last(&events, "summary")["receivers_wait"], false);
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    last(&events, "sender_ended");
    let kept = last(&events, "resume_data_kept")["bytes_done"].as_u64().unwrap();
    assert!(kept > SIZE / 3, "{kept}");
}

#[test]
fn receivers_that_wait_for_another_sender_end_by_their_timeout() {
    let place = Place::new(63);
    let receiver = place.receiver("one", &["--timeout", "2"]);
    let mut sender = place.sender(&["-b", "20M", "--min-receivers", "1"]);
    wait_for_half(&mut sender);
    sender.signal("-TERM");
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    last(&events, "sender_stopped");
    assert_eq!(sender.finish().0.code(), Some(143));
}

#[test]
fn two_senders_of_the_same_files_both_get_confirmations() {
    let place = Place::new(64);
    let receiver = place.receiver("one", &["--timeout", "60"]);
    let rate = ["-b", "60M", "--min-receivers", "1", "--payload", "all"];
    let mut first = place.sender(&rate);
    first.wait_for("started");
    let second = place.sender(&rate);
    for sender in [first, second] {
        let (status, events) = sender.finish();
        assert_eq!(status.code(), Some(0), "{:#}", last(&events, "summary"));
    }
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    place.assert_received("one");
}

#[test]
fn sender_hears_that_its_receiver_goes_on_with_another_one() {
    let place = Place::new(65);
    let receiver = place.receiver("one", &[]);
    let mut first = place.sender(&["-b", "20M", "--min-receivers", "1"]);
    wait_for_half(&mut first);
    first.signal("-STOP");
    let second = place.sender(&["-b", "60M", "--min-receivers", "1"]);
    assert_eq!(second.finish().0.code(), Some(0));
    assert_eq!(receiver.finish().0.code(), Some(0));
    first.signal("-CONT");
    let failed = first.wait_for("receiver_failed");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("goes on with the sender at 127.0.0.1:"), "{failed}");
}

#[test]
fn receiver_takes_files_only_from_the_sender_that_it_is_told() {
    let place = Place::new(66);
    let other = place.folder("other");
    fs::write(&other, "not wanted").unwrap();
    let mut receiver = place.receiver("one", &["--sender-name", "teacher", "--timeout", "60"]);
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &place.group, "--json", "--name", "pupil"]);
    let (status, events) = Program::start(command.arg(&other)).finish();
    assert_eq!(status.code(), Some(5), "it hears of no receiver: {events:#?}");
    let ignored = receiver.wait_for("hint");
    assert_eq!((&ignored["kind"], &ignored["name"]), (&"sender_ignored".into(), &"pupil".into()));
    let sender = place.sender(&["-b", "60M", "--min-receivers", "1", "--name", "teacher"]);
    assert_eq!(sender.finish().0.code(), Some(0));
    assert_eq!(receiver.finish().0.code(), Some(0));
    place.assert_received("one");
}

#[test]
fn receiver_that_loses_much_is_named_to_a_sender_that_waits_for_it() {
    let place = Place::new(67);
    let _good = place.receiver("good", &["--name", "good"]);
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", &place.group, "--json", "--drop", "30"]);
    let mut bad = Program::start(command.args(["--name", "bad"]).arg(place.folder("bad")));
    bad.wait_for("settings");
    let mut sender = place.sender(&["-b", "10M", "--min-receivers", "2"]);
    let slow = sender.wait_for("receiver_slow");
    assert_eq!((&slow["name"], &slow["cause"]), (&"bad".into(), &"loss".into()), "{slow}");
}
