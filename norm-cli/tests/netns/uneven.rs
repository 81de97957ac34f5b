//! Paths on which packets do not come evenly, and none is lost.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::command::say;
use crate::relay::Delays;
use crate::scene::{Scene, is};

const FILE: u64 = 64 << 20;
const MEBIBYTE: f64 = 1_048_576.0;
const PATIENCE: Duration = Duration::from_secs(120);

/// What passes through 50 Mbit/s to a relay with these delays, from 5 s after the start on, in
/// Mbit/s of UDP payload.
fn rate(scene: &Scene, source: &Path, delays: Delays) -> f64 {
    let name = format!("{delays:?}");
    let mut relay = scene.relay(2, delays);
    let mut receiver = scene.receiver_called(&name, 1, &["-g", "10.57.1.2:5740"]);
    let to = ["-g", "10.57.1.3:5740", "--min-receivers", "1"];
    let mut sender = scene.sender_called(&format!("sender {name}"), &to, source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    receiver.must_complete(source, PATIENCE);
    let events = relay.events();
    relay.kill();
    let number = |event: &Value, name: &str| event[name].as_f64().expect("a number");
    let points = events.iter().filter(|event| is("passed")(event));
    let points = points.map(|event| (number(event, "at"), number(event, "bytes")));
    let points = points.filter(|&(_, bytes)| bytes > MEBIBYTE / 16.0).collect::<Vec<_>>();
    let [first, .., last] = points[..] else { panic!("it ended too soon: {points:?}") };
    let steady = |&&(at, bytes): &&(f64, f64)| at > first.0 + 5.0 && bytes < last.1 - MEBIBYTE;
    let steady = points.iter().filter(steady).copied().collect::<Vec<_>>();
    let [from, .., to] = steady[..] else { panic!("it ended too soon: {points:?}") };
    (to.1 - from.1) * 8.0 / 1e6 / (to.0 - from.0)
}

#[test]
fn rate_is_found_where_packets_come_unevenly() {
    let test = "rate_is_found_where_packets_come_unevenly";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(FILE);
    scene.network.limit(2, "50mbit");
    let free = rate(&scene, &source, Delays::None);
    for delays in [Delays::UpTo20Ms, Delays::UpTo100Ms, Delays::Each102Ms] {
        let found = rate(&scene, &source, delays);
        say(format_args!("{test}: {delays:?}: {found:.1} of {free:.1} Mbit/s"));
        assert!(found >= free / 2.0, "{delays:?}: {found:.1} of {free:.1} Mbit/s");
    }
}
