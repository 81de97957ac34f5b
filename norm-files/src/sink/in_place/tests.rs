use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::Ordering;

use super::*;
use crate::sink::ledger::ReadBack;
use crate::sink::spool::Spool;
use crate::sink::spool_files::SpoolFile;
use crate::sink::spool_table::Spools;
use crate::sink::{PlaceError, PlaceOptions, Placed, PlacedSet, Reading, hash_chunks, place_set};
use norm_core::fileset::{Entry, EntryKind, ManifestHash, ManifestWriter, Mtime};

static RUN: AtomicBool = AtomicBool::new(false);

/// A set of three files, of which the second one is in place with this content.
struct Fixture {
    dir: tempfile::TempDir,
    spool: Spool,
    plan: Plan,
}

const CONTENT: &[u8] = b"firstsecond!third";

impl Fixture {
    fn new(second: &[u8]) -> Self {
        let mut writer = ManifestWriter::new();
        for (path, size) in [("a", 5), ("b", 7), ("c", 5)] {
            let mtime = Mtime { seconds: 7, nanos: 0 };
            let file = Entry::new(EntryKind::File, path);
            let entry = Entry { mode: 0o644, mtime, size, ..file };
            writer.push(&entry).unwrap();
        }
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b"), second).unwrap();
        let spool = Spools::new(dir.path(), true).create(ManifestHash([9; 32]), 17).unwrap();
        let plan = Plan::new(&writer.finish().0, 17).unwrap();
        spool.use_files_in_place(&plan);
        Self { dir, spool, plan }
    }

    fn write(&self, from: usize, to: usize) -> io::Result<()> {
        self.spool.write(SpoolFile::Payload, &CONTENT[from..to], from as u64)
    }

    fn place(&self) -> Result<PlacedSet, PlaceError> {
        place_set(
            &self.spool,
            &self.plan,
            &BTreeSet::new(),
            &PlaceOptions::default(),
            &RUN,
            &mut |_| {},
        )
    }

    /// All is here, as it should be.
    fn check_hashes(&self) {
        self.spool.know_files(&self.plan);
        assert_eq!(hash_chunks(&self.spool, 0..17, Reading::Whole, &RUN).unwrap(), []);
        for (file, content) in [b"first".as_slice(), b"second!", b"third"].iter().enumerate() {
            let hash = self.spool.file_hash(file).unwrap();
            assert_eq!(hash.0, *blake3::hash(content).as_bytes());
        }
    }

    fn payload(&self) -> Vec<u8> {
        fs::read(self.spool.path(SpoolFile::Payload)).unwrap()
    }
}

#[test]
fn file_in_place_is_compared_and_not_written() {
    let set = Fixture::new(b"second!");
    set.write(0, 9).unwrap();
    set.write(9, 17).unwrap();
    assert_eq!(set.payload(), b"first\0\0\0\0\0\0\0third");
    assert_eq!(set.spool.written(), 17);
    assert_eq!(set.spool.have().bytes(), 10, "a later session does not find it in the payload");
    let mut back = [0; 17];
    set.spool.read_back(&mut back, 0).unwrap();
    assert_eq!(&back, CONTENT);
    set.check_hashes();
    let mut present = Vec::new();
    let none = BTreeSet::new();
    let placed =
        place_set(&set.spool, &set.plan, &none, &PlaceOptions::default(), &RUN, &mut |file| {
            if file.placed == Placed::Present {
                present.push(file.path.to_owned());
            }
        });
    assert_eq!(placed.unwrap().present, 1);
    assert_eq!(present, [set.dir.path().join("b")]);
    for (name, content) in [("a", "first"), ("b", "second!"), ("c", "third")] {
        assert_eq!(fs::read_to_string(set.dir.path().join(name)).unwrap(), content);
    }
}

#[test]
fn file_in_place_that_differs_is_written_like_others() {
    let set = Fixture::new(b"secund!");
    set.write(0, 8).unwrap();
    assert_eq!(set.payload(), [b"first".as_slice(), &[0; 12]].concat());
    set.write(8, 12).unwrap();
    assert_eq!(set.payload(), b"firstsecond!\0\0\0\0\0", "what was compared, too");
    set.write(12, 17).unwrap();
    assert_eq!((set.spool.written(), set.spool.have().bytes()), (17, 17));
    set.check_hashes();
    let placed = set.place();
    let differs = PlanError::Differs(set.dir.path().join("b"));
    assert_eq!(placed, Err(differs.into()), "and fails in the end");
}

#[test]
fn what_came_before_the_list_of_files_is_compared_in_the_end() {
    let mut set = Fixture::new(b"second!");
    // As if it had come before.
    let spool = Spools::new(set.dir.path(), true).create(ManifestHash([8; 32]), 17).unwrap();
    spool.write(SpoolFile::Payload, &CONTENT[..9], 0).unwrap();
    spool.use_files_in_place(&set.plan);
    spool.write(SpoolFile::Payload, &CONTENT[9..], 9).unwrap();
    set.spool = spool;
    assert_eq!(set.payload(), b"firstseco\0\0\0third");
    set.check_hashes();
    fs::write(set.dir.path().join("b"), b"SECOnd!").unwrap();
    let placed = set.place();
    assert!(placed.unwrap_err().to_string().contains("exists already"));
    assert!(!set.dir.path().join("a").exists(), "all or nothing");
}

#[test]
fn file_that_is_changed_or_gone_after_it_was_compared_is_not_counted() {
    for remove in [true, false] {
        let set = Fixture::new(b"second!");
        set.write(0, 17).unwrap();
        let path = set.dir.path().join("b");
        fs::remove_file(&path).unwrap();
        if !remove {
            fs::write(&path, b"another").unwrap();
        }
        assert!(set.place().is_err());
        assert!(!set.dir.path().join("a").exists(), "all or nothing");
        assert_eq!(path.exists(), !remove, "and no hole in its place");
    }
}

#[test]
fn what_is_received_again_is_compared_again() {
    let set = Fixture::new(b"second!");
    set.write(0, 17).unwrap();
    let mut files = set.spool.in_place().unwrap();
    assert_eq!((files.forget(0, 8), files.forget(0, 8), files.forget(8, 17)), (3, 0, 4));
    drop(files);
    set.write(0, 17).unwrap();
    assert_eq!(set.spool.in_place().unwrap().forget(0, 17), 7);
    assert!(!RUN.load(Ordering::Relaxed));
}
