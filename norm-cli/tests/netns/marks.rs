//! Routers that mark packets instead of dropping them (ECN), and which senders allow it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::command::{self, say};
use crate::net::Host;
use crate::scene::{SENDER, Scene, is};

const MEBIBYTE: u64 = 1 << 20;
const FILE: u64 = 48 * MEBIBYTE;
const PATIENCE: Duration = Duration::from_secs(120);

/// From now on looks at the UDP packets that arrive at a host with these rules of nftables.
fn look(host: &Host, rules: &[String]) {
    let rules = rules.join("\n meta l4proto udp ");
    let table = format!(
        "table inet marks {{\n chain arriving {{\n type filter hook prerouting priority -300\n \
         meta l4proto udp {rules}\n }}\n }}"
    );
    command::run(host.command(Path::new("nft")).arg(table));
}

/// How many packets each of the counters has seen.
fn counts(host: &Host) -> Vec<u64> {
    let list = ["list", "chain", "inet", "marks", "arriving"];
    let text = command::run(host.command(Path::new("nft")).args(list));
    let numbers = text.split("counter packets ").skip(1);
    let number = |rest: &str| rest.split_whitespace().next().and_then(|word| word.parse().ok());
    numbers.map(|rest| number(rest).expect("nft prints the count")).collect()
}

/// Megabits per second from two seconds after the start on, when the beginning is over.
fn later_rate(events: &[Value]) -> f64 {
    let progress = events.iter().filter(|event| is("progress")(event));
    let number = |event: &Value, name: &str| event[name].as_f64().expect("a number");
    let points = progress.map(|event| (number(event, "elapsed"), number(event, "wire_bytes")));
    let sending = points.filter(|&(at, bytes)| bytes > 0.0 && at > 2.0).collect::<Vec<_>>();
    let [first, .., last] = sending[..] else { panic!("it ended too soon: {events:?}") };
    (last.1 - first.1) * 8.0 / 1e6 / (last.0 - first.0)
}

/// What a marking bottleneck does: it drops nothing, but says where it would be full.
#[test]
fn ce_marks_alone_limit_the_rate() {
    let test = "ce_marks_alone_limit_the_rate";
    let Some(scene) = Scene::begin(test, 1) else { return };
    let source = scene.source(FILE);
    // 42 Mbit/s.
    let over = "ip ecn ect0 limit rate over 5 mbytes/second burst 10 kbytes counter ip ecn set ce";
    look(scene.network.host(1), &[over.to_owned()]);
    let mut receiver = scene.receiver(1, &[]);
    let before = scene.network.host(SENDER).bytes_sent();
    // Slow enough that reports of CE marks come before everything is sent.
    let bound = ["--min-receivers", "1", "-b", "auto", "--rate-max", "200M"];
    let mut sender = scene.sender(&bound, &source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let ratio = (scene.network.host(SENDER).bytes_sent() - before) as f64 / FILE as f64;
    receiver.must_complete(&source, PATIENCE);
    let events = receiver.program.events();
    let summary = events.iter().rfind(|event| is("summary")(event)).expect("it reports");
    let reported = summary["ce_marked"].as_u64().expect("a number");
    let marked = counts(scene.network.host(1))[0];
    let rate = later_rate(&sent.events);
    say(format_args!("{test}: {rate:.1} Mbit/s, {marked} packets marked, {ratio:.3} x the file"));
    // Some are of messages that do not count: those before the sender is known.
    assert!(reported > 0 && reported <= marked, "{reported} of {marked}");
    let progress = |event: &&Value| is("receiver_progress")(event);
    let heard = sent.events.iter().filter(progress).filter_map(|event| event["ce_marked"].as_u64());
    assert!(heard.max() > Some(0), "the sender reports CE marks");
    // Without marks it is 200.
    assert!((15.0..60.0).contains(&rate), "{rate:.1} Mbit/s");
    assert!(ratio < 1.15, "{ratio:.3}");
}

/// Packets with and without permission to mark them, of the sender at a receiver and of the
/// receivers at the sender.
fn permissions(test: &str, arguments: &[&str]) -> Option<[Vec<u64>; 2]> {
    let scene = Scene::begin(test, 2)?;
    let source = scene.source(8 * MEBIBYTE);
    // Not what the sender hears of its own packets.
    for (host, of) in [(SENDER, "ip daddr 10.57.1.1"), (1, "")] {
        let rules = ["ip ecn ect0", "ip ecn not-ect", "ip dscp 46"];
        let rules = rules.map(|rule| format!("{of} {rule} counter"));
        look(scene.network.host(host), &rules);
    }
    // So that there is feedback.
    scene.network.host(2).lose(5);
    let mut receivers = [1, 2].map(|host| scene.receiver(host, &["--feedback", "unicast"]));
    let mut sender = scene.sender(&[&["--min-receivers", "2"], arguments].concat(), &source);
    let sent = sender.finish(PATIENCE);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    for receiver in &mut receivers {
        receiver.must_complete(&source, PATIENCE);
    }
    let counts = [SENDER, 1].map(|host| counts(scene.network.host(host)));
    say(format_args!("{test}: ECT(0), none and EF at the sender and a receiver {counts:?}"));
    Some(counts)
}

#[test]
fn fixed_rate_does_not_ask_for_ce_marks() {
    for rate in ["50M", "max"] {
        let test = "fixed_rate_does_not_ask_for_ce_marks";
        let Some([feedback, data]) = permissions(test, &["-b", rate]) else { return };
        assert!(feedback[0] == 0 && feedback[1] > 0, "{rate}: {feedback:?}");
        assert!(data[0] == 0 && data[1] > 6000, "{rate}: {data:?}");
    }
}

#[test]
fn controlled_rate_asks_for_ce_marks_and_feedback_does_not() {
    let test = "controlled_rate_asks_for_ce_marks";
    let Some([feedback, data]) = permissions(test, &["-b", "auto", "--dscp", "EF"]) else { return };
    assert!(feedback[0] == 0 && feedback[1] > 0, "{feedback:?}");
    assert!(data[0] > 6000 && data[1] == 0 && data[2] == data[0], "{data:?}");
    let Some([_, plain]) = permissions(test, &["-b", "auto"]) else { return };
    assert!(plain[0] > 6000 && plain[1] == 0 && plain[2] == 0, "{plain:?}");
}
