//! What a transfer says about its content.
//!
//! A transfer carries a *set* of files as a run of NORM objects: a head that lists the files, the
//! payload (all file contents one after the other, cut into extents of one object each), and a tail
//! with the hashes of all that. Each object's NORM_INFO says which part of which set it is.
//!
//! Everything here comes from the network when received: all numbers are big-endian, all formats
//! begin with a magic and a version, and parsing is strict. Files, hashing and transport ids beyond
//! the first are the business of others.

mod cursor;
mod descriptor;
mod digests;
mod error;
mod manifest;
mod path;
mod raw_name;

pub use blake3::Hash;
pub use descriptor::{ContentId, PartKind, SetDescriptor, SetId};
pub use digests::{DigestList, DigestListWriter, MAX_DIGEST_LIST_BYTES, digest_list_len};
pub use error::ContentError;
pub use manifest::{
    Entries, Entry, EntryKind, MAX_ENTRIES, MAX_MANIFEST_BYTES, MAX_PATH_BYTES, Manifest,
    ManifestWriter, Mtime,
};
pub use path::{MAX_COMPONENT_BYTES, NameRules, TEMP_PREFIX, UnsafePath, safe_components};
pub use raw_name::{name_to_text, text_to_name};
