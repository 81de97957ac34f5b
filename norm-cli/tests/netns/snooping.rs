//! Switches that forget the members of a group, because no querier has these speak up.

use std::time::Duration;

use serde_json::Value;

use crate::command::say;
use crate::process::{Finished, Running};
use crate::scene::{Scene, is};

/// Set to 1 for the tests that take long.
const LARGE: &str = "NORM_TEST_LARGE";
/// Longest time that may be lost in all.
const MAX_LOST: f64 = 10.0;
const RATE: &str = "16M";
/// Bytes of content in a second at that rate: the rest are headers and commands.
const CONTENT: u64 = 16_000_000 / 8 / 100 * 96;

#[test]
fn switch_that_forgets_members_delays_a_transfer_only_once() {
    transfer("switch_that_forgets_members_delays_a_transfer_only_once", 5, 20);
}

#[test]
fn switch_that_forgets_members_after_twenty_seconds_delays_a_transfer_only_once() {
    let test = "switch_that_forgets_members_after_twenty_seconds_delays_a_transfer_only_once";
    if std::env::var_os(LARGE).is_some_and(|value| value == "1") {
        transfer(test, 20, 90);
    } else {
        say(format_args!("{test} skipped: set {LARGE}=1"));
    }
}

/// Sends for this long, by IPv4 and by IPv6 at once, over a switch that forgets members.
fn transfer(test: &str, memory: u64, seconds: u64) {
    let Some(scene) = Scene::begin(test, 2) else { return };
    scene.network.forget_members_after(Duration::from_secs(memory));
    let source = scene.source(CONTENT * seconds);
    let patience = Duration::from_secs(seconds * 3 + 60);
    let groups = ["239.57.0.2:5740", "[ff15::5702]:5740"];
    let mut receivers: Vec<_> = (groups.iter().zip([4, 6]))
        .flat_map(|(group, family)| [1, 2].map(|host| (group, family, host)))
        .map(|(group, family, host)| {
            let folder = format!("v{family}-{host}");
            scene.receiver_called(&folder, host, &["-i", "eth0", "-g", group])
        })
        .collect();
    let mut senders = groups.map(|group| {
        let name = format!("sender-v{}", if group.starts_with('[') { 6 } else { 4 });
        let options = ["-i", "eth0", "-g", group, "--min-receivers", "2", "-b", RATE];
        scene.sender_called(&name, &options, &source)
    });
    for sender in &mut senders {
        let sent = sender.finish(patience);
        assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
        say(format_args!("{test}: hints of the sender: {:?}", forgotten(&sent)));
    }
    for receiver in &mut receivers {
        let took = receiver.must_complete(&source, patience).seconds;
        let lost = took - seconds as f64;
        say(format_args!("{test}: {took:.1} s, of which {lost:.1} s more than it takes"));
        assert!(lost <= MAX_LOST, "{lost} s were lost\n{}", receiver.program.tail());
        must_name_the_querier(&receiver.program);
    }
}

/// That one hint says what the switch does, and what to do.
fn must_name_the_querier(program: &Running) {
    let hints: Vec<Value> = program.events().into_iter().filter(is_forgotten).collect();
    let [hint] = hints.as_slice() else { panic!("not one hint: {hints:?}\n{}", program.tail()) };
    let words = hint["message"].as_str().expect("hints have words");
    assert!(words.contains("querier"), "{words}");
}

fn forgotten(finished: &Finished) -> Vec<&str> {
    let hints = finished.events.iter().filter(|event| is_forgotten(event));
    hints.filter_map(|hint| hint["message"].as_str()).collect()
}

fn is_forgotten(event: &Value) -> bool {
    is("hint")(event) && event["kind"] == "forgotten"
}
