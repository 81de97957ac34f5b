//! Which receiver limits the rate, and the controller that follows its reports
//! (RFC 5740 §5.5.2: the "current limiting receiver", CLR).

use core::time::Duration;

use super::Sender;
use super::config::{RateControl, SenderConfig};
use crate::congestion::{Delivery, RateLimits, Total};
use crate::time::Timestamp;
use crate::wire::{CcFeedback, CcFlags, CcNode, NodeId, PathReport, QuantizedRate, QuantizedRtt};

/// Who limits is given up when it has said nothing for so many round trips, and for so long.
const SILENT_ROUNDS: u32 = 8;
const SILENT: Duration = Duration::from_secs(3);
/// The rate is halved when nobody has said anything for this part of that time.
const QUIET: u32 = 3;
/// What receivers that never say anything are sent: 10 Mbit/s, in bytes.
const BLIND: f64 = 1_250_000.0;
/// So many packets tell whether a suspicion was wrong.
const TELLING: u32 = 50;
/// Somebody else limits when it takes less than this part of the rate.
const LESS: f64 = 0.95;
/// Round trips fall at once and rise by this part of the difference.
const RTT_RISE: u32 = 64;

/// A receiver that is asked by every probe.
#[derive(Copy, Clone, Debug)]
struct Watched {
    node: NodeId,
    rtt: Duration,
    heard: Timestamp,
    /// The last probe of which it reported.
    reported: Option<u16>,
    rate: QuantizedRate,
}

/// Follows the receiver that can take least.
#[derive(Debug)]
pub(super) struct Steering {
    delivery: Delivery,
    limiting: Option<Watched>,
    /// It says that it can take less than the other: asked once more, because chance, a stall of its
    /// machine or a lie may be behind it.
    suspect: Option<Watched>,
    /// Who limited before: it does again when the other is gone.
    previous: Option<Watched>,
    /// What arrived before the last change of who limits, in bytes per second.
    before: f64,
    quiet_from: Timestamp,
    started: bool,
    /// Nobody has said anything for the first second: they may be receivers that never do.
    blind: bool,
    /// The limit in bytes per second.
    most: f64,
}

impl Steering {
    /// `None` when the application has fixed the rate.
    pub(super) fn new(config: &SenderConfig, packet: usize, now: Timestamp) -> Option<Self> {
        if config.control == RateControl::Fixed {
            return None;
        }
        let bytes = |bits: u64| bits as f64 / 8.0;
        let max = config.rate.map_or(f64::MAX, bytes);
        let limits = RateLimits { min: bytes(config.rate_min), max };
        let guess = config.initial_grtt;
        let delivery = Delivery::new(limits, packet, config.packet_overhead, guess, now);
        let (limiting, suspect) = (None, None);
        Some(Self {
            delivery,
            limiting,
            suspect,
            previous: None,
            before: 0.0,
            quiet_from: now,
            started: false,
            blind: false,
            most: max,
        })
    }

    /// Bits per second.
    pub(super) fn rate(&self) -> u64 {
        let rate = self.delivery.rate();
        let rate = if self.blind { rate.max(BLIND.min(self.most)) } else { rate };
        (rate * 8.0) as u64
    }

    /// Packets that may leave at once.
    pub(super) fn burst(&self) -> usize {
        self.delivery.burst()
    }

    /// Who limits, and who is suspected to, for a probe's list.
    fn listed(&self) -> impl Iterator<Item = CcNode> {
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
    fn take(
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
        let silent = self.limiting.is_none_or(|limiting| limiting.is_silent(now));
        if silent {
            self.limiting = Some(fresh);
            self.delivery.free(now, core::mem::take(&mut self.before));
        }
        if let Some(limiting) = self.limiting.as_mut().filter(|limiting| limiting.node == node) {
            limiting.hear(now, rtt, feedback.rate);
            if limiting.reported.replace(report.cc_sequence) != Some(report.cc_sequence) {
                let rtt = limiting.rtt;
                self.delivery.take(now, &report, rtt);
            }
            return;
        }
        let Some(interval) = self.delivery.interval(&report) else { return };
        let capacity = self.delivery.capacity();
        if !interval.is_congested(Duration::ZERO) || interval.delivered >= capacity * LESS {
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
            if self.suspect.is_none_or(|suspect| suspect.node == node || suspect.is_silent(now)) {
                self.suspect = Some(suspect);
                self.delivery.pause_opening(now);
            }
            return;
        }
        self.suspect.take_if(|suspect| suspect.node == node);
        self.previous = self.limiting;
        self.limiting = Some(Watched { reported: Some(report.cc_sequence), ..fresh });
        self.before = capacity;
        // What it loses at calm times may be no more than its short acquaintance with us.
        self.delivery.limit(now, interval.delivered * (1.0 - interval.base));
    }

    /// Time has passed: who says nothing any more limits no longer.
    fn tick(&mut self, now: Timestamp, active: impl Fn(NodeId) -> bool) {
        let gone = self.limiting.take_if(|known| known.is_silent(now) || !active(known.node));
        if gone.is_some()
            && let Some(previous) = self.previous.take().filter(|known| active(known.node))
        {
            self.limiting = Some(Watched { heard: now, reported: None, ..previous });
            self.delivery.free(now, core::mem::take(&mut self.before));
        }
        self.suspect.take_if(|suspect| suspect.is_silent(now) || !active(suspect.node));
        let rtt = self.limiting.map_or(Duration::ZERO, |limiting| limiting.rtt);
        let quiet = (rtt * SILENT_ROUNDS).max(SILENT) / QUIET;
        if now >= self.quiet_from + quiet {
            self.quiet_from = now;
            self.blind |= !self.delivery.has_begun();
            self.delivery.halve(now);
        }
    }
}

impl Watched {
    fn is_silent(&self, now: Timestamp) -> bool {
        now >= self.heard + (self.rtt * SILENT_ROUNDS).max(SILENT)
    }

    fn hear(&mut self, now: Timestamp, rtt: Duration, rate: QuantizedRate) {
        self.heard = now;
        self.rate = rate;
        self.rtt = rtt.min(self.rtt + rtt.saturating_sub(self.rtt) / RTT_RISE);
    }
}

impl Sender {
    /// A receiver's view of its path, if it tells one; `believed` when it is one of ours.
    pub(super) fn take_path(
        &mut self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        told: (&CcFeedback, PathReport),
    ) {
        let Some(steering) = &mut self.steering else { return };
        steering.take(now, node, rtt.max(Duration::from_micros(50)), told);
        self.steer(now);
    }

    /// The rate of the pacer, and the time of the next probe, follow the controller.
    fn steer(&mut self, now: Timestamp) {
        let Some(steering) = self.steering.as_ref().filter(|_| self.session.is_sending()) else {
            return;
        };
        self.pacer.set_rate(Some(steering.rate()), now);
        self.session.next_cc = steering.delivery.next();
    }

    /// What the probe that leaves now says to receivers of ours, and whom it lists.
    pub(super) fn watch(&mut self, now: Timestamp) -> (Option<crate::wire::Watch>, Vec<CcNode>) {
        let limit = usize::from(self.config.segment_size) / 8;
        let Some(steering) = &mut self.steering else { return (None, self.untold.take(limit)) };
        let members = &self.members;
        steering.tick(now, |node| members.is_active(node));
        let nodes = steering.listed().collect::<Vec<_>>();
        let others = self.untold.take(limit.min(16)).into_iter();
        let others = others.filter(|item| nodes.iter().all(|node| node.id != item.id));
        let nodes = nodes.iter().copied().chain(others).collect();
        if !self.session.is_sending() {
            return (None, nodes);
        }
        let total = Total { bytes: self.stats.bytes, packets: self.stats.packets };
        if !steering.started {
            steering.started = true;
            steering.quiet_from = now;
        }
        let watch = steering.delivery.probe(now, self.session.cc_sequence, total);
        self.steer(now);
        (Some(watch), nodes)
    }
}

#[cfg(test)]
mod tests;
