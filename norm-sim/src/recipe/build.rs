//! From a recipe to a scenario.

use core::time::Duration;

use bytes::Bytes;
use norm_core::fec::{Layout, MAX_RS8_SYMBOLS, MAX_RS16_SYMBOLS, Points, RsCode, RsForm, Scheme};
use norm_core::norm::receiver::{Feedback, JoinPolicy};
use norm_core::norm::sender::{ObjectSpec, RateControl, SenderConfig};
use norm_core::norm::wire::NodeId;

use crate::rule::Rule;
use crate::scenario::AttackerPlan;
use crate::scenario::{Control, TcpPlan};
use crate::{Change, Clock, Host, Link, ReceiverPlan, Role, Scenario, SenderPlan, Switch};

use super::{Feature, Place, Recipe};

/// How long a sender waits for those who may come back.
const SECOND_CHANCE: Duration = Duration::from_secs(6);

/// What a TCP flow can send at most, in bits per second: it must not take all of the swarm's time.
const TCP_RATE: u64 = 10_000_000;

impl Recipe {
    /// The scenario that it describes.
    pub fn scenario(&self) -> Scenario {
        let mut scenario = Scenario::new(self.seed, 0);
        let sender = scenario.sender();
        self.configure(&mut sender.config, self.rate_kbit);
        sender.objects = self.objects(&self.sizes);
        let delay = Duration::from_micros(self.delay_us.max(1).into());
        let link = Link { delay, ..Link::default() };
        scenario = scenario.receivers(self.receivers.max(1) as usize, &link);
        // Without a code each loss is named, and a short segment names few at a time.
        scenario.limit = self.limit() * if self.no_code { 10 } else { 1 };
        scenario.may_fail = self.may_fail();
        // Whoever misses the whole of a small first object must want it nevertheless.
        plans(&mut scenario, 1).for_each(|plan| plan.config.join = JoinPolicy::All);
        for feature in &self.features {
            self.apply(feature, &mut scenario);
        }
        scenario
    }

    fn configure(&self, config: &mut SenderConfig, rate_kbit: u32) {
        config.rate = Some(u64::from(rate_kbit.max(1)) * 1000);
        config.segment_size = self.segment_size.clamp(64, 65_000);
        config.block_len = self.block_len.clamp(1, 56_403);
        config.scheme = if self.no_code { Scheme::NoCode } else { Scheme::RaptorQ };
    }

    /// `None` when all objects do not fit it.
    fn code(&self, wide: bool, long: bool, parity: u16) -> Option<RsCode> {
        let even = self.segment_size.is_multiple_of(2);
        let (form, most) = match (wide && even, long) {
            (true, _) => (RsForm::Id2Bits16, MAX_RS16_SYMBOLS),
            (_, true) => (RsForm::Id129, MAX_RS8_SYMBOLS - 55),
            (_, false) => (RsForm::Id5, MAX_RS8_SYMBOLS - 55),
        };
        let block_len = self.block_len.clamp(1, most.into()) as u16;
        let parity = parity.min(if wide && even { most } else { 55 });
        let code = RsCode::new(form, Points::Rizzo, block_len, parity).ok()?;
        let segment_size = self.segment_size.clamp(64, 65_000);
        let fits = |&size: &u64| Layout::reed_solomon(size, segment_size, code).is_ok();
        self.sizes.iter().all(fits).then_some(code)
    }

    fn objects(&self, sizes: &[u64]) -> Vec<ObjectSpec> {
        let (t, k) = (self.segment_size.max(64), self.block_len.max(1));
        let most = if self.no_code {
            Layout::max_no_code_object(t, k)
        } else {
            Layout::max_raptorq_object(t, k)
        };
        let info = |n: usize| self.info.then(|| Bytes::from(format!("object {n}")));
        let spec = |(n, &size): (usize, &u64)| ObjectSpec {
            size: size.min(most),
            info: info(n),
            file: n % 2 == 0,
        };
        sizes.iter().enumerate().map(spec).collect()
    }

    /// Ample: thirty times what the bytes take at the rate, fifty NACK cycles, and two minutes.
    fn limit(&self) -> Duration {
        let backoff = self.features.iter().find_map(|feature| match feature {
            Feature::Backoff(backoff) => Some(u32::from(*backoff)),
            _ => None,
        });
        let round_trip = Duration::from_micros(self.delay_us.into()) * 2;
        let cycles = round_trip * (2 * backoff.unwrap_or(4) + 4) * 50;
        let bits = self.sizes.iter().sum::<u64>().saturating_mul(8);
        let millis = bits / u64::from(self.rate_kbit.max(1));
        Duration::from_secs(120) + Duration::from_millis(millis) * 30 + cycles
    }

    fn apply(&self, feature: &Feature, scenario: &mut Scenario) {
        match *feature {
            Feature::Tree { branches } => tree(scenario, branches.clamp(1, 64)),
            Feature::Fault { place, ref rule } => fault(scenario, place, rule),
            Feature::WayBack { delay_us } => {
                for link in receiver_links(scenario, 1) {
                    link.delay_up = Some(Duration::from_micros(delay_us.max(1).into()));
                }
            }
            Feature::FarAway { every, delay_us } => {
                for link in receiver_links(scenario, every) {
                    link.delay = Duration::from_micros(delay_us.max(1).into());
                }
                // What the RFC expects is for one round trip for all.
                scenario.check_nacks = false;
            }
            Feature::Unicast { every } => feedback(scenario, every, Feedback::Unicast),
            Feature::Silent { every } => feedback(scenario, every, Feedback::None),
            Feature::OneWay { every } => fault(scenario, Place::Up(every), &Rule::Nothing),
            Feature::Snooping { every } => {
                feedback(scenario, every, Feedback::Unicast);
                fault(scenario, Place::Up(every), &Rule::NoMulticast);
            }
            Feature::ReedSolomon { wide, long, parity } => {
                if let Some(code) = self.code(wide, long, parity) {
                    scenario.sender().config.scheme = Scheme::ReedSolomon(code);
                    scenario.limit = self.limit() * 10;
                }
            }
            Feature::Control { fair } => {
                let config = &mut scenario.sender().config;
                config.control = if fair { RateControl::Fair } else { RateControl::Auto };
                config.rate_min = config.rate.unwrap_or(0) / 4;
                scenario.limit = self.limit() * 10;
            }
            Feature::Backoff(backoff) => scenario.sender().config.backoff = Some(backoff.min(15)),
            Feature::WaitFor => {
                scenario.sender().config.min_receivers = self.receivers as usize;
                scenario.sender().config.start_timeout = Some(Duration::from_secs(15));
            }
            Feature::Joins { every, at_ms } => {
                let at = millis(at_ms);
                lingers(scenario, at + SECOND_CHANCE);
                for host in receivers(scenario, every) {
                    host.life.insert(0, (at, Change::Start));
                }
            }
            Feature::JoinPolicy { every, next } => {
                let policy = if next { JoinPolicy::Current } else { JoinPolicy::Object };
                plans(scenario, every).for_each(|plan| plan.config.join = policy);
            }
            Feature::Restarts { every, at_ms } => {
                let at = millis(at_ms);
                lingers(scenario, at + SECOND_CHANCE);
                change(receivers(scenario, every), at, Change::Start);
            }
            Feature::Dies { every, at_ms } => {
                change(receivers(scenario, every), millis(at_ms), Change::Stop);
            }
            Feature::Stalls { every, at_ms, for_ms, buffer } => {
                plans(scenario, 1).for_each(|plan| plan.socket_buffer = buffer);
                let hosts = scenario.hosts.iter_mut().step_by(step(every));
                change(hosts, millis(at_ms), Change::Stall(millis(for_ms)));
            }
            Feature::Clock { every, offset_ms, drift_ppm, late_us } => {
                let late = Duration::from_micros(late_us.into());
                let clock = Clock { offset: millis(offset_ms), drift_ppm, late };
                let hosts = scenario.hosts.iter_mut().step_by(step(every));
                hosts.for_each(|host| host.clock = clock);
            }
            Feature::SlowDisk { every, delay_us } => {
                let delay = Duration::from_micros(delay_us.into());
                plans(scenario, every).for_each(|plan| plan.store_delay = delay);
            }
            Feature::FullDisk { every, after } => {
                plans(scenario, every).for_each(|plan| plan.disk_full_after = Some(after));
            }
            Feature::SlowRead { delay_us } => {
                scenario.sender().read_delay = Duration::from_micros(delay_us.into());
            }
            Feature::FewBlocks { every, blocks } => {
                let blocks = blocks.max(1) as usize;
                plans(scenario, every).for_each(|plan| plan.config.max_blocks = blocks);
                // One block after the other, each asked for: that takes its time.
                scenario.limit *= 10;
            }
            Feature::SmallCache { bytes } => {
                scenario.sender().config.cache.bytes = bytes as usize;
            }
            Feature::Store { every } => {
                plans(scenario, every).for_each(|plan| plan.real_store = true);
            }
            Feature::Attacker { ref attacks, rate, at_ms } => {
                let plan = AttackerPlan { attacks: attacks.clone(), rate };
                let attacker = Host::new(Role::Attacker(plan), Link::default());
                scenario.add(attacker.joining(millis(at_ms)));
            }
            Feature::FirstObject(key) => scenario.sender().config.first_object = key,
            Feature::SecondSender { ref sizes, rate_kbit } => {
                let mut plan = SenderPlan::new(0);
                self.configure(&mut plan.config, rate_kbit);
                plan.config.node = NodeId(2);
                plan.config.linger = scenario.sender().config.linger;
                plan.objects = self.objects(sizes);
                scenario.add(Host::new(Role::Sender(plan), Link::default()));
            }
            Feature::Linger { ms } => lingers(scenario, millis(ms)),
            Feature::Tcp { cubic } => {
                let control = if cubic { Control::Cubic } else { Control::Reno };
                let mut sink = Host::new(Role::Tcp(TcpPlan::Sink), Link::default());
                sink.switch = scenario.hosts.get(1).map_or(0, |receiver| receiver.switch);
                let to = scenario.add(sink);
                let source = Role::Tcp(TcpPlan::Source { to, control });
                let up = vec![Rule::bottleneck(TCP_RATE, Duration::from_millis(50))];
                scenario.add(Host::new(source, Link { up, ..Link::default() }));
            }
            Feature::SameNode { every } => {
                for (n, plan) in plans(scenario, every).enumerate() {
                    plan.config.node = Some(NodeId(if n == 0 { 1 } else { 77 }));
                }
            }
        }
    }

    /// True when a receiver may end incomplete, or a sender wait for ever, and nobody is to blame:
    /// what a receiver lost before it knew what it wants is not repaired to it, nor to whom nobody
    /// hears; and who makes up receivers makes a sender wait for them.
    fn may_fail(&self) -> bool {
        let has = |test: fn(&Feature) -> bool| self.features.iter().any(test);
        let unheard = has(|f| matches!(f, Feature::Silent { .. } | Feature::OneWay { .. }));
        let choosy = has(|f| matches!(f, Feature::JoinPolicy { .. }));
        let waits = has(|f| matches!(f, Feature::WaitFor));
        let dies = has(|f| matches!(f, Feature::Dies { .. }));
        has(Feature::denies) || (unheard || choosy) && has(Feature::loses) || waits && dies
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn step(every: u32) -> usize {
    every.max(1) as usize
}

fn receivers(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut Host> {
    let receivers = scenario.hosts.iter_mut().filter(|h| matches!(h.role, Role::Receiver(_)));
    receivers.step_by(step(every))
}

fn receiver_links(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut Link> {
    receivers(scenario, every).map(|host| &mut host.link)
}

fn plans(scenario: &mut Scenario, every: u32) -> impl Iterator<Item = &mut ReceiverPlan> {
    scenario.receiver_plans().step_by(step(every))
}

fn feedback(scenario: &mut Scenario, every: u32, feedback: Feedback) {
    plans(scenario, every).for_each(|plan| plan.config.feedback = feedback);
}

fn lingers(scenario: &mut Scenario, at_least: Duration) {
    for host in &mut scenario.hosts {
        if let Role::Sender(plan) = &mut host.role {
            plan.config.linger = plan.config.linger.max(at_least);
        }
    }
}

/// Adds to the lives of hosts; what starts at the beginning is told so, for its life has more to it.
fn change<'a>(hosts: impl Iterator<Item = &'a mut Host>, at: Duration, what: Change) {
    for host in hosts {
        if !host.life.iter().any(|(_, change)| *change == Change::Start) {
            host.life.push((Duration::ZERO, Change::Start));
        }
        host.life.push((at, what));
        host.life.sort_by_key(|(at, _)| *at);
    }
}

fn tree(scenario: &mut Scenario, branches: u32) {
    let first = scenario.switches.len() as u32;
    scenario.switches.extend((0..branches).map(|_| Switch::default()));
    for (n, host) in receivers(scenario, 1).enumerate() {
        host.switch = first + n as u32 % branches;
    }
}

fn fault(scenario: &mut Scenario, place: Place, rule: &Rule) {
    let add = |rules: &mut Vec<Rule>| rules.push(rule.clone());
    match place {
        Place::SenderOut => add(&mut scenario.hosts[0].link.up),
        Place::SenderIn => add(&mut scenario.hosts[0].link.down),
        Place::TrunkDown => {
            scenario.switches.iter_mut().skip(1).for_each(|s| add(&mut s.link.down));
        }
        Place::TrunkUp => scenario.switches.iter_mut().skip(1).for_each(|s| add(&mut s.link.up)),
        Place::Down(every) => receiver_links(scenario, every).for_each(|l| add(&mut l.down)),
        Place::Up(every) => receiver_links(scenario, every).for_each(|l| add(&mut l.up)),
    }
}
