//! The sending engine of FLUTE (RFC 6726): objects in passes, described by a table, one way.
//!
//! - `engine`: [`Sender`], which composes the parts and implements the contract of endpoints.
//! - `config`, `profile`: what the application decides, and what a profile forces or forbids.
//! - `layout`: how an object is cut, within the limits of its scheme and profile.
//! - `carousel`: which symbols are sent in which order, and how their bytes get into memory.
//! - `table`: instances of the file delivery table, and their packets.
//! - `emit`: how packets are written.

mod batches;
mod carousel;
mod config;
mod emit;
mod empties;
mod engine;
mod error;
mod event;
mod item;
mod layout;
mod objects;
mod outbound;
mod prepare;
mod profile;
mod schedule;
mod table;

#[cfg(test)]
mod tests;

pub use config::{FecChoice, Passes, SenderConfig};
pub use engine::Sender;
pub use error::SenderError;
pub use event::SenderEvent;
pub use profile::Profile;
