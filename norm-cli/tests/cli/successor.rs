//! Senders that end early, and those that go on in their place.
#![cfg(unix)]

use std::fs;

use crate::common::{Program, last, norm_send};
use crate::place::Place;

const SIZE: u64 = 24_000_000;
/// The bytes that may travel when half of the content had arrived.
const MAX_REST: u64 = SIZE / 100 * 55;

/// A receiver that loses 1 % of the packets.
fn receiver(place: &Place, name: &str, more: &[&str]) -> Program {
    let mut program = Program::start(&mut place.receiver(name, &[&["--drop", "1"], more].concat()));
    program.wait_for("settings");
    program
}

fn two_receivers(place: &Place) -> [Program; 2] {
    ["one", "two"].map(|name| receiver(place, name, &[]))
}

fn sender(place: &Place, more: &[&str]) -> Program {
    Program::start(&mut place.sender(&[&["--json"], more].concat()))
}

/// Waits until half of the content was sent.
fn wait_for_half(sender: &mut Program) {
    while sender.wait_for("progress")["bytes_sent"].as_u64().unwrap() < SIZE / 2 {}
}

/// The second sender completes the transfer with no more than the rest.
fn assert_only_rest(place: &Place, second: Program, receivers: [Program; 2]) {
    let (status, events) = second.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let summary = last(&events, "summary");
    assert_eq!(summary["outcome"], "complete", "{summary:#}");
    let sent = summary["wire_bytes"].as_u64().unwrap();
    assert!(sent <= MAX_REST, "{sent} of {SIZE} bytes were sent: {summary:#}");
    assert!(last(&events, "on_request")["bytes_done"].as_u64().unwrap() > SIZE / 3);
    for (receiver, name) in receivers.into_iter().zip(["one", "two"]) {
        place.assert_received(receiver, name);
    }
}

const SLOW: [&str; 4] = ["-b", "40M", "--min-receivers", "2"];

#[test]
fn interrupted_sender_leaves_its_receivers_to_the_next_one() {
    let place = Place::new(60, SIZE as usize);
    let mut receivers = two_receivers(&place);
    let mut first = sender(&place, &SLOW);
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
    assert_only_rest(&place, sender(&place, &SLOW), receivers);
}

#[test]
fn sender_that_crashes_and_is_started_at_once_sends_the_rest() {
    let place = Place::new(61, SIZE as usize);
    let receivers = two_receivers(&place);
    let mut first = sender(&place, &SLOW);
    wait_for_half(&mut first);
    first.signal("-KILL");
    let second = sender(&place, &SLOW);
    first.finish();
    assert_only_rest(&place, second, receivers);
}

#[test]
fn second_ctrl_c_ends_the_receivers_too() {
    let place = Place::new(62, SIZE as usize);
    let receiver = receiver(&place, "one", &[]);
    let mut sender = sender(&place, &["-b", "20M", "--min-receivers", "1"]);
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
    let place = Place::new(63, SIZE as usize);
    let receiver = receiver(&place, "one", &["--timeout", "2"]);
    let mut sender = sender(&place, &["-b", "20M", "--min-receivers", "1"]);
    wait_for_half(&mut sender);
    sender.signal("-TERM");
    let (status, events) = receiver.finish();
    assert_eq!(status.code(), Some(6), "{events:#?}");
    last(&events, "sender_stopped");
    assert_eq!(sender.finish().0.code(), Some(143));
}

#[test]
fn two_senders_of_the_same_files_both_get_confirmations() {
    let place = Place::new(64, SIZE as usize);
    let receiver = receiver(&place, "one", &["--timeout", "60"]);
    let rate = ["-b", "60M", "--min-receivers", "1", "--payload", "all"];
    let mut first = sender(&place, &rate);
    first.wait_for("started");
    let second = sender(&place, &rate);
    for sender in [first, second] {
        let (status, events) = sender.finish();
        assert_eq!(status.code(), Some(0), "{:#}", last(&events, "summary"));
    }
    place.assert_received(receiver, "one");
}

#[test]
fn sender_hears_that_its_receiver_goes_on_with_another_one() {
    let place = Place::new(65, SIZE as usize);
    let receiver = receiver(&place, "one", &[]);
    let mut first = sender(&place, &["-b", "20M", "--min-receivers", "1"]);
    wait_for_half(&mut first);
    first.signal("-STOP");
    let second = sender(&place, &["-b", "60M", "--min-receivers", "1"]);
    assert_eq!(second.finish().0.code(), Some(0));
    assert_eq!(receiver.finish().0.code(), Some(0));
    first.signal("-CONT");
    let failed = first.wait_for("receiver_failed");
    let reason = failed["reason"].as_str().unwrap();
    assert!(reason.contains("goes on with the sender at 127.0.0.1:"), "{failed}");
}

#[test]
fn receiver_takes_files_only_from_the_sender_that_it_is_told() {
    let place = Place::new(66, SIZE as usize);
    let other = place.path("other");
    fs::write(&other, "not wanted").unwrap();
    let mut receiver = receiver(&place, "one", &["--sender-name", "teacher", "--timeout", "60"]);
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", &place.group, "--json", "--name", "pupil"]);
    let (status, events) = Program::start(command.arg(&other)).finish();
    assert_eq!(status.code(), Some(5), "it hears of no receiver: {events:#?}");
    let ignored = receiver.wait_for("hint");
    assert_eq!((&ignored["kind"], &ignored["name"]), (&"sender_ignored".into(), &"pupil".into()));
    let sender = sender(&place, &["-b", "60M", "--min-receivers", "1", "--name", "teacher"]);
    assert_eq!(sender.finish().0.code(), Some(0));
    place.assert_received(receiver, "one");
}

#[test]
fn receiver_that_loses_much_is_named_to_a_sender_that_waits_for_it() {
    let place = Place::new(67, SIZE as usize);
    let _good = receiver(&place, "good", &["--name", "good"]);
    let mut bad = Program::start(&mut place.receiver("bad", &["--name", "bad", "--drop", "30"]));
    bad.wait_for("settings");
    let mut sender = sender(&place, &["-b", "10M", "--min-receivers", "2"]);
    let slow = sender.wait_for("receiver_slow");
    assert_eq!((&slow["name"], &slow["cause"]), (&"bad".into(), &"loss".into()), "{slow}");
}

#[test]
fn receiver_that_comes_back_to_a_sender_counts_there() {
    let place = Place::new(68, SIZE as usize);
    let mut receiver = receiver(&place, "one", &["--timeout", "60"]);
    let arguments = ["-b", "20M", "--min-receivers", "1", "--linger", "3"];
    let mut first = sender(&place, &arguments);
    wait_for_half(&mut first);
    first.signal("-STOP");
    let second = sender(&place, &["-b", "2M", "--min-receivers", "1"]);
    receiver.wait_for("set_resumed");
    first.signal("-CONT");
    first.wait_for("receiver_failed");
    second.signal("-KILL");
    second.finish();
    let (status, events) = first.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let summary = last(&events, "summary");
    assert_eq!(summary["receivers"][0]["outcome"], "confirmed", "{summary:#}");
    place.assert_received(receiver, "one");
}
