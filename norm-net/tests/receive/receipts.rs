//! Sets that are here already, and sets that are not what is wanted.

use std::fs;
use std::path::Path;

use norm_core::fileset::{Entry, SetId};
use norm_core::norm::wire::NodeId;
use norm_net::{
    Hint, Problem, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveReport, StateFolders,
    receive,
};

use crate::source::{SentBy, Source, content, directory, file, group, names, options};

fn entries() -> Vec<(Entry<'static>, Vec<u8>)> {
    vec![
        (directory("set"), Vec::new()),
        (file("set/a.bin"), content(1_500_000, 71)),
        (file("set/empty"), Vec::new()),
    ]
}

/// Receives the set once more, with receipts; what is sent is what is asked for.
fn again(dir: &Path, change: impl FnOnce(&mut ReceiveOptions)) -> (ReceiveReport, SentBy) {
    let group = group();
    let source = Source { on_request: true, ..Source::hashed_first(&entries()) };
    let sender = source.send(group);
    let options = options(group, &dir.join("out")).with(|o| {
        o.files.state = StateFolders::within(&dir.join("state"));
        change(o);
    });
    let report = receive(&options).unwrap().wait().unwrap();
    (report, sender.join().unwrap())
}

fn is_unchanged(report: &ReceiveReport) -> bool {
    assert_eq!(report.outcome, ReceiveOutcome::Complete, "{report:?}");
    report.sets[0].unchanged
}

#[test]
fn set_that_is_here_by_its_receipt_is_not_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let (first, sent) = again(dir.path(), |_| {});
    assert!(!is_unchanged(&first) && sent.repairs > 1_000, "{}", sent.repairs);
    assert_eq!(names(&dir.path().join("out")), ["set"], "nothing else is in there");
    let (second, sent) = again(dir.path(), |_| {});
    assert!(is_unchanged(&second));
    assert_eq!((sent.confirmed, sent.failed.len(), sent.repairs), (1, 0, 0));
    let [set] = &second.sets[..] else { panic!("{second:?}") };
    assert_eq!((set.files, set.present, set.directories, set.bytes), (2, 2, 1, 1_500_000));
    assert_eq!(set.content, first.sets[0].content);
}

#[test]
fn set_whose_files_have_changed_since_the_receipt_is_received() {
    let dir = tempfile::tempdir().unwrap();
    again(dir.path(), |_| {});
    let path = dir.path().join("out/set/a.bin");
    let right = fs::read(&path).unwrap();
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, vec![0; 1_500_000]).unwrap();
    fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    let (report, sent) = again(dir.path(), |o| o.overwrite = true);
    assert!(!is_unchanged(&report) && sent.repairs > 1_000, "{}", sent.repairs);
    assert!(fs::read(&path).unwrap() == right);
    assert!(is_unchanged(&again(dir.path(), |_| {}).0), "there is a new receipt");
    fs::remove_dir_all(dir.path().join("out")).unwrap();
    let (report, _) = again(dir.path(), |_| {});
    assert!(!is_unchanged(&report) && fs::read(&path).unwrap() == right);
}

#[test]
fn without_folders_nothing_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let (report, _) = again(dir.path(), |o| o.files.state = StateFolders::none());
        assert!(!is_unchanged(&report));
    }
    assert_eq!(names(dir.path()), ["out"]);
}

#[test]
fn other_content_than_expected_is_ignored_when_that_is_known_first() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let (right, other) = (entries(), vec![(file("other"), content(300_000, 72))]);
    let expected = Source::hashed_first(&right).objects[0].0.part.set.content;
    let receiving =
        receive(&options(group, dir.path()).with(|o| o.files.expect = expected)).unwrap();
    let sent = Source::hashed_first(&other).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed.len()), (0, 1));
    assert!(sent.failed[0].contains("not the expected one"), "{:?}", sent.failed);
    let mut source = Source { node: NodeId(78), ..Source::hashed_first(&right) };
    for (info, _) in &mut source.objects {
        info.part.set.set = SetId([9; 16]);
    }
    let sent = source.send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    let told =
        |event: &ReceiveEvent| matches!(event, ReceiveEvent::Hint(Hint::OtherContent { .. }));
    assert_eq!(receiving.events().filter(told).count(), 1);
    assert_eq!(receiving.wait().unwrap().outcome, ReceiveOutcome::Complete);
    assert_eq!(names(dir.path()), ["set"]);
}

#[test]
fn other_content_than_expected_gets_no_name_when_that_is_known_last() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let expected = Source::hashed_first(&entries()).objects[0].0.part.set.content;
    let receiving =
        receive(&options(group, dir.path()).with(|o| o.files.expect = expected)).unwrap();
    let other = [(file("other"), content(300_000, 72))];
    let sent = Source::new(&other).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed.len()), (0, 1));
    let report = receiving.wait().unwrap();
    assert_eq!(report.outcome, ReceiveOutcome::VerifyFailed, "{report:?}");
    assert!(matches!(report.failed[0].problem, Problem::OtherContent { .. }), "{report:?}");
    assert_eq!(names(dir.path()), [""; 0]);
}

#[test]
fn expected_content_is_taken_when_it_is_known_last() {
    let (group, dir) = (group(), tempfile::tempdir().unwrap());
    let expected = Source::hashed_first(&entries()).objects[0].0.part.set.content;
    let receiving =
        receive(&options(group, dir.path()).with(|o| o.files.expect = expected)).unwrap();
    let sent = Source::new(&entries()).send(group).join().unwrap();
    assert_eq!((sent.confirmed, sent.failed), (1, vec![]));
    assert_eq!(receiving.wait().unwrap().sets[0].content, expected);
}
