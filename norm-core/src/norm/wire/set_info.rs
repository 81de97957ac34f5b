//! The NORM_INFO of each object of a file set: which part of which set the object is.
//!
//! ```text
//!   0  magic "NSET"
//!   4  version, 2
//!   5  kind: 1 manifest, 2 payload extent, 3 digest list
//!   6  transport id of the first object of the set, its manifest
//!   8  set id, 16 bytes
//!  24  flags, 16 bits: 1 the digest list follows the manifest, rather than the payload; others 0
//!  26  number of objects of the set, manifest and digest list included, 16 bits
//!  28  offset of this extent in the payload; 0 in manifest and digest list
//!  36  bytes in the payload of the set
//!  44  bytes in the manifest
//!  52  bytes in the digest list
//!  60  manifest hash, 32 bytes
//!  92  content hash, 32 bytes; zero while the sender does not know it
//! 124  (end; a reader of version 2 ignores what follows)
//! ```

use super::reader::Reader;
use super::{MAX_OBJECTS, ObjectId, ParseError};
use crate::fileset::{ContentError, MAX_PARTS, SetDescriptor};

const MAGIC: [u8; 4] = *b"NSET";
const VERSION: u8 = 2;

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
    pub const LEN: usize = 124;

    /// Appends the encoded form to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.part.kind_number()]);
        out.extend_from_slice(&self.first_object.0.to_be_bytes());
        self.part.emit(out);
    }

    /// Reads the content of a NORM_INFO. Bytes after the known fields are ignored, so that later
    /// programs can add to version 2.
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
        let kind = cursor.u8()?;
        let first_object = ObjectId(cursor.u16()?);
        Ok(Self { first_object, part: SetDescriptor::parse(kind, cursor.rest())? })
    }

    /// True for the INFO of a file set of any version, rather than a file's name.
    pub fn has_magic(bytes: &[u8]) -> bool {
        bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first).is_some_and(u8::is_ascii_control)
    }

    /// The place within the set of the object with this transport id: 0 is the manifest. Not less
    /// than the number of parts unless the object is of the set.
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
    use crate::fileset::{ContentHash, ManifestHash, PartKind, SetId, SetSummary};
    use proptest::prelude::*;

    const SET: SetSummary = SetSummary {
        set: SetId(*b"0123456789abcdef"),
        parts: 5,
        list_first: true,
        payload_size: 0x2_0000_0001,
        manifest_size: 0x102,
        list_size: 76 + 32 * 9,
        manifest: ManifestHash(*b"ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP"),
        content: Some(ContentHash([0x55; 32])),
    };
    const PART: SetDescriptor =
        SetDescriptor { kind: PartKind::Payload, offset: 0x1_0000_0000, set: SET };
    const INFO: SetInfo = SetInfo { first_object: ObjectId(0xfffe), part: PART };

    fn bytes(info: &SetInfo) -> Vec<u8> {
        let mut out = Vec::new();
        info.emit(&mut out);
        out
    }

    #[test]
    fn layout_is_fixed() {
        let mut expected = b"NSET\x02\x02\xff\xfe0123456789abcdef\0\x01\0\x05".to_vec();
        expected.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
        expected.extend_from_slice(&[0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 1, 0x6c]);
        expected.extend_from_slice(b"ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP");
        expected.extend_from_slice(&[0x55; 32]);
        assert_eq!(bytes(&INFO), expected);
        assert_eq!(expected.len(), SetInfo::LEN);
        assert_eq!(SetInfo::parse(&expected), Ok(INFO));
        assert_eq!(INFO.part.set.extents(), 3);
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
        assert_eq!(with(4, 1), Err(ContentError::UnsupportedVersion(1)));
        assert_eq!(with(4, 0), Err(ContentError::UnsupportedVersion(0)));
        assert_eq!(with(5, 0), Err(ContentError::BadKind));
        assert_eq!(with(5, 4), Err(ContentError::BadKind));
        assert_eq!(with(25, 2), Err(ContentError::BadField), "an unknown flag");
    }

    #[test]
    fn inconsistent_descriptors_are_refused() {
        let with = |set: SetSummary| SetDescriptor { set, ..PART };
        let last = SetSummary { list_first: false, content: None, ..SET };
        let none = SetSummary { parts: 2, payload_size: 0, list_size: 76, ..SET };
        let manifest = SetDescriptor { kind: PartKind::Manifest, offset: 0, ..PART };
        let digests = SetDescriptor { kind: PartKind::DigestList, ..manifest };
        let empty = SetDescriptor { set: none, ..manifest };
        for part in [PART, manifest, digests, empty, with(last)] {
            let good = SetInfo { part, ..INFO };
            assert_eq!(SetInfo::parse(&bytes(&good)), Ok(good));
        }
        for part in [
            with(SetSummary { parts: 2, ..SET }),
            SetDescriptor { set: SetSummary { parts: 0, ..none }, ..manifest },
            SetDescriptor { set: SetSummary { parts: 1, ..none }, ..manifest },
            SetDescriptor { set: SetSummary { parts: 3, ..none }, ..manifest },
            SetDescriptor { set: SetSummary { parts: 2, ..SET }, ..manifest },
            SetDescriptor { offset: 1, ..manifest },
            SetDescriptor { offset: SET.payload_size, ..PART },
            SetDescriptor { set: SetSummary { parts: 30_000, payload_size: 7, ..SET }, ..manifest },
            with(SetSummary { parts: 70_000, ..SET }),
        ] {
            let bad = SetInfo { part, ..INFO };
            assert_eq!(SetInfo::parse(&bytes(&bad)), Err(ContentError::BadField), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn parsed_info_is_emitted_as_it_came(
            mut encoded in prop::collection::vec(any::<u8>(), 0..160), valid_start: bool,
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
