use std::fs;

use norm_core::fileset::{PartKind, TEMP_PREFIX};

use super::*;
use crate::sink::set::Part;
use crate::sink::spool_files::SpoolFile;

const SET: ManifestHash = ManifestHash([0xab; 32]);
const MIB: usize = 1 << 20;

#[test]
fn spools_of_one_set_are_apart_and_free_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let spools = Spools::new(dir.path(), true);
    let first = spools.create(SET, 4).unwrap();
    let second = spools.create(SET, 4).unwrap();
    second.take_room(|| true).unwrap();
    first.write(SpoolFile::Payload, b"good", 0).unwrap();
    second.write(SpoolFile::Payload, b"evil", 0).unwrap();
    assert_ne!(first.part(0), second.part(0));
    let path = first.path(SpoolFile::Payload);
    assert_eq!(fs::read(&path).unwrap(), b"good");
    assert_eq!(fs::read(second.path(SpoolFile::Payload)).unwrap(), b"evil");
    drop(first);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3);
    assert_eq!(spools.create(SET, 4).unwrap().path(SpoolFile::Payload), path);
}

#[test]
fn released_spool_is_resumed_although_a_worker_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut spools = Spools::new(dir.path(), true);
    let first = spools.open(SET, 4 * MIB as u64).unwrap().spool;
    let part = Part { kind: PartKind::Payload, offset: 0, size: 4 * MIB as u64 };
    first.write_block(&part, &[7; 2 * MIB], 0).unwrap();
    let copy = spools.open(SET, 4 * MIB as u64).unwrap().spool;
    assert!(first.is_first() && !copy.is_first(), "a transfer is at work on it");
    first.release();
    let other_size = spools.open(SET, 3 * MIB as u64).unwrap().spool;
    assert!(!other_size.is_first());
    let again = spools.open(SET, 4 * MIB as u64).unwrap().spool;
    assert!(Arc::ptr_eq(&first, &again));
    assert_eq!(again.written(), 2 * MIB as u64);
    assert!(!spools.open(SET, 4 * MIB as u64).unwrap().spool.is_first());
}

#[test]
fn discarded_spool_is_not_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let mut spools = Spools::new(dir.path(), true);
    let first = spools.open(SET, 4 * MIB as u64).unwrap().spool;
    first.write(SpoolFile::Payload, &[7; 2 * MIB], 0).unwrap();
    first.discard();
    first.release();
    assert_eq!(spools.open(SET, 4 * MIB as u64).unwrap().spool.have().bytes(), 0);
    drop(first);
    let next = spools.open(SET, 4 * MIB as u64).unwrap().spool;
    assert!(next.is_first());
    assert_eq!(next.have().bytes(), 0);
}

#[test]
#[cfg(unix)]
fn files_of_another_user_are_left_and_others_are_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let theirs = dir.path().join(format!("{TEMP_PREFIX}{SET}.manifest"));
    fs::write(&theirs, "theirs").unwrap();
    if std::os::unix::fs::chown(&theirs, Some(12_345), None).is_err() {
        return; // only root can give files away
    }
    let open = || Spools::new(dir.path(), true).open(SET, 3 * MIB as u64).unwrap().spool;
    let spool = open();
    assert!(spool.is_first(), "it can be resumed");
    spool.write(SpoolFile::Payload, &[7; 2 * MIB], 0).unwrap();
    drop(spool);
    assert_eq!(open().have().bytes(), 2 * MIB as u64);
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
    assert_eq!(crate::sink::sweep(dir.path(), false).resumable.len(), 1);
}
