use std::fs;

use norm_core::fileset::{
    CHUNK_BYTES, ChunkHasher, DigestListWriter, Entry, EntryKind, Hole, HoleList, ManifestHash,
    ManifestWriter,
};

use super::*;
use crate::sink::{SpoolFile, Spools};

const SET: ManifestHash = ManifestHash([1; 32]);

/// Two files: two chunks and a bit, and a small one.
const SIZES: [u64; 2] = [2 * CHUNK_BYTES + 5, 10];

fn content(file: usize) -> Vec<u8> {
    (0..SIZES[file]).map(|n| (n * 7 + (n >> 13) * 3 + file as u64) as u8).collect()
}

fn set() -> (Arc<Plan>, Arc<Digests>) {
    let mut writer = ManifestWriter::new();
    for (name, size) in ["a", "b"].into_iter().zip(SIZES) {
        writer.push(&Entry { size, ..Entry::new(EntryKind::File, name) }).unwrap();
    }
    let size = writer.payload_size();
    let plan = Plan::new(&writer.finish().0, size).unwrap();
    let mut list = DigestListWriter::new(SET);
    for (file, size) in SIZES.into_iter().enumerate() {
        for (n, chunk) in content(file).chunks(CHUNK_BYTES as usize).enumerate() {
            list.push(&ChunkHasher::hash(n as u64 * CHUNK_BYTES, size, chunk)).unwrap();
        }
    }
    let digests = Digests::parse(&list.finish().0, SET).unwrap();
    (Arc::new(plan), Arc::new(digests))
}

/// Compares all that is in a directory: what is held, and the spool.
fn compare(dir: &Path, overwrite: bool) -> Result<(Vec<Range<u64>>, Arc<Spool>), CompareError> {
    let (plan, digests) = set();
    let size = SIZES.iter().sum();
    let spool = Arc::new(Spools::new(dir, true).create(SET, size).unwrap());
    spool.know_files(&plan);
    spool.use_files_in_place(&plan);
    let comparison = Comparison::new(Arc::clone(&spool), plan, digests, overwrite);
    assert_eq!(comparison.chunks(), 4);
    let mut comparer = Comparer::default();
    let mut held = Vec::new();
    let mut at = 0;
    while let Some(compared) = comparison.next(&mut comparer) {
        let compared = compared?;
        assert_eq!(compared.range.start, at, "in order");
        at = compared.range.end;
        held.extend(compared.held);
    }
    assert_eq!(at, size);
    Ok((held, spool))
}

#[test]
fn files_that_are_the_same_are_here_and_stay_where_they_are() {
    for overwrite in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), content(0)).unwrap();
        fs::write(dir.path().join("b"), content(1)).unwrap();
        let (held, spool) = compare(dir.path(), overwrite).unwrap();
        let size = SIZES.iter().sum();
        assert_eq!(held.iter().map(|range| range.end - range.start).sum::<u64>(), size);
        assert!(spool.is_written(0, size) && spool.written() == size);
        assert_eq!(spool.have().bytes(), 0, "nothing is copied");
        assert!(spool.not_verified(|_| false).len() <= 4);
    }
}

#[test]
fn what_is_the_same_of_another_file_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = content(0);
    other[CHUNK_BYTES as usize + 7] ^= 1;
    fs::write(dir.path().join("a"), &other).unwrap();
    fs::write(dir.path().join("b"), [content(1), vec![0; 100]].concat()).unwrap();
    let (held, spool) = compare(dir.path(), true).unwrap();
    let total: u64 = SIZES.iter().sum();
    assert_eq!(held, [0..CHUNK_BYTES, 2 * CHUNK_BYTES..total], "the second one is longer");
    assert_eq!(spool.have().bytes(), total - CHUNK_BYTES);
    let payload = fs::read(spool.path(SpoolFile::Payload)).unwrap();
    assert_eq!(payload[..CHUNK_BYTES as usize], content(0)[..CHUNK_BYTES as usize]);
    assert_eq!(payload[SIZES[0] as usize..], content(1));
    assert_eq!(fs::read(dir.path().join("a")).unwrap(), other, "it stays until all is here");
}

#[test]
fn file_that_differs_is_refused_unless_it_may_be_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let mut other = content(0);
    other[CHUNK_BYTES as usize] ^= 1;
    fs::write(dir.path().join("a"), other).unwrap();
    let refused = compare(dir.path(), false).unwrap_err();
    let path = dir.path().join("a");
    let differs = |error: &PlanError| *error == PlanError::Differs(path.clone());
    assert!(matches!(refused, CompareError::Differs(ref error) if differs(error)), "{refused:?}");
}

#[test]
fn nothing_to_compare_with_is_no_error() {
    for overwrite in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("c"), content(0)).unwrap();
        let (held, spool) = compare(dir.path(), overwrite).unwrap();
        assert_eq!((held, spool.written()), (vec![], 0));
    }
}

/// A payload of the files of [`set`] under other names, of which the first two chunks have come.
fn other_set(dir: &Path) -> Spool {
    let mut writer = ManifestWriter::new();
    for (name, size) in ["renamed", "b"].into_iter().zip(SIZES) {
        writer.push(&Entry { size, ..Entry::new(EntryKind::File, name) }).unwrap();
    }
    let (manifest, hash) = writer.finish();
    let spool = Spools::new(dir, true).create(hash, SIZES.iter().sum()).unwrap();
    spool.write(SpoolFile::Manifest, &manifest, 0).unwrap();
    spool.know_files(&Plan::new(&manifest, SIZES.iter().sum()).unwrap());
    spool.write(SpoolFile::Payload, &content(0)[..2 * CHUNK_BYTES as usize], 0).unwrap();
    spool
}

#[test]
fn what_other_sets_have_left_is_found_by_its_hash() {
    for is_open in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let other = other_set(dir.path());
        other.save().unwrap();
        let _at_work = is_open.then_some(other);
        let (held, spool) = compare(dir.path(), false).unwrap();
        assert_eq!(held, core::slice::from_ref(&(0..2 * CHUNK_BYTES)), "{is_open}");
        let mut bytes = vec![0; 2 * CHUNK_BYTES as usize];
        spool.read_held(&mut bytes, 0).unwrap();
        assert!(bytes == content(0)[..2 * CHUNK_BYTES as usize]);
        assert_eq!(spool.written(), 2 * CHUNK_BYTES);
    }
}

#[test]
fn damage_in_what_other_sets_have_left_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    let other = other_set(dir.path());
    other.save().unwrap();
    system::write_all_at(other.file(SpoolFile::Payload), &[9; 9], CHUNK_BYTES + 100).unwrap();
    drop(other);
    let (held, spool) = compare(dir.path(), true).unwrap();
    assert_eq!(held, core::slice::from_ref(&(0..CHUNK_BYTES)));
    assert_eq!(spool.written(), CHUNK_BYTES);
}

#[test]
fn chunks_with_holes_are_compared_and_only_their_data_are_copied() {
    let (size, hole) = (CHUNK_BYTES, Hole { offset: 100_000, len: 800_000 });
    let (data_before, data) = (hole.offset as usize, size - hole.len);
    let mut bytes: Vec<u8> = (0..size).map(|n| (n * 11 + (n >> 9)) as u8 | 1).collect();
    bytes[data_before..hole.end() as usize].fill(0);
    let mut writer = ManifestWriter::new();
    let mut holes = HoleList::default();
    holes.push(hole);
    let entry = Entry { size, holes: holes.as_holes(), ..Entry::new(EntryKind::File, "a") };
    writer.push(&entry).unwrap();
    let plan = Arc::new(Plan::new(&writer.finish().0, data).unwrap());
    let mut list = DigestListWriter::new(SET);
    list.push(&ChunkHasher::hash(0, size, &bytes)).unwrap();
    let digests = Arc::new(Digests::parse(&list.finish().0, SET).unwrap());
    for (more, has_it) in [(&b"longer"[..], true), (&b""[..], true), (&b""[..], false)] {
        let dir = tempfile::tempdir().unwrap();
        let mut there = [&bytes[..], more].concat();
        // What is there in place of a hole does not matter: nothing of it is taken.
        there[500_000] = 1;
        there[size as usize - 1] ^= u8::from(!has_it);
        fs::write(dir.path().join("a"), there).unwrap();
        let spool = Arc::new(Spools::new(dir.path(), true).create(SET, data).unwrap());
        spool.know_files(&plan);
        spool.use_files_in_place(&plan);
        let (plan, digests) = (Arc::clone(&plan), Arc::clone(&digests));
        let (list, files) = (Arc::clone(&digests), Arc::clone(&plan));
        let refusing = Comparison::new(Arc::clone(&spool), files, list, false);
        let refused = refusing.next(&mut Comparer::default()).unwrap();
        assert_eq!(matches!(refused, Err(CompareError::Differs(_))), !has_it, "{refused:?}");
        let comparison = Comparison::new(Arc::clone(&spool), plan, digests, true);
        let compared = comparison.next(&mut Comparer::default()).unwrap().unwrap();
        // What was right is here already.
        assert_eq!(compared.held, []);
        if has_it {
            let mut copied = vec![0; data as usize];
            spool.read_held(&mut copied, 0).unwrap();
            assert!(copied[..data_before] == bytes[..data_before]);
            assert!(copied[data_before..] == bytes[hole.end() as usize..]);
        }
    }
}
