//! What `norm-recv` tells scripts: the larger records.

use norm_net::{
    ReceiveEvent, ReceiveOutcome, ReceiveProgress, ReceiveReport, ReceiveSettings, SetReport,
};
use serde::Serialize;

use super::{Event, node_id, seconds};
use crate::exit::Code;
use crate::settings::feedback_name;

/// What a receiver was set up with.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct RecvSettings {
    pub program: &'static str,
    pub version: &'static str,
    pub group: String,
    pub interface: String,
    pub because: String,
    pub local: String,
    pub feedback: &'static str,
    pub directory: String,
    pub name: String,
}

impl From<&ReceiveSettings> for RecvSettings {
    fn from(settings: &ReceiveSettings) -> Self {
        Self {
            program: "norm-recv",
            version: env!("CARGO_PKG_VERSION"),
            group: settings.group.to_string(),
            interface: settings.interface.name.clone(),
            because: settings.because.to_owned(),
            local: settings.local.to_string(),
            feedback: feedback_name(settings.feedback),
            directory: settings.directory.to_string_lossy().into_owned(),
            name: settings.name.clone(),
        }
    }
}

/// How far receiving is.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct RecvProgress {
    pub elapsed: f64,
    pub bytes_done: u64,
    pub bytes_total: u64,
    pub wire_bytes: u64,
    pub loss: f64,
    pub decoded: u64,
    pub nacks: u64,
    pub no_room: u64,
    pub malformed: u64,
}

impl From<&ReceiveProgress> for RecvProgress {
    fn from(progress: &ReceiveProgress) -> Self {
        Self {
            elapsed: seconds(progress.elapsed),
            bytes_done: progress.bytes_done,
            bytes_total: progress.bytes_total,
            wire_bytes: progress.wire_bytes,
            loss: progress.loss,
            decoded: progress.decoded,
            nacks: progress.nacks,
            no_room: progress.no_room,
            malformed: progress.malformed,
        }
    }
}

/// A complete set.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct SetSummary {
    /// The set's id; `node-` and a node id when the sender knows no sets.
    pub set: String,
    /// `null` when the sender's protocol has no hashes, so that nothing is verified.
    pub root: Option<String>,
    pub verified: bool,
    pub sender: String,
    pub files: u64,
    /// Those of them that were in their places already, with the same content.
    pub already_here: u64,
    pub directories: u64,
    pub bytes: u64,
    /// The first thousand.
    pub paths: Vec<String>,
    pub elapsed: f64,
    pub bits_per_second: f64,
    pub loss: f64,
    pub nacks: u64,
}

impl From<&SetReport> for SetSummary {
    fn from(report: &SetReport) -> Self {
        Self {
            set: report.set.clone(),
            root: report.is_verified().then(|| report.root.clone()),
            verified: report.is_verified(),
            sender: report.sender.to_string(),
            files: report.files,
            already_here: report.before,
            directories: report.directories,
            bytes: report.bytes,
            paths: report.paths.iter().map(|path| path.to_string_lossy().into_owned()).collect(),
            elapsed: seconds(report.elapsed),
            bits_per_second: report.goodput.round(),
            loss: report.loss,
            nacks: report.nacks,
        }
    }
}

/// An unfinished set that an earlier run has left.
#[derive(Copy, Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct Leftover {
    pub bytes: u64,
    pub of: u64,
}

/// A set that failed.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct FailedSet {
    pub set: String,
    pub reason: String,
}

/// How receiving ended.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct RecvSummary {
    /// `complete`, `partial`, `evicted`, `nothing`, `no_sender`, `verify_failed`, `local_error` or
    /// `stopped`.
    pub outcome: &'static str,
    pub exit_code: u8,
    pub sets: Vec<SetSummary>,
    pub failed: Vec<FailedSet>,
    pub elapsed: f64,
    pub bytes: u64,
    pub wire_bytes: u64,
    pub packets: u64,
    pub duplicates: u64,
    pub decoded: u64,
    pub nacks: u64,
    pub suppressed: u64,
    pub no_room: u64,
    pub malformed: u64,
    /// Marked by routers whose queue was long (ECN).
    pub marked: u64,
    /// Dropped by this machine, because the socket's buffer was full.
    pub kernel_drops: u64,
}

impl RecvSummary {
    /// A report and the exit code that follows from it.
    pub fn new(report: &ReceiveReport, code: Code) -> Self {
        let failed = |(set, reason): &(String, String)| FailedSet {
            set: set.clone(),
            reason: reason.clone(),
        };
        Self {
            outcome: match &report.outcome {
                ReceiveOutcome::Complete => "complete",
                ReceiveOutcome::Partial => "partial",
                ReceiveOutcome::Nothing => "nothing",
                ReceiveOutcome::NoSender => "no_sender",
                ReceiveOutcome::VerifyFailed => "verify_failed",
                ReceiveOutcome::Ejected => "evicted",
                ReceiveOutcome::LocalError(_) => "local_error",
                ReceiveOutcome::Stopped => "stopped",
            },
            exit_code: code.number(),
            sets: report.sets.iter().map(SetSummary::from).collect(),
            failed: report.failed.iter().map(failed).collect(),
            elapsed: seconds(report.elapsed),
            bytes: report.bytes,
            wire_bytes: report.wire_bytes,
            packets: report.packets,
            duplicates: report.duplicates,
            decoded: report.decoded,
            nacks: report.nacks,
            suppressed: report.suppressed,
            no_room: report.no_room,
            malformed: report.malformed,
            marked: report.marked,
            kernel_drops: report.kernel_drops,
        }
    }
}

/// Calls `use_event` with the event as scripts see it.
pub fn with_event<T>(event: &ReceiveEvent, use_event: impl FnOnce(&Event<'_>) -> T) -> T {
    let set_summary;
    let event = match event {
        ReceiveEvent::SenderFound { node, address } => {
            Event::SenderFound { node: node_id(*node), address: address.to_string() }
        }
        ReceiveEvent::SetFound { set, bytes } => Event::SetFound { set, bytes: *bytes },
        ReceiveEvent::SetResumed { set, bytes, of } => {
            Event::SetResumed { set, bytes: *bytes, of: *of }
        }
        ReceiveEvent::SetKept { set, bytes, of } => Event::SetKept { set, bytes: *bytes, of: *of },
        ReceiveEvent::Leftovers { kept, removed } => {
            let kept = kept.iter().map(|&(bytes, of)| Leftover { bytes, of }).collect();
            Event::Leftovers { kept, removed: *removed }
        }
        ReceiveEvent::FilesKnown { files, bytes } => {
            Event::FilesKnown { files: *files, bytes: *bytes }
        }
        ReceiveEvent::Progress(progress) => Event::RecvProgress(progress.into()),
        ReceiveEvent::Verifying => Event::Verifying,
        ReceiveEvent::FileComplete { path, bytes, before } => {
            let path = path.to_string_lossy().into_owned();
            Event::FileComplete { path, bytes: *bytes, already_here: *before }
        }
        ReceiveEvent::FileFailed { path, reason } => {
            Event::FileFailed { path: path.to_string_lossy().into_owned(), reason }
        }
        ReceiveEvent::SetComplete(report) => {
            set_summary = SetSummary::from(report);
            Event::SetComplete(&set_summary)
        }
        ReceiveEvent::SetFailed { set, reason } => Event::SetFailed { set, reason },
        ReceiveEvent::SenderPaused => Event::SenderPaused,
        ReceiveEvent::SenderResumed => Event::SenderResumed,
        ReceiveEvent::SenderSilent => Event::SenderSilent,
        ReceiveEvent::SenderEnded => Event::SenderEnded,
        ReceiveEvent::Ejected { lane } => {
            Event::Evicted { separate_group: lane.map(|group| group.to_string()) }
        }
        ReceiveEvent::Hint(message) => Event::Hint { message },
    };
    use_event(&event)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_complete_set_is_told_with_its_files() {
        let report = SetReport {
            set: "ab".to_owned(),
            root: "cd".to_owned(),
            sender: "192.0.2.1:5740".parse().unwrap(),
            files: 1,
            before: 1,
            directories: 0,
            bytes: 10,
            paths: vec![PathBuf::from("out/file")],
            elapsed: Duration::from_millis(1_500),
            goodput: 53.4,
            loss: 0.05,
            nacks: 2,
        };
        let event = ReceiveEvent::SetComplete(report);
        let value = with_event(&event, |event| serde_json::to_value(event).unwrap());
        assert_eq!(value["event"], "set_complete");
        assert_eq!(value["paths"][0], "out/file");
        assert_eq!(value["elapsed"], 1.5);
        assert_eq!(value["already_here"], 1);
        assert_eq!(value["bits_per_second"], 53.0);
    }
}
