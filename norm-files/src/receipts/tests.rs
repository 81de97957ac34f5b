use std::time::Duration;

use super::*;

const MTIME: norm_core::fileset::Mtime = norm_core::fileset::Mtime { seconds: 1_000_000, nanos: 5 };

struct Fixture {
    dir: tempfile::TempDir,
    store: Store,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::new(&StateFolders::within(&dir.path().join("state"))).unwrap();
        fs::create_dir_all(dir.path().join("out/folder")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("out/link")).unwrap();
        let fixture = Self { dir, store };
        fixture.write("content");
        fixture
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn write(&self, content: &str) {
        let path = self.out().join("folder/file");
        fs::write(&path, content).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::new(MTIME.seconds as u64, MTIME.nanos);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }

    fn entries(&self) -> Vec<ReceiptEntry> {
        let (root, began) = (self.out(), SystemTime::now());
        vec![
            ReceiptEntry::directory("folder".into()),
            ReceiptEntry::file(&root, "folder/file".into(), 7, MTIME, began),
            ReceiptEntry::link(&root, "link".into()),
        ]
    }

    fn keep(&self, content: u8) {
        let entries = self.entries();
        let header = ReceiptHeader {
            directory: self.out(),
            manifest: ManifestHash([1; 32]),
            content: ContentHash([content; 32]),
            manifest_len: 8,
            list_len: 4,
            entries: 3,
            files: 1,
            bytes: 7,
        };
        let (mut manifest, mut list) = (&b"manifest"[..], &b"list"[..]);
        self.store.keep(&header, entries.into_iter(), &mut manifest, &mut list).unwrap();
    }

    fn is_unchanged(&self, content: u8) -> bool {
        let run = AtomicBool::new(false);
        self.store.unchanged(&self.out(), ContentHash([content; 32]), &run).is_some()
    }
}

#[test]
fn receipt_is_found_by_directory_and_content() {
    let fixture = Fixture::new();
    fixture.keep(7);
    let (out, content) = (fixture.out(), ContentHash([7; 32]));
    assert!(fixture.store.has(&out, content) && fixture.is_unchanged(7));
    assert!(fixture.store.has(&out.join("../out/."), content), "by another name");
    assert!(!fixture.store.has(fixture.dir.path(), content));
    assert!(!fixture.store.has(&out, ContentHash([8; 32])) && !fixture.is_unchanged(8));
    let receipt = fixture.store.look_up(&out, content).unwrap();
    assert_eq!((&receipt.manifest[..], &receipt.list[..]), (&b"manifest"[..], &b"list"[..]));
    assert_eq!((receipt.entries.clone(), &receipt.header.directory), (fixture.entries(), &out));
    assert_eq!(fixture.store.of_content(content), std::slice::from_ref(&receipt));
    assert_eq!(fixture.store.last(&out), Some(receipt));
    fixture.store.forget(&out, content);
    assert_eq!(fixture.store.of_directory(&out), []);
}

#[test]
fn changes_of_files_and_links_are_seen() {
    let fixture = Fixture::new();
    let out = fixture.out();
    type Change = fn(&Path);
    let changes: [Change; 5] = [
        |out| fs::write(out.join("folder/file"), "CONTENT").unwrap(),
        |out| fs::remove_file(out.join("folder/file")).unwrap(),
        |out| {
            fs::remove_file(out.join("link")).unwrap();
            std::os::unix::fs::symlink("nowhere", out.join("link")).unwrap();
        },
        |out| {
            let path = out.join("folder/file");
            let time = fs::metadata(&path).unwrap().modified().unwrap();
            fs::write(&path, "CONTENT").unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        },
        |out| fs::rename(out.join("folder"), out.join("other")).unwrap(),
    ];
    for (n, change) in changes.iter().enumerate() {
        fixture.write("content");
        fixture.keep(7);
        assert!(fixture.is_unchanged(7), "{n}");
        change(&out);
        assert!(!fixture.is_unchanged(7), "{n}");
    }
}

#[test]
fn file_that_may_have_changed_before_the_receipt_never_counts() {
    let fixture = Fixture::new();
    fs::write(fixture.out().join("folder/file"), "CONTENT").unwrap();
    fixture.keep(7);
    assert!(!fixture.is_unchanged(7), "it has another time than it was made with");
}

#[test]
fn damaged_receipts_count_for_nothing() {
    let fixture = Fixture::new();
    fixture.keep(7);
    let folder = fixture.dir.path().join("state/receipts");
    let name = name(&fixture.out(), ContentHash([7; 32])).unwrap();
    let good = fs::read(folder.join(&name)).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(folder.join(&name), bytes).unwrap();
        assert!(!fixture.is_unchanged(7) && fixture.store.last(&fixture.out()).is_none());
    }
    // Whole, and of nonsense.
    for cut in [8, 72, 100, 110, good.len() - 40] {
        let mut bytes = good[..cut].to_vec();
        bytes.extend_from_slice(blake3::hash(&good[..cut]).as_bytes());
        fs::write(folder.join(&name), bytes).unwrap();
        assert!(fixture.store.last(&fixture.out()).is_none(), "{cut}");
    }
}

#[test]
fn last_receipt_of_a_directory_comes_first() {
    let fixture = Fixture::new();
    fixture.keep(7);
    fixture.keep(8);
    let folder = fixture.dir.path().join("state/receipts");
    for (content, age) in [(7, 10), (8, 20)] {
        let name = name(&fixture.out(), ContentHash([content; 32])).unwrap();
        let file = fs::File::options().write(true).open(folder.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let contents = fixture.store.of_directory(&fixture.out());
    assert_eq!(contents, [ContentHash([7; 32]), ContentHash([8; 32])]);
}
