//! What arrives of a sender's packets, from probe packet to probe packet.

mod baseline;
mod bunching;
mod delays;
mod host_drops;
mod min_delay;

use core::time::Duration;
use std::collections::VecDeque;

use super::interval::{Departure, Interval, Reporter, Total};
use crate::base::Timestamp;
use crate::endpoint::PacketOverhead;
use crate::norm::wire::{PathReport, Sequence, WireTime};
use baseline::BaselineLoss;
use bunching::Probed;
use delays::{Delays, Times};
use host_drops::HostDrops;

/// Packets in an interval that shows whether more is lost than the baseline; or
/// [`SIGNIFICANT_TIME`].
const SIGNIFICANT_PACKETS: u64 = 50;
/// Length of an interval that shows whether more is lost than the baseline; or
/// [`SIGNIFICANT_PACKETS`].
const SIGNIFICANT_TIME: Duration = Duration::from_millis(15);
/// Probe packets after which a significant report is too old: senders forget theirs soon after.
const SIGNIFICANT_PROBES: u16 = 16;
/// An interval with a queue longer than this, or than a quarter of it, is not quiet whatever the
/// sender says.
const MAX_QUIET_QUEUE: Duration = Duration::from_millis(5);
/// A shorter queue than this makes no interval unquiet; a longer one does if it is more than half
/// of the longest one of late, for that may be all that there is room for.
const MIN_FULL_QUEUE: Duration = Duration::from_millis(1);
/// Each probe forgets this part of the longest queue.
const FORGET_QUEUE: u32 = 256;
/// Reports that wait to be handed out, at most: packets that come late complete several at once.
const MAX_FRESH: usize = 32;

/// The part of a probe that is for native receivers, when it has come in its order.
#[derive(Copy, Clone, Debug)]
pub struct WatchedProbe {
    /// When it has come, and all that was sent before it, as far as that was not lost.
    pub arrived: Timestamp,
    /// Its number.
    pub cc_sequence: u16,
    /// Its send time.
    pub sent: WireTime,
    /// Of the interval that it ends: less was sent than the path should take.
    pub quiet: bool,
    /// How much later than others a packet may come that they have overtaken.
    pub window: Duration,
}

/// Counts of what arrived.
#[derive(Copy, Clone, Debug, Default)]
struct Counts {
    /// Packets that were to arrive: the sequence without its wrap.
    position: u64,
    packets: u64,
    bytes: u64,
    ce_marked: u64,
}

/// The counts when a probe packet came.
#[derive(Copy, Clone, Debug)]
struct Mark {
    cc_sequence: u16,
    at: Timestamp,
    sent: WireTime,
    counts: Counts,
}

/// A report, and the time between its probe packets at the sender.
#[derive(Copy, Clone, Debug)]
struct Significant {
    report: PathReport,
    sent_within: Duration,
}

/// Counts what arrives, and reports it from one probe packet to the next.
#[derive(Clone, Debug, Default)]
pub struct PathMeter {
    last: Option<Sequence>,
    counts: Counts,
    mark: Option<Mark>,
    report: Option<PathReport>,
    /// Reports that were not handed out yet, oldest first.
    fresh: VecDeque<PathReport>,
    /// The last report of an interval that was long enough to show loss.
    significant: Option<Significant>,
    baseline: BaselineLoss,
    delays: Delays,
    /// The longest queue of late.
    max_queue: Duration,
    drops: HostDrops,
}

impl PathMeter {
    /// Counts a packet of `bytes` bytes of UDP payload; `ce_marked` when a router has CE-marked it.
    pub fn note(&mut self, now: Timestamp, sequence: Sequence, bytes: usize, ce_marked: bool) {
        let ahead = self.last.map_or(1, |last| sequence.distance_from(last));
        if (1..0x8000).contains(&ahead) {
            self.counts.position += u64::from(ahead);
            self.last = Some(sequence);
            self.delays.note_packet(now, self.counts.position);
        }
        self.counts.packets += 1;
        self.counts.bytes += bytes as u64;
        self.counts.ce_marked += u64::from(ce_marked);
    }

    /// Packets that this host has dropped so far, of all senders.
    pub fn note_drops(&mut self, total: u64) {
        self.drops.note(total);
    }

    /// Sets how long the smallest delay is remembered, by the group's round trip; `fair` while the
    /// sender's controller makes a queue itself.
    pub fn remember(&mut self, grtt: Duration, fair: bool) {
        self.delays.remember(grtt, fair);
    }

    /// Takes a probe packet, which was counted already.
    pub fn probe(&mut self, probe: &WatchedProbe) {
        let WatchedProbe { arrived: now, cc_sequence, sent, quiet, window } = *probe;
        let delay = i128::from(now.as_nanos()) - i128::from(sent.to_nanos());
        let mark = Mark { cc_sequence, at: now, sent, counts: self.counts };
        let Some(before) = self.mark else {
            self.delays.begin(now, delay);
            self.mark = Some(mark);
            return;
        };
        let probes = cc_sequence.wrapping_sub(before.cc_sequence);
        if probes == 0 || probes > 0x8000 {
            // A copy, or an old one.
            return;
        }
        self.mark = Some(mark);
        let nanos = sent.to_nanos().saturating_sub(before.sent.to_nanos());
        let sent_within = Duration::from_nanos(nanos);
        let (from, to) = (before.counts.position, mark.counts.position);
        let span = now.saturating_since(before.at);
        let probed = Probed { from, to, sent_within, span, delay, at: now };
        let Times { span, queue, jitter } = self.delays.note(&probed, window);
        let received = mark.counts.packets - before.counts.packets;
        let missing = (to - from).saturating_sub(received);
        let dropped = self.drops.among(missing);
        let lost = missing - dropped;
        self.max_queue = queue.max(self.max_queue - self.max_queue / FORGET_QUEUE);
        let full = queue > MIN_FULL_QUEUE && queue * 2 > self.max_queue;
        let quiet = quiet && !full && queue < MAX_QUIET_QUEUE.max(span / 4);
        if quiet && probes == 1 {
            self.baseline.note(received, lost);
        }
        let cut = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let report = PathReport {
            cc_sequence,
            probes,
            baseline_loss: (self.baseline.share() * 65_535.0) as u16,
            span,
            received: cut(received),
            lost: cut(lost),
            dropped: cut(dropped),
            bytes: cut(mark.counts.bytes - before.counts.bytes),
            queue,
            baseline_packets: self.baseline.packets(),
            jitter,
            ce_marked: cut(mark.counts.ce_marked - before.counts.ce_marked),
        };
        self.keep(report, sent_within);
    }

    /// Keeps a report until it is handed out.
    fn keep(&mut self, report: PathReport, sent_within: Duration) {
        self.report = Some(report);
        if self.fresh.len() == MAX_FRESH {
            self.fresh.pop_front();
        }
        self.fresh.push_back(report);
        let is_old = |known: &Significant| {
            report.cc_sequence.wrapping_sub(known.report.cc_sequence) >= SIGNIFICANT_PROBES
        };
        let packets = u64::from(report.received) + u64::from(report.lost);
        let long = packets >= SIGNIFICANT_PACKETS || report.span >= SIGNIFICANT_TIME;
        if long || self.significant.as_ref().is_none_or(is_old) {
            self.significant = Some(Significant { report, sent_within });
        }
    }

    /// The oldest report that was not handed out yet, or the last one; `None` before the second
    /// probe packet.
    pub fn next_report(&mut self) -> Option<PathReport> {
        self.fresh.pop_front().or(self.report)
    }

    /// Reports that were not handed out yet are not worth it any more.
    pub fn forget_reports(&mut self) {
        self.fresh.clear();
    }

    /// There are reports that were not handed out yet.
    pub fn has_more(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// The report of the last interval that was long enough to show loss, for receivers that answer
    /// now and then.
    pub fn significant_report(&mut self) -> Option<PathReport> {
        self.significant.map(|significant| significant.report)
    }

    /// Bytes per second of UDP payload that the path is known to take: what arrived, if it was less
    /// than was sent, and else twice that; `None` before the second probe packet.
    pub fn rate(&self) -> Option<f64> {
        let Significant { report, sent_within } = self.significant?;
        let packets = report.packets();
        let bytes = u64::from(report.bytes) * packets / u64::from(report.received.max(1));
        let from = Departure { at: Timestamp::ZERO, total: Total::default() };
        let to = Departure { at: Timestamp::ZERO + sent_within, total: Total { bytes, packets } };
        let interval =
            Interval::new([from, to], &[], &report, PacketOverhead::NONE, Reporter::Asked, 0.0)?;
        let congested = interval.is_congested(Duration::ZERO) || report.ce_marked > 0;
        Some(interval.delivered * if congested { 1.0 } else { 2.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_micros(micros)
    }

    /// A probe packet that was under way for `delay` microseconds.
    fn probe(meter: &mut PathMeter, micros: u64, delay: u64, number: u16, quiet: bool) {
        let sent = WireTime::from_nanos((micros - delay) * 1000 + 5_000_000_000);
        let (arrived, window) = (at(micros), Duration::ZERO);
        meter.probe(&WatchedProbe { arrived, cc_sequence: number, sent, quiet, window });
    }

    #[test]
    fn packets_between_probes_count_and_gaps_are_loss() {
        let mut meter = PathMeter::default();
        meter.note(at(0), Sequence(65_530), 40, true);
        probe(&mut meter, 1000, 200, 1, false);
        assert!(meter.report.is_none());
        for n in [65_531u16, 65_534, 2, 3] {
            meter.note(at(0), Sequence(n), 1000, n > 65_533);
        }
        meter.note(at(0), Sequence(4), 40, false);
        probe(&mut meter, 3500, 700, 3, false);
        let report = meter.report.unwrap();
        assert_eq!((report.cc_sequence, report.probes), (3, 2));
        assert_eq!((report.received, report.lost, report.bytes), (5, 5, 4040));
        assert_eq!(report.ce_marked, 1);
        assert_eq!(report.span, Duration::from_micros(2500));
        assert_eq!(report.queue, Duration::from_micros(500));
        probe(&mut meter, 4500, 100, 3, false);
        assert_eq!(meter.report, Some(report), "a copy says nothing new");
    }

    #[test]
    fn baseline_loss_is_that_of_quiet_intervals() {
        let mut meter = PathMeter::default();
        let mut sequence = 0u16;
        for number in 0..200u16 {
            let quiet = number % 4 == 0;
            for n in 0..100 {
                sequence = sequence.wrapping_add(1);
                // A tenth in quiet intervals, a half at others.
                if n == 99 || n % if quiet { 10 } else { 2 } != 0 {
                    meter.note(at(0), Sequence(sequence), 1000, false);
                }
            }
            probe(&mut meter, 1000 * (u64::from(number) + 1), 100, number + 1, quiet);
        }
        let base = f64::from(meter.report.unwrap().baseline_loss) / 65_535.0;
        assert!((0.09..0.11).contains(&base), "{base}");
    }

    #[test]
    fn drops_of_the_host_are_told_apart_from_losses() {
        let mut meter = PathMeter::default();
        let mut sequence = 0u16;
        // This many of a hundred packets arrive, with the next probe packet.
        let mut hundred = |meter: &mut PathMeter, number: u16, arrive: u16| {
            (1..arrive).for_each(|n| meter.note(at(0), Sequence(sequence + n), 1000, false));
            sequence += 100;
            meter.note(at(0), Sequence(sequence), 40, false);
            probe(meter, u64::from(number) * 20_000, 100, number, false);
            meter.report
        };
        meter.note_drops(500);
        hundred(&mut meter, 1, 100);
        meter.note_drops(530);
        let report = hundred(&mut meter, 2, 60).unwrap();
        assert_eq!((report.lost, report.dropped), (10, 30), "those of before do not count");
        // More were dropped than are missing: they may be of the next interval.
        meter.note_drops(570);
        let report = hundred(&mut meter, 3, 85).unwrap();
        assert_eq!((report.lost, report.dropped), (0, 15));
        let report = hundred(&mut meter, 4, 60).unwrap();
        assert_eq!((report.lost, report.dropped), (15, 25));
    }

    #[test]
    fn time_with_the_longest_queue_is_not_quiet() {
        let mut meter = PathMeter::default();
        let mut sequence = 0u16;
        for number in 0..20u16 {
            // Half is lost while a queue of 3 ms, which is all that there is room for, is full.
            let full = number > 4 && number % 2 == 1;
            for n in 0..100 {
                sequence = sequence.wrapping_add(1);
                if n == 99 || !full || n % 2 == 0 {
                    meter.note(at(0), Sequence(sequence), 1000, false);
                }
            }
            let delay = if full { 3_100 } else { 100 };
            probe(&mut meter, 20_000 * (u64::from(number) + 1), delay, number + 1, true);
        }
        let report = meter.report.unwrap();
        assert_eq!(report.baseline_loss, 0);
        let packets = report.baseline_packets;
        assert!((300..=400).contains(&packets), "{packets} of the last quiet intervals");
    }

    #[test]
    fn smallest_delay_is_forgotten_after_a_while() {
        let mut meter = PathMeter::default();
        meter.note(at(0), Sequence(0), 40, false);
        for second in 0..40u16 {
            let delay = if second == 0 { 100 } else { 600 };
            probe(&mut meter, u64::from(second) * 1_000_000 + 1000, delay, second, false);
        }
        assert_eq!(meter.report.unwrap().queue, Duration::ZERO);
    }

    /// The queue that the last of these probe packets sees. One leaves each second, and is under
    /// way for 40 ms longer from the tenth on, of which the sender makes the queue until
    /// `fair_until`.
    fn queue_after(seconds: u16, fair_until: u16) -> Duration {
        let mut meter = PathMeter::default();
        meter.note(at(0), Sequence(0), 40, false);
        for second in 0..=seconds {
            let delay = if second < 10 { 100 } else { 40_100 };
            meter.remember(Duration::from_millis(50), (10..fair_until).contains(&second));
            probe(&mut meter, u64::from(second) * 1_000_000 + 100_000, delay, second, false);
        }
        meter.report.unwrap().queue
    }

    #[test]
    fn smallest_delay_is_kept_while_the_sender_makes_a_queue() {
        let drift = |seconds: u64| Duration::from_micros(40_000 - 100 * seconds);
        assert_eq!(
            queue_after(20, 100),
            Duration::from_millis(40),
            "there were quicker ones lately"
        );
        assert_eq!(queue_after(120, 200), drift(120));
        assert_eq!(queue_after(390, 600), drift(390));
        assert_eq!(queue_after(420, 600), Duration::ZERO);
        assert_eq!(queue_after(120, 115), drift(120), "and some seconds longer");
        assert_eq!(queue_after(160, 115), Duration::ZERO, "then the last 15 to 30 s count again");
    }
}
