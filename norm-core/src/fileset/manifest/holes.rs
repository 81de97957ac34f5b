//! Parts of a file that have no content: they read as zeros, and do not travel.

use crate::fileset::ContentError;

/// Holes of a file at most; the smallest others travel as zeros.
pub const MAX_HOLES: u32 = 1 << 20;
const LEN: usize = 16;

/// A part of a file without content.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// Its bytes, at least 1.
    pub len: u64,
}

impl Hole {
    /// Where it ends in the file, in bytes.
    pub fn end(&self) -> u64 {
        self.offset.saturating_add(self.len)
    }

    fn decode(encoded: &[u8; LEN]) -> Self {
        let number =
            |bytes: &[u8]| bytes.iter().fold(0, |number: u64, &byte| number << 8 | u64::from(byte));
        let (offset, len) = encoded.split_at(LEN / 2);
        Self { offset: number(offset), len: number(len) }
    }

    fn encode(self) -> [u8; LEN] {
        (u128::from(self.offset) << 64 | u128::from(self.len)).to_be_bytes()
    }
}

/// The holes of a file, ascending, with content between them; in their encoded form.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Holes<'a>(&'a [[u8; LEN]]);

impl<'a> Holes<'a> {
    /// None.
    pub const NONE: Self = Self(&[]);

    /// Of encoded holes; nothing is checked.
    pub(super) fn new(encoded: &'a [u8]) -> Self {
        Self(encoded.as_chunks().0)
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The holes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Hole> + use<'a> {
        self.0.iter().map(Hole::decode)
    }

    /// Bytes in all of them.
    pub fn bytes(&self) -> u64 {
        self.iter().fold(0, |sum: u64, hole| sum.saturating_add(hole.len))
    }

    pub(super) fn encoded(&self) -> &'a [u8] {
        self.0.as_flattened()
    }

    /// Refuses holes of a file of `size` bytes that are too many, empty, out of order, not apart or
    /// beyond the end.
    pub(super) fn check(&self, size: u64) -> Result<(), ContentError> {
        if self.0.len() > MAX_HOLES as usize {
            return Err(ContentError::TooLarge);
        }
        let mut before = None;
        for hole in self.iter() {
            let end = hole.offset.checked_add(hole.len).filter(|&end| end <= size);
            let apart = before.is_none_or(|before| before < hole.offset);
            if hole.len == 0 || !apart || end.is_none() {
                return Err(ContentError::BadField);
            }
            before = end;
        }
        Ok(())
    }
}

/// Builds the holes of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoleList(Vec<[u8; LEN]>);

impl HoleList {
    /// Adds a hole, which begins after the end of the one before. It is checked with its entry.
    pub fn push(&mut self, hole: Hole) {
        self.0.push(hole.encode());
    }

    /// The holes, for an entry.
    pub fn as_holes(&self) -> Holes<'_> {
        Holes(&self.0)
    }
}
