//! Who limits a rate that is fair (RFC 5740 §5.5.2): the current limiting receiver (CLR), and the
//! few that may be the next (PLR).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::congestion::{Claim, Fair, Total};
use crate::norm::wire::{CcFeedback, CcFlags, CcNode, NodeId, QuantizedRate, QuantizedRtt};

/// A receiver that has said nothing for so many round trips, and for so long, limits nothing.
const SILENT_ROUNDS: u32 = 20;
const SILENT: Duration = Duration::from_secs(2);
/// The rate is halved after so many round trips without a word of the CLR, and at least this time,
/// and again as often (RFC 5740: four probes).
const QUIET_ROUNDS: u32 = 5;
const QUIET: Duration = Duration::from_millis(500);
/// Rates this close are alike: of those the longer round trip limits (RFC 5740 §5.5.2).
const ALIKE: f64 = 0.9;
/// A rate below this part of ours must be said twice.
const STEEP: f64 = 0.5;
/// Potential limiting receivers kept, and how much more than the CLR one may take to be one.
const POTENTIAL: usize = 3;
const NEAR: f64 = 1.5;
/// Times between probes: a round trip of the CLR, within these bounds; where it is shorter than
/// [`GAP_SLOW`], so many packets are between two probes.
const GAP_SHORTEST: Duration = Duration::from_millis(2);
const GAP_SLOW: Duration = Duration::from_millis(10);
const GAP_PACKETS: u32 = 16;
const GAP_LONGEST: Duration = Duration::from_secs(1);
/// The same as long as nobody limits.
const GAP_ALONE: Duration = Duration::from_millis(200);
/// With nothing to send the rate is halved that often.
const REST: Duration = Duration::from_secs(1);

/// A receiver that is asked by every probe.
#[derive(Copy, Clone, Debug)]
struct Heard {
    node: NodeId,
    rtt: Duration,
    at: Timestamp,
    /// The probe that it answered last.
    cc_sequence: u16,
    claim: Claim,
    /// Bytes per second, with headers.
    rate: f64,
    /// It claimed much less than we send, once.
    doubted: bool,
}

/// Follows the receiver that can take least.
#[derive(Debug)]
pub(crate) struct Election {
    law: Fair,
    /// Bytes with headers by bytes without.
    ratio: f64,
    overhead: usize,
    limiting: Option<Heard>,
    /// No more than [`POTENTIAL`], in the order in which they came.
    potential: Vec<Heard>,
    quiet_from: Timestamp,
    /// The last probe, and what had been sent then.
    probed: Option<(Timestamp, Total)>,
    /// Since when nothing is sent but commands.
    resting: Option<Timestamp>,
}

impl Election {
    /// Before anybody was heard. `packet` bytes of UDP payload have `overhead` more below.
    pub(crate) fn new(law: Fair, packet: usize, overhead: usize, now: Timestamp) -> Self {
        Self {
            law,
            ratio: (packet + overhead) as f64 / packet as f64,
            overhead,
            limiting: None,
            potential: Vec::new(),
            quiet_from: now,
            probed: None,
            resting: None,
        }
    }

    /// The law that it feeds.
    pub(crate) fn law(&self) -> &Fair {
        &self.law
    }

    /// Nobody limits, and nobody has said anything for so long.
    pub(crate) fn hears_nobody(&self, now: Timestamp, time: Duration) -> bool {
        self.limiting.is_none() && now >= self.quiet_from + time
    }

    /// Who limits.
    pub(crate) fn limiting(&self) -> Option<NodeId> {
        self.limiting.as_ref().map(|limiting| limiting.node)
    }

    /// The same, to change its bounds.
    pub(crate) fn law_mut(&mut self) -> &mut Fair {
        &mut self.law
    }

    /// For a probe's list: the CLR first.
    pub(crate) fn listed(&self) -> impl Iterator<Item = CcNode> {
        let start = if self.law.is_slow_start() { CcFlags::START } else { CcFlags::NONE };
        let item = move |heard: &Heard, role: CcFlags| CcNode {
            id: heard.node,
            flags: role.with(CcFlags::RTT).with(start),
            rtt: QuantizedRtt::from_duration(heard.rtt),
            rate: QuantizedRate::from_bytes_per_second(heard.rate / self.ratio),
        };
        let window = self.law.loss_window();
        let limiting = self.limiting.iter();
        let limiting =
            limiting.map(move |heard| item(&Heard { rtt: window, ..*heard }, CcFlags::CLR));
        limiting.chain(self.potential.iter().map(move |heard| item(heard, CcFlags::PLR)))
    }

    /// Takes what a receiver says; `nack` when it says so in a NACK, `rtt` is a new measurement.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        feedback: &CcFeedback,
        nack: bool,
    ) {
        if feedback.flags.contains(CcFlags::LEAVE) {
            self.forget(|gone| gone == node);
            return;
        }
        let Some(claim) = self.claim(feedback, nack) else { return };
        if let Some(limiting) = self.limiting.as_mut().filter(|limiting| limiting.node == node) {
            // A NACK that cannot tell the loss changes nothing of it.
            let lossy = matches!(limiting.claim, Claim::Loss { .. });
            let claim = match claim {
                Claim::Rate(_) if lossy => limiting.claim,
                claim => claim,
            };
            self.law.take(now, claim, rtt);
            (limiting.at, limiting.claim, limiting.rtt) = (now, claim, self.law.rtt());
            limiting.cc_sequence = feedback.cc_sequence;
            limiting.rate = self.law.rate_for(claim, limiting.rtt);
            self.quiet_from = now;
            self.replace(now);
            return;
        }
        if matches!(claim, Claim::Loss { .. }) {
            self.law.end_slow_start();
        }
        let heard = self.another(now, node, rtt, feedback, claim);
        self.consider(now, heard);
    }

    /// A receiver says that routers have marked packets on the way to it.
    pub(crate) fn note_ce_marks(&mut self, now: Timestamp, node: NodeId) {
        if self.limiting.is_some_and(|limiting| limiting.node == node) {
            self.law.note_ce_marks(now);
        }
    }

    /// Time has passed: who says nothing any more limits no longer.
    pub(crate) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        self.potential.retain(|heard| !heard.is_silent(now) && active(heard.node));
        self.limiting.take_if(|heard| heard.is_silent(now) || !active(heard.node));
        if self.limiting.is_none() {
            self.replace(now);
        }
        let quiet = (self.law.rtt() * QUIET_ROUNDS).max(QUIET);
        if now >= self.quiet_from + quiet {
            self.quiet_from = now;
            self.law.halve(now);
        }
    }

    /// A probe leaves, behind so much.
    pub(crate) fn probe(&mut self, now: Timestamp, total: Total) {
        let before = self.probed.replace((now, total));
        let Some((_, before)) = before else {
            self.quiet_from = now;
            return;
        };
        let packets = total.packets - before.packets;
        let bytes = (total.bytes - before.bytes) as f64 + (packets * self.overhead as u64) as f64;
        if !self.law.probe(now, bytes) {
            self.resting = None;
            return;
        }
        let since = *self.resting.get_or_insert(now);
        if now >= since + REST {
            self.resting = Some(now);
            self.law.halve(now);
        }
    }

    /// The time to the next probe; `None` when nobody limits and there is nothing to send.
    pub(crate) fn gap(&self) -> Option<Duration> {
        let Some(limiting) = self.limiting else {
            return self.resting.is_none().then_some(GAP_ALONE);
        };
        let longest = GAP_LONGEST.max(limiting.rtt);
        let packet = Duration::from_secs_f64(1400.0 / self.law.rate().max(1.0));
        let rest = if self.resting.is_some() { REST / 4 } else { Duration::ZERO };
        let shortest = (packet * GAP_PACKETS).clamp(GAP_SHORTEST, GAP_SLOW);
        Some(limiting.rtt.max(packet * 2).max(rest).clamp(shortest, longest))
    }

    /// When the last probe left.
    pub(crate) fn probed_at(&self) -> Option<Timestamp> {
        self.probed.map(|(at, _)| at)
    }

    /// `None` when there is nothing to be made of it.
    fn claim(&self, feedback: &CcFeedback, nack: bool) -> Option<Claim> {
        let rate = feedback.rate.to_bytes_per_second() * self.ratio;
        let (loss, flags) = (feedback.loss.to_fraction(), feedback.flags);
        if flags.contains(CcFlags::START) {
            return (rate > 0.0).then_some(Claim::Start(rate));
        }
        // A known peer cuts the loss in a NACK to its low half, and writes it elsewhere.
        if nack && feedback.loss.high == 0 || loss <= 0.0 {
            return (rate > 0.0).then_some(Claim::Rate(rate));
        }
        let most = if flags.contains(CcFlags::LIMIT) && rate > 0.0 { rate } else { f64::INFINITY };
        Some(Claim::Loss { event_rate: loss, max_rate: most })
    }

    /// What somebody says who does not limit. Its round trip is the mean of the last and this one.
    fn another(
        &self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        feedback: &CcFeedback,
        claim: Claim,
    ) -> Heard {
        let known = self.potential.iter().find(|heard| heard.node == node);
        let told = feedback.flags.contains(CcFlags::RTT).then(|| feedback.rtt.to_duration());
        let last = known.map(|heard| heard.rtt).or(told).unwrap_or(rtt);
        let rtt = (last + rtt) / 2;
        let rate = self.law.rate_for(claim, rtt);
        let again =
            known.is_some_and(|known| !known.doubted || known.cc_sequence != feedback.cc_sequence);
        let doubted = !again && rate < self.law.rate() * STEEP;
        Heard { node, rtt, at: now, cc_sequence: feedback.cc_sequence, claim, rate, doubted }
    }

    fn consider(&mut self, now: Timestamp, heard: Heard) {
        self.potential.retain(|other| other.node != heard.node);
        let Some(limiting) = self.limiting else {
            self.elect(now, heard);
            return;
        };
        if !heard.doubted && heard.limits_rather_than(&limiting) {
            self.elect(now, heard);
            return;
        }
        if heard.rate > limiting.rate * NEAR {
            return;
        }
        if self.potential.len() >= POTENTIAL {
            let highest = (0..POTENTIAL)
                .max_by(|&a, &b| self.potential[a].rate.total_cmp(&self.potential[b].rate));
            let Some(highest) = highest else { return };
            if self.potential[highest].rate < heard.rate {
                return;
            }
            self.potential.swap_remove(highest);
        }
        self.potential.push(heard);
    }

    /// One of those that may limit does, if it can take less than the CLR, or there is none.
    fn replace(&mut self, now: Timestamp) {
        let lowest = self.potential.iter().filter(|heard| !heard.doubted);
        let lowest = lowest.min_by(|a, b| a.rate.total_cmp(&b.rate)).copied();
        let Some(lowest) = lowest else { return };
        if self.limiting.is_none_or(|limiting| lowest.limits_rather_than(&limiting)) {
            self.potential.retain(|other| other.node != lowest.node);
            self.elect(now, lowest);
        }
    }

    fn elect(&mut self, now: Timestamp, heard: Heard) {
        if let Some(before) = self.limiting.replace(Heard { doubted: false, ..heard })
            && self.potential.len() < POTENTIAL
        {
            self.potential.push(before);
        }
        self.quiet_from = now;
        self.law.follow(heard.rtt);
        self.law.take(now, heard.claim, heard.rtt);
    }

    fn forget(&mut self, gone: impl Fn(NodeId) -> bool) {
        self.potential.retain(|heard| !gone(heard.node));
        self.limiting.take_if(|heard| gone(heard.node));
    }
}

impl Heard {
    fn is_silent(&self, now: Timestamp) -> bool {
        now >= self.at + (self.rtt * SILENT_ROUNDS).max(SILENT)
    }

    fn limits_rather_than(&self, other: &Self) -> bool {
        let alike = self.rate < other.rate / ALIKE && self.rtt > other.rtt.mul_f64(1.0 / ALIKE);
        self.rate < other.rate * ALIKE || alike
    }
}

#[cfg(test)]
mod tests;
