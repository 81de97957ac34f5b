//! What outlives sessions and is no part of any: hashes of files that were sent, and receipts of
//! sets that were received. It may be lost at any time; nothing but time is lost with it.
//!
//! It is in the user's own folders ([`StateFolders`]), never in an output directory. All files in
//! there are replaced as a whole, so that several programs can work with them at once, and have a
//! hash of themselves (`record`); the oldest go when there are too many bytes.

mod folders;
mod record;
mod stamp;

pub(crate) use folders::SERIAL_EXTENSION;
pub use folders::{MAX_STATE_BYTES, StateFolders};
pub(crate) use record::{RecordReader, RecordWriter};
pub(crate) use stamp::STAMP_LEN;
pub use stamp::Stamp;
