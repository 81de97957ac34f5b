//! Transfers that end early, and those that go on with them.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use norm_core::fec::{Points, RsCode, RsForm, Scheme};
use norm_core::fileset::{ChunkHash, Entry, SetId};
use norm_core::norm::wire::NodeId;
use norm_net::event::{Obstacle, ResumeData};
use norm_net::{
    Hint, Problem, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveReport, receive,
};

use crate::next;
use crate::source::{SEGMENT, SentBy, Source, content, file, group, names, options};

const SIZE: usize = 12_000_000;
/// Content packets of the half that came.
const HALF: u64 = 4_500;
const OTHER: SetId = SetId([0x42; 16]);

type Entries = [(Entry<'static>, Vec<u8>); 2];

fn entries(seed: u64) -> Entries {
    [(file("big.bin"), content(SIZE, seed)), (file("small.bin"), content(50_000, seed + 1))]
}

fn run(options: &ReceiveOptions) -> (ReceiveReport, Vec<ReceiveEvent>) {
    let receiving = receive(options).unwrap();
    let events = receiving.events().collect();
    (receiving.wait().unwrap(), events)
}

/// A sender that dies half way, and a receiver that gives up.
fn begin(group: SocketAddr, directory: &Path, entries: &Entries) -> u64 {
    let dying = Source { dies_after: HALF, ..Source::new(entries) }.send(group);
    let timeout = Some(Duration::from_millis(1_500));
    let (report, events) = run(&options(group, directory).with(|o| o.timeout = timeout));
    dying.join().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Partial, "{report:?}");
    let kept = kept(&events);
    let sent = HALF * u64::from(SEGMENT);
    // It looks now and then only how much it has sent.
    assert!((sent * 9 / 10..sent * 11 / 10).contains(&kept), "{kept} of {sent} are kept");
    kept
}

fn kept(events: &[ReceiveEvent]) -> u64 {
    let kept = events.iter().find_map(|event| match event {
        ReceiveEvent::ResumeDataKept { bytes_done, bytes_total, .. } => {
            Some((*bytes_done, *bytes_total))
        }
        _ => None,
    });
    let (bytes, of) = kept.unwrap_or_else(|| panic!("nothing is kept: {events:?}"));
    assert_eq!(of, (SIZE + 50_000) as u64);
    bytes
}

fn resumed(events: &[ReceiveEvent]) -> Option<u64> {
    events.iter().find_map(|event| match event {
        ReceiveEvent::SetResumed { bytes_done, .. } => Some(*bytes_done),
        _ => None,
    })
}

/// Everything is there, right, and nothing else.
fn assert_complete(report: &ReceiveReport, directory: &Path, entries: &Entries) {
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    assert_eq!(names(directory), ["big.bin", "small.bin"]);
    for (entry, content) in entries {
        assert!(fs::read(directory.join(entry.path)).unwrap() == *content, "{}", entry.path);
    }
}

/// Another sender of the same files, with other extents.
fn another(entries: &Entries) -> Source {
    let source = Source::cut(OTHER, entries, 700_000, |hash| hash);
    Source { node: NodeId(90), segment: 1_000, ..source }
}

fn path(directory: &Path, kind: &str) -> PathBuf {
    let ending = format!(".{kind}");
    let name = names(directory).into_iter().find(|name| name.ends_with(&ending)).unwrap();
    directory.join(name)
}

fn flip(path: &Path, at: usize, count: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + count].iter_mut().for_each(|byte| *byte = !*byte);
    fs::write(path, bytes).unwrap();
}

#[test]
fn next_session_resumes_from_a_sender_with_other_extents() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(100);
    let kept = begin(group, dir.path(), &entries);
    let left = names(dir.path());
    assert_eq!(left.len(), 4, "manifest, payload, hashes and state: {left:?}");
    let code = RsCode::new(RsForm::Id5, Points::Rizzo, 64, 32).unwrap();
    let sender = Source { scheme: Scheme::ReedSolomon(code), ..another(&entries) }.send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), Some(kept));
    let ReceiveEvent::ResumeDataFound { sets, removed: 0 } = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(sets[..], [ResumeData::new(kept, 12_050_000)]);
    let SentBy { confirmed, repairs, .. } = sender.join().unwrap();
    assert_eq!((confirmed, report.decoded), (1, 0));
    assert_eq!(repairs, 0, "it asks for nothing");
    // Blocks that lie across the edge of what is there are received again: one for each extent at
    // most.
    let new = (SIZE as u64 + 50_000 - kept) / 1_000;
    let duplicates = report.duplicates * 1_000;
    assert!(duplicates * 100 > kept * 90, "{duplicates} of {kept} were of no use, {new} new");
}

#[test]
fn transfer_stopped_by_a_differing_file_is_kept_whole() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(105);
    let mine = dir.path().join("big.bin");
    fs::write(&mine, content(SIZE, 9)).unwrap();
    let sender = Source::new(&entries).send(group);
    let (report, events) = run(&options(group, dir.path()));
    let problem = Problem::Obstructed { path: mine.clone(), obstacle: Obstacle::SameSize };
    assert_eq!(report.outcome, ReceiveOutcome::LocalError { problem });
    assert!(fs::read(&mine).unwrap() == content(SIZE, 9));
    assert!(!dir.path().join("small.bin").exists(), "all or nothing");
    assert_eq!(kept(&events), SIZE as u64 + 50_000);
    assert_eq!(sender.join().unwrap().confirmed, 0);

    fs::remove_file(mine).unwrap();
    let sender = Source { node: NodeId(90), ..Source::new(&entries) }.send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), Some(SIZE as u64 + 50_000));
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn late_receiver_has_only_what_it_lacks_sent_again() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(110);
    let kept = begin(group, dir.path(), &entries);
    let other = tempfile::tempdir().unwrap();
    let again = Source::cut(OTHER, &entries, crate::source::EXTENT, |hash| hash);
    let sender = Source { node: NodeId(90), linger: Duration::from_secs(20), ..again }.send(group);
    let (report, _) = run(&options(group, other.path()));
    assert_complete(&report, other.path(), &entries);
    // Everything was sent, and more is sent only on request.
    let second = options(group, dir.path()).with(|o| {
        o.seed = Some(10);
        o.name = "late".to_owned();
    });
    let (report, events) = run(&second);
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), Some(kept));
    let missing = (SIZE as u64 + 50_000 - kept).div_ceil(SEGMENT.into());
    let sent = sender.join().unwrap();
    let more = sent.repairs.saturating_sub(missing);
    println!("{missing} packets were missing, {} sent again", sent.repairs);
    assert!(sent.repairs >= missing, "{} of {missing}", sent.repairs);
    // The ends of extents, the tail.
    assert!(more * 100 <= missing + 5_000, "{more} beyond {missing} were sent");
}

#[test]
fn crash_costs_a_second_and_no_more() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(120);
    let slow = Source { rate: 20_000_000, ..Source::new(&entries) }.send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let written = |event: ReceiveEvent| match event {
        ReceiveEvent::Progress(progress) => progress.bytes_done,
        _ => 0,
    };
    while written(next(&receiving, until)) < 8_000_000 {}
    // What is on the disk at this moment.
    let crashed = tempfile::tempdir().unwrap();
    for kind in ["state", "manifest", "payload"] {
        let from = path(dir.path(), kind);
        fs::copy(&from, crashed.path().join(from.file_name().unwrap())).unwrap();
    }
    receiving.stopper().stop();
    assert_eq!(receiving.wait().unwrap().outcome, ReceiveOutcome::Stopped);
    slow.join().unwrap();
    let sender = another(&entries).send(group);
    let (report, events) = run(&options(group, crashed.path()));
    assert_complete(&report, crashed.path(), &entries);
    // At 2.5 MB/s, with a second more for a busy machine.
    let here = resumed(&events).unwrap();
    assert!(here >= 3_000_000, "{here}");
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn bytes_wrong_on_the_disk_are_received_again() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(130);
    begin(group, dir.path(), &entries);
    flip(&path(dir.path(), "payload"), 1_234_567, 100_000);
    let sender = another(&entries).send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    let again = |e: &&ReceiveEvent| matches!(e, ReceiveEvent::Hint(Hint::ReceivedAgain { .. }));
    // The flipped ones are all in one chunk, found by the hash that was written down.
    // Nothing of it is asked for again if that was before its extents came.
    assert!(events.iter().filter(again).count() <= 1, "{events:?}");
    let sent = sender.join().unwrap();
    // A mebibyte, and a block of 64 packets at each end at most.
    assert!(sent.repairs <= 1_100 + 2 * 64, "more than the blocks over it: {}", sent.repairs);
}

#[test]
fn manifest_wrong_on_the_disk_is_received_again() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(135);
    begin(group, dir.path(), &entries);
    flip(&path(dir.path(), "manifest"), 30, 10);
    let sender = another(&entries).send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    assert!(resumed(&events).is_some());
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn damaged_state_counts_for_nothing_and_is_told() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(140);
    begin(group, dir.path(), &entries);
    flip(&path(dir.path(), "state"), 45, 1);
    let sender = another(&entries).send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), None);
    let told = |e: &ReceiveEvent| matches!(e, ReceiveEvent::Hint(Hint::ResumeDataUnusable { .. }));
    assert!(events.iter().any(told), "{events:?}");
    assert_eq!(sender.join().unwrap().confirmed, 1);
}

#[test]
fn receivers_in_one_directory_do_not_share_resume_data() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(150);
    let kept = begin(group, dir.path(), &entries);
    let sender = Source { rate: 40_000_000, ..another(&entries) }.send(group);
    let first = receive(&options(group, dir.path())).unwrap();
    let is_on = |event: ReceiveEvent| matches!(event, ReceiveEvent::SetResumed { .. });
    let until = Instant::now() + Duration::from_secs(20);
    while !is_on(next(&first, until)) {}
    let no_resume = options(group, dir.path()).with(|o| {
        o.seed = Some(10);
        o.resume = false;
    });
    let (second, _) = run(&no_resume);
    let ReceiveOutcome::LocalError { problem } = second.outcome else { panic!("{second:?}") };
    assert!(problem.to_string().contains("another receiver"), "{problem}");
    let report = first.wait().unwrap();
    assert_complete(&report, dir.path(), &entries);
    assert!(report.duplicates * 1_000 > kept * 9 / 10);
    sender.join().unwrap();
}

#[test]
fn continuous_session_resumes_what_it_gave_up() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(160);
    let timeout = Some(Duration::from_millis(1_500));
    let continuous = options(group, dir.path()).with(|o| {
        o.continuous = true;
        o.timeout = timeout;
    });
    let receiving = receive(&continuous).unwrap();
    Source { dies_after: HALF, ..Source::new(&entries) }.send(group).join().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let mut events = Vec::new();
    while !matches!(events.last(), Some(ReceiveEvent::ResumeDataKept { .. })) {
        events.push(next(&receiving, until));
    }
    let sent = another(&entries).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.repairs), (1, 0));
    receiving.stopper().stop();
    let later: Vec<ReceiveEvent> = receiving.events().collect();
    assert_eq!(resumed(&later), Some(kept(&events)));
    let report = receiving.wait().unwrap();
    assert_complete(&report, dir.path(), &entries);
}

#[test]
fn restarted_sender_finds_a_receiver_with_what_it_has() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(170);
    let receiving = receive(&options(group, dir.path()).with(|o| o.timeout = None)).unwrap();
    Source { dies_after: HALF, ..Source::new(&entries) }.send(group).join().unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let silent = |event: ReceiveEvent| matches!(event, ReceiveEvent::SenderSilent { .. });
    while !silent(next(&receiving, until)) {}
    let sent = another(&entries).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.repairs), (1, 0));
    let events: Vec<ReceiveEvent> = receiving.events().collect();
    assert!(resumed(&events).is_some_and(|bytes| bytes > 5_000_000), "{events:?}");
    let report = receiving.wait().unwrap();
    assert_complete(&report, dir.path(), &entries);
    assert!(report.failed.is_empty(), "{report:?}");
}

#[test]
fn session_without_resume_finds_nothing_and_leaves_nothing() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(180);
    begin(group, dir.path(), &entries);
    fs::write(dir.path().join(".norm-other"), "not ours").unwrap();
    let timeout = Some(Duration::from_millis(1_500));
    let no_resume = options(group, dir.path()).with(|o| {
        o.resume = false;
        o.timeout = timeout;
    });
    let dying = Source { dies_after: HALF, ..another(&entries) }.send(group);
    let (report, events) = run(&no_resume);
    dying.join().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::Partial);
    assert!(matches!(&events[0], ReceiveEvent::ResumeDataFound { removed: 1, .. }), "{events:?}");
    assert!(!events.iter().any(|e| matches!(e, ReceiveEvent::ResumeDataKept { .. })));
    assert_eq!(names(dir.path()), [".norm-other"]);
}

#[test]
fn set_that_is_wrong_every_time_is_not_kept() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(190);
    begin(group, dir.path(), &entries);
    let wrong = Source::cut(OTHER, &entries, 3_000_000, |_| ChunkHash([7; 32]));
    let sender = Source { node: NodeId(90), ..wrong }.send(group);
    let (report, events) = run(&options(group, dir.path()));
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{report:?}");
    assert!(resumed(&events).is_some());
    assert!(names(dir.path()).is_empty(), "{:?}", names(dir.path()));
    assert_eq!(sender.join().unwrap().failed.len(), 1);
}

#[test]
fn file_in_the_way_costs_no_second_transfer() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(200);
    let sender = Source { rate: 60_000_000, ..Source::new(&entries) }.send(group);
    let receiving = receive(&options(group, dir.path())).unwrap();
    for event in receiving.events() {
        if matches!(event, ReceiveEvent::FilesKnown { .. }) {
            fs::write(dir.path().join("small.bin"), "mine").unwrap();
        }
    }
    let report = receiving.wait().unwrap();
    assert!(matches!(report.outcome, ReceiveOutcome::LocalError { .. }), "{report:?}");
    sender.join().unwrap();
    let sender = another(&entries).send(group);
    let (report, events) = run(&options(group, dir.path()).with(|o| o.overwrite = true));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), Some(SIZE as u64 + 50_000));
    assert_eq!(sender.join().unwrap().repairs, 0);
}

#[test]
fn resumed_part_may_take_longer_to_pass_than_the_timeout() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(210);
    let kept = begin(group, dir.path(), &entries);
    let sender = Source { rate: 16_000_000, ..another(&entries) }.send(group);
    let timeout = Some(Duration::from_millis(1_500));
    let (report, events) = run(&options(group, dir.path()).with(|o| o.timeout = timeout));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(resumed(&events), Some(kept));
    assert!(report.elapsed > Duration::from_secs(5), "{report:?}");
    sender.join().unwrap();
}

#[test]
fn repair_only_sender_sends_hardly_more_than_is_missing() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(220);
    let kept = begin(group, dir.path(), &entries);
    let again = Source::cut(OTHER, &entries, crate::source::EXTENT, |hash| hash);
    let sender = Source { node: NodeId(90), on_request: true, ..again }.send(group);
    let (report, _) = run(&options(group, dir.path()));
    assert_complete(&report, dir.path(), &entries);
    let missing = (SIZE as u64 + 50_000 - kept).div_ceil(SEGMENT.into());
    let sent = sender.join().unwrap();
    assert_eq!(sent.confirmed, 1);
    // The ends of extents, head and tail.
    let most = missing + missing / 100 + 50;
    assert!((missing..most).contains(&sent.repairs), "{} of {missing}", sent.repairs);
}

#[test]
fn receiver_with_nothing_gets_all_from_repair_only_sender() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let entries = entries(230);
    let sender = Source { on_request: true, ..Source::new(&entries) }.send(group);
    let (report, _) = run(&options(group, dir.path()).with(|o| o.demo.drop_percent = 5.0));
    assert_complete(&report, dir.path(), &entries);
    assert_eq!(sender.join().unwrap().confirmed, 1);
}
