//! Transfers of files: what surrounds an engine.
//!
//! - [`send`]: from files on disk to a group.
//! - [`receive`]: from a group to files on disk.
//! - [`schedule`]: bounds of the rate by the time of day.

mod norm;
pub mod receive;
pub mod schedule;
pub mod send;
