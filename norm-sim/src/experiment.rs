//! A measurement of repair: transmissions and NACKs by the number of receivers and their losses.

use core::time::Duration;

use norm_core::fec::{Points, RsCode, RsForm, Scheme};
use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::FeedbackFrom;

use crate::kernel::{RunOptions, run_with};
use crate::outcome::Outcome;
use crate::rule::Rule;
use crate::scenario::{Host, Link, PopulationPlan, Role, Scenario};
use crate::theory;

/// Settings of a measurement. The sender is far from its receivers and these are near each other,
/// so that they overhear NACKs well within the sender's round trip.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// All random numbers follow from the seed.
    pub seed: u64,
    /// Number of receivers.
    pub receivers: u32,
    /// Share of packets that each receiver loses independently, 0 to 1.
    pub loss: f64,
    /// Share of packets that all receivers lose together, 0 to 1.
    pub trunk: f64,
    /// NACKs go to the sender alone (with K = 6, as RFC 5740 has it) rather than to the group.
    pub unicast: bool,
    /// The receivers are a [`PopulationPlan`] rather than an engine each.
    pub population: bool,
    /// Receivers announce themselves, and the sender waits for all of them.
    pub announce: bool,
    /// Content bytes.
    pub size: u64,
    /// Source symbols per block (K).
    pub block_len: u32,
    /// Parity symbols of each block with a Reed-Solomon code (FEC encoding id 5): at most 255
    /// together with the source symbols. `None` for RaptorQ.
    pub parity: Option<u16>,
    /// Delay from the sender to the switch.
    pub delay: Duration,
    /// Rate in bits per second.
    pub rate: u64,
}

/// The result of a measurement.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Number of complete receivers.
    pub complete: u32,
    /// When the last of them was complete.
    pub completed: Option<Duration>,
    /// Content packets sent per packet of content.
    pub transmissions: f64,
    /// The mean of the best possible scheme with these blocks: [`theory`], with the shared loss.
    pub theory: f64,
    /// Number of NACKs that the sender received.
    pub nacks: u64,
    /// Number of NACK cycles of single blocks.
    pub loss_events: u64,
    /// Number of blocks.
    pub blocks: u64,
    /// The whole outcome.
    pub outcome: Outcome,
}

/// Bytes of a symbol.
const SYMBOL: u16 = 1400;

impl Experiment {
    /// 10 MiB in blocks of 256 symbols at 20 Mbit/s.
    pub fn new(seed: u64, receivers: u32) -> Self {
        Self {
            seed,
            receivers,
            loss: 0.0,
            trunk: 0.0,
            unicast: false,
            population: false,
            announce: false,
            size: 10 << 20,
            block_len: 256,
            parity: None,
            delay: Duration::from_millis(10),
            rate: 20_000_000,
        }
    }

    /// 32 MiB at 1 Gbit/s on a local network to receivers that announce themselves, with the
    /// Reed-Solomon code that `norm-send` uses there: blocks of 160 source and 95 parity symbols.
    pub fn lan(seed: u64, receivers: u32) -> Self {
        Self {
            announce: true,
            size: 32 << 20,
            block_len: 160,
            parity: Some(95),
            delay: Duration::from_micros(20),
            rate: 1_000_000_000,
            ..Self::new(seed, receivers)
        }
    }

    /// The scenario that is run.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::new(self.seed, self.size);
        scenario.limit = Duration::from_secs(100_000);
        let config = &mut scenario.sender().config;
        config.segment_size = SYMBOL;
        config.block_len = self.block_len;
        config.rate = Some(self.rate);
        if let Some(code) = self.code() {
            config.scheme = Scheme::ReedSolomon(code);
        }
        config.cache.bytes = 48 << 20;
        config.grtt.initial = Duration::from_millis(25);
        if !self.announce {
            config.feedback = FeedbackFrom::All;
            config.group_size = Some(self.receivers.into());
            config.backoff = Some(if self.unicast { 6 } else { 4 });
        } else {
            config.min_receivers = self.receivers as usize;
        }
        let far = Link { delay: self.delay, ..Link::default() };
        scenario.hosts[0].link = Link { up: vec![Rule::Loss(self.trunk)], ..far };
        let delay = self.delay / 10;
        if self.population {
            let plan = PopulationPlan {
                receivers: self.receivers,
                loss: self.loss,
                unicast: self.unicast,
                delay: delay * 2,
            };
            scenario.add(Host::new(Role::Population(plan), Link { delay, ..Link::default() }));
            return scenario;
        }
        let down = if self.loss > 0.0 { vec![Rule::Loss(self.loss)] } else { Vec::new() };
        let link = Link { delay, down, ..Link::default() };
        let mut scenario = scenario.receivers(self.receivers as usize, &link);
        for plan in scenario.receiver_plans() {
            plan.config.announce = self.announce;
            if self.unicast {
                plan.config.feedback = Feedback::Unicast;
            }
        }
        scenario
    }

    fn code(&self) -> Option<RsCode> {
        let block_len = u16::try_from(self.block_len).ok()?;
        RsCode::new(RsForm::Id5, Points::Rizzo, block_len, self.parity?).ok()
    }

    /// Runs the measurement.
    pub fn run(&self, threads: usize) -> Measured {
        let options = RunOptions { threads, ..RunOptions::default() };
        let outcome = run_with(&self.scenario(), &options);
        let stats = *outcome.sender();
        let sent = stats.data_packets + stats.resent_packets + stats.coded_packets;
        let packets = self.size.div_ceil(SYMBOL.into());
        let alone = outcome.receivers.iter().filter_map(|r| r.completed);
        let last = outcome.populations.iter().filter_map(|c| c.completed).chain(alone).max();
        let engines = outcome.receivers.iter().filter(|r| r.completed.is_some()).count() as u32;
        let per_packet = |loss| {
            let receivers = u64::from(self.receivers);
            theory::transmissions_per_packet(loss, receivers, self.block_len)
        };
        Measured {
            complete: engines + outcome.populations.iter().map(|c| c.complete).sum::<u32>(),
            completed: last,
            transmissions: sent as f64 / packets as f64,
            theory: per_packet(self.loss) / (1.0 - self.trunk),
            nacks: stats.nacks,
            loss_events: outcome.senders[0].loss_events,
            blocks: packets.div_ceil(self.block_len.into()),
            outcome,
        }
    }
}

/// Peak memory of this process in KiB, if the system reports it.
pub fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
