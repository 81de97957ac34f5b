//! Transfers over real networks: engines of `norm-core` joined to sockets, threads and files.
//!
//! - [`send()`] and [`receive()`]: file sets from disk to a group, and from a group to disk.
//! - [`announce`]: which sessions are announced.
//! - [`objects`]: DATA objects and streams, for applications that are not about files.
//! - [`event`]: what sessions say, for all of them.
//! - [`transfer`]: what surrounds an engine that transfers files: sessions, options, reports.
//! - [`io`]: interfaces, sockets, the driver's loop, worker threads.
//!
//! The core decides what a packet says and when it leaves; this crate carries it there. Nothing in
//! here parses a message.
//!
//! # A transfer, with progress and an end
//!
//! [`send()`] and [`receive()`] return at once with a handle, [`Sending`] or [`Receiving`]; the
//! session runs on threads of its own.
//!
//! - Progress: [`Sending::events`] has [`SendEvent::Progress`] four times per second, and what else
//!   happens; [`Receiving::events`] likewise.
//! - Cancellation: [`Sending::stopper`] gives a [`Stopper`], whose [`stop`](Stopper::stop) ends the
//!   session in good order from any thread. Dropping the handle stops the session, too, and does
//!   not wait for it; so do the handles of [`objects`].
//! - The end: [`Sending::wait`] returns the report; [`Sending::wait_timeout`] and
//!   [`Sending::is_finished`] do not wait.
//!
//! ```no_run
//! use norm_net::{SendEvent, SendOptions, send};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = SendOptions::new("239.255.1.1:6003".parse()?).with(|o| o.min_receivers = 1);
//! let sending = send(&["photos".into()], &options)?;
//! let stopper = sending.stopper();
//! for event in sending.events() {
//!     match event {
//!         SendEvent::Progress(now) => println!("{} of {} bytes", now.bytes_sent, now.bytes_total),
//!         SendEvent::ReceiverFailed { receiver, reason } => {
//!             println!("{} failed: {reason}", receiver.name);
//!             stopper.stop();
//!         }
//!         _ => {}
//!     }
//! }
//! println!("{:?}", sending.wait()?.outcome);
//! # Ok(())
//! # }
//! ```
//!
//! The folder `examples` has programs: `send`, `receive`, `progress` (with cancellation), and
//! `driver`, which joins the engines of `norm-core` to sockets without this crate's loop.
//!
//! # Features
//!
//! - `serde`: events, settings, progress and reports can be serialised, as `docs/json.md` says.
//! - `schema`: the same types have a JSON Schema.

pub mod announce;
pub mod event;
pub mod io;
pub mod objects;
pub mod transfer;

mod running;
mod stopper;

pub use event::{
    Events, Feedback, Hint, IgnoredReason, IgnoredReceiver, LeftOut, LeftOutReason, NoEvent,
    NodeId, NotSent, Problem, ReceiveEvent, ReceiveOutcome, ReceiveProgress, ReceiveReport,
    ReceiveSettings, ReceiverInfo, ReceiverOutcome, ReceiverReport, Security, SecurityMode,
    SendEvent, SendOutcome, SendPhase, SendProgress, SendReport, SendSettings, SetFailure,
    SetReport, SlowCause, WithdrawnFile,
};
pub use io::dscp::Dscp;
pub use io::keys_not_made::KeysNotMade;
pub use io::rekey::RecipientList;
pub use io::seal::SealConfig;
pub use norm_core::fileset::ContentHash;
pub use norm_files::Preserve;
pub use norm_files::sink::{Change, PreviewEntry, SetPreview};
pub use norm_files::source::{
    FoundEntry, PatternError, Rule, ScanError, Selection, means_contents,
};
pub use norm_files::state::StateFolders;
pub use norm_seal as seal;
pub use stopper::Stopper;
pub use transfer::flute::{FluteReceive, FluteSend};
pub use transfer::norm::{Fec, Standard, StandardFec};
pub use transfer::receive::{
    DemoOptions, FileOptions, ReceiveError, ReceiveOptions, Receiving, receive,
};
pub use transfer::send::{
    Announce, ContentOptions, Pace, Payload, Preview, RateOptions, Roster, RosterEntry,
    RosterError, RosterProblem, SendError, SendOptions, Sending, Slow, SlowLimits, SocketBuffers,
    StartLimits, preview, send,
};
pub use transfer::{ConfigProblem, OneWayOption, Passes, Writes};
