//! The text of a description (RFC 8866).

mod error;
mod line;
mod media;
mod read;
mod write;

use super::description::SessionDescription;

pub use error::{SdpError, SdpProblem};
pub use line::MAX_DESCRIPTION;
pub(super) use read::parse_origin;

impl SessionDescription {
    /// Reads a description in SDP of at most [`MAX_DESCRIPTION`] bytes:
    /// the first medium of NORM or FLUTE in it. Lenient with what is in the field, such as `b=64`
    /// and missing names. Bytes that are no UTF-8 become U+FFFD.
    ///
    /// # Errors
    /// [`SdpError`], with the number of the line.
    pub fn parse(text: &[u8]) -> Result<Self, SdpError> {
        read::parse(text)
    }

    /// Writes the description in SDP. Characters that would break a line become spaces.
    pub fn emit(&self) -> String {
        write::emit(self)
    }
}
