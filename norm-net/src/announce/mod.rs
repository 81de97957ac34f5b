//! Sessions that are announced (SAP, RFC 2974): heard with [`listen`], and said by
//! [`SendOptions::announce`](crate::SendOptions::announce).
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use norm_net::announce::{ListenOptions, listen};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut listening = listen(&ListenOptions::default())?;
//! while listening.next(Duration::from_secs(6))?.is_some() {}
//! for session in listening.sessions() {
//!     println!("{} in {}", session.description.name, session.description.group);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Nothing proves that an announcement is true.

mod listening;
mod sending;

pub use listening::{ListenOptions, Listening, listen};
pub use norm_core::announce::{
    Announced, Change, ContentSize, DirectoryCounts, FecDeclaration, LEAST_INTERVAL,
    MAX_DESCRIPTION, Origin, SAP_PORT, SapError, SdpError, SessionDescription, SessionProtocol,
    Times, sap_group,
};
pub use norm_core::fec::FecId;
pub use norm_core::flute::wire::Tsi;

pub(crate) use sending::{AnnounceError, Announcing};
