//! A receiver with a tenth of the others' rate.

use std::time::Duration;

use crate::command::say;
use crate::files;
use crate::scene::{Scene, is};

const FILE: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(400);
const SLOW: usize = 3;
/// Rate of the others.
const MAX_RATE: &str = "200M";

/// Sends `bytes` to two fast receivers and, with `slow`, to one that gets a tenth as much.
fn transfer(test: &str, bytes: u64, slow: Option<&str>) -> Option<Transfer> {
    let scene = Scene::begin(test, 3)?;
    let source = scene.source(bytes);
    scene.network.limit(SLOW, "20mbit");
    let mut fast = [1, 2].map(|host| scene.receiver(host, &[]));
    let mut third = slow.map(|_| scene.receiver(SLOW, &[]));
    let expected = if slow.is_some() { "3" } else { "2" };
    let mut arguments = vec!["--min-receivers", expected, "--rate-max", MAX_RATE];
    arguments.extend(slow.iter().flat_map(|what| ["--slow", what, "--slow-after", "1"]));
    let mut sender = scene.sender(&arguments, &source);
    let seconds = fast.each_mut().map(|one| one.must_complete(&source, PATIENCE).seconds);
    let separate = third.as_mut().filter(|_| slow == Some("separate"));
    let separate = separate.map(|third| third.must_complete(&source, PATIENCE).seconds);
    let sent = sender.finish(PATIENCE);
    let code = sent.code;
    if let Some(third) = third.as_mut().filter(|_| slow == Some("evict")) {
        let finished = third.program.finish(PATIENCE);
        assert_eq!(finished.code, Some(9), "the slow one's exit code\n{}", third.program.tail());
        assert_eq!(files::finished(&third.folder), Vec::<std::path::PathBuf>::new());
    }
    let seconds = seconds.into_iter().fold(0.0, f64::max);
    say(format_args!("{test}: {seconds:.2} s, in the separate group {separate:.2?} s"));
    Some(Transfer { code, seconds, events: sent.events })
}

struct Transfer {
    /// The sender's exit code.
    code: Option<i32>,
    /// What the slower of the fast receivers took.
    seconds: f64,
    /// Events of the sender.
    events: Vec<serde_json::Value>,
}

#[test]
fn slow_receiver_is_evicted_and_the_others_go_on() {
    let test = "slow_receiver_is_evicted_and_the_others_go_on";
    let Some(transfer) = transfer(test, FILE, Some("evict")) else { return };
    assert_eq!(transfer.code, Some(6));
    let evicted: Vec<_> = transfer.events.iter().filter(|e| is("receiver_evicted")(e)).collect();
    assert_eq!(evicted.len(), 1, "{evicted:?}");
    assert_eq!(evicted[0]["name"], "host3");
    // 2.7 s at the highest rate, 27 s at that of the slow one.
    assert!(transfer.seconds < 13.0, "{}", transfer.seconds);
}

#[test]
fn slow_receiver_finishes_later_in_the_separate_group() {
    let test = "slow_receiver_finishes_later_in_the_separate_group";
    let Some(transfer) = transfer(test, FILE, Some("separate")) else { return };
    assert_eq!(transfer.code, Some(0));
    let summary = transfer.events.iter().rfind(|event| is("summary")(event));
    let all = summary.expect("norm-send prints it")["receivers"].as_array().expect("a list");
    assert!(all.iter().all(|r| r["outcome"] == "confirmed"), "{all:?}");
    assert_eq!(all.iter().filter(|r| r["in_separate_group"] == true).count(), 1, "{all:?}");
    assert!(transfer.seconds < 13.0, "{}", transfer.seconds);
}

#[test]
fn slow_receiver_is_named_while_it_is_waited_for() {
    let test = "slow_receiver_is_named_while_it_is_waited_for";
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    scene.network.limit(SLOW, "20mbit");
    let _receivers = [1, 2, SLOW].map(|host| scene.receiver(host, &[]));
    let sender = scene.sender(&["--min-receivers", "3", "--rate-max", MAX_RATE], &source);
    let slow = sender.wait_for("a slow receiver", Duration::from_secs(60), is("receiver_slow"));
    assert_eq!((&slow["name"], &slow["cause"]), (&"host3".into(), &"path".into()), "{slow}");
}

#[test]
fn slow_receiver_costs_the_others_at_most_a_tenth() {
    let test = "slow_receiver_costs_the_others_at_most_a_tenth";
    if std::env::var_os("NORM_TEST_LARGE").is_none_or(|value| value != "1") {
        say(format_args!("{test} skipped: set NORM_TEST_LARGE=1, too"));
        return;
    }
    let Some(alone) = transfer(&format!("{test}_alone"), FILE * 10, None) else { return };
    for slow in ["evict", "separate"] {
        let Some(with) = transfer(&format!("{test}_{slow}"), FILE * 10, Some(slow)) else { return };
        let ratio = with.seconds / alone.seconds;
        say(format_args!("{test}: {slow}: {ratio:.3} x the time without it"));
        assert!(ratio <= 1.1, "{ratio:.3}");
    }
}
