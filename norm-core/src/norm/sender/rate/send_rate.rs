//! The rate of a session: its controller, the pacer, and what probes ask and say (RFC 5740 §5.5.2).

use core::time::Duration;

use super::arbiter::ModeArbiter;
use super::clr::{Judgement, PathView};
use super::controller::{Limiting, RateController};
use super::slow::{SlowWatch, TransferView};
use super::trace::{RateEvent, RateRecord, RateTrace, ReportRecord};
use super::turns::Turns;
use crate::base::Timestamp;
use crate::base::pacer::Pacer;
use crate::norm::congestion::Total;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::event::Events;
use crate::norm::sender::flow::Pacing;
use crate::norm::sender::receivers::{MemberTable, Receivers};
use crate::norm::wire::{
    CcFeedback, CcFlags, CcNode, NodeId, PathReport, QuantizedRate, QuantizedRtt, Watch,
    signed_room,
};

/// Time without a report after which receivers count as silent.
const SILENT_AFTER: Duration = Duration::from_millis(250);
/// What the layer around a sender sends holds its packets up for about this long at most.
const MOST_AHEAD: Duration = Duration::from_secs(1);
/// Most RTT notices in a probe of a controller.
const MAX_NOTICES: usize = 16;
/// Shortest round trip that is taken for one.
const MIN_RTT: Duration = Duration::from_micros(50);

/// Rate, controllers, pacer, and the policy for slow receivers.
#[derive(Debug)]
pub(crate) struct SendRate {
    /// The highest rate now, in bits per second; at first that of the settings.
    max: Option<u64>,
    /// The highest rate by the settings.
    configured: Option<u64>,
    pacer: Pacer,
    /// Unless the rate is fixed.
    controller: Option<RateController>,
    arbiter: Option<ModeArbiter>,
    /// Unless slow receivers are waited for.
    slow: Option<SlowWatch>,
    /// Probes ask receivers in turn.
    asks_silent: bool,
    turns: Turns,
    /// Most items in a probe's list.
    max_listed: usize,
    /// Bytes that a signature takes of commands.
    signature: usize,
    trace: RateTrace,
}

/// What a receiver says of its path.
#[derive(Copy, Clone, Debug)]
pub(crate) struct PathFeedback<'a> {
    pub(crate) node: NodeId,
    /// Its round trip, as measured now.
    pub(crate) rtt: Duration,
    pub(crate) feedback: &'a CcFeedback,
    /// From native receivers.
    pub(crate) report: Option<PathReport>,
    /// It came in a NACK.
    pub(crate) nack: bool,
    /// Receivers of the group.
    pub(crate) receivers: usize,
}

/// What a probe asks and says.
#[derive(Debug)]
pub(crate) struct ProbeContent {
    /// What it says to native receivers.
    pub(crate) watch: Option<Watch>,
    pub(crate) nodes: Vec<CcNode>,
    /// When the next one is due, if a controller decides that.
    pub(crate) next: Option<Timestamp>,
}

/// A probe that is to leave.
#[derive(Copy, Clone, Debug)]
pub(crate) struct ProbeStart {
    pub(crate) cc_sequence: u16,
    /// What was sent before.
    pub(crate) total: Total,
    /// Content flows: the controller is told of the probe.
    pub(crate) sending: bool,
}

impl SendRate {
    /// `packet` are the bytes of UDP payload of the longest packet.
    pub(crate) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Self {
        let controller = RateController::new(config, packet, now);
        let rate = controller.as_ref().map(RateController::rate).or(config.rate);
        Self {
            max: config.rate,
            configured: config.rate,
            pacer: Pacer::new(rate, now),
            controller,
            arbiter: ModeArbiter::new(config, packet, now),
            slow: config.slow.map(|policy| SlowWatch::new(policy, config.mode)),
            asks_silent: config.mode.asks_silent_receivers(),
            turns: Turns::new(),
            signature: config.packets.signature,
            max_listed: config.command_room() / 8,
            trace: RateTrace::default(),
        }
    }

    /// The rate now, in bits per second; `None` without a limit.
    pub(crate) fn get(&self) -> Option<u64> {
        self.controller.as_ref().map(RateController::rate).or(self.max)
    }

    /// Packets have another length from now on: `packet` bytes are the longest UDP payload,
    /// `segment` bytes of it content. A controller begins anew: what was lost was lost for its
    /// length.
    pub(crate) fn set_packet(&mut self, packet: usize, segment: u16, now: Timestamp) {
        self.max_listed = signed_room(segment, self.signature) / 8;
        if let Some(controller) = &mut self.controller {
            controller.set_packet(packet);
            controller.restart(now);
            self.pacer.set_rate(Some(controller.rate()), now);
        }
        if let Some(arbiter) = &mut self.arbiter {
            arbiter.set_packet(packet);
        }
    }

    /// What decides the rate, for flow control.
    pub(crate) fn pacing(&self) -> Pacing {
        match (&self.controller, self.max) {
            (Some(controller), _) => Pacing::Controlled { bytes: controller.rate() / 8 },
            (None, Some(_)) => Pacing::Fixed,
            (None, None) => Pacing::None,
        }
    }

    /// The receiver that limits the rate, if one does.
    pub(crate) fn limiting(&self) -> Option<NodeId> {
        self.controller.as_ref().and_then(RateController::limiting).map(|limiting| limiting.node)
    }

    /// Looks for receivers that keep the others slow, and evicts them.
    pub(crate) fn watch_slow(
        &mut self,
        now: Timestamp,
        view: &TransferView,
        members: &mut MemberTable,
        events: &mut Events,
    ) {
        let Some(slow) = &mut self.slow else { return };
        let limiting = self.controller.as_ref().and_then(RateController::limiting);
        let holder = view.holder().map(|node| Limiting { node, rate: 0 });
        let yields = self.arbiter.as_ref().is_some_and(ModeArbiter::yields);
        if let Some(controller) = &mut self.controller
            && view.sends_new()
            && slow.tries()
        {
            // A receiver that is left out makes queues, and so does one that comes back.
            controller.forget_queues();
        }
        slow.look(now, view, holder.or(limiting), yields, members, events);
    }

    /// A receiver gets only shorter packets than are sent: it is evicted, if the policy is to evict
    /// receivers and there are others.
    pub(crate) fn evict_short(
        &mut self,
        node: NodeId,
        members: &mut MemberTable,
        events: &mut Events,
    ) {
        let others = members.iter().any(|(other, member)| other != node && member.is_active());
        if let Some(slow) = self.slow.as_mut().filter(|_| others) {
            slow.evict(node, members, events);
        }
    }

    /// True while evicted receivers are still to be told so.
    pub(crate) fn has_notices(&self) -> bool {
        self.slow.as_ref().is_some_and(SlowWatch::has_notices)
    }

    /// Takes the evicted receivers that are to be told so now.
    pub(crate) fn take_notices(&mut self) -> Vec<NodeId> {
        self.slow.as_mut().map(SlowWatch::take_notices).unwrap_or_default()
    }

    pub(crate) fn slow_mut(&mut self) -> Option<&mut SlowWatch> {
        self.slow.as_mut()
    }

    /// True of a receiver that is left out of the rate at present.
    pub(crate) fn leaves_out(&self, node: NodeId) -> bool {
        self.slow.as_ref().is_some_and(|slow| slow.leaves_out(node))
    }

    /// Packets may leave now.
    pub(crate) fn is_ready(&self, now: Timestamp) -> bool {
        self.pacer.ready(now)
    }

    /// When packets may leave.
    pub(crate) fn next(&self) -> Timestamp {
        self.pacer.next()
    }

    /// These bytes have left, headers included.
    pub(crate) fn spent(&mut self, now: Timestamp, bytes: usize) {
        self.pacer.spent(now, bytes);
    }

    /// These bytes of size probes have left, headers included. A controller begins with a rate that
    /// is too low for them, and comes to one when none of the content arrives: they go by the
    /// highest rate.
    pub(crate) fn spent_on_sizes(&mut self, now: Timestamp, bytes: usize) {
        let share = match (&self.controller, self.max) {
            (None, _) => 1.0,
            (Some(_), None) => 0.0,
            (Some(controller), Some(max)) => controller.rate() as f64 / max.max(1) as f64,
        };
        self.pacer.spent(now, (bytes as f64 * share.min(1.0)) as usize);
    }

    /// These bytes of the layer around the sender have left, headers included: by the highest rate,
    /// as size probes, and no more than what holds content up for [`MOST_AHEAD`].
    pub(crate) fn spent_around(&mut self, now: Timestamp, bytes: usize) {
        if self.pacer.next() <= now + MOST_AHEAD {
            self.spent_on_sizes(now, bytes);
        }
    }

    /// Packets of this size, headers included, that may leave at once.
    pub(crate) fn batch(&self, now: Timestamp, packet: usize) -> usize {
        let paced = self.pacer.batch(packet);
        self.controller.as_ref().map_or(paced, |controller| {
            controller.burst(self.pacer.overdue(now, packet)).min(paced)
        })
    }

    /// Bounds the rate, in bits per second; `restarts` after a time in which nothing was sent. A
    /// controller also heeds the rate of the settings; a fixed rate is replaced.
    pub(crate) fn set_limit(&mut self, limit: Option<u64>, restarts: bool, now: Timestamp) {
        let max = match (limit, self.configured) {
            (Some(limit), Some(rate)) if self.controller.is_some() => Some(limit.min(rate)),
            (limit, rate) => limit.or(rate),
        };
        self.max = max;
        if let Some(controller) = &mut self.controller {
            controller.set_max_rate(max);
            if let Some(arbiter) = &mut self.arbiter {
                arbiter.set_max_rate(max);
            }
            if restarts {
                controller.restart(now);
            }
        }
        self.pacer.set_rate(self.get(), now);
    }

    /// Takes what a receiver says of its path. While content is `sending`, the rate follows at
    /// once; returns when the next probe is due, if a controller decides that.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        path: &PathFeedback<'_>,
        sending: bool,
    ) -> Option<Timestamp> {
        let rtt = path.rtt.max(MIN_RTT);
        let controller = self.controller.as_mut()?;
        let interval = path.report.and_then(|report| controller.interval(&report));
        let judgement = match (controller, path.report) {
            (RateController::Delivery(follower), Some(report)) => {
                let (node, feedback, receivers) = (path.node, path.feedback, path.receivers);
                follower.take(now, &PathView { node, rtt, feedback, report, receivers })
            }
            (RateController::Delivery(_), None) => return None,
            (RateController::Fair(election), report) => {
                if report.is_some_and(|report| report.ce_marked > 0) {
                    election.note_ce_marks(now, path.node);
                }
                election.take(now, path.node, rtt, path.feedback, path.nack);
                Judgement::Fair
            }
        };
        self.arbitrate(now);
        if self.trace.is_enabled() {
            let (node, report) = (path.node, path.report);
            let report = ReportRecord { node, rtt, report, interval, judgement };
            self.record(now, RateEvent::Report(report));
        }
        if sending { self.follow_controller(now) } else { None }
    }

    /// Records what the controller believes, from now on.
    pub(crate) fn start_trace(&mut self) {
        self.trace.start();
    }

    /// A receiver has joined.
    pub(crate) fn note_newcomer(&mut self, node: NodeId) {
        self.turns.join(node);
    }

    /// Takes the records of a trace.
    pub(crate) fn take_trace(&mut self) -> Vec<RateRecord> {
        self.trace.take()
    }

    fn record(&mut self, at: Timestamp, event: RateEvent) {
        if let Some(controller) = self.controller.as_ref().filter(|_| self.trace.is_enabled()) {
            let (rate, state) = (controller.rate(), controller.state());
            self.trace.push(RateRecord { at, rate, state, event });
        }
    }

    fn arbitrate(&mut self, now: Timestamp) {
        // A queue may be that of a receiver that is too slow.
        let undecided = self.slow.as_ref().is_some_and(SlowWatch::is_undecided);
        if let (Some(arbiter), Some(controller)) = (&mut self.arbiter, &mut self.controller)
            && !undecided
        {
            arbiter.decide(now, controller);
        }
    }

    /// The rate of the pacer, and the time of the next probe, follow the controller.
    fn follow_controller(&mut self, now: Timestamp) -> Option<Timestamp> {
        let controller = self.controller.as_ref()?;
        self.pacer.set_rate(Some(controller.rate()), now);
        controller.next_probe(now)
    }

    /// A probe leaves: what it says to native receivers, and which ones it lists.
    pub(crate) fn probe(
        &mut self,
        now: Timestamp,
        start: ProbeStart,
        receivers: &mut Receivers,
    ) -> ProbeContent {
        self.arbitrate(now);
        let Some(controller) = &mut self.controller else {
            let mut nodes = receivers.rtt_notices_mut().take(self.max_listed);
            if self.asks_silent {
                let heard = self.turns.next(receivers.members(), true).into_iter().map(heard);
                extend(&mut nodes, heard.collect());
                nodes.truncate(self.max_listed);
            }
            return ProbeContent { watch: None, nodes, next: None };
        };
        let members = receivers.members();
        let slow = self.slow.as_ref();
        let left_out = |node| slow.is_some_and(|slow| slow.leaves_out(node));
        controller.tick(now, |node| members.is_active(node) && !left_out(node));
        let mut nodes = controller.listed();
        if self.asks_silent && start.sending {
            let eager = controller.is_exploring() || controller.is_unheard(now, SILENT_AFTER);
            let asked = self.turns.next(members, eager);
            let asked = asked.into_iter().filter(|&node| !left_out(node));
            extend(&mut nodes, asked.map(asked_for).collect());
        }
        let notices = receivers.rtt_notices_mut().take(self.max_listed.min(MAX_NOTICES));
        extend(&mut nodes, notices);
        if !start.sending {
            return ProbeContent { watch: None, nodes, next: None };
        }
        if let Some(grtt) = receivers.measured_grtt() {
            controller.note_grtt(grtt);
        }
        let watch = controller.probe(now, start.cc_sequence, start.total);
        self.record(now, RateEvent::Probe { cc_sequence: start.cc_sequence });
        ProbeContent { watch: Some(watch), nodes, next: self.follow_controller(now) }
    }
}

/// Adds items of receivers that are not listed yet.
fn extend(nodes: &mut Vec<CcNode>, mut items: Vec<CcNode>) {
    items.retain(|item| nodes.iter().all(|node| node.id != item.id));
    nodes.append(&mut items);
}

/// An item of a probe's list that asks for an answer, and says nothing.
fn asked_for(id: NodeId) -> CcNode {
    CcNode { flags: CcFlags::PLR, ..heard(id) }
}

/// An item of a probe's list that says only that the receiver is heard.
fn heard(id: NodeId) -> CcNode {
    let rate = QuantizedRate::from_bytes_per_second(0.0);
    let rtt = QuantizedRtt::from_duration(Duration::ZERO);
    CcNode { id, flags: CcFlags::default(), rtt, rate }
}
