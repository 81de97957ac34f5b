use std::fs::{File, FileTimes};

use super::*;
use crate::sink::spool::SpoolFile;
use crate::sink::spool_table::Spools;
use norm_core::fileset::{ContentId, Entry, EntryKind, ManifestWriter, Mtime};

const MIB: u64 = 1 << 20;
const DAY: u64 = 24 * 3600;

/// Leaves two MiB of five behind.
fn leave(dir: &Path, id: u8) {
    let spool = Spools::new(dir, true).create(ContentId([id; 16]), 5 * MIB).unwrap();
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
fn unfinished_sets_are_told_and_kept_for_a_week() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    let kept = Sweep { kept: vec![(2 * MIB, 5 * MIB)], removed: 0 };
    assert_eq!(sweep(dir.path(), false), kept);
    age(dir.path(), 6 * DAY);
    assert_eq!(sweep(dir.path(), false), kept);
    assert_eq!(count(dir.path()), 3);
    age(dir.path(), 8 * DAY);
    assert_eq!(sweep(dir.path(), false), Sweep { kept: vec![], removed: 1 });
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn litter_goes_once_it_is_nobodys() {
    let dir = tempfile::tempdir().unwrap();
    let stem = format!("{TEMP_PREFIX}{}", "ab".repeat(16));
    // Killed before there was a state; the second copy of a set; a state that says nothing.
    for name in [".payload", ".head", ".tail", "-1.head", "-1.payload", "-2.state"] {
        fs::write(dir.path().join(format!("{stem}{name}")), "x").unwrap();
    }
    assert_eq!(sweep(dir.path(), false), Sweep::default(), "it may be just about to begin");
    age(dir.path(), 120);
    assert_eq!(sweep(dir.path(), false).removed, 3);
    assert_eq!(count(dir.path()), 0);
}

#[test]
fn all_goes_when_nothing_is_to_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    leave(dir.path(), 2);
    assert_eq!(sweep(dir.path(), true), Sweep { kept: vec![], removed: 2 });
    assert_eq!(count(dir.path()), 0);
}

#[test]
#[cfg(target_os = "linux")]
fn what_somebody_is_at_work_on_is_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 1);
    let spool = Spools::new(dir.path(), true).create(ContentId([1; 16]), 5 * MIB).unwrap();
    age(dir.path(), 30 * DAY);
    assert_eq!(sweep(dir.path(), true), Sweep::default());
    assert_eq!(spool.have().bytes(), 2 * MIB);
    assert_eq!(count(dir.path()), 4);
}

#[test]
#[cfg(target_os = "linux")]
fn a_part_of_a_file_that_was_being_made_goes_unless_somebody_is_at_work() {
    let dir = tempfile::tempdir().unwrap();
    let mut head = ManifestWriter::new();
    let (kind, mtime) = (EntryKind::File, Mtime { seconds: 0, nanos: 0 });
    head.push(&Entry { kind, mode: 0o644, mtime, size: 5 * MIB, path: "d/file" }).unwrap();
    let head = head.finish();
    let content = ContentId::of(&blake3::hash(&head));
    let spool = Spools::new(dir.path(), true).create(content, 5 * MIB).unwrap();
    spool.write(SpoolFile::Manifest, &head, 0).unwrap();
    spool.write(SpoolFile::Payload, &[7; 2 << 20], 0).unwrap();
    fs::create_dir(dir.path().join("d")).unwrap();
    let part = spool.part_beside(&dir.path().join("d/file"));
    fs::write(&part, "half").unwrap();
    sweep(dir.path(), true);
    assert!(part.exists(), "somebody is at work");
    drop(spool);
    assert_eq!(sweep(dir.path(), false).kept, [(2 * MIB, 5 * MIB)], "the rest stays");
    assert!(!part.exists());
}

#[test]
fn of_many_the_newest_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), 100);
    age(dir.path(), DAY);
    (0..MAX_KEPT as u8).for_each(|id| leave(dir.path(), id));
    let swept = sweep(dir.path(), false);
    assert_eq!((swept.kept.len(), swept.removed), (MAX_KEPT, 1));
    assert!(!dir.path().join(format!("{TEMP_PREFIX}{}.head", ContentId([100; 16]))).exists());
}

#[test]
fn other_files_are_nobodys_business() {
    let dir = tempfile::tempdir().unwrap();
    let id = "ab".repeat(16);
    let names = [
        "file".to_owned(),
        format!("{id}.head"),
        format!("{TEMP_PREFIX}{}.head", "AB".repeat(16)),
        format!("{TEMP_PREFIX}{id}.part"),
        format!("{TEMP_PREFIX}{id}-x.head"),
        format!("{TEMP_PREFIX}{}.head", "ab".repeat(15)),
        format!("{TEMP_PREFIX}{id}"),
    ];
    names.iter().for_each(|name| fs::write(dir.path().join(name), "x").unwrap());
    age(dir.path(), 30 * DAY);
    assert_eq!(sweep(dir.path(), true), Sweep::default());
    assert_eq!(count(dir.path()), names.len());
}
