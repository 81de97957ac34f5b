//! Hosts: a role, a link, a clock, and what happens to them.

use core::time::Duration;

use super::attack::AttackerPlan;
use super::engine::EnginePlan;
use super::flute::{FluteReceiverPlan, FluteSenderPlan};
use super::network::Link;
use super::plans::{PopulationPlan, ReceiverPlan, SenderPlan, TcpPlan};
use crate::clock::Clock;

/// One host.
#[derive(Clone, Debug)]
pub struct Host {
    /// The switch that it is connected to.
    pub switch: u32,
    /// The link to that switch.
    pub link: Link,
    /// What runs on the host.
    pub role: Role,
    /// Errors of its clock and its timers.
    pub clock: Clock,
    /// Limits of its processor and its socket; without, packets are handled as they arrive.
    pub limits: Option<Limits>,
    /// Changes at times of the run. The host starts at its first `Start`, or with the run if there
    /// is none.
    pub life: Vec<(Duration, Change)>,
}

/// Limits of a host's processor and of its socket.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time that the processor takes for each packet, received or sent.
    pub per_packet: Duration,
    /// The longest time until a processor that waits for packets or timers wakes; each is random.
    pub wake: Duration,
    /// Receive buffer that was asked for, in bytes. It is charged as in Linux, which takes 2,304
    /// bytes of twice this size for a packet of 1,500.
    pub socket_buffer: u32,
}

/// What happens to a host.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is switched on, or crashes and starts again.
    Start,
    /// It is switched off without a message to the others.
    Stop,
    /// It has another address from now on, and the same ids: what is sent to the old one is lost.
    Move,
    /// It does nothing for this time. Packets wait in its socket buffer, as far as they fit.
    Stall(Duration),
}

/// What runs on a host.
#[derive(Clone, Debug)]
pub enum Role {
    /// A sending engine.
    Sender(SenderPlan),
    /// A receiving engine.
    Receiver(ReceiverPlan),
    /// A sending engine of FLUTE.
    FluteSender(FluteSenderPlan),
    /// A receiving engine of FLUTE.
    FluteReceiver(FluteReceiverPlan),
    /// One end of a TCP flow that competes for the links.
    Tcp(TcpPlan),
    /// A statistical model of many receivers.
    Population(PopulationPlan),
    /// An engine of any protocol, with an application of a test.
    Engine(EnginePlan),
    /// A node that forges, changes and replays packets.
    Attacker(AttackerPlan),
}

impl Host {
    /// A host on switch 0 that starts with the run.
    pub fn new(role: Role, link: Link) -> Self {
        Self { switch: 0, link, role, clock: Clock::default(), limits: None, life: Vec::new() }
    }

    /// A receiver with the default settings.
    pub fn receiver(link: Link) -> Self {
        Self::new(Role::Receiver(ReceiverPlan::default()), link)
    }

    /// The same host, started at this time of the run.
    #[must_use]
    pub fn joining(mut self, at: Duration) -> Self {
        self.life.push((at, Change::Start));
        self
    }
}
