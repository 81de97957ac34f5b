//! Which receiver limits the rate, and the controller that follows its reports
//! (RFC 5740 §5.5.2: the "current limiting receiver", CLR).

use core::time::Duration;

use super::election::Election;
use super::nearest::Nearest;
use crate::norm::sender::config::{RateControl, SenderConfig};

use crate::base::Timestamp;
use crate::norm::congestion::{Delivery, Fair, RateLimits, Total};
use crate::norm::wire::{
    CcFeedback, CcFlags, CcNode, NodeId, PathReport, QuantizedRate, QuantizedRtt, Watch,
};

/// Who limits is given up when it has said nothing for so many round trips, and for so long.
const SILENT_ROUNDS: u32 = 8;
const SILENT: Duration = Duration::from_secs(3);
/// The rate is halved when nobody has said anything for this part of that time.
const QUIET: u32 = 3;
/// Where little is sent probes are rare: so many have to be unanswered, and so many before the rate is halved.
const SILENT_PROBES: u32 = 3;
const QUIET_PROBES: u32 = 2;
/// What receivers that never say anything are sent: 10 Mbit/s, in bytes.
const BLIND: f64 = 1_250_000.0;
/// So many packets tell whether a suspicion was wrong.
const TELLING: u32 = 50;
/// Receivers asked by a probe while nobody has said anything for so long.
pub(crate) const ASKED: usize = 3;
const HUSH: Duration = Duration::from_millis(250);
/// Somebody else limits when it takes less than this part of the rate.
const LESS: f64 = 0.95;
/// From this part of the highest rate allowed on, nobody limits.
const NEARLY: f64 = 0.9;
/// Round trips fall at once and rise by this part of the difference.
const RTT_RISE: u32 = 64;

/// A receiver that is asked by every probe.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Watched {
    node: NodeId,
    rtt: Duration,
    heard: Timestamp,
    /// The last probe of which it reported.
    reported: Option<u16>,
    rate: QuantizedRate,
}

/// One of the laws, with the receivers that it heeds.
#[derive(Debug)]
pub(crate) enum Steering {
    /// What arrives.
    Delivery(Box<Following>),
    /// What TCP would get.
    Fair(Box<Election>),
}

/// Follows the receiver to which least arrives.
#[derive(Debug)]
pub(crate) struct Following {
    pub(crate) delivery: Delivery,
    pub(crate) limiting: Option<Watched>,
    /// It says that it can take less than the other: asked once more, because chance, a stall of its
    /// machine or a lie may be behind it.
    suspect: Option<Watched>,
    /// Who limited before: it does again when the other is gone.
    previous: Option<Watched>,
    /// What arrived before the last change of who limits, in bytes per second.
    before: f64,
    nearest: Nearest,
    quiet_from: Timestamp,
    started: bool,
    /// When the last probe left, and how long after the one before.
    probed: (Timestamp, Duration),
    /// Nobody has said anything for the first second: they may be receivers that never do.
    blind: bool,
    /// The limit in bytes per second.
    most: f64,
    /// It has just come back to its turn: who reports first frees nothing.
    resumed: bool,
}

impl Steering {
    /// `None` when the application has fixed the rate.
    pub(crate) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Option<Self> {
        let limits = limits(config);
        let (overhead, guess) = (config.packet_overhead, config.grtt.initial);
        match config.control {
            RateControl::Fixed => None,
            RateControl::Auto | RateControl::Delivery | RateControl::Scavenger
                if config.mode.has_path_reports() =>
            {
                let delivery = Delivery::new(limits, packet, overhead, guess, now);
                let polite = config.control == RateControl::Scavenger;
                let delivery = if polite { delivery.scavenger() } else { delivery };
                Some(Self::Delivery(Box::new(Following::new(delivery, limits.max, now))))
            }
            _ => {
                let overhead = overhead.bytes();
                let law = Fair::new(limits, packet + overhead, guess, now);
                Some(Self::Fair(Box::new(Election::new(law, packet, overhead, now))))
            }
        }
    }

    /// Bits per second.
    pub(crate) fn rate(&self) -> u64 {
        let bytes = match self {
            Self::Delivery(following) => following.rate(),
            Self::Fair(election) => election.law().rate(),
        };
        (bytes * 8.0) as u64
    }

    /// Packets that may leave at once.
    pub(crate) fn burst(&self) -> usize {
        match self {
            Self::Delivery(following) => following.delivery.burst(),
            Self::Fair(election) => election.law().burst(),
        }
    }

    /// Who limits, and what it can take, in bits per second; `None` when it is the highest rate allowed
    /// that limits.
    pub(crate) fn limiting(&self) -> Option<(NodeId, u64)> {
        let (node, most) = match self {
            Self::Delivery(following) => (following.limiting.as_ref()?.node, following.most),
            Self::Fair(election) => (election.limiting()?, election.law().max_rate()),
        };
        if let Self::Delivery(following) = self
            && following.delivery.is_startup()
        {
            return None;
        }
        let rate = self.rate();
        ((rate as f64) < most * 8.0 * NEARLY).then_some((node, rate))
    }

    /// Nobody limits, and nobody has said anything for a while.
    pub(crate) fn hears_nobody(&self, now: Timestamp) -> bool {
        match self {
            Self::Delivery(following) => {
                following.limiting.is_none() && now >= following.quiet_from + HUSH
            }
            Self::Fair(election) => election.hears_nobody(now, HUSH),
        }
    }

    /// Queues so far were of our own making.
    pub(crate) fn forget_occupancy(&mut self) {
        if let Self::Delivery(following) = self {
            following.delivery.forget_occupancy();
        }
    }

    /// Never faster from now on, in bits per second.
    pub(crate) fn set_most(&mut self, bits: Option<u64>) {
        let most = bits.map_or(f64::MAX, |bits| bits as f64 / 8.0);
        match self {
            Self::Delivery(following) => {
                following.most = most;
                following.delivery.set_max_rate(most);
            }
            Self::Fair(election) => election.law_mut().set_max_rate(most),
        }
    }

    /// Nothing was sent for a while, and what was known of the path is old.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        match self {
            Self::Delivery(following) => following.restart(now),
            Self::Fair(election) => election.law_mut().restart(now),
        }
    }

    pub(crate) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        match self {
            Self::Delivery(following) => following.tick(now, active),
            Self::Fair(election) => election.tick(now, active),
        }
    }

    pub(crate) fn listed(&self) -> Vec<CcNode> {
        match self {
            Self::Delivery(following) => following.listed().collect(),
            Self::Fair(election) => election.listed().collect(),
        }
    }

    /// A probe leaves, behind so much: what it says to receivers of ours.
    pub(crate) fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        match self {
            Self::Delivery(following) => following.probe(now, cc_sequence, total),
            Self::Fair(election) => {
                election.probe(now, total);
                let rate = QuantizedRate::from_bytes_per_second(election.law().rate());
                Watch { quiet: false, cruise: false, fair: true, paused: false, rate }
            }
        }
    }
}

impl Following {
    pub(crate) fn new(delivery: Delivery, most: f64, now: Timestamp) -> Self {
        Self {
            delivery,
            limiting: None,
            suspect: None,
            previous: None,
            before: 0.0,
            quiet_from: now,
            started: false,
            probed: (now, Duration::ZERO),
            blind: false,
            most,
            resumed: false,
            nearest: Nearest::default(),
        }
    }

    /// Bytes per second.
    pub(crate) fn rate(&self) -> f64 {
        let rate = self.delivery.rate();
        if self.blind { rate.max(BLIND.min(self.most)) } else { rate }
    }

    /// The part of the time in which a queue stands that is none of ours.
    pub(crate) fn queue_occupancy(&self) -> f64 {
        self.delivery.queue_occupancy()
    }

    /// The round trip to who limits.
    pub(crate) fn rtt(&self) -> Duration {
        self.limiting.map_or(Duration::ZERO, |limiting| limiting.rtt)
    }

    /// Another law had its turn, and has come to this rate, in bytes per second.
    pub(crate) fn resume(&mut self, now: Timestamp, rate: f64) {
        (self.quiet_from, self.resumed) = (now, true);
        (self.limiting, self.previous, self.suspect) = (None, None, None);
        self.delivery.resume(now, rate);
    }

    pub(crate) fn probe(&mut self, now: Timestamp, cc_sequence: u16, total: Total) -> Watch {
        if !self.started {
            self.started = true;
            self.quiet_from = now;
        }
        self.probed = (now, now.saturating_since(self.probed.0));
        self.delivery.probe(now, cc_sequence, total)
    }

    /// Who limited shall say so again.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.delivery.restart(now);
        (self.quiet_from, self.suspect, self.nearest) = (now, None, Nearest::default());
        if let Some(limiting) = &mut self.limiting {
            (limiting.heard, limiting.reported) = (now, None);
        }
    }

    /// Who limits, and who is suspected to, for a probe's list.
    pub(crate) fn listed(&self) -> impl Iterator<Item = CcNode> {
        let item = |watched: Option<Watched>, role: CcFlags| {
            watched.map(|watched| CcNode {
                id: watched.node,
                flags: role.with(CcFlags::RTT),
                rtt: QuantizedRtt::from_duration(watched.rtt),
                rate: watched.rate,
            })
        };
        let limiting = item(self.limiting, CcFlags::CLR);
        limiting.into_iter().chain(item(self.suspect, CcFlags::PLR))
    }

    /// Takes a report of any receiver that may be believed.
    pub(crate) fn take(
        &mut self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        told: (&CcFeedback, PathReport),
    ) {
        let (feedback, report) = told;
        self.quiet_from = now;
        self.blind = false;
        let fresh = Watched { node, rtt, heard: now, reported: None, rate: feedback.rate };
        let gap = self.gap(now);
        let silent = self.limiting.is_none_or(|limiting| limiting.is_silent(now, gap));
        if silent {
            self.limiting = Some(fresh);
            if !core::mem::take(&mut self.resumed) {
                self.delivery.release(now, core::mem::take(&mut self.before));
            }
        }
        if let Some(limiting) = self.limiting.as_mut().filter(|limiting| limiting.node == node) {
            limiting.hear(now, rtt, feedback.rate);
            if limiting.reported.replace(report.cc_sequence) != Some(report.cc_sequence) {
                let rtt = limiting.rtt;
                let nearest = self.nearest.note(now, node, rtt);
                self.delivery.note_min_rtt(now, nearest, rtt);
                self.delivery.take(now, &report, rtt);
            }
            return;
        }
        let Some(interval) = self.delivery.interval(&report) else { return };
        let capacity = self.delivery.bandwidth();
        let less = interval.is_congested(Duration::ZERO) && interval.delivered < capacity * LESS;
        // Who limits is not marked, and this one is.
        let marked = self.delivery.shows_ce_marks(&report) && !self.delivery.is_ce_marked();
        if !less && !marked {
            // A short time shows no loss, though there may be much.
            let long = interval.packets >= TELLING;
            self.suspect.take_if(|suspect| suspect.node == node && long);
            return;
        }
        let again = self.suspect.is_some_and(|suspect| {
            suspect.node == node && suspect.reported != Some(report.cc_sequence)
        });
        if !again {
            let suspect = Watched { reported: Some(report.cc_sequence), ..fresh };
            let free = |known: Watched| known.node == node || known.is_silent(now, gap);
            if self.suspect.is_none_or(free) {
                self.suspect = Some(suspect);
                self.delivery.pause_startup(now);
            }
            return;
        }
        self.suspect.take_if(|suspect| suspect.node == node);
        self.previous = self.limiting;
        self.limiting = Some(Watched { reported: Some(report.cc_sequence), ..fresh });
        self.before = capacity;
        // What it loses at calm times may be no more than its short acquaintance with us.
        self.delivery.limit_to(now, interval.delivered * (1.0 - interval.baseline_loss));
    }

    /// The time between two probes, of late.
    pub(crate) fn gap(&self, now: Timestamp) -> Duration {
        self.probed.1.max(now.saturating_since(self.probed.0))
    }

    /// Time has passed: who says nothing any more limits no longer.
    pub(crate) fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        let gap = self.gap(now);
        let is_gone = |known: &mut Watched| known.is_silent(now, gap) || !active(known.node);
        let gone = self.limiting.take_if(is_gone);
        if gone.is_some()
            && let Some(previous) = self.previous.take().filter(|known| active(known.node))
        {
            self.limiting = Some(Watched { heard: now, reported: None, ..previous });
            self.delivery.release(now, core::mem::take(&mut self.before));
        }
        self.suspect.take_if(is_gone);
        let quiet = (silence(self.rtt()) / QUIET).max(gap * QUIET_PROBES);
        if now >= self.quiet_from + quiet {
            self.quiet_from = now;
            self.blind |= !self.delivery.has_report();
            self.delivery.halve(now);
        }
    }
}

/// Who says nothing for so long, with this round trip, is gone.
fn silence(rtt: Duration) -> Duration {
    (rtt * SILENT_ROUNDS).max(SILENT)
}

impl Watched {
    pub(crate) fn is_silent(&self, now: Timestamp, gap: Duration) -> bool {
        now >= self.heard + silence(self.rtt).max(gap * SILENT_PROBES)
    }

    pub(crate) fn hear(&mut self, now: Timestamp, rtt: Duration, rate: QuantizedRate) {
        self.heard = now;
        self.rate = rate;
        self.rtt = rtt.min(self.rtt + rtt.saturating_sub(self.rtt) / RTT_RISE);
    }
}

pub(crate) fn limits(config: &SenderConfig) -> RateLimits {
    let bytes = |bits: u64| bits as f64 / 8.0;
    RateLimits { min: bytes(config.rate_min), max: config.rate.map_or(f64::MAX, bytes) }
}

#[cfg(test)]
mod tests;
