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
mod error;
mod head;
mod path;
mod raw_name;
mod set_info;
mod tail;

pub use blake3::Hash;
pub use error::ContentError;
pub use head::{
    Entries, Entry, EntryKind, Head, HeadWriter, MAX_ENTRIES, MAX_HEAD_BYTES, MAX_PATH_BYTES, Mtime,
};
pub use path::{MAX_COMPONENT_BYTES, NameRules, TEMP_PREFIX, UnsafePath, safe_components};
pub use raw_name::{name_to_text, text_to_name};
pub use set_info::{ContentId, ObjectKind, SetId, SetInfo};
pub use tail::{MAX_TAIL_BYTES, Tail, TailWriter, tail_len};
