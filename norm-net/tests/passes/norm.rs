//! File sets by NORM, to receivers that answer and to such that do not.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::slice;
use std::time::Duration;

use norm_net::{
    ConfigProblem, Fec, Feedback, OneWayOption, Pace, Passes, Payload, ReceiveOptions, SendError,
    SendEvent, SendOptions, SendOutcome, SendPhase, Slow, SlowLimits, receive, send,
};
use tempfile::tempdir;

use crate::common::{carousel, group, is_complete, loopback, tree};

/// All files are here, and nothing else stays.
fn assert_same(root: &Path, received: &Path) {
    crate::common::assert_same(root, received);
    assert_eq!(fs::read_dir(received.parent().unwrap()).unwrap().count(), 1);
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
