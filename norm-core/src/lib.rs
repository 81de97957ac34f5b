//! Sans-IO protocol engines for reliable multicast.
//!
//! The core never touches a clock, socket, thread, file or global source of randomness. Bytes and
//! time go in through `handle_*`, bytes, jobs and events come out through `poll_*`; see
//! [`Endpoint`] for the contract.
//!
//! - [`endpoint`]: the contract between an engine and its driver.
//! - [`base`]: parts without protocol: time, random numbers, sets, the pacer.
//! - [`fec`]: how an object is cut into blocks and symbols, and how lost ones are computed.
//! - [`fileset`]: what a transfer says about its files.
//! - [`transfer`]: what a transfer of files asks of an engine.
//! - [`norm`]: the engines and messages of NORM (RFC 5740).
#![forbid(unsafe_code)]

pub mod base;
pub mod endpoint;
pub mod fec;
pub mod fileset;
pub mod norm;
pub mod transfer;

#[cfg(feature = "serde")]
mod serial;

pub use base::{Rng, Timestamp};
pub use endpoint::{Datagram, Destination, Endpoint, Job, JobDone, Transmit, TransmitBuf};
