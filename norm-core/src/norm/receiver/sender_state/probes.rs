//! What a sender that controls congestion wants to know (RFC 5740 §5.5.2): the parts of
//! [`crate::norm::congestion`], joined for one sender.

use std::collections::VecDeque;

use super::timing::Timing;
use crate::base::{Rng, Timestamp};
use crate::norm::congestion::{
    CcAnswer, CcGroup, CcProbe, LossEvent, LossHistory, PathMeter, PathState, RateMeter,
    WatchedProbe, equation,
};
use crate::norm::wire::{CcFeedback, ExtensionBuf, Sequence};

/// Bytes of a packet before two have come.
const DEFAULT_PACKET_BYTES: f64 = 1400.0;
/// The smallest loss that EXT_CC can tell from none, which would stop a sender.
const MIN_LOSS: f64 = 1.0 / u32::MAX as f64;

/// A packet of the sender, as the path delivered it.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) sequence: Sequence,
    /// Bytes of UDP payload.
    pub(crate) bytes: usize,
    /// It has a CE mark.
    pub(crate) ce: bool,
}

/// Most probes that wait for packets which they have overtaken.
const MAX_HELD: usize = 64;

/// What is measured of one sender, and when to report it. Only a sender whose probes carry EXT_RATE
/// or EXT_WATCH wants that.
#[derive(Debug, Default)]
pub(crate) struct Probes {
    answer: CcAnswer,
    loss: LossHistory,
    meter: RateMeter,
    /// What arrives between the probes of a native sender.
    path: Option<PathMeter>,
    /// Probes that wait for packets which they have overtaken.
    held: VecDeque<(Sequence, WatchedProbe)>,
    /// A native sender wants to know nothing else.
    only_path: bool,
    unanswered: Unanswered,
}

/// Messages that told the sender of us (RFC 5740 §5.5.2.1), before any probe has listed us.
#[derive(Copy, Clone, Debug, Default)]
struct Unanswered {
    since: Option<Timestamp>,
    count: u32,
    /// A probe has listed us: the sender has heard us.
    is_listed: bool,
}

/// As many messages may be lost, or their answers; it is not the sender that does not hear us.
const MAX_LOST: u32 = 8;

impl Probes {
    /// Notes a packet of the sender.
    pub(super) fn note(&mut self, now: Timestamp, arrival: Arrival, timing: Timing) {
        let Arrival { sequence, bytes, ce } = arrival;
        if let Some(path) = &mut self.path {
            path.note(now, sequence, bytes, ce);
        }
        while let Some((_, probe)) = self.held.pop_front_if(|held| !sequence.is_before(held.0)) {
            self.measure(WatchedProbe { arrived: now, ..probe });
            self.answer.prompt(now, &group(timing));
        }
        if self.only_path {
            return;
        }
        let rtt = self.answer.rtt(timing.grtt);
        self.meter.note(now, bytes, rtt);
        let lost = self.loss.note(now, sequence, rtt);
        let marked = if ce { self.loss.note_ce(now, rtt) } else { None };
        let Some(event) = lost.or(marked) else { return };
        if event == LossEvent::First
            && let Some(rate) = self.meter.rate(now)
        {
            let loss = equation::loss_rate(self.packet(), rtt, rate);
            self.loss.seed(1.0 / loss, rtt);
        }
        self.answer.expedite(now, &group(timing));
    }

    /// When an answer is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.answer.next()
    }

    /// Takes a probe.
    pub(crate) fn probe(&mut self, now: Timestamp, probe: &CcProbe, timing: Timing, rng: &mut Rng) {
        let path = self.path(now, timing);
        self.unanswered.is_listed |= probe.entry.is_some();
        self.answer.probe(now, probe, &group(timing), &path, rng);
        if let Some((_, newest)) = self.held.back() {
            // Its report is worth the wait.
            self.answer.wait_until(newest.arrived + newest.window);
        }
        if let Some(rtt) = self.answer.measured_rtt() {
            self.loss.correct_seed(rtt);
        }
    }

    /// Packets that this host has dropped so far, of all senders.
    pub(crate) fn note_drops(&mut self, packets: u64) {
        self.path.get_or_insert_default().note_drops(packets);
    }

    /// Takes the part of a probe that is for native receivers; `held` when it waits for packets
    /// that it has overtaken. `fair` says that the sender makes a queue itself.
    pub(crate) fn watch(
        &mut self,
        probe: WatchedProbe,
        fair: bool,
        held: Option<Sequence>,
        timing: Timing,
    ) {
        if core::mem::replace(&mut self.only_path, !fair) && fair {
            // What was measured before the sender wanted nothing else is long ago.
            self.loss = LossHistory::default();
            self.meter = RateMeter::default();
        }
        self.path.get_or_insert_default().remember(timing.grtt, fair);
        match held {
            None => self.measure(probe),
            Some(held) => {
                if self.held.len() == MAX_HELD {
                    self.held.pop_front();
                }
                let place = self.held.partition_point(|other| other.0.is_before(held));
                self.held.insert(place, (held, probe));
            }
        }
    }

    /// A probe has come in its order.
    fn measure(&mut self, probe: WatchedProbe) {
        let path = self.path.get_or_insert_default();
        if !self.answer.is_clr() {
            path.forget_reports();
        }
        path.probe(&probe);
    }

    /// Another receiver's EXT_CC: it may speak for us, too.
    pub(super) fn overhear(&mut self, now: Timestamp, feedback: &CcFeedback, timing: Timing) {
        let path = self.path(now, timing);
        self.answer.overhear(now, feedback, &group(timing), &path);
    }

    /// EXT_CC, and the report of the path for a native sender, for a message that leaves now.
    /// Nothing while the sender has not asked.
    pub(crate) fn extension(&mut self, now: Timestamp, timing: Timing) -> ExtensionBuf {
        let mut extensions = ExtensionBuf::new();
        let path = self.path(now, timing);
        let Some(feedback) = self.answer.attach(now, &group(timing), &path) else {
            return extensions;
        };
        if !self.unanswered.is_listed {
            self.unanswered.since.get_or_insert(now);
            self.unanswered.count = self.unanswered.count.saturating_add(1);
        }
        let is_clr = self.answer.is_clr();
        let report = if is_clr { PathMeter::next_report } else { PathMeter::significant_report };
        extensions.push_cc(&feedback);
        if let Some(report) = self.path.as_mut().and_then(report) {
            extensions.push_path(&report);
        }
        if is_clr && self.path.as_ref().is_some_and(PathMeter::has_more) {
            self.answer.prompt(now, &group(timing));
        }
        extensions
    }

    /// Since when the sender does not hear us: no probe has listed us, however often we have
    /// answered.
    pub(super) fn unheard_since(&self) -> Option<Timestamp> {
        let is_unheard = !self.unanswered.is_listed && self.unanswered.count > MAX_LOST;
        self.unanswered.since.filter(|_| is_unheard)
    }

    /// Leaves out the answer that is due.
    pub(crate) fn drop_answer(&mut self, now: Timestamp, timing: Timing) {
        self.answer.drop_answer(now, &group(timing));
    }

    /// Puts off the answer that is due.
    pub(crate) fn postpone_answer(&mut self, until: Timestamp) {
        self.answer.postpone(until);
    }

    fn path(&self, now: Timestamp, timing: Timing) -> PathState {
        if let Some(path) = self.path.as_ref().filter(|_| self.only_path) {
            // Half, because the answer is twice what arrives while nothing speaks against it.
            let rate = path.rate().map(|rate| rate / 2.0);
            return PathState { packet: DEFAULT_PACKET_BYTES, receive_rate: rate, loss: None };
        }
        let loss = self.loss.rate_among(timing.group_size);
        PathState {
            packet: self.packet(),
            receive_rate: self.meter.rate(now),
            loss: self.loss.has_loss().then(|| loss.max(MIN_LOSS)),
        }
    }

    fn packet(&self) -> f64 {
        self.meter.mean_packet().unwrap_or(DEFAULT_PACKET_BYTES)
    }
}

fn group(timing: Timing) -> CcGroup {
    let Timing { grtt, backoff, group_size } = timing;
    CcGroup { grtt, backoff, size: group_size, alone: timing.is_alone() }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::norm::wire::{CcFlags, CcNode, NodeId, QuantizedLoss, QuantizedRate, QuantizedRtt};

    #[test]
    fn sender_that_never_lists_us_does_not_hear_us() {
        let timing = Timing { grtt: Duration::from_millis(100), backoff: 4, group_size: 10 };
        let at = |secs: u64| Timestamp::from_nanos(secs * 1_000_000_000);
        let mut probes = Probes::default();
        let mut rng = Rng::new(1);
        let rate = Some(QuantizedRate::from_bytes_per_second(1e6));
        let mut probe = CcProbe { cc_sequence: 1, send_rate: rate, entry: None };
        for now in 1..=9 {
            assert_eq!(probes.unheard_since(), None);
            probes.probe(at(now), &probe, timing, &mut rng);
            probes.extension(at(now), timing);
        }
        assert_eq!(probes.unheard_since(), Some(at(1)));
        // Asked for an answer, and told nothing.
        let (rtt, rate) = (QuantizedRtt::from_duration(Duration::ZERO), QuantizedRate::ZERO);
        let entry = CcNode { id: NodeId(1), flags: CcFlags::PLR, rtt, rate };
        probe.entry = Some(entry);
        probes.probe(at(20), &probe, timing, &mut rng);
        assert_eq!(probes.unheard_since(), None);
    }

    #[test]
    fn loss_too_small_to_write_down_is_not_called_none() {
        let grtt = Duration::from_millis(100);
        let timing = Timing { grtt, backoff: 4, group_size: 10 };
        let mut probes = Probes::default();
        let now = Timestamp::from_nanos(1_000_000_000);
        for sequence in [1, 2, 3, 5, 6, 7] {
            let arrival = Arrival { sequence: Sequence(sequence), bytes: 1000, ce: false };
            probes.note(now, arrival, timing);
        }
        probes.loss.seed(1e15, grtt);
        let loss = probes.path(now, timing).loss.unwrap();
        assert_ne!(QuantizedLoss::from_fraction(loss), QuantizedLoss::ZERO);
    }
}
