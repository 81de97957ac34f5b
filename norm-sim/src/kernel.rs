//! The event machine: windows of time in which no host can disturb another.
//!
//! Whatever a host sends needs at least the shortest way up, and the shortest way down, before it
//! can reach another. So in each window of that width every host does alone what happens to it, on
//! any number of threads; then one thread works through the switches; then time jumps to the next
//! window in which anything happens. Order never depends on threads: packets meet at a switch in the
//! order of (time, port, number).

use core::time::Duration;
use std::sync::{Arc, Mutex, PoisonError};

use norm_core::Timestamp;

use crate::clock::START;
use crate::crowd::Crowd;
use crate::host::{Host, Turn, captured};
use crate::invariants::check_nacks;
use crate::node::{Machine, ReceiverNode, SenderNode};
use crate::outcome::{Captured, FlowOutcome, Outcome, Sample};
use crate::packet::{HostId, Node};
use crate::recorder::Recorder;
use crate::scenario::{Role, Scenario};
use crate::switch::Fabric;
use crate::truth::Truth;

/// How a scenario is run; none of it changes what happens.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Threads that work on the hosts; at least one.
    pub threads: usize,
    /// Record the course of the run this often.
    pub sample_every: Option<Duration>,
    /// Record datagrams.
    pub capture: Option<Capture>,
    /// Arrivals after which the run is a failure: something never ends.
    pub max_deliveries: Option<u64>,
}

/// Which datagrams are recorded, and where to: somebody else's list, which outlives a run that
/// fails.
#[derive(Clone, Debug)]
pub struct Capture {
    /// Those that this host sends and receives; `None` for all, as they are sent.
    pub host: Option<HostId>,
    /// At most so many, the first ones.
    pub limit: usize,
    /// The list that they are added to.
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

/// When a host wants to be looked at.
#[derive(Copy, Clone, Debug)]
struct Agenda {
    /// The next thing known.
    at: Timestamp,
    /// How much of its switch's log it knows.
    seen: u64,
}

struct Kernel {
    recorder: Recorder,
    options: RunOptions,
    hosts: Vec<Host>,
    agendas: Vec<Agenda>,
    fabric: Fabric,
    turns: Vec<Turn>,
    /// The shortest way to a switch, and from one.
    up: Duration,
    down: Duration,
    has_senders: bool,
    packets: u64,
    series: Vec<Sample>,
    next_sample: Timestamp,
}

/// Entries to look at in a window from which on threads are worth their start.
const WORTH_THREADS: u64 = 4_000;

/// Plays a scenario on one thread to its end: every sender has finished and no receiver has
/// anything left to find out, or the limit is reached.
///
/// # Panics
/// When an invariant is violated; the last packets and the seed are printed.
pub fn run(scenario: &Scenario) -> Outcome {
    run_with(scenario, &RunOptions::default())
}

/// Plays a scenario as [`run`] does. The outcome does not depend on the number of threads.
///
/// # Panics
/// When an invariant is violated; the last packets and the seed are printed.
pub fn run_with(scenario: &Scenario, options: &RunOptions) -> Outcome {
    let mut kernel = Kernel::new(scenario, options);
    kernel.play(scenario);
    kernel.check_end(scenario);
    kernel.outcome()
}

impl Kernel {
    fn new(scenario: &Scenario, options: &RunOptions) -> Self {
        let truth = Arc::new(Truth::new(scenario));
        let ids = 0..scenario.hosts.len() as HostId;
        let mut hosts: Vec<Host> = ids.map(|id| Host::new(scenario, &truth, id)).collect();
        if let Some(host) = options.capture.as_ref().and_then(|capture| capture.host)
            && let Some(host) = hosts.get_mut(host as usize)
        {
            host.captures = true;
        }
        let shortest = |delay: fn(&Host) -> Duration| hosts.iter().map(delay).min();
        Self {
            recorder: Recorder::new(scenario.seed),
            fabric: Fabric::new(scenario),
            agendas: vec![Agenda { at: START, seen: 0 }; hosts.len()],
            turns: (0..options.threads.max(1)).map(|_| Turn::default()).collect(),
            up: shortest(|host| host.delays().0).unwrap_or_default(),
            down: shortest(|host| host.delays().1).unwrap_or_default(),
            has_senders: scenario.hosts.iter().any(|host| matches!(host.role, Role::Sender(_))),
            hosts,
            packets: 0,
            series: Vec::new(),
            next_sample: options.sample_every.map_or(Timestamp::MAX, |_| START),
            options: options.clone(),
        }
    }

    fn play(&mut self, scenario: &Scenario) {
        let end = START + scenario.limit;
        loop {
            let own = self.agendas.iter().map(|agenda| agenda.at).min();
            let next = own.into_iter().chain(self.fabric.next().map(|at| at + self.down)).min();
            let Some(start) = next.filter(|at| *at <= end) else { break };
            self.sample(start);
            if self.is_over() {
                break;
            }
            // What arrives at a switch before this, nobody can add to any more.
            self.fabric.run(start + self.up);
            for (host, entry) in self.fabric.to_hosts.drain(..) {
                let at = self.hosts[host as usize].push(entry);
                let agenda = &mut self.agendas[host as usize];
                agenda.at = agenda.at.min(at);
            }
            let until = start + self.up + self.down;
            self.run_hosts(until);
            self.gather();
            if self.is_enough(scenario) {
                break;
            }
            self.fabric.trim(until);
        }
    }

    /// Every host does what happens to it before `until`.
    fn run_hosts(&mut self, until: Timestamp) {
        let work: u64 = self.agendas.first().map_or(0, |agenda| {
            let news = self.fabric.log(self.hosts[0].switch).end() - agenda.seen;
            news * self.hosts.len() as u64
        });
        let fabric = &self.fabric;
        if self.turns.len() == 1 || work < WORTH_THREADS {
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

    /// True when there have been more arrivals than asked for, in a scenario that need not end: a
    /// stranger who speaks for a receiver can hold a sender open.
    ///
    /// # Panics
    /// When it should have ended.
    fn is_enough(&self, scenario: &Scenario) -> bool {
        let Some(most) = self.options.max_deliveries else { return false };
        let deliveries: u64 = self.turns.iter().map(|turn| turn.deliveries).sum();
        let enough = deliveries > most;
        assert!(!enough || scenario.may_hang(), "more than {most} arrivals and no end");
        enough
    }

    /// Takes what the hosts have sent into the network.
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

    fn senders(&self) -> impl Iterator<Item = (&Host, &SenderNode)> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::Sender(node) => Some((host, &**node)),
            _ => None,
        })
    }

    fn receivers(&self) -> impl Iterator<Item = (&Host, &ReceiverNode)> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::Receiver(node) => Some((host, &**node)),
            _ => None,
        })
    }

    /// True when no sender and no receiver has anything left to do.
    fn is_over(&self) -> bool {
        let done = |(host, node): (&Host, &SenderNode)| {
            node.finished().is_some() || (node.is_off() && host.is_settled())
        };
        self.has_senders
            && self.senders().all(done)
            && self.receivers().all(|(_, node)| node.is_quiet())
    }

    fn finished(&self) -> Option<Duration> {
        let each: Option<Vec<Duration>> = self.senders().map(|(_, node)| node.finished()).collect();
        each?.into_iter().max()
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
                complete: self.receivers().filter(|(_, node)| node.is_complete()).count() as u32
                    + self.crowds().map(Crowd::complete).sum::<u32>(),
                delivered: self.turns.iter().map(|turn| turn.delivered).sum(),
                lost: self.fabric.lost + self.turns.iter().map(lost).sum::<u64>(),
                lost_at_once: self.turns.iter().map(|turn| turn.lost_at_once).sum(),
                flows: self.flows().map(|flow| flow.bytes).collect(),
            };
            self.series.push(sample);
            self.next_sample += every.max(Duration::from_micros(1));
        }
    }

    fn crowds(&self) -> impl Iterator<Item = &Crowd> {
        self.hosts.iter().filter_map(|host| match host.machine() {
            Machine::Crowd(node) => Some(&**node),
            _ => None,
        })
    }

    fn flows(&self) -> impl Iterator<Item = FlowOutcome> {
        (0..).zip(&self.hosts).filter_map(|(id, host)| match host.machine() {
            Machine::Other(node) => {
                let flow = Node::flow(&**node);
                flow.map(|(bytes, resent)| FlowOutcome { host: id, bytes, resent })
            }
            _ => None,
        })
    }

    /// What must hold when a run is over.
    fn check_end(&self, scenario: &Scenario) {
        if self.finished().is_some() && !scenario.may_fail {
            // Whom no sender has heard is told goodbye, and tells its user that.
            let left = |node: &ReceiverNode| {
                let (host, since) = (node.host(), node.since());
                // With several senders, it may be the goodbye of another one that it lacks content of.
                self.senders().all(|(_, sender)| sender.left_alone(host, since))
            };
            for (n, (_, node)) in self.receivers().enumerate() {
                let fault = node.is_at_a_loss() && left(node);
                assert!(!fault, "receiver {n} is incomplete and does not say why");
            }
        }
        let strangers = scenario.has_strangers();
        let late = scenario.hosts.iter().any(|host| !host.clock.late.is_zero());
        let multicast = self.receivers().all(|(_, node)| node.is_multicast());
        // In small groups suppression does not matter, and K is 0 or 1.
        let large = self.receivers().count() > 10;
        if scenario.check_nacks && large && multicast && !strangers && !late {
            // Those that nobody hears cannot be answered, and are not hushed either.
            let heard = self.senders().map(|(_, node)| node.loss_events().heard_nacks()).sum();
            let expected = self.senders().map(|(_, node)| node.loss_events().nacks()).sum();
            check_nacks(heard, expected, self.receivers().count() * self.senders().count());
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
            receivers: self.receivers().map(|(_, node)| node.outcome()).collect(),
            crowds: self.crowds().map(Crowd::outcome).collect(),
            flows: self.flows().collect(),
            series: self.series,
        }
    }
}

/// Runs a part of the hosts, in their order.
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
