//! The drivers around `norm-core`: sockets, files and threads.
//!
//! The core decides what a packet says and when it leaves; this crate only carries it there. Nothing
//! in here parses a message.
//!
//! - [`send()`]: sends files and directories to a group.
//! - [`interface`]: which network interfaces this machine has, and which one multicast should use.
//! - [`socket`]: a [`socket::Link`], the pair of UDP sockets of a session, with batched sending and
//!   receiving, and a wait that wakes for packets, for other threads and for time.
//! - [`receive()`]: receives file sets into a directory.
//! - [`objects`]: DATA objects and streams, for applications that are not about files.
//! - [`driver`] and [`workers`]: the loop around an engine, and threads for slow work.
//! - [`schedule`]: bounds of the rate by the time of day.
//! - [`Dscp`]: the mark of packets by which routers may treat them.
//! - [`error`]: what can go wrong while a link is opened, told together with the cure.

pub mod driver;
pub mod error;
pub mod interface;
mod names;
pub mod objects;
pub mod receive;
pub mod schedule;
pub mod send;
pub mod socket;
pub mod workers;

mod dscp;
mod pace;
mod quick;
mod session;

pub use dscp::Dscp;
pub use norm_core::norm::receiver::Feedback;
pub use norm_core::norm::wire::NodeId;
pub use pace::Pace;
pub use receive::{
    ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveProgress, ReceiveReport,
    ReceiveSettings, Receiving, SetReport, receive,
};
pub use send::{
    Compat, CompatFec, Fec, ReceiverOutcome, ReceiverResult, SendError, SendEvent, SendOptions,
    SendOutcome, SendPhase, SendProgress, SendReport, SendSettings, Sending, Slow, SlowLimits,
    send,
};
pub use session::Stopper;
