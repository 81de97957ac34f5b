//! Whether the network does what the other tests take for granted.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::command::{run, say};
use crate::helpers::DATAGRAMS;
use crate::net::Batches;
use crate::scene::{SENDER, Scene, is};

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn one_received_message_is_one_datagram() {
    if let Some(scene) = Scene::begin("one_received_message_is_one_datagram", 1) {
        let received = send_batches(&scene);
        assert_eq!(received, Messages { batches: DATAGRAMS, datagrams: DATAGRAMS });
    }
}

/// Shows that the test above would notice.
#[test]
fn uncut_batches_arrive_as_one_message() {
    let test = "uncut_batches_arrive_as_one_message";
    if let Some(scene) = Scene::begin_with(test, 1, Batches::Whole) {
        let received = send_batches(&scene);
        assert_eq!(received.datagrams, DATAGRAMS);
        assert!(received.batches < DATAGRAMS / 4, "{received:?}");
    }
}

#[test]
fn packets_are_lost_one_by_one_at_the_rate_asked_for() {
    let Some(scene) = Scene::begin("packets_are_lost_one_by_one_at_the_rate_asked_for", 1) else {
        return;
    };
    scene.network.host(1).lose(20);
    let received = send_batches(&scene);
    let lost = scene.network.host(1).lost().expect("packets have arrived");
    let arrived = received.datagrams as f64 / DATAGRAMS as f64;
    assert!((lost + arrived - 1.0).abs() < 0.01, "{lost} lost, {arrived} arrived");
    // Five standard deviations of 640 tosses.
    assert!((lost - 0.2).abs() < 0.08, "{lost}");
}

#[test]
fn failing_test_leaves_nothing_behind() {
    let Some(scene) = Scene::begin("a_failing_test_leaves_nothing_behind", 2) else { return };
    let made = scene.network.namespaces().to_vec();
    assert_eq!(made.len(), 4, "a switch and three hosts");
    let program = scene.helper(1, "batch_receiver");
    let process = PathBuf::from(format!("/proc/{}", program.id()));
    assert!(process.exists());
    let ended = catch_unwind(AssertUnwindSafe(move || {
        let _in_use = (program, scene);
        resume_unwind(Box::new("as a failing test does, but without its message"));
    }));
    assert!(ended.is_err());
    assert!(!process.exists());
    let left = run(Command::new("ip").args(["netns", "list"]));
    assert!(made.iter().all(|namespace| !left.contains(namespace.as_str())), "{left}");
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Messages {
    batches: u64,
    datagrams: u64,
}

/// Sends to the group in batches, and returns what one receiver made of it.
fn send_batches(scene: &Scene) -> Messages {
    let mut receiver = scene.helper(1, "batch_receiver");
    let mut sender = scene.helper(SENDER, "batch_sender");
    let sent = messages(&sender.wait_for("having sent", PATIENCE, is("sent")));
    assert_eq!(sent.datagrams, DATAGRAMS);
    assert!(sent.batches < sent.datagrams, "the sender does not use GSO: {sent:?}");
    let received = messages(&receiver.wait_for("a result", PATIENCE, is("received")));
    assert_eq!(sender.finish(PATIENCE).code, Some(0));
    assert_eq!(receiver.finish(PATIENCE).code, Some(0));
    say(format_args!("sent: {sent:?}, received: {received:?}"));
    received
}

fn messages(event: &Value) -> Messages {
    let count = |name: &str| event[name].as_u64().expect("helpers count");
    Messages { batches: count("batches"), datagrams: count("datagrams") }
}
