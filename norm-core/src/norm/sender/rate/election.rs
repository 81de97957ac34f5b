//! Which receivers limit a rate that is fair (RFC 5740 §5.5.2): the current limiting receiver
//! (CLR), and the few that may be the next (PLR).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::congestion::{Claim, Fair, Total};
use crate::norm::wire::{CcFeedback, CcFlags, CcNode, NodeId, QuantizedRate, QuantizedRtt};

/// Round trips of silence after which a receiver is given up.
const SILENT_ROUNDS: u32 = 20;
/// Shortest silence after which a receiver is given up.
const MIN_SILENCE: Duration = Duration::from_secs(2);
/// Round trips without a report of the CLR after which the rate is halved, each time (RFC 5740:
/// four probes).
const HALVE_ROUNDS: u32 = 5;
/// Shortest time without a report of the CLR after which the rate is halved.
const MIN_HALVE_INTERVAL: Duration = Duration::from_millis(500);
/// Rates this close are alike: of those the longer round trip limits (RFC 5740 §5.5.2).
const ALIKE_SHARE: f64 = 0.9;
/// A rate below this part of ours must be reported twice.
const DOUBTFUL_SHARE: f64 = 0.5;
/// Most potential limiting receivers.
const MAX_POTENTIAL: usize = 3;
/// A receiver that can take more than this multiple of the CLR's rate is no potential CLR.
const POTENTIAL_FACTOR: f64 = 1.5;
/// Shortest time between probes, which otherwise is a round trip of the CLR.
const MIN_PROBE_GAP: Duration = Duration::from_millis(2);
/// Up to this time between probes, [`PROBE_GAP_PACKETS`] packets are between two of them.
const MAX_PACKETS_GAP: Duration = Duration::from_millis(10);
/// Packets between two probes where the round trip is shorter than they take.
const PROBE_GAP_PACKETS: u32 = 16;
/// Longest time between probes, unless the round trip is longer.
const MAX_PROBE_GAP: Duration = Duration::from_secs(1);
/// Time between probes while there is no CLR.
const PROBE_GAP_WITHOUT_CLR: Duration = Duration::from_millis(200);
/// The rate is halved this often while there is nothing to send.
const IDLE_HALVE_INTERVAL: Duration = Duration::from_secs(1);

/// A receiver that is asked by every probe.
#[derive(Copy, Clone, Debug)]
struct Candidate {
    node: NodeId,
    rtt: Duration,
    heard: Timestamp,
    /// The probe that it answered last.
    cc_sequence: u16,
    claim: Claim,
    /// Bytes per second, with headers.
    rate: f64,
    /// It claimed much less than we send, once.
    doubted: bool,
}

/// A probe that has left.
#[derive(Copy, Clone, Debug)]
struct Probe {
    at: Timestamp,
    /// What had been sent by then.
    total: Total,
}

/// Follows the receiver that can take least.
#[derive(Debug)]
pub(super) struct Election {
    fair: Fair,
    /// Bytes with headers by bytes without.
    ratio: f64,
    overhead: usize,
    clr: Option<Candidate>,
    /// No more than [`MAX_POTENTIAL`], in the order in which they came.
    potential: Vec<Candidate>,
    /// When the CLR was heard last, or the rate was halved.
    silent_from: Timestamp,
    last_probe: Option<Probe>,
    /// Since when nothing is sent but commands.
    idle_since: Option<Timestamp>,
}

impl Election {
    /// Before any receiver was heard. `packet` bytes of UDP payload have `overhead` more below.
    pub(super) fn new(fair: Fair, packet: usize, overhead: usize, now: Timestamp) -> Self {
        Self {
            fair,
            ratio: (packet + overhead) as f64 / packet as f64,
            overhead,
            clr: None,
            potential: Vec::new(),
            silent_from: now,
            last_probe: None,
            idle_since: None,
        }
    }

    /// Packets have another length from now on, in bytes of UDP payload.
    pub(super) fn set_packet(&mut self, packet: usize) {
        self.ratio = (packet + self.overhead) as f64 / packet as f64;
        self.fair.set_packet(packet + self.overhead);
    }

    /// The controller that it feeds.
    pub(super) fn fair(&self) -> &Fair {
        &self.fair
    }

    /// The controller, to change its bounds.
    pub(super) fn fair_mut(&mut self) -> &mut Fair {
        &mut self.fair
    }

    /// There is no CLR, and none was heard for this long.
    pub(super) fn is_unheard(&self, now: Timestamp, time: Duration) -> bool {
        self.clr.is_none() && now >= self.silent_from + time
    }

    /// The CLR.
    pub(super) fn clr(&self) -> Option<NodeId> {
        self.clr.as_ref().map(|clr| clr.node)
    }

    /// For a probe's list: the CLR first.
    pub(super) fn listed(&self) -> impl Iterator<Item = CcNode> {
        let start = if self.fair.is_slow_start() { CcFlags::START } else { CcFlags::NONE };
        let item = move |candidate: &Candidate, role: CcFlags| CcNode {
            id: candidate.node,
            flags: role.with(CcFlags::RTT).with(start),
            rtt: QuantizedRtt::from_duration(candidate.rtt),
            rate: QuantizedRate::from_bytes_per_second(candidate.rate / self.ratio),
        };
        let window = self.fair.loss_window();
        let clr = self.clr.iter();
        let clr = clr.map(move |clr| item(&Candidate { rtt: window, ..*clr }, CcFlags::CLR));
        clr.chain(self.potential.iter().map(move |potential| item(potential, CcFlags::PLR)))
    }

    /// Takes what a receiver reports; `nack` when it came in a NACK, `rtt` is a new measurement.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        feedback: &CcFeedback,
        nack: bool,
    ) {
        if feedback.flags.contains(CcFlags::LEAVE) {
            self.forget(node);
            return;
        }
        let Some(claim) = self.claim(feedback, nack) else { return };
        if let Some(clr) = self.clr.as_mut().filter(|clr| clr.node == node) {
            // A NACK that cannot tell the loss changes nothing of it.
            let lossy = matches!(clr.claim, Claim::Loss { .. });
            let claim = match claim {
                Claim::Rate(_) if lossy => clr.claim,
                claim => claim,
            };
            self.fair.take(now, claim, rtt);
            clr.heard = now;
            clr.claim = claim;
            clr.rtt = self.fair.rtt();
            clr.cc_sequence = feedback.cc_sequence;
            clr.rate = self.fair.rate_for(claim, clr.rtt);
            self.silent_from = now;
            self.replace(now);
            return;
        }
        if matches!(claim, Claim::Loss { .. }) {
            self.fair.end_slow_start();
        }
        let candidate = self.candidate(now, node, rtt, feedback, claim);
        self.consider(now, candidate);
    }

    /// A receiver reports CE marks.
    pub(super) fn note_ce_marks(&mut self, now: Timestamp, node: NodeId) {
        if self.clr.is_some_and(|clr| clr.node == node) {
            self.fair.note_ce_marks(now);
        }
    }

    /// Time has passed: receivers that are silent, or no longer `active`, are given up.
    pub(super) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        let stays = |candidate: &Candidate| !candidate.is_silent(now) && active(candidate.node);
        self.potential.retain(stays);
        self.clr.take_if(|clr| !stays(clr));
        if self.clr.is_none() {
            self.replace(now);
        }
        let limit = (self.fair.rtt() * HALVE_ROUNDS).max(MIN_HALVE_INTERVAL);
        if now >= self.silent_from + limit {
            self.silent_from = now;
            self.fair.halve(now);
        }
    }

    /// A probe leaves after `total` was sent.
    pub(super) fn probe(&mut self, now: Timestamp, total: Total) {
        let Some(before) = self.last_probe.replace(Probe { at: now, total }) else {
            self.silent_from = now;
            return;
        };
        let packets = total.packets - before.total.packets;
        let bytes = (total.bytes - before.total.bytes) as f64;
        let bytes = bytes + (packets * self.overhead as u64) as f64;
        if !self.fair.probe(now, bytes) {
            self.idle_since = None;
            return;
        }
        let since = *self.idle_since.get_or_insert(now);
        if now >= since + IDLE_HALVE_INTERVAL {
            self.idle_since = Some(now);
            self.fair.halve(now);
        }
    }

    /// When the next probe is due; `None` when there is no CLR and nothing to send.
    pub(super) fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let gap = self.probe_gap()?;
        Some(self.last_probe.map_or(now, |probe| probe.at + gap))
    }

    fn probe_gap(&self) -> Option<Duration> {
        let Some(clr) = self.clr else {
            return self.idle_since.is_none().then_some(PROBE_GAP_WITHOUT_CLR);
        };
        let longest = MAX_PROBE_GAP.max(clr.rtt);
        let packet = Duration::from_secs_f64(1400.0 / self.fair.rate().max(1.0));
        let idle = self.idle_since.is_some();
        let idle = if idle { IDLE_HALVE_INTERVAL / 4 } else { Duration::ZERO };
        let shortest = (packet * PROBE_GAP_PACKETS).clamp(MIN_PROBE_GAP, MAX_PACKETS_GAP);
        Some(clr.rtt.max(packet * 2).max(idle).clamp(shortest, longest))
    }

    /// What feedback claims of a path; `None` when it says nothing.
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

    /// A receiver that is not the CLR. Its round trip is the mean of the last and this one.
    fn candidate(
        &self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        feedback: &CcFeedback,
        claim: Claim,
    ) -> Candidate {
        let known = self.potential.iter().find(|candidate| candidate.node == node);
        let told = feedback.flags.contains(CcFlags::RTT).then(|| feedback.rtt.to_duration());
        let last = known.map(|candidate| candidate.rtt).or(told).unwrap_or(rtt);
        let rtt = (last + rtt) / 2;
        let rate = self.fair.rate_for(claim, rtt);
        let again =
            known.is_some_and(|known| !known.doubted || known.cc_sequence != feedback.cc_sequence);
        let doubted = !again && rate < self.fair.rate() * DOUBTFUL_SHARE;
        Candidate { node, rtt, heard: now, cc_sequence: feedback.cc_sequence, claim, rate, doubted }
    }

    fn consider(&mut self, now: Timestamp, candidate: Candidate) {
        self.potential.retain(|other| other.node != candidate.node);
        let Some(clr) = self.clr else {
            self.elect(now, candidate);
            return;
        };
        if !candidate.doubted && candidate.limits_rather_than(&clr) {
            self.elect(now, candidate);
            return;
        }
        if candidate.rate > clr.rate * POTENTIAL_FACTOR {
            return;
        }
        if self.potential.len() >= MAX_POTENTIAL {
            let highest = (0..MAX_POTENTIAL)
                .max_by(|&a, &b| self.potential[a].rate.total_cmp(&self.potential[b].rate));
            let Some(highest) = highest else { return };
            if self.potential[highest].rate < candidate.rate {
                return;
            }
            self.potential.swap_remove(highest);
        }
        self.potential.push(candidate);
    }

    /// A potential limiting receiver becomes CLR, if it can take less than the CLR, or there is
    /// none.
    fn replace(&mut self, now: Timestamp) {
        let lowest = self.potential.iter().filter(|candidate| !candidate.doubted);
        let lowest = lowest.min_by(|a, b| a.rate.total_cmp(&b.rate)).copied();
        let Some(lowest) = lowest else { return };
        if self.clr.is_none_or(|clr| lowest.limits_rather_than(&clr)) {
            self.potential.retain(|other| other.node != lowest.node);
            self.elect(now, lowest);
        }
    }

    fn elect(&mut self, now: Timestamp, candidate: Candidate) {
        if let Some(before) = self.clr.replace(Candidate { doubted: false, ..candidate })
            && self.potential.len() < MAX_POTENTIAL
        {
            self.potential.push(before);
        }
        self.silent_from = now;
        self.fair.follow(candidate.rtt);
        self.fair.take(now, candidate.claim, candidate.rtt);
    }

    fn forget(&mut self, node: NodeId) {
        self.potential.retain(|candidate| candidate.node != node);
        self.clr.take_if(|clr| clr.node == node);
    }
}

impl Candidate {
    fn is_silent(&self, now: Timestamp) -> bool {
        now >= self.heard + (self.rtt * SILENT_ROUNDS).max(MIN_SILENCE)
    }

    fn limits_rather_than(&self, other: &Self) -> bool {
        let alike =
            self.rate < other.rate / ALIKE_SHARE && self.rtt > other.rtt.mul_f64(1.0 / ALIKE_SHARE);
        self.rate < other.rate * ALIKE_SHARE || alike
    }
}

#[cfg(test)]
mod tests;
