//! Packets of ALC (RFC 5775): an LCT header (RFC 5651 §5.1), a FEC payload id, symbols.
//!
//! Parsing borrows from the datagram, allocates nothing, and knows nothing of sessions: what a
//! codepoint means, and with it the FEC scheme, is the caller's to say.

mod error;
mod ext;
mod fti;
mod header;
mod ids;
mod ntp;
mod packet;

pub use error::ParseError;
pub use ext::{
    Cenc, ExtFdt, ExtTime, Extension, ExtensionBuf, Extensions, FLUTE_VERSION_1, FLUTE_VERSION_2,
};
pub use fti::Fti;
pub use header::{Header, TimeFields};
pub use ids::{FdtInstanceId, IdWidths, Toi, Tsi};
pub use ntp::NtpTime;
pub use packet::Packet;
