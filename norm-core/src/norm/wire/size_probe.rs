//! The size probe: a packet that is as long as a path may let through. Not of the RFC: the content
//! of NORM_CMD(APPLICATION), as a [`super::MembershipQuery`] is. Receivers do not answer it; their
//! reports say what the longest packet was that came (path MTU discovery in the manner of RFC
//! 8899). It also says which objects were cut anew, into shorter segments.
//!
//! Version 1, all big-endian:
//! ```text
//! | 'N'            | 'R'           | version 1     | kind 5       |
//! | packet 16                      | in_use 16                    |
//! | first_object 16                | objects 16                   |
//! | layouts 16                     | zeros to the packet's length
//! ```

use super::reader::Reader;
use super::{ObjectId, ParseError};

const HEAD: [u8; 4] = [b'N', b'R', 1, 5];

/// A probe for the path MTU.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SizeProbe {
    /// Bytes of the IP packet that carries it, all headers included; 0 when it only tells of
    /// objects.
    pub packet: u16,
    /// Bytes of the longest IP packet with content that the sender makes now; 0 before it has
    /// decided that.
    pub in_use: u16,
    /// Objects that were cut anew.
    pub moved: MovedObjects,
    /// Bytes of the content: what `packet` leaves beside the headers, and at least
    /// [`SizeProbe::MIN_LEN`].
    pub len: u16,
}

/// Objects that were cut anew and have other transport ids since: `layouts` runs of as many objects
/// lie one after the other before the first id, and each of them was the same objects.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct MovedObjects {
    /// The first object of the present layout.
    pub first: ObjectId,
    /// Objects of a layout.
    pub objects: u16,
    /// Layouts before the present one; 0 when there was none.
    pub layouts: u16,
}

impl SizeProbe {
    /// Bytes of the shortest content.
    pub const MIN_LEN: u16 = 14;

    /// Reads the content of an application command; `None` when it is something else.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let len = u16::try_from(content.len()).ok()?;
        let mut reader = Reader::new(content, ParseError::PayloadLength);
        if reader.array().ok()? != HEAD {
            return None;
        }
        let (packet, in_use) = (reader.u16().ok()?, reader.u16().ok()?);
        let first = ObjectId(reader.u16().ok()?);
        let (objects, layouts) = (reader.u16().ok()?, reader.u16().ok()?);
        let moved = MovedObjects { first, objects, layouts };
        let padding = content.get(usize::from(Self::MIN_LEN)..)?;
        padding.iter().all(|&byte| byte == 0).then_some(Self { packet, in_use, moved, len })
    }

    /// Appends the content: `len` bytes.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let end = out.len() + usize::from(self.len.max(Self::MIN_LEN));
        let MovedObjects { first, objects, layouts } = self.moved;
        out.extend_from_slice(&HEAD);
        for field in [self.packet, self.in_use, first.0, objects, layouts] {
            out.extend_from_slice(&field.to_be_bytes());
        }
        out.resize(end, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVED: MovedObjects = MovedObjects { first: ObjectId(0x0304), objects: 3, layouts: 1 };

    fn encoded(probe: SizeProbe) -> Vec<u8> {
        let mut bytes = Vec::new();
        probe.emit(&mut bytes);
        bytes
    }

    #[test]
    fn layout_of_version_1_is_fixed() {
        let probe = SizeProbe { packet: 0x05dc, in_use: 0x0580, moved: MOVED, len: 16 };
        let bytes = encoded(probe);
        assert_eq!(bytes, [78, 82, 1, 5, 5, 0xdc, 5, 0x80, 3, 4, 0, 3, 0, 1, 0, 0]);
        assert_eq!(SizeProbe::parse(&bytes), Some(probe));
        let shortest = SizeProbe { len: SizeProbe::MIN_LEN, ..probe };
        assert_eq!(SizeProbe::parse(&encoded(shortest)), Some(shortest));
        assert_eq!(encoded(SizeProbe { len: 0, ..probe }).len(), 14);
    }

    #[test]
    fn other_content_is_no_probe() {
        let bytes = encoded(SizeProbe { packet: 1500, in_use: 0, moved: MOVED, len: 40 });
        for at in (0..4).chain(14..40) {
            let mut other = bytes.clone();
            other[at] ^= 0x40;
            assert_eq!(SizeProbe::parse(&other), None, "byte {at}");
        }
        for len in 0..14 {
            assert_eq!(SizeProbe::parse(&bytes[..len]), None, "{len} bytes");
        }
        assert_eq!(SizeProbe::parse(&[0; 70_000]), None);
    }
}
