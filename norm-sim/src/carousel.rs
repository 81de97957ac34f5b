//! How much a receiver of a carousel has to wait for, wherever it joins.

use core::time::Duration;

use bytes::Bytes;
use norm_core::Rng;
use norm_core::flute::sender::{Passes, SenderConfig};
use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::{DATA_OVERHEAD, ObjectSpec, Payload};

use crate::kernel::run;
use crate::packet::mix;
use crate::rule::Rule;
use crate::scenario::{
    FluteReceiverPlan, FluteSenderPlan, Host, Link, ReceiverPlan, Role, Scenario, SenderPlan,
};
use crate::swarm::parallel;

/// A carousel without end, and one receiver without a way back that joins it in its first pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Carousel {
    /// Source symbols of all objects: with 1,344 bytes each, 49,933 are 64 MiB.
    pub symbols: u64,
    /// Number of objects, all of about one length.
    pub objects: u64,
    /// Source symbols of a block aimed at.
    pub block_len: u32,
    /// Share of packets that the receiver loses, 0 to 1.
    pub loss: f64,
    /// Who carries it.
    pub protocol: CarouselProtocol,
}

/// The protocol of a carousel.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CarouselProtocol {
    /// FLUTE.
    Flute,
    /// NORM, to a receiver that sends no feedback.
    Norm,
}

/// What some receivers have waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waited {
    /// Of each receiver: packets sent from its start until it was complete, per source symbol.
    /// Ascending.
    pub ratios: Vec<f64>,
}

/// Bytes of a symbol: only their number matters.
const SYMBOL: u16 = 64;
/// The time of a pass, in about as many tables: that of 64 MiB at 50 Mbit/s.
const PASS: Duration = Duration::from_secs(11);

impl Carousel {
    /// The losses of the table, and what at most one receiver in twenty may exceed.
    pub const BOUNDS: [(f64, f64); 4] = [(0.01, 1.03), (0.05, 1.09), (0.1, 1.16), (0.2, 1.32)];

    /// 64 MiB in one object, in blocks of about 1,000 symbols of 1,344 bytes.
    pub fn new(loss: f64) -> Self {
        let symbols = (64_u64 << 20).div_ceil(1344);
        let protocol = CarouselProtocol::Flute;
        Self { symbols, objects: 1, block_len: 1000, loss, protocol }
    }

    /// The same by another protocol.
    #[must_use]
    pub fn by(self, protocol: CarouselProtocol) -> Self {
        Self { protocol, ..self }
    }

    /// The scenario with this seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        let mut scenario = Scenario::new(seed, 0);
        let down = if self.loss > 0.0 { vec![Rule::Loss(self.loss)] } else { Vec::new() };
        let link = Link { down, ..Link::default() };
        let (sender, receiver) = match self.protocol {
            CarouselProtocol::Flute => {
                let receiver = Role::FluteReceiver(FluteReceiverPlan::default());
                (Role::FluteSender(self.flute_sender()), receiver)
            }
            CarouselProtocol::Norm => {
                let mut receiver = ReceiverPlan::default();
                receiver.config.feedback = Feedback::None;
                (Role::Sender(self.norm_sender()), Role::Receiver(receiver))
            }
        };
        scenario.hosts[0].role = sender;
        let host = Host::new(receiver, link);
        scenario.add(host.joining(PASS.mul_f64(Rng::new(mix(seed, 1)).unit())));
        scenario
    }

    fn flute_sender(&self) -> FluteSenderPlan {
        let mut config = SenderConfig::new(1, 1);
        config.symbol_size = SYMBOL;
        config.block_len = self.block_len;
        config.passes = Passes::Forever;
        config.unix_start = Duration::from_secs(1_800_000_000);
        let packet = config.header_len() + usize::from(SYMBOL) + config.overhead.bytes();
        config.rate = self.rate(packet);
        let mut plan = FluteSenderPlan::files(config, &self.sizes());
        plan.ids_only = true;
        plan.records = true;
        plan
    }

    fn norm_sender(&self) -> SenderPlan {
        let mut plan = SenderPlan::new(0);
        plan.config.segment_size = SYMBOL;
        plan.config.block_len = self.block_len;
        plan.config.payload = Payload::Carousel { passes: Passes::Forever, interleave: None };
        let overhead = DATA_OVERHEAD + plan.config.packets.overhead.bytes();
        plan.config.rate = Some(self.rate(usize::from(SYMBOL) + overhead));
        let object = |(number, size)| ObjectSpec {
            size,
            info: Some(Bytes::from(format!("object {number}"))),
            file: true,
        };
        plan.objects = (0_u64..).zip(self.sizes()).map(object).collect();
        plan.records = true;
        plan
    }

    /// Bits per second at which a pass of packets of this many bytes takes its time.
    fn rate(&self, packet: usize) -> u64 {
        self.symbols * packet as u64 * 8 / PASS.as_secs()
    }

    /// Bytes of each object.
    fn sizes(&self) -> Vec<u64> {
        let symbols = |n: u64| n * self.symbols / self.objects.max(1);
        let sizes = (0..self.objects.max(1)).map(|n| symbols(n + 1) - symbols(n));
        sizes.map(|symbols| symbols * u64::from(SYMBOL)).collect()
    }

    /// Runs these seeds on some threads.
    pub fn run(&self, seeds: &[u64], threads: usize) -> Waited {
        let mut ratios = parallel(seeds, threads, |&seed| self.ratio(seed));
        ratios.sort_by(f64::total_cmp);
        Waited { ratios }
    }

    fn ratio(&self, seed: u64) -> f64 {
        let scenario = self.scenario(seed);
        let [sender, receiver] = &scenario.hosts[..] else { return f64::NAN };
        let way = sender.link.delay + receiver.link.delay;
        let joined = receiver.life.first().map_or(Duration::ZERO, |(at, _)| *at);
        let outcome = run(&scenario);
        let (completed, sent) = match self.protocol {
            CarouselProtocol::Flute => {
                (outcome.flute_receivers[0].completed, &outcome.flute_senders[0].sent)
            }
            CarouselProtocol::Norm => (outcome.receivers[0].completed, &outcome.senders[0].sent),
        };
        let completed = completed.expect("the run ends when it is");
        let heard = |at: &&Duration| **at + way >= joined && **at + way <= completed;
        let sent = sent.iter().filter(heard).count();
        sent as f64 / self.symbols as f64
    }
}

impl Waited {
    /// What this share of the receivers does not exceed, 0 to 1.
    pub fn percentile(&self, share: f64) -> f64 {
        let rank = libm::ceil(share * self.ratios.len() as f64) as usize;
        self.ratios.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        self.ratios.iter().sum::<f64>() / self.ratios.len() as f64
    }
}
