//! Objects, before they become packets of a protocol.

use bytes::Bytes;

use crate::fileset::SetDescriptor;

/// What is known of an object besides its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectMeta {
    /// A part of a file set.
    SetPart {
        /// Which part: 0 is the manifest, then the extents, then the digest list.
        index: u32,
        /// The set, and what this part holds.
        part: SetDescriptor,
    },
    /// A file of its own, with its name as it is to be sent or was received: text from the network.
    File {
        /// The name, with its folders; `None` when the protocol did not give a usable one.
        name: Option<Bytes>,
        /// What is said of its content.
        content: FileContent,
    },
    /// Something else: bytes that only the applications understand, at most one segment.
    Opaque(Option<Bytes>),
}

impl ObjectMeta {
    /// A file of which nothing but its name is told.
    pub fn file(name: Option<Bytes>) -> Self {
        Self::File { name, content: FileContent::default() }
    }
}

/// What a protocol says of the content of a file. Nothing of it can be trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileContent {
    /// The object is the file in gzip, zlib or DEFLATE, whichever it is by its first bytes: to be
    /// decoded.
    pub is_encoded: bool,
    /// Bytes of the file, decoded.
    pub len: Option<u64>,
    /// MD5 of the file, or of the object: senders differ.
    pub md5: Option<[u8; 16]>,
    /// SHA-256 of the object.
    pub sha256: Option<[u8; 32]>,
    /// BLAKE3 of the object.
    pub blake3: Option<[u8; 32]>,
}

/// An object to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSpec {
    /// Content bytes.
    pub size: u64,
    /// What receivers are told of it.
    pub meta: ObjectMeta,
}
