//! The sending engine of FLUTE (RFC 6726): objects in passes, described by a table, one way.
//!
//! - `engine`: [`Sender`], which composes the parts and implements the contract of endpoints.
//! - `config`, `profile`: what the application decides, and what a profile forces or forbids.
//! - `layout`: how an object is cut, within the limits of its scheme and profile.
//! - [`Passes`] and the order of sending: `carousel` of this crate.
//! - `table`: instances of the file delivery table, and their packets.
//! - `emit`: how packets are written.

mod config;
mod emit;
mod empties;
mod engine;
mod error;
mod event;
mod layout;
mod objects;
mod outbound;
mod profile;
mod table;

#[cfg(test)]
mod tests;

pub use crate::carousel::Passes;
pub use config::{FecChoice, SenderConfig};
pub use engine::Sender;
pub use error::SenderError;
pub use event::SenderEvent;
pub use profile::Profile;
