use std::fs;

use norm_core::fileset::{
    CHUNK_BYTES, DigestListWriter, Entry, EntryKind, ManifestHash, ManifestWriter,
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
