//! Memory that must not grow: neither with the file nor with what an attacker sends.

use std::time::Duration;

use crate::command::say;
use crate::process::Finished;
use crate::scene::{Completed, Scene, is};

/// What each side may hold at most (`RssAnon`), in bytes.
const LIMIT: u64 = 200 << 20;
/// Set to 1, lets the test with the large file run.
const SWITCH: &str = "NORM_TEST_LARGE";
const PATIENCE: Duration = Duration::from_secs(180);

#[test]
fn memory_does_not_grow_with_the_file() {
    let test = "memory_does_not_grow_with_the_file";
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        say(format_args!("{test} skipped: set {SWITCH}=1, too, with 9 GiB of disk to spare"));
        return;
    }
    let Some(scene) = Scene::begin(test, 1) else { return };
    let source = scene.source(4 << 30);
    let patience = Duration::from_secs(600);
    let mut receiver = scene.receiver(1, &[]);
    let mut sender = scene.sender(&["--min-receivers", "1", "-b", "max"], &source);
    let sent = sender.finish(patience);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    let received = receiver.must_complete(&source, patience);
    say(format_args!("{test}: the receiver took {:.1} s", received.seconds));
    assert_little_memory(test, LIMIT, &sent, &received);
}

#[test]
fn memory_does_not_grow_with_what_is_sent_one_way() {
    let test = "memory_does_not_grow_with_what_is_sent_one_way";
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        say(format_args!("{test} skipped: set {SWITCH}=1, too, with 25 GiB of disk to spare"));
        return;
    }
    send_one_way(test, 6 << 30, LIMIT);
}

/// Blocks have 1,000 symbols at this size: an engine may hold one of them, besides 64 MiB.
#[test]
fn memory_of_a_quarter_gibibyte_one_way_is_a_quarter_of_it() {
    let block = 1000 * 1500;
    let test = "memory_of_a_quarter_gibibyte_one_way_is_a_quarter_of_it";
    send_one_way(test, 256 << 20, (64 << 20) + block);
}

/// Sends a file of this size to two receivers, of which one loses 1 %; no side may hold more bytes
/// than the limit.
fn send_one_way(test: &str, size: u64, limit: u64) {
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(size);
    scene.network.host(2).lose(1);
    let patience = Duration::from_secs(900);
    let mut receivers = [1, 2].map(|host| scene.receiver(host, &["--flute"]));
    let mut sender = scene.sender(&["--flute", "-b", "400M"], &source);
    let sent = sender.finish(patience);
    assert_eq!(sent.code, Some(0), "the sender's exit code\n{}", sender.tail());
    for receiver in &mut receivers {
        let received = receiver.must_complete(&source, patience);
        assert_little_memory(test, limit, &sent, &received);
    }
}

#[test]
fn attacker_does_no_harm() {
    let test = "attacker_does_no_harm";
    let Some(scene) = Scene::begin(test, 2) else { return };
    let source = scene.source(32 << 20);
    let mut receiver = scene.receiver(1, &[]);
    let mut attacker = scene.helper(2, "attacker");
    let mut sender = scene.sender(&["--min-receivers", "1", "-b", "50M"], &source);
    // What an attacker makes of a short object may look like a file of a sender that has no
    // checksums, and is received as that.
    let received = receiver.must_have(&source, PATIENCE);
    // Nothing proves a receiver's identity: while the attacker speaks for receivers that do not
    // exist, the sender waits for these, and then reports them lost.
    let bothered = attacker.kill();
    let sent = sender.finish(PATIENCE);

    assert!(matches!(sent.code, Some(0 | 6)), "exit {:?}\n{}", sent.code, sender.tail());
    assert!(
        sent.events
            .iter()
            .any(|event| { is("receiver_confirmed")(event) && event["name"] == "host1" })
    );
    let last = bothered.events.iter().rfind(|event| is("bothered")(event));
    let last = last.unwrap_or_else(|| panic!("the attacker did nothing\n{}", attacker.tail()));
    say(format_args!(
        "{test}: {last}, sender's exit code {:?}, the receiver took {:.1} s",
        sent.code, received.seconds
    ));
    assert!(last["heard"].as_u64() > Some(10_000), "it did not hear the session: {last}");
    let (count, time) = (last["sent"].as_f64(), last["at"].as_f64());
    let rate = count.zip(time).map_or(0.0, |(count, time)| count / time);
    assert!(rate > 1000.0, "{rate} packets per second are too few");
    assert_little_memory(test, LIMIT, &sent, &received);
}

fn assert_little_memory(test: &str, limit: u64, sent: &Finished, received: &Completed) {
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    say(format_args!(
        "{test}: peak RssAnon {:.1} MiB at the sender, {:.1} MiB at the receiver",
        mebibytes(sent.peak_memory),
        mebibytes(received.peak_memory)
    ));
    assert!(sent.peak_memory > 0 && received.peak_memory > 0, "the memory was never seen");
    assert!(sent.peak_memory < limit, "the sender");
    assert!(received.peak_memory < limit, "the receiver");
}
