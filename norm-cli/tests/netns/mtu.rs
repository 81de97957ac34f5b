//! Packets that are too long for a part of the way: a port of the switch with a smaller MTU.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::command::{self, say};
use crate::files;
use crate::process::Running;
use crate::scene::{SENDER, Scene, is};

const MEBIBYTE: u64 = 1 << 20;
/// A group of IPv6.
const IPV6: &str = "[ff15::57]:5740";
const PATIENCE: Duration = Duration::from_secs(120);

/// The lengths of packets that a sender has decided on, one after the other.
fn packets(events: &[Value]) -> Vec<u64> {
    let sizes = events.iter().filter(|event| is("packet_size")(event));
    sizes.map(|event| event["packet"].as_u64().expect("a number of bytes")).collect()
}

/// When a program said so first, in seconds.
fn at(events: &[Value], what: impl Fn(&Value) -> bool) -> f64 {
    let event = events.iter().find(|event| what(event)).expect("it was said");
    event["at"].as_f64().expect("events have times")
}

fn is_sent(bytes: u64) -> impl Fn(&Value) -> bool {
    move |event| is("progress")(event) && event["bytes_sent"].as_u64() > Some(bytes)
}

fn hint(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["event"] == "hint" && event["kind"] == kind
}

fn finish(sender: &mut Running, code: i32) -> Vec<Value> {
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(code), "the sender's exit code\n{}", sender.tail());
    sent.events
}

#[test]
fn transfer_starts_at_the_size_that_passes_to_all_receivers() {
    let test = "transfer_starts_at_the_size_that_passes_to_all_receivers";
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(48 * MEBIBYTE);
    scene.network.host(2).let_through(1280);
    let seconds = [&[][..], &["--mtu", "1280"]].map(|mtu| {
        let mut receivers = [1, 2, 3].map(|host| scene.receiver(host, &[]));
        let arguments = [&["--min-receivers", "3", "-b", "200M"], mtu].concat();
        let mut sender = scene.sender(&arguments, &source);
        let events = finish(&mut sender, 0);
        for receiver in &mut receivers {
            receiver.must_complete(&source, PATIENCE);
            std::fs::remove_dir_all(&receiver.folder).expect("it is ours");
        }
        if mtu.is_empty() {
            assert_eq!(packets(&events), [1280], "{}", sender.tail());
            let size = events.iter().find(|event| is("packet_size")(event));
            assert_eq!(size.expect("it was said")["receiver"]["name"], "host2");
            let started = at(&events, is("started"));
            assert!(started < 2.0, "started after {started} s");
        }
        let summary = events.iter().rfind(|event| is("summary")(event)).expect("it reports");
        summary["data_elapsed"].as_f64().expect("a time")
    });
    say(format_args!("{test}: {:.2} s found, {:.2} s given", seconds[0], seconds[1]));
    // On an idle machine both take the same time.
    assert!(seconds[0] <= seconds[1] * 2.0, "{seconds:?}");
}

/// Options of a sender and of its receivers: with a key of the group, and with one of a recipient.
fn sealed(scene: &Scene) -> [[Vec<String>; 2]; 2] {
    let [key, join] = scene.keys("lab").map(|file| vec!["--key".to_owned(), file]);
    let [signer, recipient] = ["signer", "recipient"].map(|name| {
        let path = scene.folder_of(name).display().to_string();
        let mut made = Command::new("ssh-keygen");
        command::run(made.args(["-q", "-t", "ed25519", "-N", "", "-f", &path]));
        path
    });
    let options = |all: [&str; 4]| all.map(str::to_owned).to_vec();
    let sends = options(["--to", &format!("{recipient}.pub"), "--sign", &signer]);
    let receives = options(["--identity", &recipient, "--trust", &format!("{signer}.pub")]);
    [[key, join], [sends, receives]]
}

#[test]
fn sealed_transfer_starts_at_the_size_that_passes() {
    let test = "sealed_transfer_starts_at_the_size_that_passes";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(24 * MEBIBYTE);
    scene.network.host(2).let_through(1280);
    for options in &sealed(&scene) {
        let [sends, receives] =
            options.each_ref().map(|all| all.iter().map(String::as_str).collect::<Vec<_>>());
        let mut receivers = [1, 2].map(|host| scene.receiver(host, &receives));
        let arguments = [&["--min-receivers", "2", "-b", "100M"], &*sends].concat();
        let mut sender = scene.sender(&arguments, &source);
        let events = finish(&mut sender, 0);
        for receiver in &mut receivers {
            receiver.must_complete(&source, PATIENCE);
            std::fs::remove_dir_all(&receiver.folder).expect("it is ours");
        }
        assert_eq!(packets(&events), [1280], "{}: {}", sends[0], sender.tail());
        let started = at(&events, is("started"));
        say(format_args!("{test}: {} started after {started:.2} s", sends[0]));
        assert!(started < 4.0, "started after {started} s");
    }
}

#[test]
fn change_of_the_path_in_mid_transfer_is_followed() {
    follow_change("change_of_the_path_in_mid_transfer_is_followed", &[]);
}

#[test]
fn change_of_the_path_in_mid_transfer_is_followed_over_ipv6() {
    follow_change("change_of_the_path_in_mid_transfer_is_followed_over_ipv6", &["-g", IPV6]);
}

fn follow_change(test: &str, group: &[&str]) {
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(128 * MEBIBYTE);
    let mut receivers = [1, 2].map(|host| scene.receiver(host, group));
    let arguments = [&["--min-receivers", "2", "--rate-max", "200M"], group].concat();
    let mut sender = scene.sender(&arguments, &source);
    let third = is_sent(40 * MEBIBYTE);
    sender.wait_for("a third of the content", PATIENCE, &third);
    scene.network.host(2).let_through(1280);
    let events = finish(&mut sender, 0);
    for receiver in &mut receivers {
        receiver.must_complete(&source, PATIENCE);
    }
    assert_eq!(packets(&events), [1500, 1280], "{}", sender.tail());
    let changed = at(&events, third);
    let found = at(&events, |event| event["packet"] == 1280);
    let told = receivers[1].program.wait_for("a word of it", PATIENCE, hint("shorter_packets"));
    assert!(told["message"].as_str().is_some_and(|text| text.contains("shorter packets")));
    let summary = events.iter().rfind(|event| is("summary")(event)).expect("it reports");
    let seconds = summary["data_elapsed"].as_f64().expect("a time");
    say(format_args!("{test}: found after {:.2} s, {seconds:.2} s in all", found - changed));
    assert!(found - changed < 8.0, "found after {} s", found - changed);
    // Without the change it takes 5.8 s or so.
    assert!(seconds < 20.0, "{seconds} s");
}

#[test]
fn smaller_mtu_of_the_senders_own_interface_is_followed() {
    let test = "smaller_mtu_of_the_senders_own_interface_is_followed";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(64 * MEBIBYTE);
    let mut receivers = [1, 2].map(|host| scene.receiver(host, &[]));
    let arguments = ["--min-receivers", "2", "--rate-max", "200M"];
    let mut sender = scene.sender(&arguments, &source);
    sender.wait_for("a third of the content", PATIENCE, is_sent(20 * MEBIBYTE));
    scene.network.host(SENDER).set_mtu(1400);
    let events = finish(&mut sender, 0);
    for receiver in &mut receivers {
        receiver.must_complete(&source, PATIENCE);
    }
    assert_eq!(packets(&events), [1500, 1400], "{}", sender.tail());
    let told = events.iter().find(|event| hint("interface_mtu")(event));
    let told = told.and_then(|hint| hint["message"].as_str()).expect("it is told");
    assert!(told.contains("eth0") && told.contains("1400"), "{told}");
    let summary = events.iter().rfind(|event| is("summary")(event)).expect("it reports");
    let seconds = summary["data_elapsed"].as_f64().expect("a time");
    // Without the change it takes 2.7 s or so.
    say(format_args!("{test}: {seconds:.2} s in all"));
    assert!(seconds < 12.0, "{seconds} s");
}

#[test]
fn smaller_mtu_than_given_packets_take_is_told() {
    let test = "smaller_mtu_than_given_packets_take_is_told";
    let Some(scene) = Scene::begin(test, 1) else { return };
    let source = scene.source(24 * MEBIBYTE);
    let _receiver = scene.receiver(1, &[]);
    let arguments = ["--min-receivers", "1", "--mtu", "1500", "-b", "50M"];
    let mut sender = scene.sender(&arguments, &source);
    sender.wait_for("a third of the content", PATIENCE, is_sent(8 * MEBIBYTE));
    scene.network.host(SENDER).set_mtu(1400);
    let events = finish(&mut sender, 2);
    let error = events.iter().rfind(|event| is("error")(event)).expect("it says why");
    let words = error["message"].as_str().expect("errors have words");
    assert!(words.contains("MTU is 1400") && words.contains("--mtu 1400"), "{words}");
}

#[test]
fn given_length_that_does_not_pass_is_told_at_both_sides() {
    let test = "given_length_that_does_not_pass_is_told_at_both_sides";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(48 * MEBIBYTE);
    scene.network.host(2).let_through(1300);
    let mut receivers = [1, 2].map(|host| scene.receiver(host, &[]));
    let arguments = ["--min-receivers", "2", "--mtu", "1500", "-b", "50M", "--slow", "evict"];
    let mut sender = scene.sender(&arguments, &source);
    let told = receivers[1].program.wait_for("a hint", PATIENCE, hint("only_short_packets"));
    let events = finish(&mut sender, 6);
    receivers[0].must_complete(&source, PATIENCE);
    let started = at(&events, is("started"));
    let named =
        at(&events, |event| is("receiver_mtu_too_small")(event) && event["name"] == "host2");
    say(format_args!("{test}: named after {:.2} s: {told}", named - started));
    assert!(named - started < 7.0, "named after {} s", named - started);
    assert!(packets(&events).is_empty(), "no length is looked for");
    let finished = receivers[1].program.finish(PATIENCE);
    assert_eq!(finished.code, Some(9), "{}", receivers[1].program.tail());
    assert!(files::finished(&receivers[1].folder).is_empty());
}

#[test]
fn no_packet_is_ever_fragmented() {
    let Some(scene) = Scene::begin("no_packet_is_ever_fragmented", 1) else { return };
    let source = scene.source(MEBIBYTE);
    scene.network.host(SENDER).watch_fragments();
    let mut receiver = scene.receiver(1, &[]);
    let mut sender = scene.sender(&["--min-receivers", "1"], &source);
    finish(&mut sender, 0);
    receiver.must_complete(&source, PATIENCE);
    let (allowed, all) = scene.network.host(SENDER).fragmentable();
    assert!(all > 100 && allowed == 0, "{allowed} of {all} packets may be cut");
}
