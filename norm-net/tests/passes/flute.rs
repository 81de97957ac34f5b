//! By FLUTE, one way.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::slice;
use std::time::Duration;

use norm_net::transfer::flute::{Passes, Profile};
use norm_net::{
    ConfigProblem, ContentHash, FluteReceive, FluteSend, Hint, Pace, Problem, ReceiveEvent,
    ReceiveOptions, ReceiveOutcome, SendError, SendEvent, SendOptions, SendOutcome, SendPhase,
    Sending, receive, send,
};
use sha2::{Digest, Sha256};
use tempfile::tempdir;

use crate::common::{assert_same, carousel, content, group, is_complete, loopback, tree};

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

fn forever() -> FluteSend {
    FluteSend::new(Profile::Own).with(|flute| flute.passes = Passes::Forever)
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

/// A carousel of single files, whose receivers are told SHA-256 of each.
fn single_files(root: &Path, group: SocketAddr) -> Sending {
    let flute = FluteSend::new(Profile::Rfc6726).with(|flute| flute.passes = Passes::Forever);
    carousel(root, &sending(group, 5_000_000, flute))
}

#[test]
fn single_file_with_the_expected_hash_is_taken_and_no_other() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(100_000));
    let sending = single_files(&root, group);
    let mut options = receiving(group, dir.path());
    options.files.expect = Some(ContentHash(Sha256::digest(content(777, 2)).into()));
    options.timeout = None;
    let report = receive(&options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(report.sets[0].files, 1);
    assert_eq!(fs::read(dir.path().join("tree/sub/small")).unwrap(), content(777, 2));
    assert!(!dir.path().join("tree/large").exists() && !sending.is_finished());
    sending.stopper().stop();
}

#[test]
fn single_files_without_the_expected_one_end_the_run_and_are_named() {
    let (group, dir, (_source, root)) = (group(), tempdir().unwrap(), tree(100_000));
    let sending = single_files(&root, group);
    let mut options = receiving(group, dir.path());
    options.files.expect = Some(ContentHash([7; 32]));
    options.timeout = None;
    let report = receive(&options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{report:?}");
    let [failure] = &report.failed[..] else { panic!("{report:?}") };
    let Problem::OtherFiles { files: 3, first, .. } = &failure.problem else {
        panic!("{failure:?}")
    };
    assert!(first.starts_with("tree"), "{first:?}");
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
