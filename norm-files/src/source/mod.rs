//! Files and folders to be sent.
//!
//! A [`Selection`] says what is to be sent, [`scan()`] lists it in a manifest, and [`Reader`] reads
//! and hashes any part of it: as it is read, or all before ([`Reader::hash_first`]).

mod comparison;
mod current;
mod error;
mod extents;
mod hash_cache;
mod hash_first;
mod hashing;
mod left_out;
mod list_hash;
mod open_files;
mod pool;
mod read_error;
mod reader;
mod rules;
mod scan;
mod selection;
mod withdrawals;

pub use current::CurrentFile;
pub use error::{NameProblem, ScanError};
pub use extents::Extents;
pub use hash_cache::HashCache;
pub use hash_first::HashedSet;
pub use hashing::HashedFile;
pub use left_out::{LeftOut, MAX_LEFT_OUT_NAMES, Reason};
pub use list_hash::ListHash;
pub use read_error::SourceError;
pub use reader::Reader;
pub(crate) use rules::Rules;
pub use rules::{PatternError, Rule};
pub(crate) use scan::mtime as mtime_of;
pub(crate) use scan::open;
pub use scan::{FileSet, FoundEntry, SourceFile, SourceFiles, scan};
pub use selection::{Selection, means_contents};
pub use withdrawals::{Withdrawals, WithdrawnFile};
