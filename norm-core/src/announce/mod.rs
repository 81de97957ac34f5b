//! What sessions there are: descriptions in SDP (RFC 8866), announced by SAP (RFC 2974).
//!
//! - [`SessionDescription`]: name, protocol, group and more, with its text in SDP. The words for
//!   FLUTE are those of 3GPP TS 26.346 §7.3, as the field uses them.
//! - [`SapPacket`]: an announcement or a deletion, as it is on the wire.
//! - [`sap_group`]: where a session is announced, by the scope of its group.
//! - [`Announcer`]: says again and again that a session is there; an endpoint of its own.
//! - [`Directory`]: the sessions that were heard, within bounds.
//!
//! What is left out: encryption, compression and authentication of announcements. Nothing proves
//! that an announcement is true; it only says where to listen.

mod announcer;
mod description;
mod directory;
#[doc(hidden)]
pub mod exercise;
mod interval;
mod sap;
mod scope;
mod sdp;
#[cfg(test)]
mod tests;

pub use announcer::Announcer;
pub use description::{
    ContentSize, FecDeclaration, Origin, OtherLines, SessionDescription, SessionProtocol, Times,
};
pub use directory::{
    Announced, Change, Directory, DirectoryCounts, MAX_BYTES, MAX_BYTES_OF_HOST, MAX_SESSIONS,
};
pub use interval::{LEAST_INTERVAL, LIMIT_BITS_PER_SECOND, interval};
pub use sap::{SapError, SapKind, SapPacket};
pub use scope::{SAP_PORT, sap_group, sap_groups};
pub use sdp::{MAX_DESCRIPTION, SdpError, SdpProblem};
