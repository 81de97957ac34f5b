//! Which part of a file set an object is, as an attribute of its file: base64 of
//!
//! ```text
//!   0  version of the content format, 2
//!   1  kind: 1 manifest, 2 payload extent, 3 digest list
//!   2  place of the part in the set, 32 bits: 0 is the manifest
//!   6  the set and its offset, as in the NORM_INFO of an object, 116 bytes
//! ```

use crate::fileset::SetDescriptor;

const VERSION: u8 = 2;

/// A part of a file set. The parts of a set have consecutive TOIs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetPart {
    /// Its place among the parts of the set.
    pub index: u32,
    /// What it is.
    pub part: SetDescriptor,
}

impl SetPart {
    /// The bytes of the attribute.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut out = vec![VERSION, self.part.kind_number()];
        out.extend_from_slice(&self.index.to_be_bytes());
        self.part.emit(&mut out);
        out
    }

    /// Reads them; `None` for another version, and for what contradicts itself.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (&[version, kind, i0, i1, i2, i3], rest) = bytes.split_first_chunk()?;
        let part = SetDescriptor::parse(kind, rest).ok().filter(|_| version == VERSION)?;
        let index = u32::from_be_bytes([i0, i1, i2, i3]);
        (part.set.kind_of(index) == Some(part.kind)).then_some(Self { index, part })
    }
}
