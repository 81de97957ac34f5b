//! File sets on disk: what is sent is scanned, read and hashed; what arrives is spooled, verified
//! and placed.
//!
//! This crate knows the content model ([`norm_core::fileset`]) and the file system. It knows no
//! engine, no packet and no socket.
//!
//! - [`source`]: files and folders to be sent.
//! - [`sink`]: files that arrive below an output directory.
//! - [`receipts`]: what was received, and whether it is still there.
//! - [`complete`]: sets that are here as a whole, read chunk by chunk for others.
//! - [`positioned`]: reading and writing at a place in a file.
//! - [`state`]: the user's folders, for receipts and for hashes of files that were sent.

#![cfg_attr(test, allow(clippy::disallowed_methods))]

#[allow(clippy::disallowed_methods, reason = "nothing is written there")]
pub mod complete;
#[allow(clippy::disallowed_methods, reason = "memory is used when a call fails")]
mod kept;
mod names;
#[allow(clippy::disallowed_methods, reason = "its callers are checked")]
pub mod positioned;
mod preserve;
#[allow(clippy::disallowed_methods, reason = "nothing but time is lost when a call fails")]
pub mod receipts;
pub mod serials;
pub mod sink;
#[allow(clippy::disallowed_methods, reason = "nothing is written there")]
pub mod source;
#[allow(clippy::disallowed_methods, reason = "nothing but time is lost when a call fails")]
pub mod state;
mod system_error;
mod zeros;

pub use kept::{Keeper, KeptBytes, large_files};
pub use preserve::Preserve;
pub use system_error::SystemError;
