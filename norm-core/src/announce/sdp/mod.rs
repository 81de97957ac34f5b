//! The text of a description (RFC 8866).

mod error;
mod line;
mod media;
mod read;
mod write;

pub use error::{SdpError, SdpProblem};
pub(super) use read::{parse, parse_origin};
pub(super) use write::emit;

/// Bytes of a description at most.
pub const MAX_DESCRIPTION: usize = 64 << 10;
/// Lines of a description at most.
const MAX_LINES: usize = 2_000;
