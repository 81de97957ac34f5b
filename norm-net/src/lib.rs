//! Transfers over real networks: engines of `norm-core` joined to sockets, threads and files.
//!
//! The core decides what a packet says and when it leaves; this crate carries it there. Nothing in
//! here parses a message.
//!
//! - [`send()`] and [`receive()`]: file sets from disk to a group, and from a group to disk.
//! - [`objects`]: DATA objects and streams, for applications that are not about files.
//! - [`transfer`]: what surrounds an engine that transfers files: sessions, options, reports.
//! - [`io`]: interfaces, sockets, the driver's loop, worker threads.

pub mod event;
pub mod io;
pub mod objects;
pub mod transfer;

mod running;
mod stopper;

pub use event::{
    Events, Feedback, Hint, NoEvent, NodeId, Problem, ReceiveEvent, ReceiveOutcome,
    ReceiveProgress, ReceiveReport, ReceiveSettings, ReceiverInfo, ReceiverOutcome, ReceiverReport,
    SendEvent, SendOutcome, SendPhase, SendProgress, SendReport, SendSettings, SetFailure,
    SetReport,
};
pub use io::dscp::Dscp;
pub use norm_files::source::ScanError;
pub use stopper::Stopper;
pub use transfer::ConfigProblem;
pub use transfer::norm::{Fec, Standard, StandardFec};
pub use transfer::receive::{DemoOptions, ReceiveError, ReceiveOptions, Receiving, receive};
pub use transfer::send::{Pace, SendError, SendOptions, Sending, Slow, SlowLimits, send};
