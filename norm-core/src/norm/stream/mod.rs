//! Streams (NORM_OBJECT_STREAM, RFC 5740 §4.2.1): what a sender holds of what an application
//! writes, and what a receiver holds until an application reads it.
//!
//! A stream is cut into segments, each after a small header, and into blocks of equally many
//! segments; it has a place, block and symbol, for each segment. This module knows no packets,
//! timers or codes: engines move symbols between a source and a sink, and say when either may
//! forget.

mod block;
mod header;
mod needs;
mod shape;
mod sink;
mod source;

#[doc(hidden)]
pub mod exercise;

pub(crate) use needs::StreamNeed;
pub(crate) use shape::{Place, StreamShape, unwrap_block};
pub(crate) use sink::{Inserted, SinkConfig, StreamSink};
pub use sink::{Overflow, Read, Resume};
pub use source::MessageMarks;
pub(crate) use source::StreamSource;

#[cfg(test)]
mod tests;
