//! File sets: what a transfer says about its files.
//!
//! A transfer carries a *file set* as a run of objects: the manifest, which lists the files; the
//! payload, which is all file contents one after the other, cut into extents of one object each;
//! and the digest list, with the hashes of all that. A [`SetDescriptor`] says which part of which
//! set an object is; how it travels with the object is left to each protocol.
//!
//! Everything here comes from the network when received: all numbers are big-endian, all formats
//! begin with a magic and a version, and parsing is strict. This module opens no files, and hashes
//! nothing but the root of a digest list.

mod cursor;
mod descriptor;
mod digests;
mod error;
mod manifest;
mod path;
mod raw_name;

pub use blake3::Hash;
pub use descriptor::{ContentId, MAX_PARTS, PartKind, SetDescriptor, SetId};
pub use digests::{DigestList, DigestListWriter, MAX_DIGEST_LIST_BYTES, digest_list_len};
pub use error::ContentError;
pub use manifest::{
    Entries, Entry, EntryKind, MAX_ENTRIES, MAX_MANIFEST_BYTES, MAX_PATH_BYTES, Manifest,
    ManifestWriter, Mtime,
};
pub use path::{MAX_COMPONENT_BYTES, NameRules, TEMP_PREFIX, UnsafePath, safe_components};
pub use raw_name::{name_to_text, text_to_name};
