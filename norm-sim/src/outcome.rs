//! Outcomes of runs.

use core::time::Duration;
use std::sync::Arc;

use norm_core::flute::receiver::ReceiverStats as FluteReceiverStats;
use norm_core::norm::receiver::ReceiverStats;
use norm_core::norm::sender::{SenderEvent, SenderStats};
use norm_core::transfer::OutboundStats;
use norm_seal::SealCounters;

use crate::packet::{HostId, To};

/// The outcome of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// A fingerprint of every packet sent and delivered, with its time and addresses, in hex.
    pub trace: String,
    /// When the last sender had finished; `None` if the limit was reached before. A carousel
    /// without end counts as finished when all FLUTE receivers are complete.
    pub finished: Option<Duration>,
    /// Packets that hosts have sent.
    pub packets: u64,
    /// Packets that have arrived at a host.
    pub deliveries: u64,
    /// Each sender, in the order of the hosts.
    pub senders: Vec<SenderOutcome>,
    /// Each receiver, in the order of the hosts.
    pub receivers: Vec<ReceiverOutcome>,
    /// Each population, in the order of the hosts.
    pub populations: Vec<PopulationOutcome>,
    /// Each FLUTE sender, in the order of the hosts.
    pub flute_senders: Vec<FluteSenderOutcome>,
    /// Each FLUTE receiver, in the order of the hosts.
    pub flute_receivers: Vec<FluteReceiverOutcome>,
    /// Each sending end of a TCP flow, in the order of the hosts.
    pub flows: Vec<FlowOutcome>,
    /// The course of the run, if the options ask for it.
    pub series: Vec<Sample>,
}

/// A recorded datagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Captured {
    /// Time since the start of the run.
    pub at: Duration,
    /// The host that sent it.
    pub from: HostId,
    /// Its destination.
    pub to: To,
    /// The UDP payload at that time.
    pub payload: Arc<[u8]>,
}

/// The outcome of a sender.
#[derive(Clone, Debug, PartialEq)]
pub struct SenderOutcome {
    /// The host.
    pub host: HostId,
    /// Its counters.
    pub stats: SenderStats,
    /// When it had sent all content once.
    pub all_sent: Option<Duration>,
    /// Its events, without progress reports.
    pub events: Vec<SenderEvent>,
    /// When each of them came.
    pub event_times: Vec<Duration>,
    /// NACK cycles of single blocks.
    pub loss_events: u64,
    /// NACKs that are expected for them from the whole group (RFC 5401 §3.2.2).
    pub expected_nacks: f64,
    /// The trace of the rate, if the plan asks for it: a line for each record.
    pub rate_trace: Vec<String>,
    /// When each packet was sent, if the plan asks for it.
    pub sent: Vec<Duration>,
}

/// The outcome of a receiver, since its last start.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiverOutcome {
    /// The host.
    pub host: HostId,
    /// When it had all objects of all senders of the scenario.
    pub completed: Option<Duration>,
    /// Number of complete objects.
    pub objects: u32,
    /// Number of objects that the sender could not repair.
    pub aborted: u32,
    /// How often an object was received again because its hash was wrong.
    pub retries: u32,
    /// The reason for its user why it cannot complete.
    pub failed: Option<String>,
    /// The sender has acknowledged its confirmation.
    pub released: bool,
    /// It knows of the end of the session.
    pub ended: bool,
    /// How often it has followed a sender to another address.
    pub moves: u32,
    /// Its counters.
    pub stats: ReceiverStats,
    /// Largest number of blocks in its store, over all starts.
    pub peak_blocks: u32,
    /// Packets that its host's socket had no room for, over all starts.
    pub host_drops: u64,
    /// What the gate of its host has counted, where keys are handed out.
    pub seal: Option<SealCounters>,
}

/// The outcome of a population.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationOutcome {
    /// The host.
    pub host: HostId,
    /// Number of receivers.
    pub receivers: u32,
    /// Number of receivers with all objects.
    pub complete: u32,
    /// When the last receiver was complete.
    pub completed: Option<Duration>,
    /// Number of NACKs sent.
    pub nacks: u64,
    /// UDP payload bytes of the NACKs.
    pub nack_bytes: u64,
    /// Number of NACKs that were suppressed.
    pub suppressed: u64,
}

/// The outcome of a FLUTE sender, since its last start.
#[derive(Clone, Debug, PartialEq)]
pub struct FluteSenderOutcome {
    /// The host.
    pub host: HostId,
    /// Its counters.
    pub stats: OutboundStats,
    /// When it had sent everything once.
    pub all_sent: Option<Duration>,
    /// When it had ended its session.
    pub finished: Option<Duration>,
    /// When each packet was sent, over all starts, if the plan asks for it.
    pub sent: Vec<Duration>,
}

/// The outcome of a FLUTE receiver, since its last start.
#[derive(Clone, Debug, PartialEq)]
pub struct FluteReceiverOutcome {
    /// The host.
    pub host: HostId,
    /// When it had all objects of all senders of the scenario.
    pub completed: Option<Duration>,
    /// Number of complete objects.
    pub objects: u32,
    /// It knows of the end of a session.
    pub ended: bool,
    /// Its counters.
    pub stats: FluteReceiverStats,
}

/// The outcome of a TCP flow.
#[derive(Clone, Debug, PartialEq)]
pub struct FlowOutcome {
    /// The sending host.
    pub host: HostId,
    /// Payload bytes that were acknowledged.
    pub bytes: u64,
    /// Segments that were sent again.
    pub resent: u64,
}

/// One point in the course of a run. All counts are since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Time since the start of the run.
    pub at: Duration,
    /// Bytes that the senders have sent.
    pub sent_bytes: u64,
    /// Content packets that the senders have sent for the first time.
    pub data_packets: u64,
    /// Repair packets that the senders have sent.
    pub repair_packets: u64,
    /// NACKs that the senders have received.
    pub nacks: u64,
    /// Reports that the senders have received.
    pub reports: u64,
    /// Number of complete receivers.
    pub complete: u32,
    /// Content packets that have arrived at receivers.
    pub delivered: u64,
    /// Content packets that were lost, counted for each receiver.
    pub lost: u64,
    /// Bytes, headers included, that were lost on the link of the host that sent them.
    pub lost_at_source: u64,
    /// How long the first sender's fair controller was in control.
    pub fair: Duration,
    /// Acknowledged bytes of each TCP flow.
    pub flows: Vec<u64>,
}

impl ReceiverOutcome {
    /// The outcome of a receiver that has received nothing.
    pub(crate) fn new(host: HostId) -> Self {
        Self {
            host,
            completed: None,
            objects: 0,
            aborted: 0,
            retries: 0,
            failed: None,
            released: false,
            ended: false,
            moves: 0,
            stats: ReceiverStats::default(),
            peak_blocks: 0,
            host_drops: 0,
            seal: None,
        }
    }
}

impl Outcome {
    /// Number of receivers that the senders know to be complete.
    pub fn confirmed(&self) -> usize {
        let confirmed = |e: &&SenderEvent| matches!(e, SenderEvent::ReceiverConfirmed { .. });
        self.senders.iter().flat_map(|s| &s.events).filter(confirmed).count()
    }

    /// The first sender's counters.
    pub fn sender(&self) -> &SenderStats {
        &self.senders[0].stats
    }

    /// The first sender's events, without progress reports.
    pub fn events(&self) -> &[SenderEvent] {
        &self.senders[0].events
    }

    /// Bytes sent by the first sender per byte of content.
    pub fn expansion(&self, content: u64) -> f64 {
        self.sender().bytes as f64 / content as f64
    }

    /// Asserts that all receivers are complete and the senders have finished without losing one.
    ///
    /// # Panics
    /// Otherwise.
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
