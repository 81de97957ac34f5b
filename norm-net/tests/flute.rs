//! Transfers by FLUTE, one way, over the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::slice;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use norm_net::io::interface::InterfaceSpec;
use norm_net::transfer::flute::{Passes, Profile};
use norm_net::{
    ConfigProblem, ContentHash, FluteReceive, FluteSend, Hint, Pace, Problem, ReceiveEvent,
    ReceiveOptions, ReceiveOutcome, ReceiveReport, SendError, SendEvent, SendOptions, SendOutcome,
    SendPhase, Sending, SetReport, receive, send,
};
use tempfile::{TempDir, tempdir};

/// A group that no other test of this process gets and, by the process id, hardly one of another.
fn group() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 300).unwrap() * 32;
    let port = 41_000 + spread + NEXT.fetch_add(1, Ordering::Relaxed);
    SocketAddr::new([239, 255, 79, 1].into(), port)
}

fn loopback() -> Option<InterfaceSpec> {
    Some(InterfaceSpec::Name("lo".to_owned()))
}

fn sending(group: SocketAddr, rate: u64, flute: FluteSend) -> SendOptions {
    SendOptions::new(group).with(|o| {
        o.interface = loopback();
        o.pace = Pace::Fixed(rate);
        o.flute = Some(flute);
    })
}

fn receiving(group: SocketAddr, directory: &Path) -> ReceiveOptions {
    ReceiveOptions::new(group, directory).with(|o| {
        o.interface = loopback();
        o.flute = Some(FluteReceive::default());
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

fn forever() -> FluteSend {
    FluteSend::new(Profile::Own).with(|flute| flute.passes = Passes::Forever)
}

fn is_complete(report: &ReceiveReport) -> bool {
    report.outcome == ReceiveOutcome::Complete && report.sets.iter().all(SetReport::is_verified)
}

#[test]
fn tree_is_sent_once_and_arrives_although_packets_are_lost() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(3_000_000));
    let mut options = receiving(group, dir.path());
    options.demo.drop_percent = 5.0;
    let received = receive(&options).unwrap();
    let sending =
        send(slice::from_ref(&root), &sending(group, 100_000_000, FluteSend::new(Profile::Own)))
            .unwrap();
    let settings = sending.settings().clone();
    assert_eq!((settings.flute.map(|flute| flute.tsi), settings.fec_id), (Some(1), 6));
    let events: Vec<SendEvent> = sending.events().collect();
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Sent, "{events:?}");
    let share = sent.coded_packets as f64 / sent.data_packets as f64;
    assert!((0.15..0.30).contains(&share), "{share} of {}", sent.data_packets);
    let events: Vec<ReceiveEvent> = received.events().collect();
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?} {events:?}");
    assert!(report.decoded > 0);
    assert_same(&root, &dir.path().join("tree"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else stays");
}

#[test]
fn receiver_that_joins_in_the_middle_of_a_carousel_completes() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(2_000_000));
    let sending = carousel(&root, &sending(group, 100_000_000, forever()));
    let received = receive(&receiving(group, dir.path())).unwrap();
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    assert_same(&root, &dir.path().join("tree"));
    assert!(!sending.is_finished(), "it goes on");
    let repeats =
        |event| matches!(event, SendEvent::Progress(p) if p.phase == SendPhase::Repeating);
    assert!(sending.events().any(repeats));
    sending.stopper().stop();
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Sent);
    assert!(sent.coded_packets > sent.data_packets);
}

#[test]
fn receiver_with_little_memory_keeps_symbols_on_the_disk() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(40_000_000));
    let sending = carousel(&root, &sending(group, 400_000_000, forever()));
    let options = receiving(group, dir.path()).with(|o| {
        o.memory = 16 << 20;
        o.timeout = Some(Duration::from_secs(60));
    });
    let received = receive(&options).unwrap();
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    assert_same(&root, &dir.path().join("tree"));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else stays");
    sending.stopper().stop();
    sending.wait().unwrap();
}

#[test]
fn single_files_arrive_with_their_names() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(500_000));
    let flute = FluteSend::new(Profile::Rfc6726).with(|flute| flute.tsi = 77);
    let mut options = receiving(group, dir.path());
    options.flute = Some(FluteReceive::of(77));
    let received = receive(&options).unwrap();
    let sending = send(slice::from_ref(&root), &sending(group, 50_000_000, flute)).unwrap();
    let [left_out] = &sending.settings().left_out[..] else { panic!("an empty directory") };
    assert_eq!(left_out.count, 1);
    let sent = sending.wait().unwrap();
    assert_eq!(sent.outcome, SendOutcome::Sent);
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    for name in ["large", "sub/small", "sub/none"] {
        let came = fs::read(dir.path().join("tree").join(name)).unwrap();
        assert!(came == fs::read(root.join(name)).unwrap(), "{name}");
    }
}

#[test]
fn carousels_of_single_files_end_at_receivers_whether_they_say_that_all_is_told_or_not() {
    for profile in [Profile::Rfc6726, Profile::Mbms] {
        let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(300_000));
        let flute = FluteSend::new(profile).with(|flute| flute.passes = Passes::Forever);
        let sending = carousel(&root, &sending(group, 50_000_000, flute));
        let options = receiving(group, dir.path()).with(|o| {
            o.timeout = Some(Duration::from_secs(30));
        });
        let report = receive(&options).unwrap().wait().unwrap();
        assert_eq!(report.outcome, ReceiveOutcome::Complete, "{profile}: {report:?}");
        assert_eq!(report.sets[0].files, 3);
        sending.stopper().stop();
        sending.wait().unwrap();
    }
}

#[test]
fn receiver_that_was_stopped_goes_on_with_what_is_here() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(30_000_000));
    // In turns of 2 MB, so that something is whole long before the rest.
    let flute = forever().with(|flute| flute.interleave = Some(2_000_000));
    let sending = carousel(&root, &sending(group, 100_000_000, flute));
    let received = receive(&receiving(group, dir.path())).unwrap();
    let stopper = received.stopper();
    let enough = |event: &ReceiveEvent| match event {
        ReceiveEvent::Progress(progress) => progress.bytes_done > 10_000_000,
        _ => false,
    };
    assert!(received.events().any(|event| enough(&event)));
    stopper.stop();
    let report = received.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Stopped, "{report:?}");
    let received = receive(&receiving(group, dir.path())).unwrap();
    let events: Vec<ReceiveEvent> = received.events().collect();
    let report = received.wait().unwrap();
    assert!(is_complete(&report), "{report:?}");
    let resumed = events.iter().find_map(|event| match event {
        ReceiveEvent::SetResumed { bytes_done, .. } => Some(*bytes_done),
        _ => None,
    });
    assert!(resumed.is_some_and(|bytes| bytes > 5_000_000), "{resumed:?}");
    assert_same(&root, &dir.path().join("tree"));
    sending.stopper().stop();
    sending.wait().unwrap();
}

#[test]
fn receiver_says_that_a_sender_speaks_the_other_protocol() {
    let (group, (_source, root)) = (group(), tree(1_000_000));
    for is_flute in [true, false] {
        let dir = tempdir().unwrap();
        let mut options = receiving(group, dir.path());
        options.flute = options.flute.filter(|_| !is_flute);
        let received = receive(&options).unwrap();
        let mut options = sending(group, 10_000_000, FluteSend::new(Profile::Own));
        options.flute = options.flute.filter(|_| is_flute);
        let sending = send(slice::from_ref(&root), &options).unwrap();
        let told = |event| match event {
            ReceiveEvent::Hint(Hint::OtherProtocol { is_flute, .. }) => Some(is_flute),
            _ => None,
        };
        assert_eq!(received.events().find_map(told), Some(is_flute));
        received.stopper().stop();
        sending.stopper().stop();
    }
}

#[test]
fn sessions_of_other_numbers_are_not_received() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(1_000));
    let mut options = receiving(group, dir.path());
    options.flute = Some(FluteReceive::of(2));
    options.timeout = Some(Duration::from_millis(700));
    let received = receive(&options).unwrap();
    let sending = send(&[root], &sending(group, 10_000_000, FluteSend::new(Profile::Own)));
    assert_eq!(sending.unwrap().wait().unwrap().outcome, SendOutcome::Sent);
    assert_eq!(received.wait().unwrap().outcome, ReceiveOutcome::NoSender);
}

#[test]
fn session_of_another_number_is_named_where_the_one_that_is_wanted_is_not_heard() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(1_000));
    let mut options = receiving(group, dir.path());
    options.flute = Some(FluteReceive::of(2));
    let sending = carousel(&root, &sending(group, 5_000_000, forever()));
    let received = receive(&options).unwrap();
    let told = |event| match event {
        ReceiveEvent::Hint(Hint::OtherSession { tsi, wanted, .. }) => Some((tsi, wanted)),
        ReceiveEvent::Hint(Hint::NoSender { .. }) => panic!("a firewall is not the cause"),
        _ => None,
    };
    assert_eq!(received.events().find_map(told), Some((1, 2)));
    received.stopper().stop();
    assert_eq!(received.wait().unwrap().other_tsi, Some(1));
    sending.stopper().stop();
}

#[test]
fn carousel_of_other_content_than_is_expected_is_refused_soon() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(3_000_000));
    let sending = carousel(&root, &sending(group, 50_000_000, forever()));
    let mut options = receiving(group, dir.path());
    options.files.expect = Some(ContentHash([7; 32]));
    options.timeout = None;
    let report = receive(&options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{report:?}");
    let [failure] = &report.failed[..] else { panic!("{report:?}") };
    assert!(matches!(failure.problem, Problem::OtherContent { .. }), "{failure:?}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    sending.stopper().stop();
}

#[test]
fn dry_run_says_what_would_become_of_single_files() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(100_000));
    fs::create_dir_all(dir.path().join("tree/sub")).unwrap();
    fs::write(dir.path().join("tree/sub/small"), "mine, and of another length").unwrap();
    let flute = FluteSend::new(Profile::Rfc6726).with(|flute| flute.passes = Passes::Forever);
    let sending = carousel(&root, &sending(group, 5_000_000, flute));
    for overwrite in [true, false] {
        let mut options = receiving(group, dir.path());
        options.overwrite = overwrite;
        options.files.dry_run = true;
        let received = receive(&options).unwrap();
        let events: Vec<ReceiveEvent> = received.events().collect();
        let counts = events.iter().find_map(|event| match event {
            ReceiveEvent::DryRun { set: None, create, replace, refuse, .. } => {
                Some([create, replace, refuse].map(|sum| sum.files))
            }
            _ => None,
        });
        let expected = if overwrite { [2, 1, 0] } else { [2, 0, 1] };
        assert_eq!(counts, Some(expected), "{events:?}");
        let report = received.wait().unwrap();
        let is_complete = report.outcome == ReceiveOutcome::Complete;
        assert_eq!(is_complete, overwrite, "{report:?}");
    }
    assert!(!dir.path().join("tree/large").exists());
    sending.stopper().stop();
}

#[test]
fn options_that_need_an_answer_are_refused() {
    let (_source, root) = tree(10);
    let refused = |change: fn(&mut SendOptions)| {
        let options = sending(group(), 1_000_000, FluteSend::new(Profile::Own)).with(change);
        match send(slice::from_ref(&root), &options) {
            Err(SendError::Config(problem)) => problem,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(|o| o.pace = Pace::AUTO), ConfigProblem::OneWayRate);
    assert!(matches!(refused(|o| o.min_receivers = 1), ConfigProblem::OneWay { .. }));
    let flute = FluteSend::new(Profile::Mbms).with(|flute| flute.tsi = 70_000);
    let options = sending(group(), 1_000_000, flute);
    let error = send(slice::from_ref(&root), &options).unwrap_err().to_string();
    assert!(error.contains("65535"), "{error}");
}
