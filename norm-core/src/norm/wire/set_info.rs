//! The NORM_INFO of each object of a file set: which part of which set the object is.
//!
//! ```text
//!  0  magic "NSET"
//!  4  version, 1
//!  5  kind: 1 manifest, 2 payload extent, 3 digest list
//!  6  transport id of the first object of the set
//!  8  set id, 16 bytes
//! 24  number of objects of the set, manifest and digest list included
//! 28  offset of this extent in the payload; 0 in manifest and digest list
//! 36  bytes in the payload of the set
//! 44  content id, 16 bytes
//! 60  (end; a reader of version 1 ignores what follows)
//! ```

use super::reader::Reader;
use super::{MAX_OBJECTS, ObjectId, ParseError};
use crate::fileset::{ContentError, ContentId, MAX_PARTS, PartKind, SetDescriptor, SetId};

const MAGIC: [u8; 4] = *b"NSET";
const VERSION: u8 = 1;

// Each part of a set is an object of one session.
const _: () = assert!(MAX_PARTS == MAX_OBJECTS as u32);

/// A part of a file set as it is described in the NORM_INFO of its object.
///
/// The objects of a set have consecutive transport ids (modulo 2^16).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetInfo {
    /// Transport id of the set's first object, its manifest.
    pub first_object: ObjectId,
    /// The part.
    pub part: SetDescriptor,
}

impl SetInfo {
    /// Bytes that [`SetInfo::emit`] appends.
    pub const LEN: usize = 60;

    /// Appends the encoded form to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let part = &self.part;
        let kind = match part.kind {
            PartKind::Manifest => 1,
            PartKind::Payload => 2,
            PartKind::DigestList => 3,
        };
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, kind]);
        out.extend_from_slice(&self.first_object.0.to_be_bytes());
        out.extend_from_slice(&part.set.0);
        out.extend_from_slice(&part.parts.to_be_bytes());
        out.extend_from_slice(&part.offset.to_be_bytes());
        out.extend_from_slice(&part.payload_size.to_be_bytes());
        out.extend_from_slice(&part.content.0);
    }

    /// Reads the content of a NORM_INFO. Bytes after the known fields are ignored, so that later
    /// programs can add to version 1.
    ///
    /// # Errors
    /// [`ContentError`] for malformed data, and for numbers that contradict each other
    /// ([`SetDescriptor::is_consistent`]).
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut cursor = Reader::new(bytes, ParseError::Truncated);
        if cursor.array()? != MAGIC {
            return Err(ContentError::BadMagic);
        }
        match cursor.u8()? {
            VERSION => {}
            other => return Err(ContentError::UnsupportedVersion(other)),
        }
        let kind = match cursor.u8()? {
            1 => PartKind::Manifest,
            2 => PartKind::Payload,
            3 => PartKind::DigestList,
            _ => return Err(ContentError::BadKind),
        };
        let first_object = ObjectId(cursor.u16()?);
        let part = SetDescriptor {
            kind,
            set: SetId(cursor.array()?),
            parts: cursor.u32()?,
            offset: cursor.u64()?,
            payload_size: cursor.u64()?,
            content: ContentId(cursor.array()?),
        };
        let info = Self { first_object, part };
        if part.is_consistent() { Ok(info) } else { Err(ContentError::BadField) }
    }

    /// True for the INFO of a file set of any version, rather than a file's name.
    pub fn has_magic(bytes: &[u8]) -> bool {
        bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first).is_some_and(u8::is_ascii_control)
    }

    /// The place within the set of the object with this transport id: 0 is the manifest. Not less
    /// than [`SetDescriptor::parts`] unless the object is of the set.
    pub fn index_of(&self, object: ObjectId) -> u16 {
        object.distance_from(self.first_object)
    }
}

impl From<ParseError> for ContentError {
    fn from(_: ParseError) -> Self {
        Self::Truncated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PART: SetDescriptor = SetDescriptor {
        kind: PartKind::Payload,
        set: SetId(*b"0123456789abcdef"),
        parts: 5,
        offset: 0x1_0000_0000,
        payload_size: 0x2_0000_0001,
        content: ContentId(*b"ABCDEFGHIJKLMNOP"),
    };
    const INFO: SetInfo = SetInfo { first_object: ObjectId(0xfffe), part: PART };

    fn bytes(info: &SetInfo) -> Vec<u8> {
        let mut out = Vec::new();
        info.emit(&mut out);
        out
    }

    #[test]
    fn layout_is_fixed() {
        let mut expected = b"NSET\x01\x02\xff\xfe0123456789abcdef\0\0\0\x05".to_vec();
        expected.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
        expected.extend_from_slice(b"ABCDEFGHIJKLMNOP");
        assert_eq!(bytes(&INFO), expected);
        assert_eq!(expected.len(), SetInfo::LEN);
        assert_eq!(SetInfo::parse(&expected), Ok(INFO));
        assert_eq!(INFO.part.extents(), 3);
    }

    #[test]
    fn additions_are_ignored_and_truncation_is_refused() {
        let mut encoded = bytes(&INFO);
        for len in 0..encoded.len() {
            assert_eq!(SetInfo::parse(&encoded[..len]), Err(ContentError::Truncated));
        }
        encoded.extend_from_slice(b"more");
        assert_eq!(SetInfo::parse(&encoded), Ok(INFO));
    }

    #[test]
    fn versions_kinds_and_formats_are_distinguished() {
        let with = |at: usize, value: u8| {
            let mut encoded = bytes(&INFO);
            encoded[at] = value;
            SetInfo::parse(&encoded)
        };
        assert_eq!(with(0, b'X'), Err(ContentError::BadMagic));
        assert_eq!(with(4, 2), Err(ContentError::UnsupportedVersion(2)));
        assert_eq!(with(4, 0), Err(ContentError::UnsupportedVersion(0)));
        assert_eq!(with(5, 0), Err(ContentError::BadKind));
        assert_eq!(with(5, 4), Err(ContentError::BadKind));
    }

    #[test]
    fn inconsistent_descriptors_are_refused() {
        let manifest = SetDescriptor { kind: PartKind::Manifest, offset: 0, ..PART };
        let empty = SetDescriptor { parts: 2, payload_size: 0, ..manifest };
        let digests = SetDescriptor { kind: PartKind::DigestList, ..manifest };
        for part in [PART, manifest, digests, empty] {
            let good = SetInfo { part, ..INFO };
            assert_eq!(SetInfo::parse(&bytes(&good)), Ok(good));
        }
        for part in [
            SetDescriptor { parts: 2, ..PART },
            SetDescriptor { parts: 0, ..empty },
            SetDescriptor { parts: 1, ..empty },
            SetDescriptor { parts: 3, ..empty },
            SetDescriptor { parts: 2, ..manifest },
            SetDescriptor { offset: 1, ..manifest },
            SetDescriptor { offset: PART.payload_size, ..PART },
            SetDescriptor { parts: u32::MAX, payload_size: 7, offset: 0, ..PART },
        ] {
            let bad = SetInfo { part, ..INFO };
            assert_eq!(SetInfo::parse(&bytes(&bad)), Err(ContentError::BadField), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsed_info_is_emitted_as_it_came(
            mut encoded in prop::collection::vec(any::<u8>(), 0..80), valid_start: bool,
        ) {
            if valid_start {
                let start = bytes(&INFO);
                let n = encoded.len().min(8);
                encoded[..n].copy_from_slice(&start[..n]);
            }
            if let Ok(info) = SetInfo::parse(&encoded) {
                prop_assert_eq!(&bytes(&info)[..], &encoded[..SetInfo::LEN]);
            }
        }
    }
}
