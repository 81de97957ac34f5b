mod withdrawn;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use norm_core::fileset::{CHUNK_BYTES, DigestList, ManifestHash, digest_list_len};
use tempfile::{TempDir, tempdir};

use super::*;
use crate::source::scan::scan;

impl Reader {
    fn set(&self) -> &SetContent {
        let Content::Set(set) = &self.content else { panic!("it sends a set") };
        set
    }
}

struct Fixture {
    dir: TempDir,
    source: Reader,
    /// What the payload should be.
    payload: Vec<u8>,
    sizes: Vec<usize>,
    manifest: ManifestHash,
}

/// Files of the given sizes, called by their numbers, cut into extents of `extent_bytes`.
fn fixture(sizes: &[usize], extent_bytes: u64) -> Fixture {
    let dir = tempdir().unwrap();
    let mut payload = Vec::new();
    for (number, &size) in sizes.iter().enumerate() {
        let content: Vec<u8> = (0..size).map(|i| (i * 31 + number * 7 + i / 251) as u8).collect();
        fs::write(dir.path().join(format!("{number:05}")), &content).unwrap();
        payload.extend(content);
    }
    let found = scan(&[dir.path().to_owned()]).unwrap();
    let extents = Extents::cut(found.payload_size, extent_bytes).unwrap();
    let (manifest, sizes) = (found.manifest_hash, sizes.to_vec());
    Fixture { dir, source: Reader::new(extents, found), payload, sizes, manifest }
}

impl Fixture {
    fn extents(&self) -> Extents {
        self.source.set().extents
    }

    fn path(&self, number: usize) -> PathBuf {
        self.dir.path().join(format!("{number:05}"))
    }

    fn failure(&mut self) -> String {
        self.source.take_failure().unwrap().to_string()
    }

    fn read_digest_list(&mut self) -> Bytes {
        let chunks: usize = self.sizes.iter().map(|size| size.div_ceil(CHUNK_BYTES as usize)).sum();
        let len = u32::try_from(digest_list_len(u32::try_from(chunks).unwrap())).unwrap();
        self.source.read(u64::from(self.extents().count) + 1, 0, len).unwrap()
    }

    /// The digest list must be that of the files, whose hashes are those of their contents.
    fn check_digest_list(&mut self) {
        let bytes = self.read_digest_list();
        let list = DigestList::parse(&bytes, self.manifest, []).unwrap();
        assert_eq!(self.source.content(), list.content());
        assert!(list.content().is_some());
        let (mut rest, mut expected, mut chunks) = (&self.payload[..], Vec::new(), list.chunks());
        for &size in self.sizes.iter().filter(|&&size| size > 0) {
            let (content, later) = rest.split_at(size);
            expected.push(*blake3::hash(content).as_bytes());
            let first = chunks.nth(size.div_ceil(CHUNK_BYTES as usize) - 1).unwrap();
            assert_eq!(size <= CHUNK_BYTES as usize, first.0 == *expected.last().unwrap());
            rest = later;
        }
        assert_eq!(chunks.next(), None);
        let hashes: Vec<_> = self.source.hashes().map(|file| file.hash.0).collect();
        assert_eq!(hashes, expected);
    }
}

fn touch(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).unwrap();
}

#[test]
fn reads_run_across_many_small_files_and_few_stay_open() {
    let sizes: Vec<usize> = (0..500).map(|n| n % 7).collect();
    let mut fixture = fixture(&sizes, 1 << 20);
    let all = u32::try_from(fixture.payload.len()).unwrap();
    assert_eq!(fixture.source.read(1, 0, all).unwrap(), fixture.payload);
    for start in (0..fixture.payload.len() - 100).step_by(37) {
        let part = fixture.source.read(1, start as u64, 100).unwrap();
        assert_eq!(part, fixture.payload[start..start + 100]);
    }
    #[cfg(target_os = "linux")]
    {
        let below = |fd: &fs::DirEntry| {
            fs::read_link(fd.path()).is_ok_and(|target| target.starts_with(fixture.dir.path()))
        };
        let fds = fs::read_dir("/proc/self/fd").unwrap().flatten().filter(below).count();
        assert_eq!(fds, 64);
    }
}

#[test]
fn extents_continue_each_other_and_digests_fit_them() {
    let mut fixture = fixture(&[1000, 1, 0, 2999], 1500);
    assert_eq!(fixture.extents().count, 3);
    let mut read = Vec::new();
    for (extent, size) in [(1, 1500), (2, 1500), (3, 1000)] {
        for offset in (0..size).step_by(400) {
            let len = 400.min(size - offset);
            read.extend(fixture.source.read(extent, u64::from(offset), len).unwrap());
        }
    }
    assert_eq!(read, fixture.payload);
    assert_eq!(fixture.source.set().hashes.unread(4000), None);
    fixture.check_digest_list();
}

#[test]
fn content_has_one_name_however_the_payload_is_cut() {
    let fixture = fixture(&[1000, 1, 0, 2999], 1500);
    let content = |extent_bytes| {
        let found = scan(&[fixture.dir.path().to_owned()]).unwrap();
        let extents = Extents::cut(found.payload_size, extent_bytes).unwrap();
        let mut reader = Reader::new(extents, found);
        reader.read(u64::from(extents.count) + 1, 0, 1).unwrap();
        reader.content().unwrap()
    };
    assert_eq!([content(1500), content(700)], [content(4000); 2]);
}

#[test]
fn order_of_reads_does_not_change_the_digest_list() {
    let mut fixture = fixture(&[700, 800, 900], 1000);
    let parts = [(1, 0, 500), (1, 0, 500), (1, 300, 400), (3, 100, 200), (2, 0, 1000), (1, 600, 9)];
    for (extent, offset, len) in parts {
        fixture.source.read(extent, offset, len).unwrap();
    }
    fixture.check_digest_list();
    let content = fixture.source.content();
    fixture.source.read(1, 0, 1000).unwrap();
    fixture.check_digest_list();
    assert_eq!(fixture.source.content(), content);
}

#[test]
fn large_files_have_a_hash_for_each_mebibyte() {
    const MIB: usize = CHUNK_BYTES as usize;
    let sizes = [3 * MIB + 1, 0, MIB, 5, MIB + 1];
    let mut large = fixture(&sizes, 1_500_000);
    large.check_digest_list();
    let first = large.source.content();
    let mut other = fixture(&sizes, 400_000);
    for (extent, offset, len) in [(1, 0, 399_999), (1, 399_999, 1), (2, 0, 400_000)] {
        other.source.read(extent, offset, len).unwrap();
    }
    other.check_digest_list();
    assert_ne!(first, None);
}

#[test]
fn manifest_is_read_in_parts_and_an_empty_set_has_digests() {
    let mut fixture = fixture(&[0, 0], 1000);
    let manifest = fixture.source.set().manifest.clone();
    assert_eq!(fixture.extents().count, 0);
    assert_eq!(fixture.source.read(0, 5, 10).unwrap(), manifest[5..15]);
    assert_eq!(fixture.source.content(), None);
    fixture.check_digest_list();
}

#[test]
fn parts_that_do_not_exist_cannot_be_read() {
    let mut fixture = fixture(&[100], 1000);
    let manifest = u32::try_from(fixture.source.set().manifest.len()).unwrap();
    let digests = u32::try_from(digest_list_len(1)).unwrap();
    let parts =
        [(0, 1, manifest), (1, 1, 100), (1, u64::MAX - 1000, 5), (2, 1, digests), (3, 0, 1)];
    for (object, offset, len) in parts {
        assert_eq!(fixture.source.read(object, offset, len), None, "object {object}");
        assert!(fixture.failure().contains("does not exist"));
    }
}

#[test]
fn hashed_first_the_list_is_the_second_object_and_the_same() {
    let sizes = [3 * CHUNK_BYTES as usize + 7, 0, 12, 1000];
    let (mut first, mut later) = (fixture(&sizes, 2_000_000), fixture(&sizes, 2_000_000));
    // The files of both must be the same by time, too.
    later.source = Reader::new(later.extents(), scan(&[first.dir.path().to_owned()]).unwrap());
    let mut told = 0;
    let hashed = first.source.hash_first(&mut |done| {
        told = done;
        ControlFlow::Continue(())
    });
    let hashed = hashed.unwrap().unwrap();
    assert_eq!((told, first.source.hashes().count()), (first.payload.len() as u64, 3));
    let extents = first.extents().count;
    let list = later.read_digest_list();
    assert_eq!(first.source.read(1, 0, list.len() as u32).unwrap(), list);
    assert_eq!(later.source.content(), Some(hashed.content()));
    let mut payload = Vec::new();
    for extent in 0..extents {
        let (_, len) = first.extents().get(extent).unwrap();
        payload.extend(first.source.read(u64::from(extent) + 2, 0, len as u32).unwrap());
    }
    assert!(payload == first.payload);
    assert!(first.source.read(u64::from(extents) + 2, 0, 1).is_none());
    let hashes = |reader: &Reader| reader.hashes().map(|file| file.hash).collect::<Vec<_>>();
    assert_eq!(hashes(&first.source), hashes(&later.source));
    assert!(later.source.take_hashes(hashed));
    assert_eq!(later.source.read(1, 0, list.len() as u32).unwrap(), list);
}

#[test]
fn hashing_first_can_be_ended_and_fails_with_files_that_are_gone() {
    let mut fixture = fixture(&[40 * CHUNK_BYTES as usize], 1 << 20);
    let ended = fixture.source.hash_first(&mut |_| ControlFlow::Break(())).unwrap();
    assert_eq!(ended, None);
    fs::remove_file(fixture.path(0)).unwrap();
    let failed = fixture.source.hash_first(&mut |_| ControlFlow::Continue(())).unwrap_err();
    assert!(failed.to_string().contains("00000: it was removed"), "{failed}");
}

#[cfg(unix)]
mod cached {
    use super::*;
    use crate::state::StateFolders;

    fn caches(fixture: Fixture, state: &Path) -> Fixture {
        let cache = HashCache::new(&StateFolders::within(state));
        Fixture { source: fixture.source.with_cache(cache), ..fixture }
    }

    /// The same files for another session.
    fn again(fixture: Fixture, state: &Path) -> Fixture {
        let found = scan(&[fixture.dir.path().to_owned()]).unwrap();
        let source = Reader::new(fixture.extents(), found);
        caches(Fixture { source, ..fixture }, state)
    }

    fn is_cached(fixture: &Fixture) -> bool {
        let source = &fixture.source;
        let Content::Set(set) = &source.content else { return false };
        source.cache.as_ref().is_some_and(|cache| cache.has_all(source.files.all(), &set.map))
    }

    /// Bytes that `hash_first` has known at once.
    fn known(fixture: &mut Fixture) -> u64 {
        let mut first = None;
        let watch = &mut |done| {
            first.get_or_insert(done);
            ControlFlow::Continue(())
        };
        fixture.source.hash_first(watch).unwrap();
        first.unwrap_or(0)
    }

    fn wait_until_settled() {
        std::thread::sleep(Duration::from_millis(2_100));
    }

    #[test]
    fn hashes_are_known_the_next_time_but_not_of_changed_new_or_small_files() {
        let state = tempdir().unwrap();
        let mib = CHUNK_BYTES as usize;
        let mut fixture = caches(fixture(&[3 * mib + 1, mib, 1_000], 1 << 22), state.path());
        let content = fixture.source.hash_first(&mut |_| ControlFlow::Continue(()));
        let content = content.unwrap().unwrap().content();
        assert!(!fs::exists(state.path().join("hashes")).unwrap(), "they are too new");
        wait_until_settled();
        let mut fixture = again(fixture, state.path());
        known(&mut fixture);
        assert_eq!(fs::read_dir(state.path().join("hashes")).unwrap().count(), 2);
        let mut fixture = again(fixture, state.path());
        assert!(!is_cached(&fixture), "one is too small");
        assert_eq!(known(&mut fixture), 4 * CHUNK_BYTES + 1);
        assert_eq!(fixture.source.content(), Some(content));
        fs::remove_file(fixture.path(2)).unwrap();
        let fixture = again(fixture, state.path());
        assert!(is_cached(&fixture));
        touch(&fixture.path(1));
        let fixture = again(fixture, state.path());
        assert!(!is_cached(&fixture), "it may have changed");
        // What is damaged is as good as not there.
        for file in fs::read_dir(state.path().join("hashes")).unwrap() {
            fs::write(file.unwrap().path(), "nonsense").unwrap();
        }
        let mut fixture = again(fixture, state.path());
        assert!(known(&mut fixture) < 3 * CHUNK_BYTES);
    }

    #[test]
    fn hashes_that_were_made_while_sending_are_known_the_next_time() {
        let state = tempdir().unwrap();
        let fixture = caches(fixture(&[2 * CHUNK_BYTES as usize], 1 << 22), state.path());
        wait_until_settled();
        let mut fixture = again(fixture, state.path());
        fixture.read_digest_list();
        fixture.source.keep_hashes();
        let content = fixture.source.content();
        let mut fixture = again(fixture, state.path());
        assert!(is_cached(&fixture));
        known(&mut fixture);
        assert_eq!(fixture.source.content(), content);
    }
}
