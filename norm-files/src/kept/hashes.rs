//! Hashes of chunks, of which there may be millions: the pages that were used last are in memory,
//! and the others in a file without a name. Where none can be made or written, all are in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use norm_core::fileset::{ChunkHash, HASH_BYTES};

use super::file::UnnamedFile;

/// Hashes in a page, which takes 64 KiB.
const IN_PAGE: u32 = 2048;
/// Pages that stay in memory.
const MAX_PAGES: usize = 16;

/// A table of hashes, all zeros at first.
#[derive(Debug, Default)]
pub struct KeptHashes {
    pages: BTreeMap<u32, Page>,
    /// Where the other pages are.
    file: Option<UnnamedFile>,
    /// Which pages were written there.
    written: BTreeSet<u32>,
    /// Which of them could not be read again.
    lost: BTreeSet<u32>,
    /// Counts uses.
    time: u64,
}

#[derive(Debug)]
struct Page {
    bytes: Vec<u8>,
    /// It is not in the file as it is here.
    is_changed: bool,
    /// When it was used last.
    used: u64,
}

impl KeptHashes {
    /// Room for `len` hashes. A file is made in `directory` if there is one and that can be; else
    /// where the system has temporary files.
    pub fn new(len: u32, directory: Option<&Path>) -> Self {
        let is_large = len.div_ceil(IN_PAGE) as usize > MAX_PAGES;
        let file = is_large.then(|| UnnamedFile::new(directory)).flatten();
        Self { file, ..Self::default() }
    }

    /// The hash with this number, zeros if it was never set; `None` when it cannot be read.
    pub fn get(&mut self, number: u32) -> Option<ChunkHash> {
        let (page, at) = place(number);
        let bytes = self.page(page)?.bytes.get(at..at + HASH_BYTES)?;
        bytes.try_into().ok().map(ChunkHash)
    }

    /// The same without a page for it, where one hash is wanted now and then.
    pub fn look_up(&self, number: u32) -> Option<ChunkHash> {
        let (page, at) = place(number);
        if let Some(kept) = self.pages.get(&page) {
            return kept.bytes.get(at..at + HASH_BYTES)?.try_into().ok().map(ChunkHash);
        }
        let mut hash = [0; HASH_BYTES];
        self.read(page, at, &mut hash).then_some(ChunkHash(hash))
    }

    /// Reads what the file has of a page that is not in memory, from byte `at` on; false when it
    /// cannot be read. Of one that was never written that is zeros.
    fn read(&self, page: u32, at: usize, bytes: &mut [u8]) -> bool {
        match &self.file {
            Some(file) if self.written.contains(&page) => {
                !self.lost.contains(&page) && file.read_at(bytes, start(page) + at as u64)
            }
            _ => true,
        }
    }

    /// Sets the hash with this number. One of a page that cannot be read is lost like the others.
    pub fn set(&mut self, number: u32, hash: ChunkHash) {
        let (page, at) = place(number);
        let Some(page) = self.page(page) else { return };
        page.is_changed = true;
        if let Some(bytes) = page.bytes.get_mut(at..at + HASH_BYTES) {
            bytes.copy_from_slice(&hash.0);
        }
    }

    /// A page, in memory from here on; `None` when it cannot be read.
    fn page(&mut self, number: u32) -> Option<&mut Page> {
        self.time += 1;
        if !self.pages.contains_key(&number) {
            let mut bytes = vec![0; PAGE_BYTES];
            if !self.read(number, 0, &mut bytes) {
                self.lost.insert(number);
                return None;
            }
            self.make_room();
            self.pages.insert(number, Page { bytes, is_changed: false, used: 0 });
        }
        let page = self.pages.get_mut(&number)?;
        page.used = self.time;
        Some(page)
    }

    /// Puts the page that was used first into the file, where there are enough in memory.
    fn make_room(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.pages.len() >= MAX_PAGES) else {
            return;
        };
        let oldest = self.pages.iter().min_by_key(|(_, page)| page.used);
        let Some((&number, page)) = oldest else { return };
        // One that the disk does not take stays.
        if !page.is_changed {
            self.pages.remove(&number);
        } else if file.write_at(&page.bytes, start(number)) {
            self.pages.remove(&number);
            self.written.insert(number);
        }
    }

    /// Its file has nothing any more of what was written.
    #[cfg(all(test, unix))]
    pub(crate) fn lose(&self) {
        self.file.as_ref().expect("there is a file").lose();
    }
}

/// Bytes of a page.
const PAGE_BYTES: usize = IN_PAGE as usize * HASH_BYTES;

/// The page of a hash, and where in it the hash begins.
fn place(number: u32) -> (u32, usize) {
    (number / IN_PAGE, (number % IN_PAGE) as usize * HASH_BYTES)
}

/// Where a page is in the file.
fn start(page: u32) -> u64 {
    u64::from(page) * PAGE_BYTES as u64
}

#[cfg(test)]
mod tests {
    use norm_core::Rng;

    use super::*;

    fn hash(seed: u64) -> ChunkHash {
        let mut bytes = [0; HASH_BYTES];
        bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&(seed | 1).to_le_bytes()));
        ChunkHash(bytes)
    }

    #[test]
    fn hashes_come_back_from_memory_and_from_a_file() {
        for len in [10, 40 * IN_PAGE] {
            let dir = tempfile::tempdir().unwrap();
            let mut kept = KeptHashes::new(len, Some(dir.path()));
            let mut model = vec![ChunkHash([0; HASH_BYTES]); len as usize];
            let mut rng = Rng::new(3);
            for _ in 0..20_000 {
                let number = rng.below(len.into()) as u32;
                if rng.chance(0.5) {
                    let hash = hash(rng.next_u64());
                    kept.set(number, hash);
                    model[number as usize] = hash;
                }
                assert_eq!(kept.look_up(number), Some(model[number as usize]));
                assert_eq!(kept.get(number), Some(model[number as usize]));
                assert!(kept.pages.len() <= MAX_PAGES);
            }
            for number in 0..len {
                assert_eq!(kept.get(number), Some(model[number as usize]));
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn hash_that_cannot_be_read_is_none_for_good() {
        let mut kept = KeptHashes::new(40 * IN_PAGE, None);
        (0..39).for_each(|page| kept.set(page * IN_PAGE, hash(page.into())));
        kept.lose();
        assert_eq!((kept.look_up(0), kept.get(0)), (None, None));
        kept.set(0, hash(7));
        assert_eq!((kept.look_up(0), kept.get(0), kept.get(1)), (None, None, None));
        assert_eq!(kept.get(38 * IN_PAGE), Some(hash(38)), "it is in memory");
        assert_eq!(kept.get(39 * IN_PAGE), Some(ChunkHash([0; HASH_BYTES])), "it was never set");
    }

    #[test]
    fn all_stay_in_memory_when_the_file_takes_no_more() {
        let mut kept = KeptHashes::new(40 * IN_PAGE, None);
        let pages = || (0..40).map(|page| page * IN_PAGE);
        pages().for_each(|number| kept.set(number, hash(number.into())));
        assert!(kept.pages.len() <= MAX_PAGES);
        kept.file.as_mut().unwrap().fill();
        pages().for_each(|number| kept.set(number + 1, hash(number.into())));
        for number in pages() {
            assert_eq!([kept.get(number), kept.get(number + 1)], [Some(hash(number.into())); 2]);
        }
    }
}
