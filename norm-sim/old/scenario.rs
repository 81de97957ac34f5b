//! What is simulated, and what came of it.

use core::time::Duration;

use norm_core::receiver::{ReceiverConfig, ReceiverStats};
use norm_core::sender::{ObjectSpec, SenderConfig, SenderEvent, SenderStats};
use norm_core::wire::{Identity, NodeId};

use crate::path::Path;

/// One receiver of a scenario.
#[derive(Clone, Debug)]
pub struct ReceiverPlan {
    /// From the switch to the receiver.
    pub down: Path,
    /// From the receiver to the switch.
    pub up: Path,
    /// When it starts.
    pub joins: Duration,
    /// When it crashes and starts again with nothing.
    pub restarts: Option<Duration>,
    /// When it crashes for good.
    pub dies: Option<Duration>,
    /// Its engine's settings; the network gives each its own identity.
    pub config: ReceiverConfig,
    /// Time that each storing job takes, one after the other.
    pub store_delay: Duration,
}

impl Default for ReceiverPlan {
    fn default() -> Self {
        let mut config = ReceiverConfig::new(Identity([0; 16]));
        config.auto_accept = true;
        config.auto_confirm = true;
        Self {
            down: Path::default(),
            up: Path::default(),
            joins: Duration::ZERO,
            restarts: None,
            dies: None,
            config,
            store_delay: Duration::ZERO,
        }
    }
}

impl ReceiverPlan {
    /// A receiver that loses this share of what is sent to it.
    pub fn lossy(loss: f64) -> Self {
        Self { down: Path::lossy(loss), ..Self::default() }
    }
}

/// One sender and its receivers around a switch.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The sender's settings.
    pub sender: SenderConfig,
    /// From the sender to the switch.
    pub uplink: Path,
    /// From the switch to the sender.
    pub downlink: Path,
    /// What is sent.
    pub objects: Vec<ObjectSpec>,
    /// To whom.
    pub receivers: Vec<ReceiverPlan>,
    /// Time that reading a block takes.
    pub read_delay: Duration,
    /// Bytes that a stranger sends, each to everybody at its time.
    pub injected: Vec<(Duration, Vec<u8>)>,
    /// An application acknowledgment of this type is asked for at this time.
    pub ack_request: Option<(Duration, u8)>,
    /// The longest that the run may take in virtual time.
    pub limit: Duration,
}

impl Scenario {
    /// `size` bytes to these receivers, at 100 Mbit/s with blocks of 64 symbols of 1024 bytes.
    pub fn new(seed: u64, size: u64, receivers: Vec<ReceiverPlan>) -> Self {
        let mut sender = SenderConfig::new(NodeId(1));
        sender.segment_size = 1024;
        sender.block_len = 64;
        sender.cache_bytes = 4 << 20;
        let objects = vec![ObjectSpec { size, info: None, file: true }];
        Self {
            seed,
            sender,
            uplink: Path { delay: Duration::ZERO, ..Path::default() },
            downlink: Path { delay: Duration::ZERO, ..Path::default() },
            objects,
            receivers,
            read_delay: Duration::from_micros(200),
            injected: Vec::new(),
            ack_request: None,
            limit: Duration::from_secs(600),
        }
    }
}

/// What came of one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiverOutcome {
    /// When it had every object.
    pub completed: Option<Duration>,
    /// Objects complete.
    pub objects: usize,
    /// Objects that the sender could not repair.
    pub aborted: usize,
    /// It was told that the sender has heard its confirmation.
    pub released: bool,
    /// It noticed the end of the session.
    pub ended: bool,
    /// Its counters.
    pub stats: ReceiverStats,
    /// The most blocks that its store held.
    pub most_blocks: usize,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// BLAKE3 over every packet with its time and ends.
    pub trace: String,
    /// When the sender had finished.
    pub finished: Option<Duration>,
    /// Packets that entered the network.
    pub packets: u64,
    /// The sender's counters.
    pub sender: SenderStats,
    /// The sender's events, reports left out.
    pub events: Vec<SenderEvent>,
    /// Each receiver, in the scenario's order.
    pub receivers: Vec<ReceiverOutcome>,
}

impl Outcome {
    /// How many receivers the sender holds for confirmed.
    pub fn confirmed(&self) -> usize {
        let confirmed = |e: &&SenderEvent| matches!(e, SenderEvent::ReceiverConfirmed { .. });
        self.events.iter().filter(confirmed).count()
    }

    /// Bytes sent by the sender per byte of content.
    pub fn expansion(&self, content: u64) -> f64 {
        self.sender.bytes as f64 / content as f64
    }

    /// # Panics
    /// Unless every receiver has every object and the sender knows it.
    #[track_caller]
    pub fn assert_all_complete(&self) {
        for (n, receiver) in self.receivers.iter().enumerate() {
            assert!(receiver.completed.is_some(), "receiver {n} is incomplete: {receiver:?}");
        }
        assert!(self.finished.is_some(), "the sender did not finish: {:?}", self.events);
        let lost = self.events.iter().any(|e| matches!(e, SenderEvent::ReceiverLost { .. }));
        assert!(!lost, "the sender takes a receiver for lost: {:?}", self.events);
    }
}

/// The seeds that a test runs: the one in `NORM_SIM_SEED` if set, else `1..=count`.
///
/// A violated invariant names the seed; with this variable set, the same test replays just it.
pub fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("NORM_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=count).collect(),
    }
}
