//! A receiver with a tenth of the others' rate.

use std::time::Duration;

use crate::command::say;
use crate::files;
use crate::scene::{SENDER, Scene, is};

const FILE: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(180);
const SLOW: usize = 3;
/// The others get this.
const MOST: &str = "200M";

#[test]
fn a_slow_receiver_is_sent_away_and_the_others_go_on() {
    let test = "a_slow_receiver_is_sent_away_and_the_others_go_on";
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    scene.network.limit(SLOW, "20mbit");
    let mut receivers = [1, 2, SLOW].map(|host| scene.receiver(host, &[]));
    let arguments =
        ["--min-receivers", "3", "--rate-max", MOST, "--slow", "eject", "--slow-after", "1"];
    let mut sender = scene.sender(&arguments, &source);
    let [one, other, slow] = &mut receivers;
    let seconds = [one, other].map(|r| r.must_complete(&source, PATIENCE).seconds);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(6), "the sender's exit code\n{}", sender.tail());
    let ejected: Vec<_> = sent.events.iter().filter(|e| is("receiver_ejected")(e)).collect();
    assert_eq!(ejected.len(), 1, "{ejected:?}");
    assert_eq!(ejected[0]["name"], "host3");
    let finished = slow.program.finish(PATIENCE);
    assert_eq!(finished.code, Some(9), "the slow receiver's exit code\n{}", slow.program.tail());
    assert_eq!(files::finished(&slow.folder), Vec::<std::path::PathBuf>::new());
    say(format_args!("{test}: {seconds:.2?} s; sent away after {:.2} s", ejected[0]["at"]));
    // 2.7 s at the highest rate, 27 s at that of the slow one.
    assert!(seconds.into_iter().all(|seconds| seconds < 13.0), "{seconds:?}");
}

#[test]
fn a_slow_receiver_finishes_in_the_slow_lane_and_the_others_before_it() {
    let test = "a_slow_receiver_finishes_in_the_slow_lane_and_the_others_before_it";
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    scene.network.limit(SLOW, "20mbit");
    let mut receivers = [1, 2, SLOW].map(|host| scene.receiver(host, &[]));
    let arguments =
        ["--min-receivers", "3", "--rate-max", MOST, "--slow", "lane", "--slow-after", "1"];
    let mut sender = scene.sender(&arguments, &source);
    let [one, other, slow] = &mut receivers;
    let seconds = [one, other].map(|r| r.must_complete(&source, PATIENCE).seconds);
    let slowest = slow.must_complete(&source, PATIENCE).seconds;
    let before = scene.network.host(SENDER).bytes_sent();
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let summary = sent.events.iter().rfind(|event| is("summary")(event)).expect("it is told");
    let all = summary["receivers"].as_array().expect("a list");
    assert!(all.iter().all(|r| r["result"] == "confirmed"), "{all:?}");
    assert_eq!(all.iter().filter(|r| r["slow"] == true).count(), 1, "{all:?}");
    let ratio = before as f64 / FILE as f64;
    say(format_args!("{test}: {seconds:.2?} s, {slowest:.2} s in the lane; {ratio:.2} x sent"));
    assert!(seconds.into_iter().all(|seconds| seconds < 13.0), "{seconds:?}");
}
