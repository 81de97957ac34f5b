//! Transfers at the rate that the sender finds by itself.

use std::time::Duration;

use crate::command::say;
use crate::scene::{SENDER, Scene, is};

const FILE: u64 = 48 << 20;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn rate_follows_a_bottleneck_of_one_receiver() {
    through_a_bottleneck("rate_follows_a_bottleneck_of_one_receiver", 0, 1.4);
}

/// A rate that followed losses would go down to almost nothing.
#[test]
fn loss_after_a_bottleneck_is_repaired_at_its_rate() {
    let test = "loss_after_a_bottleneck_is_repaired_at_its_rate";
    through_a_bottleneck(test, 5, 1.5);
}

#[test]
fn rate_stays_below_its_upper_bound() {
    let Some(scene) = Scene::begin("rate_stays_below_its_upper_bound", 1) else { return };
    let source = scene.source(8 << 20);
    let mut receiver = scene.receiver(1, &[]);
    let bound = ["--min-receivers", "1", "-b", "auto", "--rate-max", "50M"];
    let mut sender = scene.sender(&bound, &source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let seconds = receiver.must_complete(&source, PATIENCE).seconds;
    // 8 MiB at 50 Mbit/s.
    assert!(seconds > 1.30, "{seconds} s is too fast");
}

/// One of three receivers gets 100 Mbit/s: the sender must not send what the bottleneck drops.
fn through_a_bottleneck(test: &str, percent: u8, limit: f64) {
    let Some(scene) = Scene::begin(test, 3) else { return };
    let source = scene.source(FILE);
    scene.network.limit(1, "100mbit");
    scene.network.host(1).lose(percent);
    let mut receivers = [1, 2, 3].map(|host| scene.receiver(host, &[]));
    let before = scene.network.host(SENDER).bytes_sent();
    let mut sender = scene.sender(&["--min-receivers", "3"], &source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let ratio = (scene.network.host(SENDER).bytes_sent() - before) as f64 / FILE as f64;
    let seconds = receivers.each_mut().map(|r| r.must_complete(&source, PATIENCE).seconds);
    let settings = sent.events.iter().find(|event| is("settings")(event));
    let settings = settings.expect("norm-send prints it");
    assert_eq!(settings["pace"], "auto");
    say(format_args!("{test}: {ratio:.4} x the file on the wire; {seconds:.2?} s"));
    assert!(ratio <= limit, "{ratio:.4} is more than {limit}");
}

/// A TCP connection, with CUBIC, has the bottleneck for itself, then shares it with a transfer.
#[test]
fn tcp_keeps_a_share_of_the_bottleneck() {
    let test = "tcp_keeps_a_share_of_the_bottleneck";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(2 * FILE);
    scene.network.limit(1, "100mbit");
    let sink = scene.helper(1, "tcp_sink");
    let mut tcp = scene.helper(2, "tcp_source");
    std::thread::sleep(Duration::from_secs(2));
    let mut receiver = scene.receiver(1, &[]);
    let got = || sink.events().iter().rev().find_map(|event| event["bytes"].as_u64()).unwrap_or(0);
    let before = got();
    let mut sender = scene.sender(&["--min-receivers", "1"], &source);
    let sent = sender.finish(PATIENCE);
    let tcp_bytes = got() - before;
    tcp.kill();
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let seconds = receiver.must_complete(&source, PATIENCE).seconds;
    let (ours, theirs) = (2 * FILE, tcp_bytes);
    let share = theirs as f64 / (ours + theirs) as f64;
    say(format_args!("{test}: {seconds:.1} s, TCP had {share:.2} of what was carried meanwhile"));
    // A rate that follows what arrives would leave it next to nothing.
    assert!((0.15..0.9).contains(&share), "{share:.3}");
}
