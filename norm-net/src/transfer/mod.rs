//! Transfers of files: what surrounds an engine.
//!
//! - [`send`]: from files on disk to a group.
//! - [`receive`]: from a group to files on disk.
//! - [`norm`]: what of that is NORM's; [`flute`]: what is FLUTE's.
//! - `objects`: what was found, cut into objects.
//! - `gate_watch`: what a session says of its gate.
//! - [`schedule`]: bounds of the rate by the time of day.
//! - `writes`: where a session writes.
//! - `spool_file`, `regions`: symbols that wait on the disk.

pub(crate) mod config_problem;
pub mod flute;
pub(crate) mod gate_watch;
pub mod norm;
mod objects;
pub mod receive;
mod regions;
pub mod schedule;
pub mod send;
mod spool_file;
mod writes;

#[cfg(test)]
mod toy;

pub use config_problem::{ConfigProblem, OneWayOption};
pub use norm_core::transfer::Passes;
pub use writes::Writes;
