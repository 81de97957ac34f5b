//! Scenarios: hosts on a tree of switches, as data.

mod attack;
mod engine;
mod flute;
mod host;
mod network;
mod plans;
mod recipients;

use core::time::Duration;

use bytes::Bytes;
use norm_core::Rng;
use norm_core::norm::receiver::Trust;
use norm_core::norm::wire::InstanceId;
use norm_seal::{SEAL, SIGNATURE_LEN, Suite};

pub use attack::{Attack, AttackerPlan, Lie};
pub use engine::EnginePlan;
pub use flute::{FluteReceiverPlan, FluteSenderPlan};
pub use host::{Change, Host, Limits, Role};
pub use network::{Link, Switch};
pub use plans::{
    Broken, Control, HeldPlan, PopulationPlan, ReceiverPlan, SenderPlan, TcpPlan, WantedPlan,
    WithdrawalPlan,
};
pub use recipients::RecipientsPlan;

use crate::packet::{HostId, mix};

/// Bytes of symbols of FLUTE beside which there is room for a signature.
const MIN_SIGNED_SYMBOL: u16 = 128;

/// A network and its hosts.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// The tree. Switch 0 is its root; the parent of every other switch comes before it.
    pub switches: Vec<Switch>,
    /// The hosts; a [`HostId`] is an index.
    pub hosts: Vec<Host>,
    /// Virtual time after which the run ends.
    pub limit: Duration,
    /// The run ends this long after the first packet of content, if that is earlier.
    pub content_limit: Option<Duration>,
    /// A receiver may end incomplete without a reason; otherwise that violates an invariant.
    pub may_fail: bool,
    /// Compare the number of NACKs with what suppression should leave of them.
    pub check_nacks: bool,
    /// All engines hold the key of the group, and everything that they send is sealed, with this
    /// suite: see [`Scenario::seal`].
    pub sealed: Option<Suite>,
    /// In a sealed scenario each sender hands a key of its own to receivers, instead of one that
    /// all hold.
    pub recipients: Option<RecipientsPlan>,
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
            content_limit: None,
            may_fail: false,
            check_nacks: true,
            sealed: None,
            recipients: None,
        }
    }

    /// Seals what all engines of the scenario send, has senders sign, and tells them that packets
    /// are shorter by that. To be called when all hosts are there; models and attackers have no
    /// key.
    pub fn seal(&mut self, suite: Suite) {
        self.sealed = Some(suite);
        for host in &mut self.hosts {
            match &mut host.role {
                Role::Sender(plan) => {
                    let packets = &mut plan.config.packets;
                    packets.overhead = packets.overhead.with(SEAL);
                    packets.signature = SIGNATURE_LEN;
                    // Receivers open no object that the sender has not signed something of.
                    let unnamed = plan.objects.iter_mut().filter(|object| object.info.is_none());
                    unnamed.for_each(|object| object.info = Some(Bytes::from_static(b"object")));
                }
                Role::FluteSender(plan) => {
                    plan.config.overhead = plan.config.overhead.with(SEAL);
                    plan.config.signature = SIGNATURE_LEN;
                    // The least that leaves room for the table.
                    plan.config.symbol_size = plan.config.symbol_size.max(MIN_SIGNED_SYMBOL);
                }
                Role::Receiver(plan) => {
                    (plan.config.margins, plan.config.trust) = (SEAL, Trust::Symbols);
                }
                Role::FluteReceiver(plan) => plan.config.is_signed = true,
                _ => {}
            }
        }
    }

    /// Adds `count` equal receivers to the first switch.
    #[must_use]
    pub fn receivers(mut self, count: usize, link: &Link) -> Self {
        self.hosts.extend((0..count).map(|_| Host::receiver(link.clone())));
        self
    }

    /// The plan of the first sender.
    ///
    /// # Panics
    /// When host 0 is no sender.
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

    /// The instance id of the sending engine on this host after its first start. An attacker may
    /// know it.
    pub fn instance(&self, host: HostId) -> InstanceId {
        let seed = engine_seed(self.seed, host, 1);
        InstanceId((Rng::new(seed).next_u32() >> 16) as u16)
    }

    /// True when it has senders whose end is the end of the run.
    pub(crate) fn has_senders(&self) -> bool {
        let sends = |host: &Host| matches!(host.role, Role::Sender(_) | Role::FluteSender(_));
        self.hosts.iter().any(sends)
    }

    /// True when it has engines with applications of a test.
    pub(crate) fn has_engines(&self) -> bool {
        self.hosts.iter().any(|host| matches!(host.role, Role::Engine(_)))
    }

    pub(crate) fn has_attackers(&self) -> bool {
        self.hosts.iter().any(|host| matches!(host.role, Role::Attacker(_)))
    }

    /// True when its senders need not finish.
    pub(crate) fn may_hang(&self) -> bool {
        self.may_fail || self.has_attackers()
    }

    /// Adds a host, and returns its id.
    pub fn add(&mut self, host: Host) -> HostId {
        self.hosts.push(host);
        self.hosts.len() as HostId - 1
    }
}

/// The seed of the engine that a host runs in one of its lives, which are counted from 1.
pub(crate) fn engine_seed(seed: u64, host: HostId, life: u32) -> u64 {
    mix(seed, u64::from(life) << 32 | u64::from(host))
}
