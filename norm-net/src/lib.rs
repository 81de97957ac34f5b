//! Transfers over real networks: engines of `norm-core` joined to sockets, threads and files.
//!
//! The core decides what a packet says and when it leaves; this crate carries it there. Nothing in
//! here parses a message.
//!
//! - [`send()`] and [`receive()`]: file sets from disk to a group, and from a group to disk.
//! - [`objects`]: DATA objects and streams, for applications that are not about files.
//! - [`transfer`]: what surrounds an engine that transfers files: sessions, options, reports.
//! - [`io`]: interfaces, sockets, the driver's loop, worker threads.

pub mod io;
pub mod objects;
pub mod transfer;

mod stopper;

pub use io::dscp::Dscp;
pub use norm_core::norm::receiver::Feedback;
pub use norm_core::norm::wire::NodeId;
pub use norm_files::source::ScanError;
pub use stopper::Stopper;
pub use transfer::receive::{
    ReceiveError, ReceiveEvent, ReceiveOptions, ReceiveOutcome, ReceiveProgress, ReceiveReport,
    ReceiveSettings, Receiving, SetReport, receive,
};
pub use transfer::send::{
    Compat, CompatFec, Fec, Pace, ReceiverOutcome, ReceiverResult, SendError, SendEvent,
    SendOptions, SendOutcome, SendPhase, SendProgress, SendReport, SendSettings, Sending, Slow,
    SlowLimits, send,
};
