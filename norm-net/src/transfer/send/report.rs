//! How a transfer ended.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::norm::wire::NodeId;

/// How a transfer ended, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// At least one receiver was heard, and all of them have everything.
    Complete,
    /// Some receivers have everything, others do not.
    Partial,
    /// Receivers were heard, but none has everything.
    AllFailed,
    /// No receiver was heard. Silent ones may have everything.
    NobodyHeard,
    /// Too few receivers announced themselves in time; nothing was sent.
    StartTimedOut {
        /// How many did.
        receivers: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// The user stopped it before all receivers had everything.
    Stopped,
    /// A file changed while it was sent: its path, and what changed.
    SourceChanged(String),
    /// A file could not be read: its path, and why.
    ReadFailed(String),
}

/// What came of one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReceiverOutcome {
    /// It has everything, under its final name, and verified if a set was sent.
    Confirmed,
    /// It could not finish or left, for this reason.
    Failed(String),
    /// It fell silent.
    Lost,
    /// It was sent away, because it kept the others slow.
    Ejected,
    /// It was still at work when the transfer ended.
    Unfinished,
}

/// One receiver in the report.
#[derive(Clone, Debug)]
pub struct ReceiverResult {
    /// Its node id.
    pub node: NodeId,
    /// What it calls itself; made from the node id when it did not say.
    pub name: String,
    /// The address and port that it was last heard from.
    pub address: SocketAddr,
    /// What came of it.
    pub outcome: ReceiverOutcome,
    /// Content bytes that it has, as it last said.
    pub bytes_done: u64,
    /// Share of packets that it lost, 0 to 1, as it last said.
    pub loss: f64,
    /// It was in the slow lane.
    pub slow: bool,
    /// From the start of data, in the slow lane of that there, until it confirmed.
    pub elapsed: Option<Duration>,
}

/// How a transfer ended, in full.
#[derive(Clone, Debug)]
pub struct SendReport {
    /// In one word.
    pub outcome: SendOutcome,
    /// The hash that stands for the set and all its content, in hex; `None` when not everything was
    /// read, and without a set.
    pub root: Option<String>,
    /// Bytes in all files.
    pub bytes: u64,
    /// Files, empty ones included.
    pub files: u64,
    /// From the start of the session to its end.
    pub elapsed: Duration,
    /// From the start of data until the last receiver confirmed; until everything was sent once when
    /// none did; zero when no data flowed, and until the end when it did not come so far.
    pub data_elapsed: Duration,
    /// UDP payload sent, in bytes.
    pub wire_bytes: u64,
    /// Packets sent.
    pub packets: u64,
    /// Of these, content sent for the first time.
    pub data_packets: u64,
    /// Of these, content sent again as it was.
    pub resent_packets: u64,
    /// Of these, coded repair.
    pub coded_packets: u64,
    /// Repair requests received.
    pub nacks: u64,
    /// All receivers heard of, by node id.
    pub receivers: Vec<ReceiverResult>,
}
