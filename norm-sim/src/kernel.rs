//! The event machine: windows of time in which no host can disturb another.
//!
//! A packet needs at least the shortest way up and the shortest way down before it reaches another
//! host. So in each window of that width the hosts run independently, on any number of threads.
//! Then one thread works through the switches, and time jumps to the next window with an event.
//! Order never depends on threads: packets meet at a switch in the order of (time, port, number).

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use norm_core::Timestamp;

use crate::clock::START;
use crate::host::{Host, Turn, captured};
use crate::invariants::check_nacks;
use crate::node::{FluteReceiver, FluteSender, Machine, NormReceiver, NormSender, Population};
use crate::outcome::{Captured, FlowOutcome, Outcome, ReceiverOutcome, Sample};
use crate::packet::HostId;
use crate::recorder::Recorder;
use crate::reference::Reference;
use crate::scenario::{Host as Plan, Scenario};
use crate::switch::Fabric;

/// Options of a run. None of them changes its outcome.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Threads for the hosts; at least one.
    pub threads: usize,
    /// Interval between two samples of the course of the run; `None` for no samples.
    pub sample_every: Option<Duration>,
    /// Datagrams to record.
    pub capture: Option<Capture>,
    /// Deliveries after which the run has failed, because something never ends.
    pub max_deliveries: Option<u64>,
}

/// Which datagrams are recorded. They go to a list of the caller, which outlives a run that panics.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The host whose sent and received datagrams are recorded; `None` for all sent datagrams.
    pub host: Option<HostId>,
    /// Maximum number of datagrams; the first ones are recorded.
    pub limit: usize,
    /// The list that datagrams are appended to.
    pub into: Arc<Mutex<Vec<Captured>>>,
}

impl Capture {
    fn add(&self, more: impl Iterator<Item = Captured>) {
        let mut list = self.into.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.limit.saturating_sub(list.len());
        list.extend(more.take(room));
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { threads: 1, sample_every: None, capture: None, max_deliveries: None }
    }
}

/// When a host has to run next.
#[derive(Copy, Clone, Debug)]
struct Agenda {
    /// Time of its next known event.
    at: Timestamp,
    /// End of its switch's log when it ran last.
    seen: u64,
}

struct Kernel {
    recorder: Recorder,
    options: RunOptions,
    hosts: Vec<Host>,
    agendas: Vec<Agenda>,
    fabric: Fabric,
    turns: Vec<Turn>,
    /// The shortest delay from a host to its switch.
    up: Duration,
    /// The shortest delay from a switch to a host.
    down: Duration,
    has_senders: bool,
    has_engines: bool,
    packets: u64,
    series: Vec<Sample>,
    next_sample: Timestamp,
}

/// Minimum number of log entries in a window for which several threads are used.
const MIN_THREADED_ENTRIES: u64 = 4_000;

/// Runs a scenario on one thread to its end: every sender has finished and no receiver waits for
/// more, or the limit is reached.
///
/// # Panics
/// When an invariant is violated; the last packets and the seed are printed.
pub fn run(scenario: &Scenario) -> Outcome {
    run_with(scenario, &RunOptions::default())
}

/// Runs a scenario as [`run`] does, with options. The outcome does not depend on them.
///
/// # Panics
/// When an invariant is violated; the last packets and the seed are printed.
pub fn run_with(scenario: &Scenario, options: &RunOptions) -> Outcome {
    let mut kernel = Kernel::new(scenario, options);
    kernel.run(scenario);
    kernel.check_end(scenario);
    kernel.outcome()
}

impl Kernel {
    fn new(scenario: &Scenario, options: &RunOptions) -> Self {
        let reference = Arc::new(Reference::new(scenario));
        let ids = 0..scenario.hosts.len() as HostId;
        let mut hosts: Vec<Host> = ids.map(|id| Host::new(scenario, &reference, id)).collect();
        if let Some(host) = options.capture.as_ref().and_then(|capture| capture.host)
            && let Some(host) = hosts.get_mut(host as usize)
        {
            host.capture();
        }
        let shortest = |delay: fn(&Host) -> Duration| hosts.iter().map(delay).min();
        Self {
            recorder: Recorder::new(scenario.seed),
            fabric: Fabric::new(scenario),
            agendas: vec![Agenda { at: START, seen: 0 }; hosts.len()],
            turns: (0..options.threads.max(1)).map(|_| Turn::default()).collect(),
            up: shortest(Host::delay_up).unwrap_or_default(),
            down: shortest(Host::delay_down).unwrap_or_default(),
            has_senders: scenario.has_senders(),
            has_engines: scenario.has_engines(),
            hosts,
            packets: 0,
            series: Vec::new(),
            next_sample: options.sample_every.map_or(Timestamp::MAX, |_| START),
            options: options.clone(),
        }
    }

    fn run(&mut self, scenario: &Scenario) {
        let mut end = START + scenario.limit;
        let mut content_limit = scenario.content_limit;
        loop {
            let own = self.agendas.iter().map(|agenda| agenda.at).min();
            let next = own.into_iter().chain(self.fabric.next().map(|at| at + self.down)).min();
            let Some(start) = next.filter(|at| *at <= end) else { break };
            self.sample(start);
            if let Some(limit) = content_limit.take_if(|_| self.has_content()) {
                end = end.min(start + limit);
            }
            if self.is_over() {
                break;
            }
            // No host can add packets that arrive at a switch before this time any more.
            self.fabric.run(start + self.up);
            for (host, entry) in self.fabric.to_hosts.drain(..) {
                let at = self.hosts[host as usize].push(entry);
                let agenda = &mut self.agendas[host as usize];
                agenda.at = agenda.at.min(at);
            }
            let until = start + self.up + self.down;
            self.run_hosts(until);
            self.gather();
            if self.has_too_many_deliveries() {
                assert!(scenario.may_hang(), "more arrivals than allowed, and no end");
                break;
            }
            self.fabric.trim(until);
        }
    }

    /// Runs every host up to `until`.
    fn run_hosts(&mut self, until: Timestamp) {
        let work: u64 = self.agendas.first().map_or(0, |agenda| {
            let new_entries = self.fabric.log(self.hosts[0].switch).end() - agenda.seen;
            new_entries * self.hosts.len() as u64
        });
        let fabric = &self.fabric;
        if self.turns.len() == 1 || work < MIN_THREADED_ENTRIES {
            return run_shard(
                &mut self.hosts,
                &mut self.agendas,
                until,
                fabric,
                &mut self.turns[0],
            );
        }
        let len = self.hosts.len().div_ceil(self.turns.len());
        let shards = self.hosts.chunks_mut(len).zip(self.agendas.chunks_mut(len));
        std::thread::scope(|scope| {
            let threads: Vec<_> = shards
                .zip(&mut self.turns)
                .map(|((hosts, agendas), turn)| {
                    scope.spawn(move || run_shard(hosts, agendas, until, fabric, turn))
                })
                .collect();
            for thread in threads {
                if let Err(panic) = thread.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }

    /// True when there were more deliveries than the options allow. A sender need not end where an
    /// attacker reports receivers that do not exist.
    fn has_too_many_deliveries(&self) -> bool {
        let deliveries: u64 = self.turns.iter().map(|turn| turn.deliveries).sum();
        self.options.max_deliveries.is_some_and(|max| deliveries > max)
    }

    /// Takes the packets that the hosts have sent into the network.
    fn gather(&mut self) {
        let capture = self.options.capture.as_ref();
        let all = capture.is_some_and(|capture| capture.host.is_none());
        for turn in &mut self.turns {
            for arriving in turn.arriving.drain(..) {
                self.fabric.push(arriving);
            }
            for (at, packet) in turn.sent.drain(..) {
                self.packets += 1;
                self.recorder.sent(at, &packet);
                if all {
                    turn.captured.extend(captured(at, &packet));
                }
            }
            if let Some(capture) = capture {
                capture.add(turn.captured.drain(..));
            }
        }
    }

    /// A packet of content was sent.
    fn has_content(&self) -> bool {
        self.senders().any(|(_, node)| node.stats().data_packets > 0)
    }

    fn senders(&self) -> impl Iterator<Item = (&Host, &NormSender)> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::NormSender(node) => Some((host, &**node)),
            _ => None,
        })
    }

    fn receivers(&self) -> impl Iterator<Item = (&Host, &NormReceiver)> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::NormReceiver(node) => Some((host, &**node)),
            _ => None,
        })
    }

    /// True when no sender, no receiver and no engine of another protocol has anything left to do.
    fn is_over(&self) -> bool {
        let mut hosts_and_senders = self.senders();
        (self.has_senders || self.has_engines)
            && hosts_and_senders.all(|(host, node)| {
                let is_over = node.finished().is_some() || (node.is_off() && host.is_settled());
                is_over || (node.is_endless() && self.all_complete().is_some())
            })
            && self.receivers().all(|(_, node)| node.is_quiet())
            && self.hosts.iter().all(Host::is_done)
    }

    /// When the last sender had finished. One without end has when all receivers are
    /// complete.
    fn finished(&self) -> Option<Duration> {
        let norm = self.senders().map(|(_, node)| match node.is_endless() {
            true => self.all_complete(),
            false => node.finished(),
        });
        let flute = self.flute_senders().map(|node| match node.is_endless() {
            true => self.all_flute_complete(),
            false => node.finished(),
        });
        let each: Option<Vec<Duration>> = norm.chain(flute).collect();
        each?.into_iter().max()
    }

    /// When the last receiver that is not switched off for good was complete.
    fn all_complete(&self) -> Option<Duration> {
        let mut on = self.receivers().filter(|(host, node)| !(node.is_off() && host.is_settled()));
        on.try_fold(Duration::ZERO, |last, (host, node)| {
            let at = node.completed().filter(|_| host.is_settled());
            at.map(|at| last.max(at))
        })
    }

    /// When the last FLUTE receiver that is not switched off was complete.
    fn all_flute_complete(&self) -> Option<Duration> {
        let on = self.flute_receivers().filter(|node| !node.is_off());
        on.map(FluteReceiver::completed)
            .try_fold(Duration::ZERO, |last, at| at.map(|at| last.max(at)))
    }

    fn flute_senders(&self) -> impl Iterator<Item = &FluteSender> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::FluteSender(node) => Some(&**node),
            _ => None,
        })
    }

    fn flute_receivers(&self) -> impl Iterator<Item = &FluteReceiver> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::FluteReceiver(node) => Some(&**node),
            _ => None,
        })
    }

    fn sample(&mut self, now: Timestamp) {
        let Some(every) = self.options.sample_every else { return };
        while self.next_sample <= now {
            let at = self.next_sample.saturating_since(START);
            let stats: Vec<_> = self.senders().map(|(_, node)| node.stats()).collect();
            let lost = |turn: &Turn| turn.lost;
            let sample = Sample {
                at,
                sent_bytes: stats.iter().map(|s| s.bytes).sum(),
                data_packets: stats.iter().map(|s| s.data_packets).sum(),
                repair_packets: stats.iter().map(|s| s.resent_packets + s.coded_packets).sum(),
                nacks: stats.iter().map(|s| s.nacks).sum(),
                reports: stats.iter().map(|s| s.reports).sum(),
                complete: self.complete(),
                delivered: self.turns.iter().map(|turn| turn.delivered).sum(),
                lost: self.fabric.lost + self.turns.iter().map(lost).sum::<u64>(),
                lost_at_source: self.turns.iter().map(|turn| turn.lost_at_source).sum(),
                fair: self.senders().next().map_or(Duration::ZERO, |(_, node)| node.fair_time(at)),
                flows: self.flows().map(|flow| flow.bytes).collect(),
            };
            self.series.push(sample);
            self.next_sample += every.max(Duration::from_micros(1));
        }
    }

    /// Number of receivers that are complete.
    fn complete(&self) -> u32 {
        let engines = self.receivers().filter(|(_, node)| node.is_complete()).count() as u32;
        engines + self.populations().map(Population::complete).sum::<u32>()
    }

    fn populations(&self) -> impl Iterator<Item = &Population> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::Population(node) => Some(&**node),
            _ => None,
        })
    }

    fn flows(&self) -> impl Iterator<Item = FlowOutcome> {
        (0..).zip(&self.hosts).filter_map(|(id, host)| {
            let flow = host.machine().flow()?;
            Some(FlowOutcome { host: id, bytes: flow.acknowledged, resent: flow.resent })
        })
    }

    /// Checks the invariants of the end of a run.
    fn check_end(&self, scenario: &Scenario) {
        self.flute_receivers().for_each(FluteReceiver::check_end);
        if self.finished().is_some() && !scenario.may_fail {
            self.check_receivers();
        }
        let late = |host: &Plan| !host.clock.late.is_zero() || host.limits.is_some();
        let late = scenario.hosts.iter().any(late);
        let multicast = self.receivers().all(|(_, node)| node.is_multicast());
        // In small groups suppression does not matter, and K is 0 or 1.
        let large = self.receivers().count() > 10;
        let comparable = large && multicast && !scenario.has_attackers() && !late;
        if scenario.check_nacks && comparable {
            // NACKs that do not arrive can neither be answered nor suppress others.
            let heard = self.senders().map(|(_, node)| node.loss_events().heard_nacks()).sum();
            let expected = self.senders().map(|(_, node)| node.loss_events().nacks()).sum();
            check_nacks(heard, expected, self.receivers().count() * self.senders().count());
        }
    }

    /// Every receiver that the senders know of is complete, or has given its user a reason.
    fn check_receivers(&self) {
        for (n, (_, node)) in self.receivers().enumerate() {
            let (host, since) = (node.host(), node.since());
            // With several senders, the EOT may come from another one than the missing content.
            let left = || self.senders().all(|(_, sender)| sender.left_alone(host, since));
            let fault = node.is_incomplete_without_reason() && left();
            assert!(!fault, "receiver {n} is incomplete and does not say why");
        }
    }

    fn outcome(self) -> Outcome {
        let mut trace = blake3::Hasher::new();
        for host in &self.hosts {
            for part in host.trace() {
                trace.update(&part.to_be_bytes());
            }
        }
        Outcome {
            trace: trace.finalize().to_hex().to_string(),
            finished: self.finished().filter(|_| self.has_senders),
            packets: self.packets,
            deliveries: self.turns.iter().map(|turn| turn.deliveries).sum(),
            senders: self.senders().map(|(_, node)| node.outcome()).collect(),
            receivers: self
                .receivers()
                .map(|(host, node)| {
                    let (host_drops, seal) = (host.drops(), host.seal_counters());
                    ReceiverOutcome { host_drops, seal, ..node.outcome() }
                })
                .collect(),
            populations: self.populations().map(Population::outcome).collect(),
            flute_senders: self.flute_senders().map(FluteSender::outcome).collect(),
            flute_receivers: self.flute_receivers().map(FluteReceiver::outcome).collect(),
            flows: self.flows().collect(),
            series: self.series,
        }
    }
}

/// Runs some of the hosts, in their order.
fn run_shard(
    hosts: &mut [Host],
    agendas: &mut [Agenda],
    until: Timestamp,
    fabric: &Fabric,
    turn: &mut Turn,
) {
    for (host, agenda) in hosts.iter_mut().zip(agendas) {
        let log = fabric.log(host.switch);
        let end = log.end();
        if agenda.at < until || agenda.seen < end {
            *agenda = Agenda { at: host.run(until, log, turn), seen: end };
        }
    }
}
