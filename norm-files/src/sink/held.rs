//! What is here of a part of the payload, to be built upon: a block of which some is here asks only
//! for the rest.

use std::io;

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{Chunk, ChunkHash};

use super::ledger::ReadBack;
use super::spool::Spool;

impl Spool {
    /// What is here of `start..end` of the payload, written or in memory, counted from `start`.
    pub fn held(&self, start: u64, end: u64) -> RangeSet {
        let mut here = self.have().ranges().clone();
        if let Some(files) = self.in_place() {
            files.compared().iter().for_each(|(from, to)| here.insert(from, to));
        }
        self.coming().add_to(&mut here, start, end);
        let mut held = RangeSet::new();
        here.overlaps(start, end).for_each(|(from, to)| held.insert(from - start, to - start));
        held
    }

    /// True when this byte of the payload is of a file that is in place already.
    pub(super) fn is_in_place(&self, at: u64) -> bool {
        self.in_place().is_some_and(|files| files.has_at(at))
    }

    /// A chunk of a file that is there has the right hash: it counts as here, where it is, or
    /// copied.
    ///
    /// # Errors
    /// What the system says of the copy.
    pub(super) fn put_compared(
        &self,
        number: u32,
        hash: ChunkHash,
        bytes: &[u8],
        chunk: &Chunk,
    ) -> io::Result<()> {
        // No block is written meanwhile.
        let _gate = self.close_gate();
        let place = chunk.range();
        let matched = self.in_place().and_then(|mut files| files.match_range(&place));
        let new = match matched {
            Some(new) => new,
            None => self.write_piece(bytes, place.start)?,
        };
        self.count_compared(number, hash, new);
        Ok(())
    }

    /// A file that is in place, and has this byte of the payload, is another one: what was compared
    /// of it is copied.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn give_up_in_place(&self, at: u64) -> io::Result<()> {
        let Some(mut files) = self.in_place() else { return Ok(()) };
        match files.find_at(at) {
            Some(differs) => files.give_up(differs, |bytes, at| self.write_piece(bytes, at)),
            None => Ok(()),
        }
    }

    /// Reads bytes of the payload that are written. What cannot be read is forgotten: it is to come
    /// again.
    ///
    /// # Errors
    /// What the system says; [`io::ErrorKind::NotFound`] when it is not written.
    pub fn read_held(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let end = offset + buffer.len() as u64;
        if !self.is_written(offset, end) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.read_back(buffer, offset).inspect_err(|_| self.forget(offset, end))
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::ManifestHash;

    use crate::sink::{SpoolFile, Spools};

    #[test]
    fn what_is_written_or_in_memory_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(ManifestHash([1; 32]), 100).unwrap();
        spool.write(SpoolFile::Payload, &[7; 20], 10).unwrap();
        let held = |start, end| spool.held(start, end).iter().collect::<Vec<_>>();
        assert_eq!(held(0, 100), [(10, 30)]);
        assert_eq!(held(20, 100), [(0, 10)]);
        assert_eq!(held(12, 25), [(0, 13)]);
        assert_eq!(held(30, 100), []);
        let part =
            crate::sink::Part { kind: norm_core::fileset::PartKind::Payload, offset: 20, size: 80 };
        spool.announce(&part, 30, 10);
        assert_eq!(held(20, 100), [(0, 10), (30, 40)]);
        let mut buffer = [0; 5];
        spool.read_held(&mut buffer, 25).unwrap();
        assert_eq!(buffer, [7; 5]);
        assert!(spool.read_held(&mut buffer, 50).is_err(), "it is in memory");
        assert_eq!(held(20, 100), [(0, 10), (30, 40)]);
        spool.file(SpoolFile::Payload).set_len(26).unwrap();
        assert!(spool.read_held(&mut buffer, 24).is_err());
        assert_eq!(held(0, 100), [(10, 24), (29, 30), (50, 60)]);
    }
}
