//! Files and folders to be sent.
//!
//! [`scan()`] lists what there is in a manifest, [`Reader`] reads and hashes any part of it.

mod error;
mod extents;
mod hashing;
mod open_files;
mod pool;
mod reader;
mod scan;

pub use error::{NameProblem, ScanError};
pub use extents::Extents;
pub use hashing::HashedFile;
pub use reader::{Reader, SourceError};
pub use scan::{FileSet, SourceFile, scan};
