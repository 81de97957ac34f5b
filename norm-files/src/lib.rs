//! File sets on disk: what is sent is scanned, read and hashed; what arrives is spooled, verified
//! and placed.
//!
//! This crate knows the content model ([`norm_core::fileset`]) and the file system. It knows no
//! engine, no packet and no socket.
//!
//! - [`source`]: files and folders to be sent.
//! - [`sink`]: files that arrive below an output directory.

mod names;
pub mod sink;
pub mod source;
mod system_error;

pub use system_error::SystemError;
