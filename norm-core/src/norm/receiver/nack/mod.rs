//! Requests for repair (RFC 5740 §5.3).
//!
//! - `need`: what can be missing; `needs`: what of a sender's objects is missing.
//! - `timer`, `ripening`, `repeat`: when it may be asked for, and asked for again.
//! - `overhear`, `overheard`: what other receivers have asked for.
//! - `queue`: what was asked for of content that is partly on disk, while repair comes.
//! - `suppression`: the end of suppression that brings no repair.
//! - `state`: these parts, for one sender.
//! - `writer`, `parity`: the requests in a NACK.
//! - `cycle`: the beginning of a NACK cycle; `send`: the decision at the end of a backoff.

pub(super) mod cycle;
pub(super) mod need;
pub(super) mod needs;
pub(super) mod overhear;
mod overheard;
mod parity;
mod queue;
mod repeat;
mod ripening;
pub(super) mod send;
pub(super) mod state;
mod suppression;
pub(super) mod timer;
mod writer;
