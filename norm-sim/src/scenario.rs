//! What is simulated: hosts around a tree of switches.

use core::time::Duration;

use norm_core::Rng;
use norm_core::norm::receiver::ReceiverConfig;
use norm_core::norm::sender::{ObjectSpec, SenderConfig};
use norm_core::norm::wire::{Identity, InstanceId, NodeId};

use crate::crowd::CrowdPlan;
use crate::packet::{HostId, mix};
use crate::rule::Rule;
use crate::stranger::StrangerPlan;
use crate::tcp::TcpPlan;

/// A network, who is on it, and what they do. Everything random follows from the seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Everything random follows from it.
    pub seed: u64,
    /// The tree. Switch 0 is its root; every other one hangs below an earlier one.
    pub switches: Vec<Switch>,
    /// Who is on it.
    pub hosts: Vec<Host>,
    /// The longest that the run may take in virtual time.
    pub limit: Duration,
    /// A receiver may end incomplete without saying why; else that is a violation.
    pub may_fail: bool,
    /// The number of NACKs is held against what suppression should leave of them.
    pub check_nacks: bool,
}

/// A switch: copies packets to the group to every port but the one they came from.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    /// The switch above; ignored for switch 0.
    pub parent: u32,
    /// The link to it.
    pub link: Link,
}

/// A link, seen from the switch above (or the switch that a host is on).
#[derive(Clone, Debug)]
pub struct Link {
    /// Time from one end to the other; at least a microsecond.
    pub delay: Duration,
    /// The same for the way back, towards the root, if it differs.
    pub delay_up: Option<Duration>,
    /// What happens on the way down, away from the root.
    pub down: Vec<Rule>,
    /// What happens on the way up.
    pub up: Vec<Rule>,
}

impl Default for Link {
    fn default() -> Self {
        let delay = Duration::from_millis(1);
        Self { delay, delay_up: None, down: Vec::new(), up: Vec::new() }
    }
}

impl Link {
    /// A link of one millisecond that loses this share of what goes down.
    pub fn lossy(loss: f64) -> Self {
        Self { down: vec![Rule::Loss(loss)], ..Self::default() }
    }
}

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    /// The switch that it is on.
    pub switch: u32,
    /// Its link.
    pub link: Link,
    /// What it does.
    pub role: Role,
    /// How well its clock and its timers work.
    pub clock: Clock,
    /// What happens to it: it starts at the first `Start`, at the beginning if there is none.
    pub life: Vec<(Duration, Change)>,
}

/// What happens to a host.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is switched on, or crashes and starts again.
    Start,
    /// It is switched off without a word.
    Stop,
    /// It does nothing for so long; what arrives waits in its socket buffer, as far as it fits.
    Stall(Duration),
}

/// A host's clock, and how late its timers are.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What the clock shows at the beginning, besides the second that every clock shows.
    pub offset: Duration,
    /// Parts per million by which it is fast.
    pub drift_ppm: i32,
    /// Timers are late by a random part of this.
    pub late: Duration,
}

/// What a host does.
#[derive(Clone, Debug)]
pub enum Role {
    /// A sending engine.
    Sender(SenderPlan),
    /// A receiving engine.
    Receiver(ReceiverPlan),
    /// One end of a TCP flow that competes for the links.
    Tcp(TcpPlan),
    /// Receivers by the million.
    Crowd(CrowdPlan),
    /// Someone who means no good.
    Stranger(StrangerPlan),
}

/// A sending engine and its application.
#[derive(Clone, Debug)]
pub struct SenderPlan {
    /// Its settings.
    pub config: SenderConfig,
    /// What it sends.
    pub objects: Vec<ObjectSpec>,
    /// Time that reading a block takes.
    pub read_delay: Duration,
    /// An application acknowledgment of this type is asked for at this time.
    pub ack_request: Option<(Duration, u8)>,
    /// A fault of the engine that the invariants must find.
    pub broken: Option<Broken>,
}

/// A receiving engine and its application.
#[derive(Clone, Debug)]
pub struct ReceiverPlan {
    /// Its settings. The identity is the host's number if it is zero here; the application always
    /// decides itself what it accepts and confirms.
    pub config: ReceiverConfig,
    /// Time that each storing job takes, one after the other.
    pub store_delay: Duration,
    /// The disk is full from this many stored blocks on.
    pub disk_full_after: Option<u64>,
    /// Bytes that the socket buffers while the host is stalled.
    pub socket_buffer: u32,
    /// Decode for real, and keep every byte, rather than compare and count: slower, and bigger.
    pub real_store: bool,
    /// A fault of the engine that the invariants must find.
    pub broken: Option<Broken>,
}

/// Faults of an engine, made outside of it: they show that the invariants find such faults.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A receiver that does not listen to the requests of others.
    ForgetsSuppression,
    /// A receiver that writes a block at a wrong place now and then.
    WritesAtAWrongOffset,
    /// A sender that does not know requests for whole blocks.
    IgnoresBlockRequests,
}

impl Default for ReceiverPlan {
    fn default() -> Self {
        Self {
            config: ReceiverConfig::new(Identity([0; 16])),
            store_delay: Duration::ZERO,
            disk_full_after: None,
            socket_buffer: 1 << 20,
            real_store: false,
            broken: None,
        }
    }
}

impl SenderPlan {
    /// `size` bytes at 100 Mbit/s, in blocks of 64 symbols of 1024 bytes.
    pub fn new(size: u64) -> Self {
        let mut config = SenderConfig::new(NodeId(1));
        config.segment_size = 1024;
        config.block_len = 64;
        config.cache.bytes = 4 << 20;
        Self {
            config,
            objects: vec![ObjectSpec { size, info: None, file: true }],
            read_delay: Duration::from_micros(200),
            ack_request: None,
            broken: None,
        }
    }
}

impl Host {
    /// A host on switch 0, switched on from the beginning.
    pub fn new(role: Role, link: Link) -> Self {
        Self { switch: 0, link, role, clock: Clock::default(), life: Vec::new() }
    }

    /// A receiver with the default settings.
    pub fn receiver(link: Link) -> Self {
        Self::new(Role::Receiver(ReceiverPlan::default()), link)
    }

    /// Starts only then.
    #[must_use]
    pub fn joining(mut self, at: Duration) -> Self {
        self.life.push((at, Change::Start));
        self
    }
}

impl Scenario {
    /// One switch with one sender (host 0) of `size` bytes.
    pub fn new(seed: u64, size: u64) -> Self {
        let sender = Role::Sender(SenderPlan::new(size));
        let near = Link { delay: Duration::from_micros(50), ..Link::default() };
        Self {
            seed,
            switches: vec![Switch::default()],
            hosts: vec![Host::new(sender, near)],
            limit: Duration::from_secs(600),
            may_fail: false,
            check_nacks: true,
        }
    }

    /// Adds `count` like receivers to the first switch.
    #[must_use]
    pub fn receivers(mut self, count: usize, link: &Link) -> Self {
        self.hosts.extend((0..count).map(|_| Host::receiver(link.clone())));
        self
    }

    /// The plan of the first sender.
    ///
    /// # Panics
    /// When host 0 is none.
    pub fn sender(&mut self) -> &mut SenderPlan {
        match &mut self.hosts[0].role {
            Role::Sender(plan) => plan,
            other => panic!("host 0 is no sender: {other:?}"),
        }
    }

    /// The plans of all receivers, in the order of their hosts.
    pub fn receiver_plans(&mut self) -> impl Iterator<Item = &mut ReceiverPlan> {
        self.hosts.iter_mut().filter_map(|host| match &mut host.role {
            Role::Receiver(plan) => Some(plan),
            _ => None,
        })
    }

    /// The instance id that the sending engine of this host will have in its first life: what a
    /// stranger may know.
    pub fn instance(&self, host: HostId) -> InstanceId {
        let seed = engine_seed(self.seed, host, 1);
        InstanceId((Rng::new(seed).next_u32() >> 16) as u16)
    }

    pub(crate) fn has_strangers(&self) -> bool {
        self.hosts.iter().any(|host| matches!(host.role, Role::Stranger(_)))
    }

    /// True when its senders need not finish.
    pub(crate) fn may_hang(&self) -> bool {
        self.may_fail || self.has_strangers()
    }

    /// Adds a host, and says which it is.
    pub fn add(&mut self, host: Host) -> HostId {
        self.hosts.push(host);
        self.hosts.len() as HostId - 1
    }
}

/// The seed of a host's engine in one of its lives, which are counted from 1.
pub(crate) fn engine_seed(seed: u64, host: HostId, life: u32) -> u64 {
    mix(seed, u64::from(life) << 32 | u64::from(host))
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
