//! Hashes of chunks, of which there may be millions: the pages that were used last are in memory,
//! and the others in a file without a name. Where none can be made or written, all are in memory.

use std::collections::BTreeMap;
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

    /// The hash with this number. One that cannot be read is zeros.
    pub fn get(&mut self, number: u32) -> ChunkHash {
        let (page, at) = place(number);
        let bytes = self.page(page).bytes.get(at..at + HASH_BYTES);
        ChunkHash(bytes.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
    }

    /// The same without a page for it, where one hash is wanted now and then.
    pub fn look_up(&self, number: u32) -> ChunkHash {
        let (page, at) = place(number);
        let mut hash = [0; HASH_BYTES];
        if let Some(kept) = self.pages.get(&page) {
            let kept = kept.bytes.get(at..at + HASH_BYTES);
            hash = kept.and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
        } else if let Some(file) = &self.file
            && !file.read_at(&mut hash, start(page) + at as u64)
        {
            // It was never written, or only in part.
            hash.fill(0);
        }
        ChunkHash(hash)
    }

    /// Sets the hash with this number.
    pub fn set(&mut self, number: u32, hash: ChunkHash) {
        let (page, at) = place(number);
        let page = self.page(page);
        page.is_changed = true;
        if let Some(bytes) = page.bytes.get_mut(at..at + HASH_BYTES) {
            bytes.copy_from_slice(&hash.0);
        }
    }

    fn page(&mut self, number: u32) -> &mut Page {
        self.time += 1;
        if !self.pages.contains_key(&number) {
            self.make_room();
        }
        let (time, file) = (self.time, &self.file);
        let page = self.pages.entry(number).or_insert_with(|| {
            let mut bytes = vec![0; PAGE_BYTES];
            let is_read = file.as_ref().is_some_and(|file| file.read_at(&mut bytes, start(number)));
            if !is_read {
                // It was never written, or only in part.
                bytes.fill(0);
            }
            Page { bytes, is_changed: false, used: time }
        });
        page.used = time;
        page
    }

    /// Puts the page that was used first into the file, where there are enough in memory.
    fn make_room(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.pages.len() >= MAX_PAGES) else {
            return;
        };
        let oldest = self.pages.iter().min_by_key(|(_, page)| page.used);
        let Some((&number, page)) = oldest else { return };
        // One that the disk does not take stays.
        if !page.is_changed || file.write_at(&page.bytes, start(number)) {
            self.pages.remove(&number);
        }
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
                assert_eq!(kept.look_up(number), model[number as usize]);
                assert_eq!(kept.get(number), model[number as usize]);
                assert!(kept.pages.len() <= MAX_PAGES);
            }
            for number in 0..len {
                assert_eq!(kept.get(number), model[number as usize]);
            }
        }
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
            assert_eq!([kept.get(number), kept.get(number + 1)], [hash(number.into()); 2]);
        }
    }
}
