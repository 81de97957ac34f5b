//! What came of sending.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use norm_core::fileset::{ContentHash, FileHash};

#[cfg(feature = "serde")]
use super::serial;
use super::{IgnoredReason, ReceiverInfo, Security, SystemError, path_text};

/// What came of a transfer that was sent. With a separate group, of both together.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SendReport {
    /// How it ended.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub outcome: SendOutcome,
    /// Names the files with all that is in them; null when not everything was read, when files were
    /// withdrawn, and when no file set was sent.
    pub content: Option<ContentHash>,
    /// The files with content that were read, and their hashes; the first thousand.
    pub hashes: Vec<HashedFile>,
    /// Files that changed, were removed or could not be read while they were sent: receivers drop
    /// them.
    pub withdrawn_files: u64,
    /// The first thousand of these.
    pub withdrawn: Vec<WithdrawnFile>,
    /// Files, empty and withdrawn ones included.
    pub files: u64,
    /// Bytes in all files.
    pub bytes: u64,
    /// Seconds from the start of the session to its end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub elapsed: Duration,
    /// Seconds from the start of data until the last receiver confirmed; until everything was sent
    /// once when none did; until the end when it did not come so far; 0 when no data flowed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub data_elapsed: Duration,
    /// Bytes of UDP payload sent.
    pub wire_bytes: u64,
    /// Packets sent.
    pub packets: u64,
    /// Of the packets, content sent for the first time.
    pub data_packets: u64,
    /// Of the packets, content sent again as it was.
    pub resent_packets: u64,
    /// Of the packets, coded repair.
    pub coded_packets: u64,
    /// NACKs (requests for repair) received.
    pub nacks: u64,
    /// All receivers heard of, by node id; without those that left before data flowed. With a
    /// roster: its receivers, also those that did not come.
    pub receivers: Vec<ReceiverReport>,
    /// Receivers that were heard and did not count, because of the roster; the first thousand.
    pub ignored: Vec<IgnoredReceiver>,
    /// How the session was protected.
    pub security: Security,
}

impl SendReport {
    /// A report with this outcome in which nothing has happened, to begin with.
    pub fn new(outcome: SendOutcome) -> Self {
        Self {
            outcome,
            content: None,
            hashes: Vec::new(),
            withdrawn_files: 0,
            withdrawn: Vec::new(),
            files: 0,
            bytes: 0,
            elapsed: Duration::ZERO,
            data_elapsed: Duration::ZERO,
            wire_bytes: 0,
            packets: 0,
            data_packets: 0,
            resent_packets: 0,
            coded_packets: 0,
            nacks: 0,
            receivers: Vec::new(),
            ignored: Vec::new(),
            security: Security::default(),
        }
    }
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct HashedFile {
    /// Where it is.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub path: PathBuf,
    /// BLAKE3 of its content, as `b3sum` prints it.
    pub hash: FileHash,
}

impl HashedFile {
    /// A file with this hash.
    pub fn new(path: PathBuf, hash: FileHash) -> Self {
        Self { path, hash }
    }
}

/// A file that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct WithdrawnFile {
    /// Where it was.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
    pub path: PathBuf,
    /// Why.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
    pub problem: SourceProblem,
}

impl WithdrawnFile {
    /// A file that could not be sent for this reason.
    pub fn new(path: PathBuf, problem: SourceProblem) -> Self {
        Self { path, problem }
    }
}

/// How a transfer ended for its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "outcome", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum SendOutcome {
    /// At least one receiver was heard, and all of them have everything; with a roster, all of it.
    Complete,
    /// Some receivers have everything, others do not.
    Partial,
    /// Receivers were heard, but none has everything.
    AllFailed,
    /// To receivers that may not answer, of which none was heard: everything was sent as often as
    /// was wanted, or at least once before the session was stopped.
    Sent,
    /// No receiver was heard. Silent ones may have everything.
    NoReceivers,
    /// Too few receivers announced themselves in time; nothing was sent.
    StartTimedOut {
        /// How many did.
        heard: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// The session was stopped before all receivers had everything.
    Stopped {
        /// Receivers were not told that it ends: they keep what they have, and wait for another
        /// sender of the same files.
        receivers_wait: bool,
    },
    /// The content could not be read to its end.
    SourceFailed {
        /// Why.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
        problem: SourceProblem,
    },
}

/// Why content could not be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = serial::with_message))]
#[non_exhaustive]
pub enum SourceProblem {
    /// A file changed while it was sent.
    Changed {
        /// The file.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// How it differs, in words.
        how: &'static str,
    },
    /// A file could not be read.
    Unreadable {
        /// The file.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// What the system said.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// Content that is made ready to be sent cannot be kept.
    Spool {
        /// The directory for temporary files.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        directory: PathBuf,
        /// What the system said.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// A block could not be read or coded: an internal error, which should be reported.
    Internal {
        /// What it said.
        error: String,
    },
}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { path, how } => write!(f, "{}: {how}", path_text(path)),
            Self::Unreadable { path, error } => write!(f, "{}: {error}", path_text(path)),
            Self::Spool { directory, error } => write!(
                f,
                "temporary files cannot be kept in {}: {error}; set TMPDIR to a directory with \
                 more room",
                path_text(directory)
            ),
            Self::Internal { error } => f.write_str(error),
        }
    }
}

/// What came of one receiver.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiverReport {
    /// The receiver.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub receiver: ReceiverInfo,
    /// What came of it.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub outcome: ReceiverOutcome,
    /// It was in the separate group for slow receivers.
    pub in_separate_group: bool,
    /// Bytes of content that it has, as it last said.
    pub bytes_done: u64,
    /// Share of packets lost on the way to it, 0 to 1, as it last said.
    pub loss: f64,
    /// Packets that were dropped on its machine, as it last said.
    pub drops: u32,
    /// Packets that arrived with a CE mark, as it last said.
    pub ce_marked: u32,
    /// Seconds from the start of data (in the separate group, of that there) until it confirmed;
    /// null when it did not.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "Option<f64>"))]
    pub elapsed: Option<Duration>,
    /// What it has said is proved to be of one of the recipients, and so that it has confirmed.
    pub proved: bool,
    /// Which one: its public key, as age has it; null where nothing is proved, or the list of
    /// recipients does not have it any more.
    pub key: Option<String>,
}

impl ReceiverReport {
    /// A receiver with this outcome of which nothing else is known.
    pub fn new(receiver: ReceiverInfo, outcome: ReceiverOutcome) -> Self {
        Self {
            receiver,
            outcome,
            in_separate_group: false,
            bytes_done: 0,
            loss: 0.0,
            drops: 0,
            ce_marked: 0,
            elapsed: None,
            proved: false,
            key: None,
        }
    }
}

/// A receiver that did not count.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct IgnoredReceiver {
    /// The receiver.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub receiver: ReceiverInfo,
    /// Why.
    pub reason: IgnoredReason,
}

impl IgnoredReceiver {
    /// A receiver that did not count for this reason.
    pub fn new(receiver: ReceiverInfo, reason: IgnoredReason) -> Self {
        Self { receiver, reason }
    }
}

/// How a transfer ended for one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "outcome", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ReceiverOutcome {
    /// It has everything under its final name, and verified if a file set was sent.
    Confirmed,
    /// It could not finish, or left.
    Failed {
        /// Why, in its own words; may be empty.
        reason: String,
    },
    /// It confirmed in the separate group, but files had changed by then: it has other content than
    /// the rest.
    Differs,
    /// It fell silent.
    Lost,
    /// It was evicted, because it kept the others slow.
    Evicted,
    /// It was still at work when the transfer ended.
    Unfinished,
    /// It is in the roster, and did not come, or left before data flowed; its node id is 0 here.
    Missing,
}
