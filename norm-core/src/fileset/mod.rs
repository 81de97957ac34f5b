//! File sets: what a transfer says about its files.
//!
//! A transfer carries a *file set* as a run of objects: the manifest, which lists the files; the
//! payload, which is all file contents one after the other, cut into extents of one object each;
//! and the digest list, with the hash of each [chunk](CHUNK_BYTES) of a file. A [`SetDescriptor`]
//! says which part of which set an object is; how it travels with the object is left to each
//! protocol. A set has two names: the [`ManifestHash`] of its files, and the [`ContentHash`] of the
//! files with all that is in them. A [`Withdrawal`] names entries that can no longer be sent.
//!
//! Everything here comes from the network when received: all numbers are big-endian, all formats
//! begin with a magic and a version, and parsing is strict. This module opens no files.

mod chunk_map;
mod cursor;
mod descriptor;
mod digests;
mod error;
pub mod exercise;
mod hashes;
mod manifest;
mod path;
mod raw_name;
mod sparse;
mod tree;
mod withdrawal;

pub use chunk_map::{Chunk, ChunkMap};
pub use descriptor::{MAX_PARTS, PartKind, SetDescriptor, SetId, SetSummary};
pub use digests::{
    DigestList, DigestListWriter, MAX_CHUNKS, MAX_DIGEST_LIST_BYTES, digest_list_len,
    is_digest_list_len,
};
pub use error::ContentError;
pub use hashes::{ChunkHash, ContentHash, ContentHasher, FileHash, HASH_BYTES, ManifestHash};
pub use manifest::{
    Entries, Entry, EntryKind, Hole, HoleList, Holes, LeftOutCounts, MAX_ENTRIES, MAX_FILE_BYTES,
    MAX_HOLES, MAX_MANIFEST_BYTES, MAX_PATH_BYTES, MAX_XATTR_BYTES, MAX_XATTRS, Manifest,
    ManifestWriter, Mtime, Owner, Xattr, XattrList, Xattrs, data_chunks, sparse_fits,
};
pub use path::{MAX_COMPONENT_BYTES, NameRules, TEMP_PREFIX, UnsafePath, safe_components};
pub use raw_name::{name_to_text, text_to_name};
pub use sparse::{ChunkRun, Piece, SparseFile};
pub use tree::{CHUNK_BYTES, ChunkHasher, DataHasher, FileHasher, chunks_in};
pub use withdrawal::Withdrawal;
