//! `receive()` against a sender's engine on the loopback interface.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

mod receipts;
mod resume;
mod source;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use norm_core::fileset::{CHUNK_BYTES, ChunkHash, ChunkHasher, FileHash, SetId};
use norm_core::norm::wire::NodeId;
use norm_net::event::{Obstacle, Remaining};
use norm_net::io::interface::InterfaceSpec;
use norm_net::io::socket::{Link, LinkConfig};
use norm_net::{Hint, Problem, ReceiveEvent, ReceiveOutcome, Receiving, receive};

use source::{SEGMENT, SET, Source, content, directory, file, group, names, options};

/// The next event, which must come until then.
fn next(receiving: &Receiving, until: Instant) -> ReceiveEvent {
    receiving.events().recv_timeout(until.saturating_duration_since(Instant::now())).unwrap()
}

#[test]
fn files_arrive_complete_through_a_bad_link() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let big = content(3_000_000, 1);
    let small = content(5_000, 2);
    let entries = [
        (directory("photos"), Vec::new()),
        (file("photos/big.raw"), big.clone()),
        (file("photos/empty"), Vec::new()),
        (file("../notes.txt"), small.clone()),
    ];
    let sender = Source::new(&entries).send(group);
    let options = options(group, dir.path()).with(|o| o.demo.drop_percent = 10.0);
    let receiving = receive(&options).unwrap();
    assert_eq!(receiving.settings().interface.name, "lo");
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();

    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{events:?}");
    assert_eq!(names(dir.path()), ["notes.txt", "photos"], "and nothing else");
    assert_eq!(names(&dir.path().join("photos")), ["big.raw", "empty"]);
    let big_path = dir.path().join("photos/big.raw");
    assert!(fs::read(&big_path).unwrap() == big);
    assert!(fs::read(dir.path().join("notes.txt")).unwrap() == small);
    assert_eq!(fs::metadata(dir.path().join("photos/empty")).unwrap().len(), 0);
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_600_000_000_500);
    for (path, mode) in [("photos", 0o750), ("photos/big.raw", 0o640), ("notes.txt", 0o640)] {
        let metadata = fs::metadata(dir.path().join(path)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{path}");
        assert_eq!(metadata.modified().unwrap(), time, "{path}");
    }

    assert!(report.elapsed < Duration::from_secs(4), "the sender's CMD(EOT) is enough: {report:?}");
    let [set] = &report.sets[..] else { panic!("one set: {report:?}") };
    assert_eq!((set.files, set.directories, set.bytes), (3, 1, 3_005_000));
    assert!(set.set == Some(SET) && set.is_verified(), "{set:?}");
    assert!(set.loss > 0.02 && set.nacks > 0, "{set:?}");
    let made = events.iter().filter(|e| matches!(e, ReceiveEvent::FileComplete { .. })).count();
    assert_eq!(made, 3);
    assert!(matches!(events[0], ReceiveEvent::SenderFound { node: NodeId(77), .. }));
    assert!(events.iter().any(|e| matches!(e, ReceiveEvent::FilesKnown { files: 3, .. })));
    assert!(events.iter().any(|e| matches!(e, ReceiveEvent::Verifying { .. })));
    let sent = sender.join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]), "the sender knows");
}

#[test]
fn content_that_does_not_match_its_hash_never_gets_a_name() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("wrong.bin"), content(100_000, 3))];
    let sender = Source::with(SET, &entries, |_| ChunkHash([7; 32])).send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{events:?}");
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    assert!(report.sets.is_empty());
    let again = |e: &&ReceiveEvent| matches!(e, ReceiveEvent::Hint(Hint::ReceivedAgain { .. }));
    assert_eq!(events.iter().filter(again).count(), 2, "received again twice");
    let failed = |e: &&ReceiveEvent| matches!(e, ReceiveEvent::FileFailed { .. });
    assert_eq!(events.iter().filter(failed).count(), 1, "{events:?}");
    let sent = sender.join().unwrap();
    assert_eq!(sent.confirmed, 0);
    let wrong = "wrong.bin: what arrived does not match the sender's hashes";
    assert!(sent.failed.len() == 1 && sent.failed[0].ends_with(wrong), "{:?}", sent.failed);
}

#[test]
fn set_without_any_content_is_complete_too() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(directory("a/b"), Vec::new()), (file("a/none"), Vec::new())];
    let sender = Source::new(&entries).send(group);
    let report = receive(&options(group, dir.path())).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete);
    assert_eq!(names(&dir.path().join("a")), ["b", "none"]);
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn existing_file_fails_the_set_early_and_its_sender_hears() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("mine.txt"), b"mine").unwrap();
    let entries = [(file("mine.txt"), content(2_000_000, 4))];
    let sender = Source::new(&entries).send(group);
    let report = receive(&options(group, dir.path())).unwrap().wait().unwrap();
    let path = dir.path().join("mine.txt");
    let problem = Problem::Obstructed { path, obstacle: Obstacle::File };
    assert_eq!(report.outcome, ReceiveOutcome::LocalError { problem });
    assert_eq!(names(dir.path()), ["mine.txt"]);
    assert_eq!(fs::read(dir.path().join("mine.txt")).unwrap(), b"mine");
    let sent = sender.join().unwrap();
    assert_eq!(sent.confirmed, 0);
    assert!(sent.failed[0].contains("exists already"), "{:?}", sent.failed);
}

#[test]
fn stopped_receiver_without_resume_says_so_and_leaves_no_files() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("long.bin"), content(20_000_000, 6))];
    let sender = Source::new(&entries).send(group);
    let receiving = receive(&options(group, dir.path()).with(|o| o.resume = false)).unwrap();
    let stopper = receiving.stopper();
    for event in receiving.events() {
        if matches!(event, ReceiveEvent::FilesKnown { .. }) {
            assert!(!names(dir.path()).is_empty(), "temporary files");
            stopper.stop();
        }
    }
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Stopped);
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    assert_eq!(sender.join().unwrap().failed, ["stopped by its user"]);
}

#[test]
fn timeout_ends_a_session_without_a_sender() {
    let dir = tempfile::tempdir().unwrap();
    let timeout = Some(Duration::from_millis(200));
    let options = options(group(), dir.path()).with(|o| o.timeout = timeout);
    let report = receive(&options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::NoSender);
    assert!(report.elapsed >= Duration::from_millis(200));
}

#[test]
fn continuous_session_serves_senders_and_confirms_what_it_has() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let receiving = receive(&options(group, dir.path()).with(|o| o.continuous = true)).unwrap();
    let first = [(file("first.bin"), content(1_000_000, 7))];
    let second = [(file("second.bin"), content(1_500_000, 8))];
    let other = SetId([4; 16]);
    let wrong =
        Source::with(SetId([5; 16]), &[(file("bad"), vec![1; 1000])], |_| ChunkHash([7; 32]));
    let senders = [
        Source::new(&first).send(group),
        Source { node: NodeId(78), ..Source::with(other, &second, |hash| hash) }.send(group),
        Source { node: NodeId(79), ..wrong }.send(group),
    ];
    let sent = senders.map(|sender| sender.join().unwrap());
    assert_eq!(sent.each_ref().map(|sent| sent.confirmed), [1, 1, 0]);
    assert_eq!(sent.each_ref().map(|sent| sent.failed.len()), [0, 0, 1]);
    fs::remove_file(dir.path().join("first.bin")).unwrap();

    let again = Source { node: NodeId(80), ..Source::new(&first) }.send(group).join().unwrap();
    assert_eq!((again.confirmed, again.failed.len()), (1, 0));
    receiving.stopper().stop();
    let made: Vec<_> = receiving
        .events()
        .filter(|event| matches!(event, ReceiveEvent::FileComplete { .. }))
        .collect();
    let report = receiving.wait().unwrap();
    assert_eq!((made.len(), report.sets.len(), report.failed.len()), (2, 2, 1), "{made:?}");
    assert_eq!(names(dir.path()), ["second.bin"], "the set it had was not received again");
    assert!(fs::read(dir.path().join("second.bin")).unwrap() == second[0].1);
}

#[test]
fn duplicate_source_with_other_content_disturbs_no_sender() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("a.bin"), content(1_500_000, 11)), (file("b.bin"), content(70_000, 12))];
    let receiving = receive(&options(group, dir.path())).unwrap();
    let honest = Source { rate: 50_000_000, ..Source::new(&entries) };
    let forged = Source { rate: 50_000_000, ..Source::new(&entries).forged() };
    let attacker = forged.send(group);
    let sender = honest.send(group);
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{events:?}");
    assert_eq!((report.sets.len(), report.failed.len()), (1, 0), "{report:?}");
    let found = events.iter().filter(|e| matches!(e, ReceiveEvent::SenderFound { .. })).count();
    assert_eq!(found, 2, "both were heard");
    let sets = events.iter().filter(|e| matches!(e, ReceiveEvent::SetFound { .. })).count();
    assert_eq!(sets, 1, "it is one set");
    assert_eq!(names(dir.path()), ["a.bin", "b.bin"], "and no temporary file");
    for (entry, content) in &entries {
        assert!(fs::read(dir.path().join(entry.path)).unwrap() == *content);
    }
    let sent = sender.join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    attacker.join().unwrap();
}

#[test]
fn one_of_two_senders_with_the_same_content_is_enough() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("a.bin"), content(1_500_000, 13)), (file("b.bin"), content(70_000, 14))];
    let receiving = receive(&options(group, dir.path())).unwrap();
    let senders = [78, 79].map(|node| Source { node: NodeId(node), ..Source::new(&entries) });
    let senders = senders.map(|sender| sender.send(group));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!((report.sets.len(), report.failed.len()), (1, 0), "{report:?}");
    assert_eq!(names(dir.path()), ["a.bin", "b.bin"]);
    for sender in senders {
        let sent = sender.join().unwrap();
        assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    }
}

#[test]
fn remaining_transfer_goes_on_when_a_shorter_one_is_complete() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let long = [(file("long.bin"), content(4_000_000, 15))];
    let short = [(file("short.bin"), content(50_000, 16))];
    let late = [(file("late.bin"), content(50_000, 17))];
    let receiving = receive(&options(group, dir.path())).unwrap();
    let first = Source { rate: 16_000_000, ..Source::new(&long) }.send(group);
    let wait_for = |wanted: fn(&ReceiveEvent) -> bool| {
        while !receiving.events().recv_timeout(Duration::from_secs(20)).is_ok_and(|e| wanted(&e)) {}
    };
    wait_for(|event| matches!(event, ReceiveEvent::FilesKnown { .. }));
    let other = Source::with(SetId([4; 16]), &short, |hash| hash);
    let sent = Source { node: NodeId(78), ..other }.send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    // One was received, so nothing else is begun.
    let other = Source::with(SetId([5; 16]), &late, |hash| hash);
    let refused = Source { node: NodeId(79), ..other }.send(group).join().unwrap();
    assert!(refused.failed[0].contains("this session takes one"), "{:?}", refused.failed);
    let sent = first.join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!((report.sets.len(), report.failed.len()), (2, 1), "{report:?}");
    assert_eq!(names(dir.path()), ["long.bin", "short.bin"]);
}

#[test]
fn stalled_transfer_does_not_keep_a_complete_receiver() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let stuck = [(file("stuck.bin"), content(4_000_000, 15))];
    let short = [(file("short.bin"), content(50_000, 16))];
    let receiving = receive(&options(group, dir.path()).with(|o| o.timeout = None)).unwrap();
    // It goes on talking: the pause of its schedule has begun.
    let first = Source { pauses_after: 500, rate: 16_000_000, ..Source::new(&stuck) }.send(group);
    while !matches!(receiving.events().recv().unwrap(), ReceiveEvent::FilesKnown { .. }) {}
    let other = Source::with(SetId([4; 16]), &short, |hash| hash);
    let sent = Source { node: NodeId(78), ..other }.send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(report.failed[0].problem, Problem::Remaining { cause: Remaining::Stalled });
    assert!(first.join().unwrap().failed[0].contains("nothing more came"));
}

#[test]
fn complete_transfer_and_a_wrong_one_are_partial() {
    for (known, outcome) in [(true, ReceiveOutcome::Partial), (false, ReceiveOutcome::Complete)] {
        let group = group();
        let dir = tempfile::tempdir().unwrap();
        if !known {
            // Of another transfer no more than the manifest comes.
            fs::write(dir.path().join("bad.bin"), b"in the way").unwrap();
        }
        let good = [(file("good.bin"), content(3_000_000, 15))];
        let bad = [(file("bad.bin"), content(50_000, 16))];
        let receiving = receive(&options(group, dir.path())).unwrap();
        let first = Source { rate: 16_000_000, ..Source::new(&good) }.send(group);
        while !matches!(receiving.events().recv().unwrap(), ReceiveEvent::FilesKnown { .. }) {}
        let wrong = |hash: ChunkHash| ChunkHash(hash.0.map(|byte| !byte));
        let other = Source::with(SetId([4; 16]), &bad, wrong);
        let sent = Source { node: NodeId(78), ..other }.send(group).join().unwrap();
        assert_eq!(sent.failed.len(), 1);
        assert_eq!(first.join().unwrap().confirmed, 1);
        let report = receiving.wait().unwrap();
        assert_eq!(report.outcome, outcome, "{report:?}");
        assert_eq!((report.sets.len(), report.failed.len()), (1, 1), "{report:?}");
    }
}

#[test]
fn remaining_transfer_may_change_its_sender() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let long = [(file("long.bin"), content(4_000_000, 15))];
    let short = [(file("short.bin"), content(50_000, 16))];
    let receiving = receive(&options(group, dir.path())).unwrap();
    let first = Source { rate: 16_000_000, dies_after: 1_000, ..Source::new(&long) }.send(group);
    while !matches!(receiving.events().recv().unwrap(), ReceiveEvent::FilesKnown { .. }) {}
    let other = Source::with(SetId([4; 16]), &short, |hash| hash);
    assert_eq!(Source { node: NodeId(78), ..other }.send(group).join().unwrap().confirmed, 1);
    first.join().unwrap();
    // Long enough for the first one to count as started anew, too short for it to be given up.
    std::thread::sleep(Duration::from_secs(2));
    let again = Source::with(SetId([5; 16]), &long, |hash| hash);
    let sent = Source { node: NodeId(79), ..again }.send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(names(dir.path()), ["long.bin", "short.bin"]);
}

#[test]
fn complete_content_cannot_fail_afterwards() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("both.bin"), content(3_000_000, 15))];
    let receiving = receive(&options(group, dir.path())).unwrap();
    // The same set by another sender, which stops half way, but has not gone at that time.
    let second = Source::with(SetId([4; 16]), &entries, |hash| hash);
    let second =
        Source { node: NodeId(78), rate: 6_000_000, dies_after: 1_400, ..second }.send(group);
    let first = Source { rate: 16_000_000, ..Source::new(&entries) }.send(group);
    assert_eq!(first.join().unwrap().confirmed, 1);
    second.join().unwrap();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(names(dir.path()), ["both.bin"]);
}

#[test]
fn dead_sender_does_not_keep_a_complete_receiver() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let first = [(file("first.bin"), content(2_000_000, 15))];
    let second = [(file("second.bin"), content(300_000, 16))];
    // The timeout, with another reason, only ends the test if it fails.
    let receiving = receive(&options(group, dir.path())).unwrap();
    let dying = Source { rate: 20_000_000, dies_after: 600, ..Source::new(&first) };
    dying.send(group).join().unwrap();
    let other = Source::with(SetId([4; 16]), &second, |hash| hash);
    let sent = Source { node: NodeId(78), ..other }.send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{events:?}");
    assert_eq!(report.sets.len(), 1);
    let [failure] = &report.failed[..] else { panic!("{report:?}") };
    assert!(matches!(failure.problem, Problem::Remaining { .. }), "{failure:?}");
    assert_eq!(names(dir.path()), ["second.bin"], "and no temporary file");
}

#[test]
fn receiver_waits_for_a_silent_sender_and_takes_a_new_one() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let entries = [(file("first.bin"), content(2_000_000, 17))];
    let receiving = receive(&options(group, dir.path()).with(|o| o.timeout = None)).unwrap();
    let dying = Source { rate: 20_000_000, dies_after: 600, ..Source::new(&entries) };
    dying.send(group).join().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let silent =
        |event| matches!(event, ReceiveEvent::Hint(Hint::SenderSilent { timeout: None, .. }));
    while !silent(next(&receiving, until)) {}
    std::thread::sleep(Duration::from_millis(500));
    let over = |e: ReceiveEvent| matches!(e, ReceiveEvent::SetFailed(_));
    let mut waiting = std::iter::from_fn(|| receiving.events().try_recv().ok());
    assert!(!waiting.any(over), "it waits");
    // Started again, from another port: the set comes whole from there, the rest of the old is
    // dropped.
    let sent = Source::new(&entries).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete);
    assert_eq!((report.sets.len(), report.failed.len()), (1, 0), "{report:?}");
    assert_eq!(names(dir.path()), ["first.bin"]);
}

#[test]
fn block_slower_than_the_timeout_is_not_stalled() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    // 64 packets to a block: three seconds.
    let entries = [(file("slow.bin"), content(64 * usize::from(SEGMENT), 18))];
    let timeout = Some(Duration::from_millis(800));
    let receiving = receive(&options(group, dir.path()).with(|o| o.timeout = timeout)).unwrap();
    let sent = Source { rate: 240_000, ..Source::new(&entries) }.send(group).join().unwrap();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert!(report.elapsed > Duration::from_secs(2), "{report:?}");
    assert_eq!(sent.confirmed, 1);
}

#[test]
fn stalled_set_is_given_up_although_a_sender_goes_on() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let first = [(file("first.bin"), content(2_000_000, 19))];
    let second = [(file("second.bin"), content(2_000_000, 20))];
    let timeout = Some(Duration::from_millis(800));
    let options = options(group, dir.path()).with(|o| {
        o.timeout = timeout;
        o.continuous = true;
    });
    let receiving = receive(&options).unwrap();
    let other = Source::with(SetId([4; 16]), &second, |hash| hash);
    let other = Source { node: NodeId(78), rate: 5_000_000, ..other }.send(group);
    let dying = Source { rate: 20_000_000, dies_after: 600, ..Source::new(&first) };
    dying.send(group).join().unwrap();
    other.join().unwrap();
    receiving.stopper().stop();
    let order: Vec<&str> = receiving
        .events()
        .filter_map(|event| match event {
            ReceiveEvent::SetFailed(_) => Some("failed"),
            ReceiveEvent::SetComplete(_) => Some("complete"),
            _ => None,
        })
        .collect();
    assert_eq!(order, ["failed", "complete"]);
}

#[test]
fn noise_is_no_sender_and_does_not_defer_the_timeout() {
    let group = group();
    let dir = tempfile::tempdir().unwrap();
    let timeout = Some(Duration::from_millis(400));
    let receiving = receive(&options(group, dir.path()).with(|o| o.timeout = timeout)).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let noise = std::thread::spawn(move || {
        let config = LinkConfig {
            interface: Some(InterfaceSpec::Name("lo".to_owned())),
            loopback: true,
            ..LinkConfig::new(group)
        };
        let mut link = Link::open(&config).unwrap();
        let until = Instant::now() + Duration::from_secs(8);
        while !stopped.load(Ordering::Relaxed) && Instant::now() < until {
            link.send(group, 9, b"any noise").unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let report = receiving.wait().unwrap();
    stop.store(true, Ordering::Relaxed);
    noise.join().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::NoSender);
    assert!(report.malformed > 0, "it was heard: {report:?}");
    assert!(report.elapsed < Duration::from_secs(4), "{report:?}");
}

#[test]
fn file_that_is_wrong_every_time_fails_alone() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let (large, small) = (content(2_500_000, 41), content(30_000, 42));
    let entries = [
        (file("a.bin"), large.clone()),
        (file("wrong.bin"), content(1_200_000, 43)),
        (file("z.bin"), small.clone()),
    ];
    let right = ChunkHasher::hash(CHUNK_BYTES, 1_200_000, &entries[1].1[CHUNK_BYTES as usize..]);
    let spoil = |hash| if hash == right { ChunkHash([7; 32]) } else { hash };
    let sender = Source::with(SET, &entries, spoil).send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{events:?}");
    assert_eq!(names(dir.path()), ["a.bin", "z.bin"]);
    assert!(fs::read(dir.path().join("a.bin")).unwrap() == large);
    assert!(fs::read(dir.path().join("z.bin")).unwrap() == small);
    let failed = events.iter().filter_map(|event| match event {
        ReceiveEvent::FileFailed { path, .. } => Some(path.clone()),
        _ => None,
    });
    let failed: Vec<_> = failed.collect();
    assert_eq!(failed, [dir.path().join("wrong.bin")]);
    let sent = sender.join().unwrap();
    assert_eq!((sent.confirmed, sent.failed.len()), (0, 1));
    assert!(sent.failed[0].contains("wrong.bin"), "{:?}", sent.failed);
    // Twice the blocks over 151,424 bytes: one block of 86,016 bytes more at each end, at most.
    assert!(sent.repairs <= 2 * (151_424 + 2 * 86_016) / 1_344 + 4, "{}", sent.repairs);
}

#[test]
fn digest_list_that_comes_first_is_understood() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = [(file("a.bin"), content(2_500_000, 51)), (file("b.bin"), content(3, 52))];
    let sender = Source::hashed_first(&entries).send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    for (entry, content) in &entries {
        assert!(fs::read(dir.path().join(entry.path)).unwrap() == *content);
    }
    let hash = |n: usize| FileHash(*blake3::hash(&entries[n].1).as_bytes());
    assert_eq!(report.sets[0].hashes, [hash(0), hash(1)]);
    let told = |event: &ReceiveEvent| match event {
        ReceiveEvent::SetFound { content, .. } => Some(*content),
        _ => None,
    };
    assert_eq!(events.iter().find_map(told), Some(report.sets[0].content));
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn wrong_chunk_is_asked_for_at_once_when_the_list_came_first() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = [
        (file("a.bin"), content(1_000_000, 61)),
        (file("wrong.bin"), content(300_000, 62)),
        (file("z.bin"), content(9_000_000, 63)),
    ];
    let right = ChunkHasher::hash(0, 300_000, &entries[1].1);
    let spoil = |hash| if hash == right { ChunkHash([7; 32]) } else { hash };
    let source = Source::hashed_first_with(&entries, spoil);
    // Slow enough for the two tries more before the end.
    let sender = Source { rate: 30_000_000, ..source }.send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{events:?}");
    assert_eq!(names(dir.path()), ["a.bin", "z.bin"]);
    let again =
        |event: &ReceiveEvent| matches!(event, ReceiveEvent::Hint(Hint::ReceivedAgain { .. }));
    let verifying = |event: &ReceiveEvent| matches!(event, ReceiveEvent::Verifying { .. });
    let whole = events.iter().position(verifying).unwrap();
    let before = events.iter().take(whole).filter(|event| again(event)).count();
    assert_eq!(before, 2, "{events:?}");
    let sent = sender.join().unwrap();
    assert_eq!((sent.confirmed, sent.failed.len()), (0, 1));
    assert!(sent.repairs <= 2 * (300_000 + 2 * 86_016) / 1_344 + 4, "{}", sent.repairs);
}
