//! Sans-IO protocol engines for reliable multicast: NORM (RFC 5740) with RaptorQ repair.
//!
//! The core never touches a clock, socket, thread, file or global source of randomness. Bytes and
//! time go in through `handle_*`, bytes, jobs and events come out through `poll_*`; see
//! [`Endpoint`] for the contract.
#![forbid(unsafe_code)]

pub mod backoff;
pub mod congestion;
pub mod content;
pub mod endpoint;
pub mod fec;
pub mod receiver;
pub mod sender;
pub mod stream;
pub mod wire;

#[doc(hidden)]
pub mod exercise;

mod bits;
mod pacer;
pub mod range_set;
mod rng;
mod time;

pub use endpoint::{Datagram, Destination, Endpoint, Job, JobDone, Transmit, TransmitBuf};
pub use receiver::{Receiver, ReceiverConfig, ReceiverEvent};
pub use rng::Rng;
pub use sender::{Sender, SenderConfig, SenderEvent};
pub use time::Timestamp;
