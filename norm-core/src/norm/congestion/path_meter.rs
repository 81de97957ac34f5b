//! What a receiver gets of a sender's packets, from probe to probe.

use core::time::Duration;

use super::interval::{Departure, Interval, Total};
use crate::base::Timestamp;
use crate::norm::wire::{PathReport, Sequence, WireTime};

/// The quickest way of a probe is looked for in two spans of this, so that clocks may drift, or of so
/// many round trips: somebody else's queue is empty now and then.
const MEMORY: Duration = Duration::from_secs(15);
const MEMORY_ROUNDS: u32 = 60;
const LONGEST_MEMORY: Duration = Duration::from_secs(120);
/// While the sender makes a queue itself perhaps no probe finds it empty: the quickest way of before is
/// remembered for so long, ...
const KEPT: Duration = Duration::from_secs(600);
/// ... and taken to be longer by what two clocks may drift apart meanwhile, in parts per million.
const DRIFT_PPM: i128 = 100;
/// Loss at calm times is that of about so many packets.
const BASE_PACKETS: f64 = 2_000.0;
/// So many packets, or so long a time, show whether more is lost than at calm times.
const TELLING: u64 = 50;
const LONG: Duration = Duration::from_millis(15);
/// Who asks forgets older probes than this soon.
const RECENT: u16 = 16;
/// Fewer packets than this have no loss to speak of.
const FEWEST: f64 = 50.0;
/// So many (weighted) that lose far less than was thought are believed at once.
const CLEAR: f64 = 50.0;

/// The count when a probe came.
#[derive(Copy, Clone, Debug)]
struct Mark {
    cc_sequence: u16,
    at: Timestamp,
    sent: WireTime,
    position: u64,
    packets: u64,
    bytes: u64,
    marked: u64,
}

/// Counts what arrives, and says how it did since the probe before.
#[derive(Clone, Debug, Default)]
pub struct PathMeter {
    last: Option<Sequence>,
    position: u64,
    packets: u64,
    bytes: u64,
    marked: u64,
    mark: Option<Mark>,
    report: Option<PathReport>,
    /// The last report of a time that was long enough to show loss, and the time between its probes at
    /// the sender.
    telling: Option<(PathReport, Duration)>,
    /// Calm times: packets that arrived, and that were to arrive.
    calm: (f64, f64),
    quickest: Quickest,
}

impl PathMeter {
    /// Counts a packet of `bytes` bytes of UDP payload; `marked` when a router said that its queue is long.
    pub fn note(&mut self, sequence: Sequence, bytes: usize, marked: bool) {
        let ahead = self.last.map_or(1, |last| sequence.distance_from(last));
        if (1..0x8000).contains(&ahead) {
            self.position += u64::from(ahead);
            self.last = Some(sequence);
        }
        self.packets += 1;
        self.bytes += bytes as u64;
        self.marked += u64::from(marked);
    }

    /// The group's round trip, by which the quickest way is remembered, and whether the sender follows the law
    /// that makes a queue.
    pub fn remember(&mut self, grtt: Duration, fair: bool) {
        self.quickest.memory = (grtt * MEMORY_ROUNDS).clamp(MEMORY, LONGEST_MEMORY);
        self.quickest.fair |= fair;
    }

    /// Takes a probe, which was counted already. `calm` says of the time since the one before that
    /// less was sent than the path should take.
    pub fn probe(&mut self, now: Timestamp, cc_sequence: u16, sent: WireTime, calm: bool) {
        let mark = Mark {
            cc_sequence,
            at: now,
            sent,
            position: self.position,
            packets: self.packets,
            bytes: self.bytes,
            marked: self.marked,
        };
        let queue = self.quickest.note(now, sent);
        let Some(before) = self.mark else {
            self.mark = Some(mark);
            return;
        };
        let probes = cc_sequence.wrapping_sub(before.cc_sequence);
        if probes == 0 || probes > 0x8000 {
            // A copy, or an old one.
            return;
        }
        self.mark = Some(mark);
        let cut = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
        let received = mark.packets - before.packets;
        let lost = (mark.position - before.position).saturating_sub(received);
        // With a queue as long as this, it is no calm time whatever the sender says.
        let calm =
            calm && queue < Duration::from_millis(5).max(now.saturating_since(before.at) / 4);
        if calm && probes == 1 {
            self.note_calm(received, lost);
        }
        let took = sent.to_nanos().saturating_sub(before.sent.to_nanos());
        let report = PathReport {
            cc_sequence,
            probes,
            baseline_loss: (self.baseline_loss() * 65_535.0) as u16,
            span: now.saturating_since(before.at),
            received: cut(received),
            lost: cut(lost),
            bytes: cut(mark.bytes - before.bytes),
            queue,
            ce_marked: cut(mark.marked - before.marked),
        };
        self.report = Some(report);
        let old = |(told, _): &(PathReport, Duration)| {
            cc_sequence.wrapping_sub(told.cc_sequence) >= RECENT
        };
        let long = received + lost >= TELLING || report.span >= LONG;
        if long || self.telling.as_ref().is_none_or(old) {
            self.telling = Some((report, Duration::from_nanos(took)));
        }
    }

    /// What there is to say of the time before the last probe; `None` before the second one.
    pub fn report(&self) -> Option<PathReport> {
        self.report
    }

    /// The same of the last time that was long enough to show loss: for who answers now and then.
    pub fn significant_report(&self) -> Option<PathReport> {
        self.telling.map(|(report, _)| report)
    }

    /// Bytes per second of UDP payload that the path is known to take: what arrived, if it was less
    /// than was sent, and else twice that; `None` before the second probe.
    pub fn rate(&self) -> Option<f64> {
        let (report, sent) = self.telling?;
        let packets = u64::from(report.received) + u64::from(report.lost);
        let bytes = u64::from(report.bytes) * packets / u64::from(report.received.max(1));
        let from = Departure { at: Timestamp::ZERO, total: Total::default() };
        let to = Departure { at: Timestamp::ZERO + sent, total: Total { bytes, packets } };
        let interval = Interval::new(from, to, &report, 0)?;
        let squeezed = interval.is_congested(Duration::ZERO) || report.ce_marked > 0;
        Some(interval.delivered * if squeezed { 1.0 } else { 2.0 })
    }

    /// The part lost at calm times, 0 to 1.
    fn baseline_loss(&self) -> f64 {
        let (received, expected) = self.calm;
        if expected > 0.0 { 1.0 - received / expected } else { 0.0 }
    }

    fn note_calm(&mut self, received: u64, lost: u64) {
        let (received, expected) = (received as f64, (received + lost) as f64);
        let keep = (1.0 - expected / BASE_PACKETS).max(0.0);
        // A short calm time counts too, if there is anything to count: there are few of them.
        let weight =
            if expected >= FEWEST { (BASE_PACKETS / 4.0 / expected).max(1.0) } else { 1.0 };
        let (received, expected) = (received * weight, expected * weight);
        let keep = if weight > 1.0 { 0.75 } else { keep };
        // Far less than before: the times before were not calm.
        let clear =
            expected >= CLEAR && expected - received < expected * self.baseline_loss() / 2.0;
        let keep = if clear { 0.1 } else { keep };
        self.calm = (self.calm.0 * keep + received, self.calm.1 * keep + expected);
    }
}

/// The least difference of two clocks seen lately, which is the quickest way.
#[derive(Copy, Clone, Debug)]
struct Quickest {
    memory: Duration,
    since: Timestamp,
    now: Option<Least>,
    before: Option<Least>,
    /// The least before those, while the sender makes a queue.
    kept: Option<Least>,
    /// It has made one in this span.
    fair: bool,
}

/// A difference of two clocks, and when it was seen.
#[derive(Copy, Clone, Debug)]
struct Least {
    way: i128,
    at: Timestamp,
}

impl Least {
    /// What it may have become since.
    fn drifted(self, now: Timestamp) -> i128 {
        let age = now.saturating_since(self.at).as_nanos() as i128;
        self.way + age * DRIFT_PPM / 1_000_000
    }
}

impl Default for Quickest {
    fn default() -> Self {
        let (now, before, kept) = (None, None, None);
        Self { memory: MEMORY, since: Timestamp::ZERO, now, before, kept, fair: false }
    }
}

impl Quickest {
    /// How much longer than the quickest this one took.
    fn note(&mut self, at: Timestamp, sent: WireTime) -> Duration {
        let way = i128::from(at.as_nanos()) - i128::from(sent.to_nanos());
        if at >= self.since + self.memory {
            let fair = core::mem::take(&mut self.fair);
            let oldest = [self.kept, self.before].into_iter().flatten();
            let oldest = oldest.filter(|least| fair && at < least.at + KEPT);
            self.kept = oldest.min_by_key(|least| least.drifted(at));
            (self.since, self.before, self.now) = (at, self.now, None);
        }
        if self.now.is_none_or(|least| way < least.way) {
            self.now = Some(Least { way, at });
        }
        let lately = [self.now, self.before].into_iter().flatten().map(|least| least.way);
        let kept = self.kept.map(|least| least.drifted(at));
        let least = lately.chain(kept).min().unwrap_or(way);
        Duration::from_nanos(u64::try_from(way - least).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(micros: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_micros(micros)
    }

    /// A probe that was under way for so many microseconds.
    fn probe(meter: &mut PathMeter, micros: u64, way: u64, number: u16, calm: bool) {
        let sent = WireTime::from_nanos((micros - way) * 1000 + 5_000_000_000);
        meter.probe(at(micros), number, sent, calm);
    }

    #[test]
    fn packets_between_two_probes_are_counted_and_gaps_are_losses() {
        let mut meter = PathMeter::default();
        meter.note(Sequence(65_530), 40, true);
        probe(&mut meter, 1000, 200, 1, false);
        assert!(meter.report().is_none());
        for n in [65_531u16, 65_534, 2, 3] {
            meter.note(Sequence(n), 1000, n > 65_533);
        }
        meter.note(Sequence(4), 40, false);
        probe(&mut meter, 3500, 700, 3, false);
        let report = meter.report().unwrap();
        assert_eq!((report.cc_sequence, report.probes), (3, 2));
        assert_eq!((report.received, report.lost, report.bytes), (5, 5, 4040));
        assert_eq!(report.ce_marked, 1);
        assert_eq!(report.span, Duration::from_micros(2500));
        assert_eq!(report.queue, Duration::from_micros(500));
        probe(&mut meter, 4500, 100, 3, false);
        assert_eq!(meter.report(), Some(report), "a copy says nothing new");
    }

    #[test]
    fn the_loss_of_calm_times_is_kept_apart() {
        let mut meter = PathMeter::default();
        let mut sequence = 0u16;
        for number in 0..200u16 {
            let calm = number % 4 == 0;
            for n in 0..100 {
                sequence = sequence.wrapping_add(1);
                // A tenth at calm times, a half at others.
                if n == 99 || n % if calm { 10 } else { 2 } != 0 {
                    meter.note(Sequence(sequence), 1000, false);
                }
            }
            probe(&mut meter, 1000 * (u64::from(number) + 1), 100, number + 1, calm);
        }
        let base = f64::from(meter.report().unwrap().baseline_loss) / 65_535.0;
        assert!((0.09..0.11).contains(&base), "{base}");
    }

    #[test]
    fn the_quickest_way_is_forgotten_after_a_while() {
        let mut meter = PathMeter::default();
        meter.note(Sequence(0), 40, false);
        for second in 0..40u16 {
            let way = if second == 0 { 100 } else { 600 };
            probe(&mut meter, u64::from(second) * 1_000_000 + 1000, way, second, false);
        }
        assert_eq!(meter.report().unwrap().queue, Duration::ZERO);
    }

    /// The queue of the last of these probes, which leave each second and are under way for 40 ms longer from the
    /// tenth on, when the sender has made that queue until then.
    fn queue_after(seconds: u16, fair_until: u16) -> Duration {
        let mut meter = PathMeter::default();
        meter.note(Sequence(0), 40, false);
        for second in 0..=seconds {
            let way = if second < 10 { 100 } else { 40_100 };
            meter.remember(Duration::from_millis(50), (10..fair_until).contains(&second));
            probe(&mut meter, u64::from(second) * 1_000_000 + 100_000, way, second, false);
        }
        meter.report().unwrap().queue
    }

    #[test]
    fn while_the_sender_makes_a_queue_the_quickest_way_of_before_is_remembered_but_for_drift() {
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
