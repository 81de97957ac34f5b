//! The NORM_INFO of each object of a set: which part of which set the object is.
//!
//! ```text
//!  0  magic "NSET"
//!  4  version, 1
//!  5  kind: 1 head, 2 payload extent, 3 tail
//!  6  transport id of the first object of the set
//!  8  set id, 16 bytes
//! 24  number of objects of the set, head and tail included
//! 28  offset of this extent in the payload; 0 in head and tail
//! 36  bytes in the payload of the set
//! 44  content id, 16 bytes
//! 60  (end; a reader of version 1 ignores what follows)
//! ```

use blake3::Hash;

use super::ContentError;
use super::cursor::Cursor;

const MAGIC: [u8; 4] = *b"NSET";
const VERSION: u8 = 1;

/// The name of a set: 128 bits, drawn at random by its sender.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub [u8; 16]);

impl core::fmt::Display for SetId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a set is about, whoever sends it and however it is cut up: the beginning of its head's hash.
///
/// Sets with the same id have the same files, by name, size, mode and time. It does not say what is in
/// them: that is for the tail to say.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentId(pub [u8; 16]);

impl ContentId {
    /// The content id of the set whose encoded head has this hash.
    pub fn of(head: &Hash) -> Self {
        Self(core::array::from_fn(|at| head.as_bytes()[at]))
    }
}

impl core::fmt::Display for ContentId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an object of a set holds.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// The list of files.
    Head,
    /// A piece of the files' contents.
    Payload,
    /// The hashes.
    Tail,
}

/// Which part of which set an object is.
///
/// The objects of a set have consecutive transport ids (modulo 2^16): the head, the extents in order,
/// the tail.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SetInfo {
    /// What this object holds.
    pub kind: ObjectKind,
    /// The set.
    pub set: SetId,
    /// Transport id of the set's first object, its head.
    pub first_object: u16,
    /// Objects in the set, head and tail included: at least 2.
    pub objects: u32,
    /// Where this extent begins in the payload, in bytes; 0 in head and tail.
    pub offset: u64,
    /// Bytes in the payload of the whole set.
    pub payload_size: u64,
    /// What the set is about.
    pub content: ContentId,
}

impl SetInfo {
    /// Bytes that [`SetInfo::emit`] appends.
    pub const LEN: usize = 60;

    /// Appends the encoded form to `out`.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let kind = match self.kind {
            ObjectKind::Head => 1,
            ObjectKind::Payload => 2,
            ObjectKind::Tail => 3,
        };
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, kind]);
        out.extend_from_slice(&self.first_object.to_be_bytes());
        out.extend_from_slice(&self.set.0);
        out.extend_from_slice(&self.objects.to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&self.payload_size.to_be_bytes());
        out.extend_from_slice(&self.content.0);
    }

    /// Reads the content of a NORM_INFO. Bytes after the known fields are ignored, so that later
    /// programs can add to version 1.
    ///
    /// Refused beside malformed data: fewer objects than the kind implies, an extent that begins
    /// outside the payload, a head or tail with an offset, and extents without payload or the reverse.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut cursor = Cursor::new(bytes);
        cursor.preamble(MAGIC, VERSION)?;
        let kind = match cursor.u8()? {
            1 => ObjectKind::Head,
            2 => ObjectKind::Payload,
            3 => ObjectKind::Tail,
            _ => return Err(ContentError::BadKind),
        };
        let info = Self {
            kind,
            first_object: cursor.u16()?,
            set: SetId(cursor.array()?),
            objects: cursor.u32()?,
            offset: cursor.u64()?,
            payload_size: cursor.u64()?,
            content: ContentId(cursor.array()?),
        };
        if info.is_consistent() { Ok(info) } else { Err(ContentError::BadField) }
    }

    /// True for what means to be a set's INFO, of whatever version, rather than a file's name.
    pub fn is_meant(bytes: &[u8]) -> bool {
        bytes.strip_prefix(&MAGIC).and_then(<[u8]>::first).is_some_and(u8::is_ascii_control)
    }

    /// Extents of payload in the set.
    pub fn extents(&self) -> u32 {
        self.objects.saturating_sub(2)
    }

    fn is_consistent(&self) -> bool {
        let extents = u64::from(self.extents());
        // No extent is empty, so there are no more of them than bytes.
        let payload =
            if extents == 0 { self.payload_size == 0 } else { self.payload_size >= extents };
        let offset = match self.kind {
            ObjectKind::Payload => self.offset < self.payload_size,
            ObjectKind::Head | ObjectKind::Tail => self.offset == 0,
        };
        self.objects >= 2 && payload && offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const INFO: SetInfo = SetInfo {
        kind: ObjectKind::Payload,
        set: SetId(*b"0123456789abcdef"),
        first_object: 0xfffe,
        objects: 5,
        offset: 0x1_0000_0000,
        payload_size: 0x2_0000_0001,
        content: ContentId(*b"ABCDEFGHIJKLMNOP"),
    };

    fn bytes(info: &SetInfo) -> Vec<u8> {
        let mut out = Vec::new();
        info.emit(&mut out);
        out
    }

    #[test]
    fn the_bytes_are_these() {
        let mut expected = b"NSET\x01\x02\xff\xfe0123456789abcdef\0\0\0\x05".to_vec();
        expected.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1]);
        expected.extend_from_slice(b"ABCDEFGHIJKLMNOP");
        assert_eq!(bytes(&INFO), expected);
        assert_eq!(expected.len(), SetInfo::LEN);
        assert_eq!(SetInfo::parse(&expected), Ok(INFO));
        assert_eq!(INFO.extents(), 3);
    }

    #[test]
    fn later_additions_are_ignored_and_truncation_is_not() {
        let mut encoded = bytes(&INFO);
        for len in 0..encoded.len() {
            assert_eq!(SetInfo::parse(&encoded[..len]), Err(ContentError::Truncated));
        }
        encoded.extend_from_slice(b"more");
        assert_eq!(SetInfo::parse(&encoded), Ok(INFO));
    }

    #[test]
    fn other_versions_kinds_and_formats_are_told_apart() {
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
    fn descriptions_that_contradict_themselves_are_refused() {
        let head = SetInfo { kind: ObjectKind::Head, offset: 0, ..INFO };
        let empty = SetInfo { objects: 2, payload_size: 0, ..head };
        for good in [INFO, head, SetInfo { kind: ObjectKind::Tail, ..head }, empty] {
            assert_eq!(SetInfo::parse(&bytes(&good)), Ok(good));
        }
        for bad in [
            SetInfo { objects: 2, ..INFO },
            SetInfo { objects: 0, ..empty },
            SetInfo { objects: 1, ..empty },
            SetInfo { objects: 3, ..empty },
            SetInfo { objects: 2, ..head },
            SetInfo { offset: 1, ..head },
            SetInfo { offset: INFO.payload_size, ..INFO },
            SetInfo { objects: u32::MAX, payload_size: 7, offset: 0, ..INFO },
        ] {
            assert_eq!(SetInfo::parse(&bytes(&bad)), Err(ContentError::BadField), "{bad:?}");
        }
    }

    #[test]
    fn the_content_id_is_the_beginning_of_the_heads_hash() {
        let hash = blake3::hash(b"head");
        let id = ContentId::of(&hash);
        assert_eq!(id.0, hash.as_bytes()[..16]);
        assert_eq!(id.to_string(), hash.to_hex()[..32]);
    }

    proptest! {
        #[test]
        fn what_parses_is_what_was_emitted(
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
