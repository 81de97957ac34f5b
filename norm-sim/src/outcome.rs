//! What came of a run.

use core::time::Duration;
use std::sync::Arc;

use norm_core::norm::receiver::ReceiverStats;
use norm_core::norm::sender::{SenderEvent, SenderStats};

use crate::packet::{HostId, To};

/// What came of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A fingerprint of every packet sent and delivered, with its time and ends, in hex.
    pub trace: String,
    /// When the last sender had finished; `None` if the limit was reached before.
    pub finished: Option<Duration>,
    /// Packets that entered the network.
    pub packets: u64,
    /// Packets that arrived at a host.
    pub deliveries: u64,
    /// Each sender, in the order of the hosts.
    pub senders: Vec<SenderOutcome>,
    /// Each receiver, in the order of the hosts.
    pub receivers: Vec<ReceiverOutcome>,
    /// Each population, in the order of the hosts.
    pub populations: Vec<PopulationOutcome>,
    /// Each sending end of a TCP flow, in the order of the hosts.
    pub flows: Vec<FlowOutcome>,
    /// The course of the run, if it was asked for.
    pub series: Vec<Sample>,
}

/// A datagram that was seen.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// When, since the start of the run.
    pub at: Duration,
    /// Who had sent it.
    pub from: HostId,
    /// To whom.
    pub to: To,
    /// The UDP payload as it was then.
    pub payload: Arc<[u8]>,
}

/// What came of a sender.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderOutcome {
    /// Which host it was.
    pub host: HostId,
    /// Its counters.
    pub stats: SenderStats,
    /// When it had sent everything once.
    pub all_sent: Option<Duration>,
    /// Its events, progress reports left out.
    pub events: Vec<SenderEvent>,
    /// Blocks in which at least one receiver asked for repair, each cycle counted.
    pub loss_events: u64,
    /// NACKs to be expected for them from the whole group (RFC 5401 §3.2.2).
    pub expected_nacks: f64,
}

/// What came of one receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverOutcome {
    /// Which host it was.
    pub host: HostId,
    /// When it had every object of every sender that it followed.
    pub completed: Option<Duration>,
    /// Objects complete.
    pub objects: u32,
    /// Objects that the sender could not repair.
    pub aborted: u32,
    /// Objects received again because their hash was wrong.
    pub again: u32,
    /// Why it cannot complete, as it would tell its user.
    pub failed: Option<String>,
    /// It was told that the sender has heard its confirmation.
    pub released: bool,
    /// It noticed the end of the session.
    pub ended: bool,
    /// Its counters.
    pub stats: ReceiverStats,
    /// The most blocks that its store held.
    pub most_blocks: u32,
}

/// What came of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationOutcome {
    /// Which host it was.
    pub host: HostId,
    /// How many receivers it was.
    pub receivers: u32,
    /// How many of them have everything.
    pub complete: u32,
    /// When the last one had.
    pub completed: Option<Duration>,
    /// NACKs sent.
    pub nacks: u64,
    /// UDP payload bytes of them.
    pub nack_bytes: u64,
    /// NACKs not sent, because somebody else had asked.
    pub suppressed: u64,
}

/// What came of a TCP flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowOutcome {
    /// The sending host.
    pub host: HostId,
    /// Payload bytes acknowledged.
    pub bytes: u64,
    /// Segments sent again.
    pub resent: u64,
}

/// One point of a run's course; counts are since the start.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Duration,
    /// Bytes that the senders have sent.
    pub sent_bytes: u64,
    /// Content packets that they sent for the first time ...
    pub data_packets: u64,
    /// ... and those that were repairs.
    pub repair_packets: u64,
    /// NACKs heard by them.
    pub nacks: u64,
    /// Reports heard by them.
    pub reports: u64,
    /// Receivers that are complete.
    pub complete: u32,
    /// Content packets delivered to receivers ...
    pub delivered: u64,
    /// ... and those lost on the way to them.
    pub lost: u64,
    /// Bytes, headers included, that were lost on the link of the host that sent them.
    pub lost_at_once: u64,
    /// Bytes acknowledged, per TCP flow.
    pub flows: Vec<u64>,
}

impl Outcome {
    /// How many receivers the senders hold for confirmed.
    pub fn confirmed(&self) -> usize {
        let confirmed = |e: &&SenderEvent| matches!(e, SenderEvent::ReceiverConfirmed { .. });
        self.senders.iter().flat_map(|s| &s.events).filter(confirmed).count()
    }

    /// The first sender's counters.
    pub fn sender(&self) -> &SenderStats {
        &self.senders[0].stats
    }

    /// The first sender's events, progress reports left out.
    pub fn events(&self) -> &[SenderEvent] {
        &self.senders[0].events
    }

    /// Bytes sent by the first sender per byte of content.
    pub fn expansion(&self, content: u64) -> f64 {
        self.sender().bytes as f64 / content as f64
    }

    /// # Panics
    /// Unless every receiver has every object and the sender knows it.
    #[track_caller]
    pub fn assert_all_complete(&self) {
        for receiver in &self.receivers {
            assert!(receiver.completed.is_some(), "a receiver is incomplete: {receiver:?}");
        }
        let events = || self.senders.iter().flat_map(|sender| &sender.events);
        assert!(self.finished.is_some(), "not finished: {:?}", events().collect::<Vec<_>>());
        let lost = |e: &SenderEvent| matches!(e, SenderEvent::ReceiverLost { .. });
        assert!(!events().any(lost), "taken for lost: {:?}", events().collect::<Vec<_>>());
    }
}
