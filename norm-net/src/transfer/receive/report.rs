//! What came of it all.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How receiving ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiveOutcome {
    /// Everything that was begun is complete and under its final name, and verified if its sender sends
    /// sets. Sets whose sender
    /// fell silent do not matter when another one is complete; they are among the failed ones.
    Complete,
    /// A set remained incomplete.
    Partial,
    /// The sender waited for this receiver no longer, because it kept the others slow.
    Ejected,
    /// A sender was heard, but it sent no set.
    Nothing,
    /// No sender was heard.
    NoSender,
    /// Content did not match its hashes, however often it was received.
    VerifyFailed,
    /// This side could not write the files; says why.
    LocalError(String),
    /// Stopped by the user before the end.
    Stopped,
}

/// The summary of a receiving session.
#[derive(Clone, Debug)]
pub struct ReceiveReport {
    /// How it ended.
    pub outcome: ReceiveOutcome,
    /// The complete sets; a daemon keeps the last [`MAX_REPORTS`].
    pub sets: Vec<SetReport>,
    /// The ids of failed sets with the reasons; a daemon keeps the last [`MAX_REPORTS`].
    pub failed: Vec<(String, String)>,
    /// From start to end.
    pub elapsed: Duration,
    /// Bytes of all files of the complete sets.
    pub bytes: u64,
    /// UDP payload bytes received.
    pub wire_bytes: u64,
    /// Datagrams received.
    pub packets: u64,
    /// Content packets that were here already or no longer needed.
    pub duplicates: u64,
    /// Blocks that had losses and were repaired by decoding.
    pub decoded: u64,
    /// Requests for repair sent.
    pub nacks: u64,
    /// Requests left unsent because another receiver had asked for the same.
    pub suppressed: u64,
    /// Packets dropped because the memory for blocks was full.
    pub no_room: u64,
    /// Packets that could not be parsed.
    pub malformed: u64,
    /// Packets that routers have marked on the way, because a queue there was long (ECN).
    pub marked: u64,
    /// Packets that this machine's kernel dropped because the socket's buffer was full: no loss of the
    /// network's. 0 where the system does not tell.
    pub kernel_drops: u64,
}

/// Sets remembered in a report.
pub const MAX_REPORTS: usize = 1_000;
/// File names remembered of a set.
pub const MAX_PATHS: usize = 1_000;
/// The last complete sets, of which file names are remembered.
pub const MAX_NAMED: usize = 16;

/// A complete set, or what came of a sender that knows no sets.
#[derive(Clone, Debug, PartialEq)]
pub struct SetReport {
    /// Its id, in hex; without a set `node-` and the sender's node id.
    pub set: String,
    /// Hash of everything in it, in hex; the sender prints the same. Empty when the sender's protocol
    /// has no hashes: the files are complete, but not verified.
    pub root: String,
    /// Where it came from.
    pub sender: SocketAddr,
    /// Files in it.
    pub files: u64,
    /// Those of them that were in their places already, with the same content.
    pub before: u64,
    /// Directories listed in it.
    pub directories: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Where its files are, in the set's order; the first [`MAX_PATHS`]. In the report of a session only the
    /// last 16 sets have them.
    pub paths: Vec<PathBuf>,
    /// From its first packet to its last file.
    pub elapsed: Duration,
    /// `bytes` over `elapsed`, in bits per second.
    pub goodput: f64,
    /// Share of packets lost on the way from its sender of late, 0 to 1.
    pub loss: f64,
    /// Requests for repair sent meanwhile, to any sender.
    pub nacks: u64,
}

impl SetReport {
    /// True when every byte was compared with the sender's hashes.
    pub fn is_verified(&self) -> bool {
        !self.root.is_empty()
    }
}

/// Bits per second.
pub(super) fn rate(bytes: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds } else { 0.0 }
}
