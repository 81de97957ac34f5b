//! One way: carousels of FLUTE and of NORM, and receivers that lose packets and come at any time.

use std::thread::sleep;
use std::time::Duration;

use crate::command::say;
use crate::scene::{SENDER, Scene, is};

const FILE: u64 = 64 << 20;
const RATE: &str = "100M";
/// Ten times what one pass takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// What each receiver loses, in percent, and packets sent until it is complete, by those that have
/// the content, at most.
const LOSSES: [(u8, f64); 4] = [(1, 1.03), (5, 1.09), (10, 1.16), (20, 1.32)];

#[test]
fn receivers_of_a_carousel_need_one_pass_wherever_they_join() {
    let name = "receivers_of_a_carousel_need_one_pass_wherever_they_join";
    must_need_one_pass(name, &["--flute"], &["--flute"]);
}

#[test]
fn silent_receivers_of_a_norm_carousel_need_one_pass_wherever_they_join() {
    let name = "silent_receivers_of_a_norm_carousel_need_one_pass_wherever_they_join";
    must_need_one_pass(name, &[], &["--feedback", "none"]);
}

/// Runs a carousel with these options of the sender and of the receivers.
fn must_need_one_pass(name: &str, by: &[&str], receives: &[&str]) {
    let Some(scene) = Scene::begin(name, 4) else { return };
    let source = scene.source(FILE);
    for (host, (percent, _)) in (1..).zip(LOSSES) {
        scene.network.host(host).lose(percent);
    }
    let arguments = [by, &["-b", RATE, "--carousel", "forever"]].concat();
    let sender = scene.sender(&arguments, &source);
    let settings = sender.wait_for("settings", PATIENCE, is("settings"));
    let symbol = settings["segment_size"].as_u64().expect("a size is a number");
    let mut receivers = [1, 2, 3, 4].map(|host| {
        sleep(Duration::from_millis(700));
        scene.receiver(host, receives)
    });
    for ((receiver, host), (percent, limit)) in receivers.iter_mut().zip(1..).zip(LOSSES) {
        let completed = receiver.must_complete(&source, PATIENCE);
        let lost = scene.network.host(host).lost().expect("packets have arrived");
        let sent = completed.useful_packets as f64 / (1.0 - lost);
        let ratio = sent / FILE.div_ceil(symbol) as f64;
        say(format_args!("{name}: {percent} % loss, {ratio:.4} passes"));
        assert!(ratio <= limit, "{ratio:.4} passes at {percent} % loss, more than {limit}");
        // Nothing goes back.
        let host = scene.network.host(host);
        assert!(host.bytes_sent() < 10_000, "{} bytes sent by a receiver", host.bytes_sent());
    }
    assert!(scene.network.host(SENDER).bytes_sent() > FILE);
}
