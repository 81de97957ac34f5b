use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::Path;

use super::*;
use crate::source::{Extents, Reader, Selection, scan};

const MIB: usize = 1 << 20;

fn complete(path: &Path) -> CompleteSet {
    let found = scan(Selection::new([path.to_owned()])).unwrap();
    let extents = Extents::cut(found.payload_size, MIB as u64).unwrap();
    let mut reader = Reader::new(extents, found);
    assert!(reader.complete().is_none(), "nothing is hashed yet");
    reader.hash_first(&mut |_| ControlFlow::Continue(())).unwrap().unwrap();
    reader.complete().unwrap()
}

#[test]
fn chunks_are_read_and_a_changed_file_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("set");
    fs::create_dir(&folder).unwrap();
    let content: Vec<u8> = (0..2 * MIB + 9).map(|n| (n * 7 + n / 255) as u8).collect();
    fs::write(folder.join("a"), &content).unwrap();
    fs::write(folder.join("b"), b"short").unwrap();
    let set = complete(&folder);
    assert_eq!((set.chunks().chunks(), set.chunks().payload_size()), (4, 2 * MIB as u64 + 14));
    assert_eq!(set.read(1).unwrap(), content[MIB..2 * MIB]);
    assert_eq!(set.read(3).unwrap(), &b"short"[..]);
    assert!(matches!(set.read(4), Err(ChunkError::OutOfRange)));
    fs::write(folder.join("b"), b"other").unwrap();
    assert!(matches!(set.read(3), Err(ChunkError::Changed)));
    fs::write(folder.join("a"), &content[..MIB]).unwrap();
    assert_eq!(set.read(0).unwrap(), content[..MIB], "it is what it was");
    assert!(matches!(set.read(1), Err(ChunkError::Changed)));
    fs::remove_file(folder.join("a")).unwrap();
    assert!(matches!(set.read(0), Err(ChunkError::Io(_))));
}

#[test]
#[cfg(unix)]
fn data_beside_holes_are_the_same_from_the_file_and_from_all_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse");
    let mut file = File::create(&path).unwrap();
    file.set_len(6 * MIB as u64).unwrap();
    for at in [2 * MIB + 64 * 1024, 4 * MIB - 4096, 5 * MIB] {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(&[7; 8192]).unwrap();
    }
    drop(file);
    let (set, whole) = (complete(&path), fs::read(&path).unwrap());
    for number in 0..set.chunks().chunks() {
        let chunk = set.chunks().chunk(number).unwrap();
        let bytes = &whole[chunk.offset as usize..(chunk.offset + chunk.len) as usize];
        let data = data_of(set.chunks(), &chunk, bytes).unwrap();
        assert_eq!(set.read(number).unwrap(), data);
        let is_sparse = set.chunks().sparse(chunk.file).is_some();
        assert!(!is_sparse || data_of(set.chunks(), &chunk, &bytes[..9]).is_none());
    }
}
