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
    },
    /// Something else: bytes that only the applications understand, at most one segment.
    Opaque(Option<Bytes>),
}

/// An object to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectSpec {
    /// Content bytes.
    pub size: u64,
    /// What receivers are told of it.
    pub meta: ObjectMeta,
}
