//! Whole sessions in which the disk of the receiver fails once: what sender and receiver report is
//! what is there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]

#[allow(dead_code, reason = "other tests use all of it")]
#[path = "receive/source.rs"]
mod source;

use std::fs;
use std::path::Path;
use std::time::Duration;

use norm_files::sink::Call;
use norm_files::sink::faults::{Fault, inject};
use norm_net::{Hint, ReceiveEvent, ReceiveOutcome, receive};

use source::{SentBy, Source, content, directory, file, group, options};

/// What came of a session.
struct Session {
    outcome: ReceiveOutcome,
    hints: Vec<Hint>,
    sent: SentBy,
}

/// Sends the files to one receiver, which writes into `out`.
fn run(files: &[(&str, Vec<u8>)], out: &Path) -> Session {
    let group = group();
    let files = files.iter().map(|(name, bytes)| (file(name), bytes.clone()));
    let entries: Vec<_> = std::iter::once((directory("inner"), Vec::new())).chain(files).collect();
    let sender = Source::new(&entries).send(group);
    let receiving = receive(&options(group, out)).unwrap();
    let hints = receiving.events().filter_map(|event| match event {
        ReceiveEvent::Hint(hint) => Some(hint),
        _ => None,
    });
    let hints = hints.collect();
    let outcome = receiving.wait().unwrap().outcome;
    Session { outcome, hints, sent: sender.join().unwrap() }
}

#[test]
fn reports_are_true_whatever_call_fails() {
    let temp = tempfile::tempdir().unwrap();
    let files = [("first", content(1_200_000, 1)), ("inner/second", content(70_000, 2))];
    let is_there = |out: &Path, (name, bytes): &(&str, Vec<u8>)| {
        let path = out.join(name);
        let there = fs::read(&path).ok();
        assert!(there.is_none() || there.as_ref() == Some(bytes), "{} is wrong", path.display());
        there.is_some()
    };
    let share = Fault { call: Call::Kind, after: None, errno: libc::ENOSYS };
    for (n, (call, errno, is_harmless)) in faults().into_iter().enumerate() {
        let out = temp.path().join(format!("out{n}"));
        let fault = Fault { call, after: Some(0), errno };
        let injection = inject(&[fault, share]);
        let session = run(&files, &out);
        assert!(injection.has_hit(&fault), "{fault:?} was not tried");
        drop(injection);
        let complete = session.outcome == ReceiveOutcome::Complete;
        assert_eq!(complete, is_harmless, "{fault:?}: {:?}", session.outcome);
        let there = files.iter().filter(|file| is_there(&out, file)).count();
        assert!(!complete || there == 2, "{fault:?}: it says complete");
        assert_eq!(session.sent.confirmed, usize::from(complete), "{fault:?}");
        assert_eq!(session.sent.failed.len(), usize::from(!complete), "{fault:?}");
        let told = |hint: &&Hint| matches!(hint, Hint::MetadataRefused { entries: 1, .. });
        let is_metadata = call == Call::SetMode;
        let hints = session.hints.iter().filter(told).count();
        assert_eq!(hints, usize::from(is_metadata), "{fault:?}: {:?}", session.hints);
        if !complete {
            assert!(matches!(session.outcome, ReceiveOutcome::LocalError { .. }), "{fault:?}");
        }
        if matches!(call, Call::Write | Call::Sync) {
            assert_eq!(run(&files, &out).outcome, ReceiveOutcome::Complete, "{fault:?}: again");
        }
    }
}

#[test]
fn timeout_does_not_run_while_the_disk_is_waited_for() {
    let temp = tempfile::tempdir().unwrap();
    let injection = inject(&[]);
    injection.delay(Call::Write, Duration::from_millis(900));
    let group = group();
    let sender = Source::new(&[(file("f"), content(250_000, 1))]).send(group);
    let options =
        options(group, temp.path()).with(|o| o.timeout = Some(Duration::from_millis(600)));
    let report = receive(&options).unwrap().wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Complete);
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn disk_that_is_the_limit_is_told() {
    let temp = tempfile::tempdir().unwrap();
    let injection = inject(&[]);
    injection.delay(Call::Write, Duration::from_millis(60));
    let group = group();
    let sender = Source::new(&[(file("f"), content(6_000_000, 1))]).send(group);
    let options = options(group, temp.path()).with(|o| o.memory = 2 << 20);
    let receiving = receive(&options).unwrap();
    let is_told = |event: ReceiveEvent| matches!(event, ReceiveEvent::Hint(Hint::SlowDisk { .. }));
    assert_eq!(receiving.events().filter(|event| is_told(event.clone())).count(), 1);
    assert_eq!(receiving.wait().unwrap().outcome, ReceiveOutcome::Complete);
    let sent = sender.join().unwrap();
    assert_eq!((sent.confirmed, sent.writing), (1, true), "the sender hears so");
}

/// The first call of a kind that a session makes, and whether it does without.
fn faults() -> [(Call, i32, bool); 8] {
    use libc::{EACCES, EDQUOT, EIO, ENOSPC, ENOSYS, EPERM};
    [
        (Call::SetMode, EPERM, true),
        (Call::Create, EACCES, true),
        (Call::Create, ENOSPC, false),
        (Call::Write, ENOSPC, false),
        (Call::Read, EIO, false),
        (Call::Allocate, ENOSPC, false),
        (Call::Room, ENOSYS, true),
        (Call::Sync, EDQUOT, false),
    ]
}

#[test]
fn byte_flipped_in_memory_costs_the_blocks_over_its_chunk() {
    const LEN: usize = 8_000_000;
    let temp = tempfile::tempdir().unwrap();
    let files = [("first", content(LEN, 5)), ("inner/second", content(50_000, 6))];
    let injection = inject(&[]);
    injection.flip(5_000_000);
    let session = run(&files, temp.path());
    assert!(injection.has_flipped());
    drop(injection);
    assert_eq!(session.outcome, ReceiveOutcome::Complete);
    for (name, bytes) in &files {
        assert!(fs::read(temp.path().join(name)).unwrap() == *bytes, "{name}");
    }
    let again = session.hints.iter().filter(|hint| matches!(hint, Hint::ReceivedAgain { .. }));
    assert_eq!((again.count(), session.sent.confirmed), (1, 1));
    // A mebibyte in packets of 1,344 bytes, cut into extents of 600,000 bytes and blocks of 64
    // packets: at most a block more at each end.
    let repairs = session.sent.repairs;
    assert!((780..=780 + 2 * 64 + 8).contains(&repairs), "{repairs} packets came again");
}
