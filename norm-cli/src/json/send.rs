//! What `norm-send` tells scripts: the larger records.

use norm_core::norm::wire::MemberState;
use norm_net::transfer::schedule::Bound;
use norm_net::{
    Pace, ReceiverOutcome, ReceiverResult, SendEvent, SendOutcome, SendPhase, SendProgress,
    SendReport, SendSettings,
};
use serde::Serialize;

use super::{Event, node_id, seconds};
use crate::exit::Code;

/// What a transfer was set up with.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct SenderSettings {
    pub program: &'static str,
    pub version: &'static str,
    pub group: String,
    pub interface: String,
    pub because: String,
    pub local: String,
    /// `auto`, `polite`, `fixed` or `max`.
    pub pace: &'static str,
    /// `null` means no limit.
    pub rate: Option<u64>,
    pub ttl: u32,
    /// 0 to 63.
    pub dscp: u8,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// 6 is RaptorQ; 5, 2 and 129 are Reed-Solomon codes.
    pub fec_id: u8,
    /// Source symbols in the longest block.
    pub block_len: u32,
    /// `null` when files are sent without a set, to receivers of other makes.
    pub set: Option<String>,
    pub files: u64,
    pub directories: u64,
    pub bytes: u64,
    pub skipped: Vec<String>,
}

impl From<&SendSettings> for SenderSettings {
    fn from(settings: &SendSettings) -> Self {
        Self {
            program: "norm-send",
            version: env!("CARGO_PKG_VERSION"),
            group: settings.group.to_string(),
            interface: settings.interface.name.clone(),
            because: settings.because.to_owned(),
            local: settings.local.to_string(),
            pace: match settings.pace {
                Pace::Auto { .. } => "auto",
                Pace::Polite { .. } => "polite",
                Pace::Fixed(_) => "fixed",
                Pace::Unlimited => "max",
            },
            rate: settings.pace.limit(),
            ttl: settings.ttl,
            dscp: settings.dscp.value(),
            segment_size: settings.segment_size,
            fec_id: settings.fec_id,
            block_len: settings.block_len,
            set: settings.compat.is_none().then(|| settings.set.clone()),
            files: settings.files,
            directories: settings.directories,
            bytes: settings.bytes,
            skipped: settings.skipped.clone(),
        }
    }
}

/// How far a transfer is.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct SenderProgress {
    pub elapsed: f64,
    pub phase: &'static str,
    pub bytes_sent: u64,
    pub bytes_total: u64,
    pub wire_bytes: u64,
    pub data_packets: u64,
    pub repair_packets: u64,
    pub receivers: usize,
    pub confirmed: usize,
    pub failed: usize,
    pub ejected: usize,
    pub worst_loss: f64,
    pub slowest: u64,
}

impl From<&SendProgress> for SenderProgress {
    fn from(progress: &SendProgress) -> Self {
        Self {
            elapsed: seconds(progress.elapsed),
            phase: match progress.phase {
                SendPhase::Waiting => "waiting",
                SendPhase::Sending => "sending",
                SendPhase::Paused { .. } => "paused",
                SendPhase::Confirming => "confirming",
                SendPhase::Lingering => "lingering",
                SendPhase::Ending => "ending",
            },
            bytes_sent: progress.bytes_sent,
            bytes_total: progress.bytes_total,
            wire_bytes: progress.wire_bytes,
            data_packets: progress.data_packets,
            repair_packets: progress.repair_packets,
            receivers: progress.receivers,
            confirmed: progress.confirmed,
            failed: progress.failed,
            ejected: progress.ejected,
            worst_loss: progress.worst_loss,
            slowest: progress.slowest,
        }
    }
}

/// How a transfer ended.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct SenderSummary {
    /// `complete`, `partial`, `all_failed`, `nobody_heard`, `start_timed_out`, `stopped`,
    /// `source_changed` or `read_failed`.
    pub outcome: &'static str,
    pub exit_code: u8,
    pub root: Option<String>,
    pub files: u64,
    pub bytes: u64,
    pub elapsed: f64,
    pub data_elapsed: f64,
    pub wire_bytes: u64,
    pub packets: u64,
    pub data_packets: u64,
    pub resent_packets: u64,
    pub coded_packets: u64,
    pub nacks: u64,
    pub receivers: Vec<ReceiverSummary>,
}

impl SenderSummary {
    /// A report and the exit code that follows from it.
    pub fn new(report: &SendReport, code: Code) -> Self {
        Self {
            outcome: match &report.outcome {
                SendOutcome::Complete => "complete",
                SendOutcome::Partial => "partial",
                SendOutcome::AllFailed => "all_failed",
                SendOutcome::NobodyHeard => "nobody_heard",
                SendOutcome::StartTimedOut { .. } => "start_timed_out",
                SendOutcome::Stopped => "stopped",
                SendOutcome::SourceChanged(_) => "source_changed",
                SendOutcome::ReadFailed(_) => "read_failed",
            },
            exit_code: code.number(),
            root: report.root.clone(),
            files: report.files,
            bytes: report.bytes,
            elapsed: seconds(report.elapsed),
            data_elapsed: seconds(report.data_elapsed),
            wire_bytes: report.wire_bytes,
            packets: report.packets,
            data_packets: report.data_packets,
            resent_packets: report.resent_packets,
            coded_packets: report.coded_packets,
            nacks: report.nacks,
            receivers: report.receivers.iter().map(ReceiverSummary::from).collect(),
        }
    }
}

/// What came of one receiver.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct ReceiverSummary {
    pub node: String,
    pub name: String,
    /// `confirmed`, `failed`, `lost`, `ejected` or `unfinished`.
    pub result: &'static str,
    /// It was in the slow lane.
    pub slow: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub bytes_done: u64,
    pub loss: f64,
    /// From the start of data until it confirmed.
    pub elapsed: Option<f64>,
}

impl From<&ReceiverResult> for ReceiverSummary {
    fn from(receiver: &ReceiverResult) -> Self {
        let (result, reason) = match &receiver.outcome {
            ReceiverOutcome::Confirmed => ("confirmed", None),
            ReceiverOutcome::Failed(reason) => ("failed", Some(reason.clone())),
            ReceiverOutcome::Lost => ("lost", None),
            ReceiverOutcome::Ejected => ("ejected", None),
            ReceiverOutcome::Unfinished => ("unfinished", None),
        };
        Self {
            node: node_id(receiver.node),
            name: receiver.name.clone(),
            slow: receiver.slow,
            result,
            reason,
            bytes_done: receiver.bytes_done,
            loss: receiver.loss,
            elapsed: receiver.elapsed.map(seconds),
        }
    }
}

/// One copy that a demo made.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct DemoCopy {
    pub receiver: String,
    pub loss_injected: f64,
    /// Compared byte for byte with the source, and identical.
    pub identical: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    pub elapsed: Option<f64>,
    pub bits_per_second: Option<f64>,
}

/// How a demo ended.
#[derive(Clone, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "the names are the documentation that scripts see")]
pub struct DemoSummary {
    pub exit_code: u8,
    pub identical: usize,
    pub copies: Vec<DemoCopy>,
    pub transfer: SenderSummary,
}

impl<'a> From<&'a SendEvent> for Event<'a> {
    fn from(event: &'a SendEvent) -> Self {
        match event {
            SendEvent::ReceiverFound { node, name } => {
                Self::ReceiverFound { node: node_id(*node), name }
            }
            SendEvent::Started { receivers } => Self::Started { receivers: *receivers },
            SendEvent::Progress(progress) => Self::SenderProgress(progress.into()),
            SendEvent::ReceiverProgress {
                node,
                name,
                state,
                bytes_done,
                bytes_total,
                loss,
                drops,
                marked,
            } => Self::ReceiverProgress {
                drops: *drops,
                marked: *marked,
                node: node_id(*node),
                name,
                state: state_name(*state),
                bytes_done: *bytes_done,
                bytes_total: *bytes_total,
                loss: *loss,
            },
            SendEvent::AllSent => Self::AllSent,
            SendEvent::ReceiverConfirmed { node, name } => {
                Self::ReceiverConfirmed { node: node_id(*node), name }
            }
            SendEvent::ReceiverFailed { node, name, reason } => {
                Self::ReceiverFailed { node: node_id(*node), name, reason }
            }
            SendEvent::ReceiverEjected { node, name, lane } => Self::ReceiverEjected {
                node: node_id(*node),
                name,
                lane: lane.map(|lane| lane.to_string()),
            },
            SendEvent::ReceiverLost { node, name } => {
                Self::ReceiverLost { node: node_id(*node), name }
            }
            SendEvent::Bounded { bound, until } => Self::RateBound {
                rate: match bound {
                    Bound::Open => None,
                    Bound::Rate(bits) => Some(*bits),
                    Bound::Paused => Some(0),
                },
                until: until.map(|until| until.to_string()),
            },
            SendEvent::Hint(message) => Self::Hint { message },
        }
    }
}

fn state_name(state: MemberState) -> &'static str {
    match state {
        MemberState::Joined => "joined",
        MemberState::Receiving => "receiving",
        MemberState::Verifying => "verifying",
        MemberState::Complete => "complete",
        MemberState::Failed => "failed",
        MemberState::Leaving => "leaving",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use norm_core::norm::wire::NodeId;

    use super::*;

    #[test]
    fn the_summary_keeps_every_receiver_with_its_reason() {
        let receiver = |node, outcome, elapsed| ReceiverResult {
            node: NodeId(node),
            name: format!("lab-{node}"),
            outcome,
            bytes_done: 7,
            loss: 0.05,
            slow: false,
            elapsed,
        };
        let report = SendReport {
            outcome: SendOutcome::Partial,
            root: None,
            bytes: 7,
            files: 1,
            elapsed: Duration::from_secs(3),
            data_elapsed: Duration::from_millis(1_234),
            wire_bytes: 9,
            packets: 5,
            data_packets: 2,
            resent_packets: 1,
            coded_packets: 1,
            nacks: 1,
            receivers: vec![
                receiver(1, ReceiverOutcome::Confirmed, Some(Duration::from_secs(1))),
                receiver(2, ReceiverOutcome::Failed("disk full".to_owned()), None),
            ],
        };
        let value = serde_json::to_value(SenderSummary::new(&report, Code::Partial)).unwrap();
        assert_eq!(value["outcome"], "partial");
        assert_eq!(value["exit_code"], 6);
        assert_eq!(value["data_elapsed"], 1.234);
        assert_eq!(value["receivers"][0]["result"], "confirmed");
        assert_eq!(value["receivers"][0]["elapsed"], 1.0);
        assert!(value["receivers"][0].get("reason").is_none());
        assert_eq!(value["receivers"][1]["reason"], "disk full");
    }
}
