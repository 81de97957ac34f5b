//! Files that belong to no set.
#![expect(clippy::disallowed_methods, reason = "these are no calls of the sink")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_files::sink::{Parts, PlaceOptions, StandaloneFile};
use tempfile::tempdir;

/// A bug of another receiver: a player asked for the rest of a file that had its first bytes.
#[test]
fn bug_12_file_has_its_name_when_it_is_whole() {
    let dir = tempdir().unwrap();
    let (path, size) = (Path::new("v/1.m4s"), 3_000);
    let target = dir.path().join(path);
    let file = StandaloneFile::new(&Arc::new(Parts::new(dir.path())), path, size, false).unwrap();
    for at in [2_000, 0, 1_000] {
        assert!(!target.exists(), "it is not whole");
        file.write(&[at as u8; 1_000], at).unwrap();
    }
    file.place(&PlaceOptions::default(), &AtomicBool::new(false)).unwrap();
    assert_eq!(fs::read(&target).unwrap().len(), 3_000);
    assert_eq!(fs::read_dir(dir.path().join("v")).unwrap().count(), 1, "nothing else stays");
}
