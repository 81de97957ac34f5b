//! What came of receiving.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use norm_core::endpoint::SenderId;
use norm_core::fileset::{ContentHash, FileHash, SetId};
use norm_core::transfer::NodeId;

#[cfg(feature = "serde")]
use super::serial;
use super::{NotSent, Problem, Security};

/// File sets remembered in a report.
pub const MAX_REPORTS: usize = 1_000;
/// File names remembered of a file set.
pub const MAX_PATHS: usize = 1_000;
/// The last complete file sets of a session, of which file names are remembered.
pub const MAX_NAMED: usize = 16;

/// What came of a receiving session.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ReceiveReport {
    /// How it ended.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub outcome: ReceiveOutcome,
    /// The session was stopped when nothing was being received.
    pub idle: bool,
    /// The complete file sets; the last thousand.
    pub sets: Vec<SetReport>,
    /// The failed file sets; the last thousand.
    pub failed: Vec<SetFailure>,
    /// Seconds from the start of the session to its end.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub elapsed: Duration,
    /// Bytes of all files of the complete sets, present ones included.
    pub bytes: u64,
    /// Bytes of UDP payload received.
    pub wire_bytes: u64,
    /// Packets received, those of other receivers included.
    pub packets: u64,
    /// Content packets that were here already or no longer needed.
    pub duplicates: u64,
    /// Blocks that had losses and were repaired by decoding.
    pub decoded: u64,
    /// NACKs (requests for repair) sent.
    pub nacks: u64,
    /// NACKs left unsent, because another receiver had asked for the same.
    pub suppressed: u64,
    /// Content packets dropped because the memory for blocks was full.
    pub no_room: u64,
    /// Packets that could not be parsed.
    pub malformed: u64,
    /// Packets that arrived with a CE mark: a router's queue was long (ECN, RFC 3168).
    pub ce_marked: u64,
    /// The number (TSI) of a FLUTE session that was heard and is not the one that is wanted; null
    /// when there was none.
    pub other_tsi: Option<u64>,
    /// Packets that this machine's kernel dropped because the socket's buffer was full; 0 where the
    /// system does not tell.
    pub kernel_drops: u64,
    /// How the session was protected.
    pub security: Security,
}

impl ReceiveReport {
    /// A report with this outcome in which nothing has happened, to begin with.
    pub fn new(outcome: ReceiveOutcome) -> Self {
        Self {
            outcome,
            idle: false,
            sets: Vec::new(),
            failed: Vec::new(),
            elapsed: Duration::ZERO,
            bytes: 0,
            wire_bytes: 0,
            packets: 0,
            duplicates: 0,
            decoded: 0,
            nacks: 0,
            suppressed: 0,
            no_room: 0,
            malformed: 0,
            ce_marked: 0,
            other_tsi: None,
            kernel_drops: 0,
            security: Security::default(),
        }
    }
}

/// How receiving ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "outcome", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub enum ReceiveOutcome {
    /// A transfer is complete, and verified if its sender sends file sets. The failed ones may
    /// still name others that were not waited for.
    Complete,
    /// Something is missing; perhaps only files that senders have withdrawn.
    Partial,
    /// The sender waits for this receiver no longer.
    Evicted,
    /// The sender has gone on to another key, and has none for this receiver.
    LeftOut,
    /// A sender was heard, but no transfer.
    Nothing,
    /// No sender was heard.
    NoSender,
    /// Content did not match its hashes, however often it was received.
    VerifyFailed,
    /// This machine could not write the files.
    LocalError {
        /// Why.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
        problem: Problem,
    },
    /// All that was sent was refused, by what its sender has signed of it, or has not.
    Refused {
        /// Why; of several transfers, the last one.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
        problem: Problem,
    },
    /// The session was stopped before the end.
    Stopped,
}

/// A complete file set, or all standalone files that a sender has sent.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SetReport {
    /// Number of the sender.
    pub sender: SenderId,
    /// Node id of the sender; null when it is no longer known.
    pub node: Option<NodeId>,
    /// Where the sender sends from; null when that is no longer known.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub address: Option<SocketAddr>,
    /// The file set; null for standalone files.
    pub set: Option<SetId>,
    /// Names the files with all that is in them, with which every byte was compared; null when only
    /// some of them were wanted, when the sender has withdrawn some, and when its protocol has no
    /// hashes: the files are complete then, but not verified.
    pub content: Option<ContentHash>,
    /// Files that are here, present ones included.
    pub files: u64,
    /// Files in it that were not wanted, and are not here.
    pub unwanted: u64,
    /// Files of these that were in place before, with the same content.
    pub present: u64,
    /// Files and links that were replaced, and are kept in the backup directory.
    pub backups: u64,
    /// Files, links and directories that were removed, because earlier sets had them and this one
    /// has not.
    pub removed: u64,
    /// Nothing of it was received: by the receipt of an earlier session all of it was here, and has
    /// not changed since.
    pub unchanged: bool,
    /// Directories listed in it, or of these only those that were wanted.
    pub directories: u64,
    /// Symbolic links in it.
    pub links: u64,
    /// What its sender has found and could not send.
    pub left_out: NotSent,
    /// Bytes of its files, without those in holes.
    pub bytes: u64,
    /// Files that its sender has withdrawn, because they changed, were removed or could not be read
    /// while they were sent: they are not here.
    pub withdrawn_files: u64,
    /// Where these were to be; of the first thousand.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub withdrawn: Vec<PathBuf>,
    /// Where its files are; of the first thousand. In a report only the last 16 file sets have
    /// them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub paths: Vec<PathBuf>,
    /// BLAKE3 of each of these files, as `b3sum` prints it; empty when they are not verified.
    pub hashes: Vec<FileHash>,
    /// Seconds from its first packet to its last file.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
    #[cfg_attr(feature = "schema", schemars(with = "f64"))]
    pub elapsed: Duration,
    /// `bytes` over `elapsed` in bits per second, rounded to a whole number; 0 when no time passed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::rounded"))]
    pub bits_per_second: f64,
    /// Share of packets lost on the way from its sender of late, 0 to 1.
    pub loss: f64,
    /// NACKs sent meanwhile, to any sender.
    pub nacks: u64,
}

impl SetReport {
    /// Report of an empty set of this sender, to begin with.
    pub fn new(sender: SenderId) -> Self {
        Self {
            sender,
            node: None,
            address: None,
            set: None,
            content: None,
            files: 0,
            unwanted: 0,
            present: 0,
            backups: 0,
            removed: 0,
            unchanged: false,
            directories: 0,
            links: 0,
            left_out: NotSent::default(),
            bytes: 0,
            withdrawn_files: 0,
            withdrawn: Vec::new(),
            paths: Vec::new(),
            hashes: Vec::new(),
            elapsed: Duration::ZERO,
            bits_per_second: 0.0,
            loss: 0.0,
            nacks: 0,
        }
    }

    /// True when every byte was compared with the sender's hashes.
    pub fn is_verified(&self) -> bool {
        self.content.is_some() || self.unwanted > 0 || self.withdrawn_files > 0
    }
}

/// A file set that has failed, or a sender of which standalone files are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct SetFailure {
    /// Number of the sender.
    pub sender: SenderId,
    /// The file set; null for standalone files.
    pub set: Option<SetId>,
    /// Standalone files that failed; 0 for a file set.
    pub files: u64,
    /// Why; of several files, the weightiest reason.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::described"))]
    pub problem: Problem,
}

impl SetFailure {
    /// A file set of this sender has failed.
    pub fn of_set(sender: SenderId, set: SetId, problem: Problem) -> Self {
        Self { sender, set: Some(set), files: 0, problem }
    }

    /// A number of standalone files of this sender have failed.
    pub fn of_files(sender: SenderId, files: u64, problem: Problem) -> Self {
        Self { sender, set: None, files, problem }
    }
}

/// In words: the problem, and of how many files if there are several.
impl std::fmt::Display for SetFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.files > 1 {
            write!(f, "{} files failed: ", self.files)?;
        }
        self.problem.fmt(f)
    }
}
