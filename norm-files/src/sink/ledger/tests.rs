use std::cell::Cell;
use std::fs::File;

use norm_core::fileset::{CHUNK_BYTES, ChunkHasher, DigestListWriter, Holes, ManifestHash};

use super::*;
use crate::sink::system;

const MIB: usize = CHUNK_BYTES as usize;
const SET: ManifestHash = ManifestHash([7; 32]);
/// No chunks.
const NONE: [u32; 0] = [];

impl ReadBack for File {
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        system::read_exact_at(self, buffer, offset)
    }
}

struct Payload {
    file: File,
    ledger: Ledger,
    content: Vec<u8>,
    read: Cell<usize>,
}

impl ReadBack for (&File, &Cell<usize>) {
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.1.set(self.1.get() + buffer.len());
        self.0.read_back(buffer, offset)
    }
}

impl Payload {
    /// Of files with these sizes, and a hash that an earlier session has written down for each
    /// chunk.
    fn new(sizes: &[usize], kept: Vec<ChunkHash>) -> Self {
        let mut map = ChunkMap::default();
        sizes.iter().for_each(|&size| map.push(size as u64, Holes::NONE).unwrap());
        let content = (0..sizes.iter().sum::<usize>()).map(|n| (n * 31 + n / 251) as u8).collect();
        let ledger = Ledger::new(Arc::new(map), kept, &std::env::temp_dir());
        Self { file: tempfile::tempfile().unwrap(), ledger, content, read: Cell::new(0) }
    }

    fn write(&mut self, from: usize, to: usize) {
        let bytes = self.content[from..to].to_vec();
        self.write_bytes(from, &bytes);
    }

    fn write_bytes(&mut self, at: usize, bytes: &[u8]) {
        system::write_all_at(&self.file, bytes, at as u64).unwrap();
        self.ledger.written(&(&self.file, &self.read), at as u64, bytes).unwrap();
    }

    fn right(&self) -> Arc<Digests> {
        let map = Arc::clone(self.ledger.map());
        let mut writer = DigestListWriter::new(SET);
        for number in 0..map.chunks() {
            let chunk = map.chunk(number).unwrap();
            let bytes = &self.content[chunk.payload as usize..][..chunk.len as usize];
            writer.push(&ChunkHasher::hash(chunk.offset, chunk.size, bytes)).unwrap();
        }
        Arc::new(Digests::parse(&writer.finish().0, SET).unwrap())
    }

    fn file_hash(&mut self, file: usize) -> Option<[u8; 32]> {
        self.ledger.file_hash(file, &ZeroHashes::default()).map(|hash| hash.0)
    }
}

#[test]
fn blocks_in_order_are_hashed_as_they_come_and_not_read_back() {
    let mut payload = Payload::new(&[2 * MIB + 5, 0, 100, MIB], Vec::new());
    let len = payload.content.len();
    for start in (0..len).step_by(300_000) {
        assert_eq!(payload.file_hash(3), None);
        payload.write(start, len.min(start + 300_000));
    }
    assert_eq!(payload.read.get(), 0);
    let right = payload.right();
    assert_eq!(payload.ledger.judge(&right), NONE);
    assert_eq!(payload.ledger.not_verified().count(), 0);
    let content = payload.content.clone();
    for (file, part) in [
        (0, &content[..2 * MIB + 5]),
        (1, &[][..]),
        (2, &content[2 * MIB + 5..][..100]),
        (3, &content[len - MIB..]),
    ] {
        assert_eq!(payload.file_hash(file), Some(*blake3::hash(part).as_bytes()), "file {file}");
    }
}

#[test]
fn blocks_after_a_gap_are_read_back_when_it_is_filled() {
    let mut payload = Payload::new(&[3 * MIB], Vec::new());
    for n in (1..12).rev() {
        payload.write(n * MIB / 4, (n + 1) * MIB / 4);
    }
    assert!(!payload.ledger.known.contains(0) && payload.ledger.known.contains(2));
    assert_eq!(payload.read.get(), 2 * 3 * MIB / 4);
    payload.write(0, MIB / 4);
    let right = payload.right();
    assert_eq!(payload.ledger.judge(&right), NONE);
    assert_eq!(payload.ledger.not_verified().count(), 0);
}

#[test]
fn wrong_chunk_is_found_alone_and_right_ones_are_not_written_again() {
    let mut payload = Payload::new(&[3 * MIB, 10], Vec::new());
    let len = payload.content.len();
    let mut wrong = payload.content.clone();
    wrong[MIB + 7] ^= 1;
    payload.write_bytes(0, &wrong);
    let right = payload.right();
    assert_eq!(payload.ledger.judge(&right), [1]);
    assert_eq!(payload.ledger.judge(&right), NONE, "it is said once");
    assert_eq!(payload.ledger.not_verified().collect::<Vec<_>>(), [1]);
    let (start, end) = (MIB as u64, 2 * MIB as u64);
    payload.ledger.forget(start, end);
    assert_eq!(payload.file_hash(0), None);
    assert_eq!(payload.ledger.unverified(0, len as u64), [(start, end)]);
    assert_eq!(payload.ledger.unverified(2 * MIB as u64, len as u64), []);
    payload.write(MIB - 10, 2 * MIB + 10);
    assert_eq!(payload.ledger.judge(&right), NONE);
    assert_eq!(payload.ledger.not_verified().count(), 0);
}

#[test]
fn chunks_are_compared_as_they_come_once_the_list_is_here() {
    let mut payload = Payload::new(&[3 * MIB], Vec::new());
    let right = payload.right();
    assert_eq!(payload.ledger.judge(&right), NONE);
    payload.write(0, MIB);
    assert!(!payload.ledger.is_wrong());
    assert_eq!(payload.ledger.not_verified().collect::<Vec<_>>(), [1, 2], "at once");
    let mut wrong = payload.content.clone();
    wrong[MIB + 7] ^= 1;
    payload.write_bytes(MIB, &wrong[MIB..2 * MIB + 10]);
    assert!(payload.ledger.is_wrong());
    assert_eq!(payload.ledger.judge(&right), [1]);
    assert!(!payload.ledger.is_wrong());
    payload.ledger.begin_again();
    assert!(!payload.ledger.is_wrong(), "another list is to come");
    assert_eq!(payload.ledger.judge(&right), [1]);
}

#[test]
fn chunk_that_is_written_while_it_is_read_back_is_read_again() {
    let mut payload = Payload::new(&[2 * MIB], Vec::new());
    payload.write(10, MIB);
    assert!(payload.ledger.start_reading(0));
    payload.write(0, 10);
    assert!(payload.ledger.known.contains(0) && !payload.ledger.start_reading(0));
    assert!(payload.ledger.was_read(0, ChunkHash([9; 32])), "of what was there before");
    let right = payload.right();
    assert_eq!(payload.ledger.judge(&right), NONE);
    // Once more, in part: only the file knows.
    payload.ledger.begin_again();
    payload.write(0, 10);
    assert!(!payload.ledger.known.contains(0));
}

#[test]
fn hashes_of_an_earlier_session_tell_damage_from_what_was_kept() {
    let right = Payload::new(&[3 * MIB], Vec::new()).right();
    let hash = |n| right.chunk(n).unwrap();
    let mut payload = Payload::new(&[3 * MIB], vec![hash(0), hash(1), UNKNOWN]);
    for number in 0..3 {
        assert!(payload.ledger.start_reading(number));
    }
    assert!(payload.ledger.was_read(0, hash(0)));
    assert!(!payload.ledger.was_read(1, ChunkHash([9; 32])), "damaged");
    assert!(payload.ledger.was_read(2, hash(2)), "nothing was written down");
    assert!(!payload.ledger.known.contains(1));
    assert_eq!(payload.ledger.judge(&right), NONE);
    assert_eq!(payload.ledger.not_verified().collect::<Vec<_>>(), [1]);
}

#[test]
fn what_has_changed_is_written_down_in_runs() {
    let mut payload = Payload::new(&[4 * MIB], Vec::new());
    payload.write(0, 2 * MIB);
    payload.write(3 * MIB, 4 * MIB);
    let right = payload.right();
    let runs = payload.ledger.take_unsaved();
    let shape: Vec<_> = runs.iter().map(|run| (run.first, run.hashes.len())).collect();
    assert_eq!(shape, [(0, 64), (3, 32)]);
    assert_eq!(runs[0].hashes[32..], right.chunk(1).unwrap().0);
    assert_eq!(payload.ledger.take_unsaved(), []);
    payload.ledger.not_saved(&runs);
    payload.ledger.forget(0, 1);
    let again = payload.ledger.take_unsaved();
    assert_eq!(again[0].hashes[..32], [0; 32]);
    assert_eq!(again[0].hashes[32..], runs[0].hashes[32..]);
    assert_eq!(again.len(), 2);
}

#[test]
fn few_chunks_are_hashed_in_part() {
    let chunks = MAX_OPEN + 10;
    let mut payload = Payload::new(&vec![2; chunks], Vec::new());
    for n in 0..chunks {
        payload.write(2 * n, 2 * n + 1);
    }
    assert_eq!(payload.ledger.open.len(), MAX_OPEN);
}
