//! File sets in passes, over the loopback interface, to receivers that answer and to such that do
//! not.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use norm_net::io::interface::InterfaceSpec;
use norm_net::{
    ConfigProblem, Fec, Feedback, OneWayOption, Pace, Passes, Payload, ReceiveOptions,
    ReceiveOutcome, ReceiveReport, SendError, SendEvent, SendOptions, SendOutcome, SendPhase,
    Sending, SetReport, Slow, SlowLimits, receive, send,
};
use tempfile::{TempDir, tempdir};

/// A group that no other test of this process gets and, by the process id, hardly one of another.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 31_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 80, 1].into(), port)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn sending(group: SocketAddr, rate: u64, passes: Passes) -> SendOptions {
    SendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.pace = Pace::Fixed(rate);
        o.content.payload = Payload::carousel(passes);
    })
}

fn receiving(group: SocketAddr, directory: &Path, feedback: Feedback) -> ReceiveOptions {
    ReceiveOptions::new(group, directory).with(|o| {
        o.interface = loopback();
        o.feedback = feedback;
        o.timeout = Some(Duration::from_secs(20));
    })
}

fn content(len: usize, salt: u32) -> Vec<u8> {
    let mut state = salt.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

/// A directory with files, one of which has `len` bytes.
fn tree(len: usize) -> (TempDir, PathBuf) {
    let dir = tempdir().unwrap();
    let root = dir.path().join("tree");
    fs::create_dir_all(root.join("sub/empty")).unwrap();
    fs::write(root.join("large"), content(len, 1)).unwrap();
    fs::write(root.join("sub/small"), content(777, 2)).unwrap();
    fs::write(root.join("sub/none"), b"").unwrap();
    (dir, root)
}

fn assert_same(root: &Path, received: &Path) {
    for name in ["large", "sub/small", "sub/none"] {
        let (sent, came) = (fs::read(root.join(name)).unwrap(), fs::read(received.join(name)));
        assert!(came.is_ok_and(|came| came == sent), "{name}");
    }
    assert!(received.join("sub/empty").is_dir());
    let beside = fs::read_dir(received.parent().unwrap()).unwrap().count();
    assert_eq!(beside, 1, "nothing else stays");
}

/// A sender, once it has sent everything once.
fn carousel(root: &Path, options: &SendOptions) -> Sending {
    let sending = send(&[root.to_owned()], options).unwrap();
    for event in sending.events() {
        if matches!(event, SendEvent::AllSent) {
            return sending;
        }
    }
    panic!("the carousel has ended");
}

fn is_complete(report: &ReceiveReport) -> bool {
    report.outcome == ReceiveOutcome::Complete && report.sets.iter().all(SetReport::is_verified)
}

#[test]
fn silent_receiver_that_joins_in_the_middle_completes() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(2_000_000));
    let sending = carousel(&root, &sending(group, 100_000_000, Passes::Forever));
    assert_eq!(sending.settings().passes, Some(Passes::Forever));
    let mut options = receiving(group, dir.path(), Feedback::None);
    options.demo.drop_percent = 5.0;
    let report = receive(&options).unwrap().wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    assert_same(&root, &dir.path().join("tree"));
    assert!(!sending.is_finished(), "it goes on");
    let repeats =
        |event| matches!(event, SendEvent::Progress(p) if p.phase == SendPhase::Repeating);
    assert!(sending.events().any(repeats));
    sending.stopper().stop();
    let sent = sending.wait().unwrap();
    assert_eq!((sent.outcome, sent.nacks), (SendOutcome::Sent, 0));
    assert!(sent.coded_packets > sent.data_packets);
}

#[test]
fn receivers_with_little_memory_keep_symbols_on_the_disk() {
    for feedback in [Feedback::None, Feedback::Multicast] {
        let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(40_000_000));
        let sending = carousel(&root, &sending(group, 400_000_000, Passes::Forever));
        let options = receiving(group, dir.path(), feedback).with(|o| {
            o.memory = 16 << 20;
            o.timeout = Some(Duration::from_secs(60));
        });
        let report = receive(&options).unwrap().wait().unwrap();
        assert!(is_complete(&report), "{feedback:?}: {report:?}");
        assert_same(&root, &dir.path().join("tree"));
        sending.stopper().stop();
        let sent = sending.wait().unwrap();
        let expected = match feedback {
            Feedback::None => SendOutcome::Sent,
            _ => SendOutcome::Complete,
        };
        assert_eq!(sent.outcome, expected);
    }
}

#[test]
fn what_receivers_with_feedback_miss_is_repaired_after_the_last_pass() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(1_500_000));
    let mut options = receiving(group, dir.path(), Feedback::Multicast);
    // One pass and a few symbols more: that is too little.
    options.demo.drop_percent = 30.0;
    let received = receive(&options).unwrap();
    let mut options = sending(group, 100_000_000, Passes::Times(1));
    options.min_receivers = 1;
    let sending = send(slice::from_ref(&root), &options).unwrap();
    let events: Vec<SendEvent> = sending.events().collect();
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Complete, "{events:?}");
    assert!(sent.nacks > 0);
    assert_eq!(events.iter().filter(|event| matches!(event, SendEvent::AllSent)).count(), 1);
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    assert_same(&root, &dir.path().join("tree"));
}

#[test]
fn what_is_sent_once_has_coded_symbols_for_silent_receivers() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(3_000_000));
    let mut options = receiving(group, dir.path(), Feedback::None);
    options.demo.drop_percent = 5.0;
    let received = receive(&options).unwrap();
    let once = Passes::Once { overhead: 20 };
    let sending = send(slice::from_ref(&root), &sending(group, 100_000_000, once)).unwrap();
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Sent);
    let share = sent.coded_packets as f64 / sent.data_packets as f64;
    assert!((0.20..0.35).contains(&share), "{share} of {}", sent.data_packets);
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    assert!(report.decoded > 0);
    assert_same(&root, &dir.path().join("tree"));
}

#[test]
fn options_that_cannot_go_with_passes_are_refused() {
    let (_source, root) = tree(10);
    let refused = |change: fn(&mut SendOptions)| {
        let options = sending(group(), 1_000_000, Passes::Times(2)).with(change);
        match send(slice::from_ref(&root), &options) {
            Err(SendError::Config(problem)) => problem,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|o| o.pace = Pace::AUTO), ConfigProblem::OneWayRate);
    let slow = refused(|o| o.slow = Slow::Evict(SlowLimits::default()));
    assert_eq!(slow, ConfigProblem::OneWay { option: OneWayOption::Slow });
    let code = refused(|o| o.fec = Fec::ReedSolomon);
    assert!(code.to_string().contains("choose RaptorQ"), "{code}");
    let zero = refused(|o| o.content.payload = Payload::carousel(Passes::Times(0)));
    assert!(zero.to_string().contains("at least one pass"), "{zero}");
}
