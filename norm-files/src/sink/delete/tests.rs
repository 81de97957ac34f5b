use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

use norm_core::fileset::{ContentHash, Entry, EntryKind, ManifestHash, ManifestWriter, Mtime};

use super::*;
use crate::receipts::ReceiptHeader;
use crate::state::StateFolders;

const MTIME: Mtime = Mtime { seconds: 1_000_000, nanos: 5 };

struct Fixture {
    temp: tempfile::TempDir,
    receipts: Store,
}

/// Names that end with a slash are directories, those with an arrow links.
fn plan(names: &[&str]) -> Plan {
    let mut writer = ManifestWriter::new();
    for name in names {
        let entry = match (name.strip_suffix('/'), name.split_once("->")) {
            (Some(directory), _) => Entry::new(EntryKind::Directory, directory),
            (None, Some((link, target))) => Entry::new(EntryKind::SymbolicLink { target }, link),
            (None, None) => Entry { size: 1, ..Entry::new(EntryKind::File, name) },
        };
        writer.push(&entry).unwrap();
    }
    let size = writer.payload_size();
    Plan::new(&writer.finish().0, size).unwrap()
}

impl Fixture {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("out")).unwrap();
        let state = StateFolders::within(&temp.path().join("state"));
        Self { receipts: Store::new(&state).unwrap(), temp }
    }

    fn out(&self) -> PathBuf {
        self.temp.path().join("out")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    fn make(&self, names: &[&str]) {
        for name in names {
            match (name.strip_suffix('/'), name.split_once("->")) {
                (Some(directory), _) => fs::create_dir_all(self.path(directory)).unwrap(),
                (None, Some((link, target))) => symlink(target, self.path(link)).unwrap(),
                (None, None) => {
                    fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
                    fs::write(self.path(name), "x").unwrap();
                    let file = fs::File::options().write(true).open(self.path(name)).unwrap();
                    super::super::metadata::set_time(&file, MTIME).unwrap();
                }
            }
        }
    }

    /// Receives a set with this content.
    fn receive(&self, content: u8, names: &[&str]) {
        self.make(names);
        let out = self.out();
        let entries =
            names.iter().map(|name| match (name.strip_suffix('/'), name.split_once("->")) {
                (Some(directory), _) => ReceiptEntry::directory(directory.into()),
                (None, Some((link, _))) => ReceiptEntry::link(&out, link.into()),
                (None, None) => ReceiptEntry::file(&out, name.into(), 1, MTIME, SystemTime::now()),
            });
        let header = ReceiptHeader {
            directory: self.out(),
            manifest: ManifestHash([1; 32]),
            content: ContentHash([content; 32]),
            manifest_len: 0,
            list_len: 0,
            entries: names.len() as u32,
            files: 0,
            bytes: 0,
        };
        self.receipts.keep(&header, entries, &mut &b""[..], &mut &b""[..]).unwrap();
    }

    /// What a new set has removed, and what became of the rest.
    fn remove(&self, new: &[&str], backup: Option<&Backup>) -> (Vec<String>, Removed) {
        let new = plan(new);
        let superfluous = Superfluous::find(&self.receipts, &self.out(), &new);
        let (mut gone, run) = (Vec::new(), AtomicBool::new(false));
        let mut note = |path: &Path| gone.push(path.to_str().unwrap().to_owned());
        let removed = superfluous.remove(&self.out(), &new, backup, &run, &mut note).unwrap();
        (gone, removed)
    }
}

#[test]
fn only_what_was_received_before_and_the_new_set_has_not_goes() {
    let fixture = Fixture::new();
    fixture.receive(
        1,
        &["s/", "s/a", "s/b", "s/d/", "s/d/c", "s/d/e/", "s/l->a", "s/full/", "s/full/f"],
    );
    fixture.make(&["s/mine", "s/full/mine"]);
    let (gone, removed) = fixture.remove(&["s/", "s/a", "s/new"], None);
    assert_eq!(gone, ["s/b", "s/d/c", "s/full/f", "s/l", "s/d/e", "s/d"]);
    assert_eq!((removed.files, removed.directories, removed.refused), (4, 2, 0));
    for path in ["s/a", "s/mine", "s/full/mine"] {
        assert!(fixture.path(path).exists(), "{path}");
    }
    assert!(fs::symlink_metadata(fixture.path("s/l")).is_err());
}

#[test]
fn sets_with_nothing_in_common_are_left_alone() {
    let fixture = Fixture::new();
    fixture.receive(1, &["a", "b"]);
    fixture.receive(2, &["d/x", "d/y"]);
    assert_eq!(fixture.remove(&["c"], None).0, [""; 0]);
    assert_eq!(fixture.remove(&["b", "c"], None).0, ["a"]);
    assert_eq!(fixture.remove(&["d/", "d/z"], None).0, [""; 0], "directories were not listed");
    assert_eq!(fixture.remove(&["d/x"], None).0, ["d/y"]);
}

#[test]
fn what_was_changed_since_stays_and_is_told() {
    let fixture = Fixture::new();
    fixture.receive(1, &["keep", "a", "b", "c", "l->x"]);
    fs::write(fixture.path("a"), "y").unwrap();
    fs::remove_file(fixture.path("b")).unwrap();
    fs::remove_file(fixture.path("l")).unwrap();
    symlink("other", fixture.path("l")).unwrap();
    let (gone, removed) = fixture.remove(&["keep"], None);
    assert_eq!(gone, ["c"]);
    assert_eq!((removed.changed, removed.first_changed), (2, Some(fixture.path("a"))));
    // Received again since, it is as it was then.
    fixture.receive(2, &["keep", "a"]);
    let (gone, removed) = fixture.remove(&["keep"], None);
    assert_eq!((gone.as_slice(), removed.changed), (&["a".to_owned()][..], 1));
}

#[test]
fn links_are_not_followed_and_what_takes_the_place_of_something_stays() {
    let fixture = Fixture::new();
    let outside = tempfile::tempdir().unwrap();
    fixture.receive(1, &["keep", "d/f", "e/", "e/g", "f"]);
    for name in ["d", "e"] {
        fs::rename(fixture.path(name), outside.path().join(name)).unwrap();
        symlink(outside.path().join(name), fixture.path(name)).unwrap();
    }
    fs::remove_file(fixture.path("f")).unwrap();
    fs::create_dir(fixture.path("f")).unwrap();
    let (gone, removed) = fixture.remove(&["keep"], None);
    assert_eq!((gone, removed.refused), (Vec::new(), 0));
    assert!(outside.path().join("d/f").exists() && outside.path().join("e/g").exists());
    assert!(fs::symlink_metadata(fixture.path("e")).unwrap().is_symlink());
}

#[test]
fn removed_files_and_links_go_to_the_backup() {
    let fixture = Fixture::new();
    let kept = fixture.temp.path().join("kept");
    fixture.receive(1, &["d/", "d/a", "d/l->a", "b"]);
    let backup = Backup::open(&kept, &fixture.out()).unwrap();
    let (gone, _) = fixture.remove(&["b"], Some(&backup));
    assert_eq!(gone, ["d/a", "d/l", "d"]);
    assert_eq!(fs::read(kept.join("d/a")).unwrap(), b"x");
    assert_eq!(fs::read_link(kept.join("d/l")).unwrap(), Path::new("a"));
    assert_eq!(fs::read_dir(fixture.out()).unwrap().count(), 1);
}

#[test]
fn file_that_the_new_set_has_under_a_name_that_means_the_same_stays() {
    let fixture = Fixture::new();
    fixture.make(&["README"]);
    // As on a file system where letters mean the same in both cases.
    fs::hard_link(fixture.path("README"), fixture.path("readme")).unwrap();
    fixture.receive(1, &["a"]);
    fixture.receive(2, &["a", "README"]);
    assert_eq!(fixture.remove(&["a", "readme"], None).0, [""; 0]);
    fs::remove_file(fixture.path("readme")).unwrap();
    fixture.receive(2, &["a", "README"]);
    fixture.make(&["readme"]);
    assert_eq!(fixture.remove(&["a", "readme"], None).0, ["README"]);
}
