//! What sessions say: one vocabulary for the library, the command line and all other readers.
//!
//! - [`SendEvent`], [`ReceiveEvent`]: what happens, fetched through an [`Events`] handle.
//! - [`SendSettings`], [`ReceiveSettings`]: what a session was set up with.
//! - [`SendProgress`], [`ReceiveProgress`]: how far a transfer is.
//! - [`SendReport`], [`ReceiveReport`]: what came of it.
//! - [`Hint`], [`Problem`]: what looks wrong, and what has failed, as values. Their `Display` is a
//!   plain English sentence that names no program and no option.
//!
//! With the feature `serde` all of them are serialised as `docs/json.md` describes, and with the
//! feature `schema` they have a JSON Schema.

mod handle;
mod hint;
mod left_out;
mod path_text;
mod problem;
mod receive;
mod receive_report;
mod security;
mod send;
mod send_report;
#[cfg(feature = "serde")]
pub(crate) mod serial;
mod settings;
mod surroundings;

pub use handle::{Events, NoEvent};
pub use hint::{BufferKind, Hint};
pub use left_out::{LeftOut, LeftOutReason, NotSent};
pub use norm_core::endpoint::SenderId;
pub use norm_core::fileset::{ContentHash, FileHash, ManifestHash, SetId};
pub use norm_core::transfer::{MemberState, NodeId};
pub use norm_files::SystemError;
pub use path_text::path_text;
pub use problem::{Action, Obstacle, Problem, Remaining};
pub use receive::{EntrySum, ReceiveEvent, ReceiveProgress, ResumeData};
pub use receive_report::{
    MAX_NAMED, MAX_PATHS, MAX_REPORTS, ReceiveOutcome, ReceiveReport, SetFailure, SetReport,
};
pub use security::{Proved, Security, SecurityMode};
pub use send::{
    IgnoredReason, ReceiverInfo, ReceiverProgress, SendEvent, SendPhase, SendProgress, SlowCause,
};
pub use send_report::{
    HashedFile, IgnoredReceiver, ReceiverOutcome, ReceiverReport, SendOutcome, SendReport,
    SourceProblem, WithdrawnFile,
};
pub use settings::{Feedback, ReceiveSettings, SendSettings};
pub use surroundings::OtherInterface;

pub(crate) use handle::{Outlet, Refused, outlet};
