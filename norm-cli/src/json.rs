//! Events for scripts: one JSON object per line, told apart by the field `event`.
//!
//! Names of events and fields are stable; new ones may be added. Times are seconds, sizes bytes,
//! rates bits per second, losses fractions from 0 to 1; nodes are eight hex digits. `at` is the time
//! since the program started.

#[cfg(test)]
mod docs;
mod recv;
mod send;

use std::io::{Stdout, Write, stdout};
use std::time::{Duration, Instant};

use norm_core::norm::wire::NodeId;
use serde::Serialize;

pub use recv::{
    FailedSet, Leftover, RecvProgress, RecvSettings, RecvSummary, SetSummary, with_event,
};
pub use send::{
    DemoCopy, DemoSummary, ReceiverSummary, SenderProgress, SenderSettings, SenderSummary,
};

/// Everything that `--json` can print.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub enum Event<'a> {
    // Both programs.
    Hint {
        message: &'a str,
    },
    Interrupted,
    /// The run ends without success; the last line.
    Error {
        exit_code: u8,
        message: &'a str,
    },
    // norm-send.
    #[serde(rename = "settings")]
    SenderSettings(&'a SenderSettings),
    ReceiverFound {
        node: String,
        name: &'a str,
    },
    Started {
        receivers: usize,
    },
    #[serde(rename = "progress")]
    SenderProgress(SenderProgress),
    ReceiverProgress {
        node: String,
        name: &'a str,
        state: &'static str,
        bytes_done: u64,
        bytes_total: u64,
        loss: f64,
        /// Packets that reached the receiver's machine and were dropped there.
        drops: u32,
        /// Packets marked by routers on the way to it (ECN).
        marked: u32,
    },
    AllSent,
    /// The bound of the rate that holds by the schedule.
    RateBound {
        /// `null` means none; 0 is a pause.
        rate: Option<u64>,
        /// Local time of day; `null` means for good.
        until: Option<String>,
    },
    ReceiverConfirmed {
        node: String,
        name: &'a str,
    },
    ReceiverFailed {
        node: String,
        name: &'a str,
        reason: &'a str,
    },
    ReceiverLost {
        node: String,
        name: &'a str,
    },
    ReceiverEvicted {
        node: String,
        name: &'a str,
        separate_group: Option<String>,
    },
    #[serde(rename = "summary")]
    SenderSummary(&'a SenderSummary),
    // norm-send --demo.
    DemoCopy(&'a DemoCopy),
    DemoSummary(&'a DemoSummary),
    // norm-recv.
    #[serde(rename = "settings")]
    RecvSettings(&'a RecvSettings),
    SenderFound {
        node: String,
        address: String,
    },
    SetFound {
        set: &'a str,
        bytes: u64,
    },
    SetResumed {
        set: &'a str,
        bytes: u64,
        of: u64,
    },
    SetKept {
        set: &'a str,
        bytes: u64,
        of: u64,
    },
    Leftovers {
        kept: Vec<Leftover>,
        removed: usize,
    },
    FilesKnown {
        files: u64,
        bytes: u64,
    },
    #[serde(rename = "progress")]
    RecvProgress(RecvProgress),
    Verifying,
    FileComplete {
        path: String,
        bytes: u64,
        already_here: bool,
    },
    FileFailed {
        path: String,
        reason: &'a str,
    },
    SetComplete(&'a SetSummary),
    SetFailed {
        set: &'a str,
        reason: &'a str,
    },
    SenderPaused,
    SenderResumed,
    SenderSilent,
    SenderEnded,
    Evicted {
        separate_group: Option<String>,
    },
    #[serde(rename = "summary")]
    RecvSummary(&'a RecvSummary),
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event<'a>,
    at: f64,
}

/// The stream of events on standard output.
pub struct EventLines {
    start: Instant,
    out: Stdout,
}

impl EventLines {
    /// A stream that begins now.
    pub fn new() -> Self {
        Self { start: Instant::now(), out: stdout() }
    }

    /// Writes one event and flushes it.
    pub fn write(&mut self, event: &Event<'_>) {
        let line = encode(event, self.start.elapsed());
        // Nobody may be reading any more, which must not end a transfer.
        let _ = self.out.write_all(line.as_bytes());
        let _ = self.out.flush();
    }
}

impl Default for EventLines {
    fn default() -> Self {
        Self::new()
    }
}

fn encode(event: &Event<'_>, at: Duration) -> String {
    let line = Line { event, at: seconds(at) };
    let mut text = serde_json::to_string(&line)
        .expect("only strings, numbers and structs of them: nothing that JSON cannot express");
    text.push('\n');
    text
}

/// A node id as scripts and people see it.
pub fn node_id(node: NodeId) -> String {
    format!("{:08x}", node.0)
}

/// A duration in seconds, to the millisecond.
pub fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(event: &Event<'_>) -> serde_json::Value {
        let line = encode(event, Duration::from_millis(1500));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn every_event_is_one_line_with_its_name_and_time() {
        let value = parse(&Event::ReceiverFailed {
            node: node_id(NodeId(0xbeef)),
            name: "lab\n1",
            reason: "disk full",
        });
        let expected = serde_json::json!({
            "event": "receiver_failed", "node": "0000beef", "name": "lab\n1",
            "reason": "disk full", "at": 1.5,
        });
        assert_eq!(value, expected);
    }
}
