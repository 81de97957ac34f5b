//! Hashes extents of the payload while their blocks are written, as far as they come in order: what
//! is still in the processor's cache need not be read back.
//!
//! Blocks that come out of order are read back when the hole before them is filled, a few at a
//! time; what is left then is read back when the extent is verified.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use blake3::Hasher;

/// Blocks after a hole that are remembered; further ones are read back in the end.
const MAX_AHEAD: usize = 4_096;
/// Blocks read back at most when one is written, so that writing goes on.
const CATCH_UP: usize = 8;

/// A payload that can be read back.
pub trait ReadBack {
    /// Fills `buffer` from `offset` on.
    ///
    /// # Errors
    /// What the system says.
    fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;
}

/// The hash of the first bytes of an extent.
#[derive(Debug, Default)]
pub struct PartialHash {
    hasher: Hasher,
    /// Bytes of the extent that are in it.
    end: u64,
    /// Blocks that are written after it: lengths, by their places in the extent.
    ahead: BTreeMap<u64, usize>,
    buffer: Vec<u8>,
}

/// The extents of a payload that arrives, by their places in it.
#[derive(Debug, Default)]
pub struct Hashes(Mutex<BTreeMap<u64, PartialHash>>);

impl Hashes {
    /// A block of the extent at `extent` was written, at `offset` within the extent. Earlier ones
    /// are read back from `source`.
    ///
    /// # Errors
    /// When earlier blocks cannot be read back.
    pub fn written(
        &self,
        source: &impl ReadBack,
        extent: u64,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        self.lock().entry(extent).or_default().written(source, extent, offset, bytes)
    }

    /// Hands over what is hashed of an extent, and forgets it.
    pub fn take(&self, extent: u64) -> PartialHash {
        self.lock().remove(&extent).unwrap_or_default()
    }

    /// Begins anew: the payload is cut into other extents from here on.
    pub fn clear(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, PartialHash>> {
        // A panic here was in a block's write, and the set fails with it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PartialHash {
    /// Bytes of the extent that are hashed.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// The hasher, to go on with the bytes from [`end`](Self::end) on.
    pub fn into_hasher(self) -> Hasher {
        self.hasher
    }

    fn written(
        &mut self,
        source: &impl ReadBack,
        extent: u64,
        offset: u64,
        bytes: &[u8],
    ) -> io::Result<()> {
        if offset < self.end {
            // Written once more: what counts is what is in the file in the end.
            *self = Self::default();
            return Ok(());
        }
        if offset == self.end {
            self.update(bytes);
        } else if self.ahead.len() < MAX_AHEAD {
            self.ahead.insert(offset, bytes.len());
        }
        // Also after a block beyond another hole, or too much would be left for the end.
        for _ in 0..CATCH_UP {
            let Some(len) = self.ahead.remove(&self.end) else { break };
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.resize(len, 0);
            source.read_back(&mut buffer, extent + self.end)?;
            self.update(&buffer);
            self.buffer = buffer;
        }
        Ok(())
    }

    fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.end += bytes.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::sink::system;

    const EXTENT: u64 = 100;

    impl ReadBack for File {
        fn read_back(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
            system::read_exact_at(self, buffer, offset)
        }
    }

    struct Spool {
        file: File,
        hashes: Hashes,
        content: Vec<u8>,
    }

    impl Spool {
        fn new(len: usize) -> Self {
            let content = (0..len).map(|n| (n % 251) as u8).collect();
            let file = tempfile::tempfile().unwrap();
            Self { file, hashes: Hashes::default(), content }
        }

        fn write(&self, from: usize, to: usize) {
            let (offset, bytes) = (from as u64, &self.content[from..to]);
            system::write_all_at(&self.file, bytes, EXTENT + offset).unwrap();
            self.hashes.written(&self.file, EXTENT, offset, bytes).unwrap();
        }
    }

    #[test]
    fn blocks_in_order_are_hashed_as_they_come() {
        let spool = Spool::new(1000);
        (0..10).for_each(|n| spool.write(n * 100, n * 100 + 100));
        let partial = spool.hashes.take(EXTENT);
        assert_eq!(partial.end, 1000);
        assert_eq!(partial.hasher.finalize(), blake3::hash(&spool.content));
        assert_eq!(spool.hashes.take(EXTENT).end, 0, "it is gone");
    }

    #[test]
    fn blocks_after_a_hole_are_read_back_when_it_is_filled() {
        let spool = Spool::new(6100);
        for n in (1..50).rev() {
            spool.write(n * 100, n * 100 + 100);
        }
        spool.write(0, 100);
        let caught_up = || spool.hashes.lock().get(&EXTENT).unwrap().end;
        assert_eq!(caught_up(), 100 * (1 + CATCH_UP as u64));
        for n in 50..60 {
            spool.write(n * 100 + 100, n * 100 + 200);
        }
        let partial = spool.hashes.take(EXTENT);
        assert_eq!(partial.end, 5000, "although a hole is left");
        assert_eq!(partial.hasher.finalize(), blake3::hash(&spool.content[..5000]));
    }

    #[test]
    fn blocks_written_again_are_read_back_in_the_end() {
        let spool = Spool::new(300);
        spool.write(0, 200);
        spool.write(0, 100);
        assert_eq!(spool.hashes.take(EXTENT).end, 0);
    }
}
