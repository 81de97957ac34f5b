use std::fs;

use super::*;
use crate::sink::spool_files::SpoolFile;
use crate::sink::spool_table::Spools;
use norm_core::fileset::{Entry, EntryKind, ManifestHash, ManifestWriter};

const MIB: u64 = 1 << 20;
const DAY: u64 = 24 * 3600;
const TWO_OF_FIVE: Resumable = Resumable { bytes: 2 * MIB, payload: 5 * MIB };

/// Leaves two MiB of five.
fn leave(dir: &Path, id: u8) {
    let spool = Spools::new(dir, true).create(ManifestHash([id; 32]), 5 * MIB).unwrap();
    spool.write(SpoolFile::Payload, &[7; 2 << 20], 0).unwrap();
}

/// Makes all files look older.
fn age(dir: &Path, seconds: u64) {
    let then = SystemTime::now() - Duration::from_secs(seconds);
    for entry in fs::read_dir(dir).unwrap() {
        let file = File::options().write(true).open(entry.unwrap().path()).unwrap();
        file.set_times(FileTimes::new().set_modified(then)).unwrap();
    }
}

fn count(dir: &Path) -> usize {
    fs::read_dir(dir).unwrap().count()
}

#[test]
fn unfinished_sets_are_listed_and_stay_for_a_week() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    let kept = Sweep { resumable: vec![TWO_OF_FIVE], removed: 0 };
    assert_eq!(sweep(dir.path(), false), kept);
    age(dir.path(), 6 * DAY);
    assert_eq!(sweep(dir.path(), false), kept);
    assert_eq!(count(dir.path()), 3);
    age(dir.path(), 8 * DAY);
    assert_eq!(sweep(dir.path(), false), Sweep { resumable: vec![], removed: 1 });
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn useless_files_go_after_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let stem = format!("{TEMP_PREFIX}{}", "ab".repeat(32));
    // Killed before there was a state; the second spool of a set; a state that says nothing.
    for name in [".payload", ".manifest", ".digests", "-1.manifest", "-1.payload", "-2.state"] {
        fs::write(dir.path().join(format!("{stem}{name}")), "x").unwrap();
    }
    assert_eq!(sweep(dir.path(), false), Sweep::default(), "it may be just about to begin");
    age(dir.path(), 120);
    assert_eq!(sweep(dir.path(), false).removed, 3);
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn everything_goes_when_nothing_is_to_stay() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    leave(dir.path(), 2);
    assert_eq!(sweep(dir.path(), true), Sweep { resumable: vec![], removed: 2 });
    assert_eq!(count(dir.path()), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn files_at_work_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    let spool = Spools::new(dir.path(), true).create(ManifestHash([1; 32]), 5 * MIB).unwrap();
    age(dir.path(), 30 * DAY);
    assert_eq!(sweep(dir.path(), true), Sweep::default());
    assert_eq!(spool.have().bytes(), 2 * MIB);
    assert_eq!(count(dir.path()), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn parts_of_files_go_unless_a_receiver_is_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = ManifestWriter::new();
    let file = Entry::new(EntryKind::File, "d/file");
    writer.push(&Entry { size: 5 * MIB, ..file }).unwrap();
    let (manifest, content) = writer.finish();
    let spool = Spools::new(dir.path(), true).create(content, 5 * MIB).unwrap();
    spool.write(SpoolFile::Manifest, &manifest, 0).unwrap();
    spool.write(SpoolFile::Payload, &[7; 2 << 20], 0).unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let part = dir.path().join("d").join(spool.part(0));
    fs::write(&part, "half").unwrap();
    sweep(dir.path(), true);
    assert!(part.exists(), "a receiver is at work");
    drop(spool);
    assert_eq!(sweep(dir.path(), false).resumable, [TWO_OF_FIVE], "the payload stays");
    assert!(!part.exists());
}

#[test]
fn newest_of_many_stay() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 100);
    age(dir.path(), DAY);
    (0..MAX_RESUMABLE as u8).for_each(|id| leave(dir.path(), id));
    let swept = sweep(dir.path(), false);
    assert_eq!((swept.resumable.len(), swept.removed), (MAX_RESUMABLE, 1));
    assert!(
        !dir.path().join(format!("{TEMP_PREFIX}{}.manifest", ManifestHash([100; 32]))).exists()
    );
}

#[test]
fn files_of_other_names_are_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    let id = "ab".repeat(32);
    let names = [
        "file".to_owned(),
        format!("{id}.manifest"),
        format!("{TEMP_PREFIX}{}.manifest", "AB".repeat(16)),
        format!("{TEMP_PREFIX}{id}.part"),
        format!("{TEMP_PREFIX}{id}-x.manifest"),
        format!("{TEMP_PREFIX}{}.manifest", "ab".repeat(15)),
        format!("{TEMP_PREFIX}{id}"),
    ];
    names.iter().for_each(|name| fs::write(dir.path().join(name), "x").unwrap());
    age(dir.path(), 30 * DAY);
    assert_eq!(sweep(dir.path(), true), Sweep::default());
    assert_eq!(count(dir.path()), names.len());
}

#[test]
fn clock_that_was_wrong_by_years_makes_nothing_old() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    let kept = Sweep { resumable: vec![TWO_OF_FIVE], removed: 0 };
    // As if the clock had said 1990 then.
    let since_1990 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    age(dir.path(), since_1990.as_secs() - 20 * 365 * DAY);
    assert_eq!(sweep(dir.path(), false), kept);
    age(dir.path(), 6 * DAY);
    assert_eq!(sweep(dir.path(), false), kept, "from then on it ages");
    age(dir.path(), 8 * DAY);
    assert_eq!(sweep(dir.path(), false).removed, 1);
}
