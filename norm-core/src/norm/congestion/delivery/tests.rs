use super::super::limits::FIRST_RATE;
use super::*;

/// Bytes of a packet, headers included, and of the headers.
const PACKET: f64 = 1000.0;
const OVERHEAD: usize = 28;
const MS: Duration = Duration::from_millis(1);

/// A path of one bottleneck, as water in a pipe.
struct Pipe {
    delivery: Delivery,
    now: Timestamp,
    /// Bytes per second that pass, and bytes that wait.
    passes: f64,
    queue: f64,
    room: f64,
    /// Bytes that pass at once after a rest, as a shaper lets them.
    bucket: f64,
    /// How long the queue of others is.
    others: Duration,
    /// From so many bytes in the queue on, what is sent is marked; and so is this part of it anyway.
    threshold: f64,
    marked: f64,
    marks: u64,
    /// Bytes per second that there are to send.
    supply: f64,
    rtt: Duration,
    /// What more there is in the round trip.
    stretch: Duration,
    /// The part that is lost anyway, and known to be.
    base: f64,
    /// Reports of these times are lost, with the probe that ended them.
    deaf: Option<Step>,
    unheard: Option<PathReport>,
    sequence: u16,
    packets: f64,
    left: Timestamp,
    arrived: Timestamp,
    reports: VecDeque<(Timestamp, PathReport)>,
    /// Rates from probe to probe.
    rates: Vec<f64>,
}

impl Pipe {
    fn new(passes: f64, rtt: Duration, limits: RateLimits) -> Self {
        let now = Timestamp::ZERO;
        Self {
            delivery: Delivery::new(limits, PACKET as usize - OVERHEAD, OVERHEAD, rtt, now),
            now,
            passes,
            queue: 0.0,
            room: f64::MAX,
            bucket: 0.0,
            others: Duration::ZERO,
            threshold: f64::MAX,
            marked: 0.0,
            marks: 0,
            supply: f64::MAX,
            rtt,
            stretch: Duration::ZERO,
            base: 0.0,
            deaf: None,
            unheard: None,
            sequence: 0,
            packets: 0.0,
            left: now,
            arrived: now,
            reports: VecDeque::new(),
            rates: Vec::new(),
        }
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let report = self.reports.front().map_or(Timestamp::MAX, |&(at, _)| at);
            let probe = self.delivery.next().max(self.now);
            if report.min(probe) > end {
                self.now = end;
                return;
            }
            self.now = report.min(probe);
            if report <= probe {
                let (_, report) = self.reports.pop_front().expect("there is one");
                let rtt = self.rtt + self.stretch;
                self.delivery.note_min_rtt(self.now, self.rtt, rtt);
                self.delivery.take(self.now, &report, rtt);
            } else {
                self.probe();
            }
        }
    }

    fn probe(&mut self) {
        let (rate, time) = (self.delivery.rate(), self.now.saturating_since(self.left));
        self.rates.push(rate);
        let before = self.packets.floor();
        // A probe is a packet too.
        self.packets += rate.min(self.supply) * time.as_secs_f64() / PACKET + 1.0;
        let sent = self.packets.floor() - before;
        let waits = self.queue + sent * PACKET - self.passes * time.as_secs_f64();
        let waits = waits.max(-self.bucket);
        self.queue = waits.min(self.room);
        let dropped = (waits - self.queue) / PACKET;
        let queue = self.queue.max(0.0);
        let lost = (dropped + (sent - dropped) * self.base).min(sent - 1.0).floor();
        let delay = self.others + Duration::from_secs_f64(queue / self.passes);
        let arrives = self.now + self.rtt / 2 + delay;
        let received = (sent - lost) as u32;
        let part = if queue > self.threshold { 1.0 } else { self.marked };
        let marked = (f64::from(received) * part).round() as u32;
        self.marks += u64::from(marked);
        let mut report = PathReport {
            cc_sequence: self.sequence,
            probes: 1,
            baseline_loss: (self.base * 65_535.0) as u16,
            span: arrives.saturating_since(self.arrived),
            received,
            lost: lost as u32,
            bytes: received * (PACKET as u32 - OVERHEAD as u32),
            queue: delay,
            ce_marked: marked,
        };
        if let Some(before) = self.unheard.take() {
            report.probes += before.probes;
            report.span += before.span;
            report.received += before.received;
            report.lost += before.lost;
            report.bytes += before.bytes;
        }
        if self.deaf == Some(self.delivery.step) {
            self.unheard = Some(report);
        } else {
            self.reports.push_back((arrives + self.rtt / 2, report));
        }
        let total = Total {
            bytes: self.packets as u64 * (PACKET as u64 - OVERHEAD as u64),
            packets: self.packets as u64,
        };
        self.delivery.probe(self.now, self.sequence, total);
        (self.left, self.arrived) = (self.now, arrives);
        self.sequence = self.sequence.wrapping_add(1);
    }

    #[track_caller]
    fn has_capacity(&self, least: f64, most: f64) {
        let capacity = self.delivery.bandwidth();
        assert!((least..=most).contains(&capacity), "{capacity} is not in {least}..={most}");
    }
}

fn free() -> RateLimits {
    RateLimits { min: 10_000.0, max: f64::MAX }
}

#[test]
fn a_session_begins_with_ten_packets_in_a_round_trip_and_at_most_a_megabit() {
    for (rtt, rate) in [(MS * 500, 20_000.0), (MS * 10, FIRST_RATE)] {
        let delivery = Delivery::new(free(), 972, OVERHEAD, rtt, Timestamp::ZERO);
        assert!((delivery.rate() - rate).abs() < 1.0, "{}", delivery.rate());
    }
}

#[test]
fn nothing_is_tried_before_somebody_reports() {
    let mut delivery = Delivery::new(free(), 972, OVERHEAD, MS * 10, Timestamp::ZERO);
    let mut now = Timestamp::ZERO;
    for sequence in 0..200 {
        delivery.probe(now, sequence, Total { bytes: 972, packets: 1 });
        assert!(delivery.rate() <= FIRST_RATE);
        now = delivery.next();
    }
}

#[test]
fn the_rate_doubles_until_the_path_is_full_and_stays_there() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(9e6, 10.6e6);
    assert!(!pipe.delivery.opening);
    pipe.run(Duration::from_secs(5));
    pipe.has_capacity(9e6, 10.6e6);
}

#[test]
fn the_first_pulses_are_few_packets_and_four_times_as_fast() {
    let mut pipe = Pipe::new(10e6, MS, free());
    pipe.run(Duration::from_secs(1));
    let faster: Vec<_> =
        pipe.rates.windows(2).map(|pair| pair[1] / pair[0]).filter(|ratio| *ratio > 1.5).collect();
    assert!((faster[0] - 4.0).abs() < 0.1 && (faster[1] - 4.0).abs() < 0.1, "{faster:?}");
    assert!(faster[3..].iter().all(|ratio| *ratio < 2.1), "{faster:?}");
    pipe.has_capacity(9e6, 10.6e6);
    let mut polite = polite(10e6, MS);
    polite.run(Duration::from_secs(1));
    assert!(polite.rates.windows(2).all(|pair| pair[1] < pair[0] * 3.1));
}

#[test]
fn what_arrives_of_a_pulse_counts_when_there_was_not_enough_to_send() {
    for supply in [10e6, 14e6, 20e6] {
        let mut pipe = Pipe::new(100e6, MS * 5, free());
        pipe.supply = supply;
        pipe.run(Duration::from_secs(3));
        pipe.has_capacity(supply * 0.9, supply * 1.3);
    }
}

#[test]
fn behind_each_later_pulse_the_queue_is_emptied() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.rates.clear();
    pipe.run(Duration::from_secs(6));
    let capacity = pipe.delivery.bandwidth();
    let pulses = pipe.rates.iter().filter(|&&rate| rate > capacity * 1.1).count();
    let drains = pipe.rates.iter().filter(|&&rate| rate < capacity * 0.85).count();
    assert!(pulses > 1 && drains > 1, "{pulses} {drains}");
    assert!(pulses < 20, "pulses are rare: {pulses}");
}

#[test]
fn a_path_that_takes_less_is_followed_and_so_is_one_that_takes_more() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    (pipe.passes, pipe.room) = (4e6, 100_000.0);
    pipe.run(Duration::from_secs(3));
    pipe.has_capacity(3e6, 4.6e6);
    pipe.passes = 12e6;
    pipe.run(Duration::from_secs(10));
    pipe.has_capacity(10e6, 13e6);
}

#[test]
fn the_limits_hold() {
    let limits = RateLimits { min: 1e6, max: 3e6 };
    let mut pipe = Pipe::new(10e6, MS * 20, limits);
    pipe.run(Duration::from_secs(3));
    assert!(pipe.delivery.rate() > 2.8e6 && pipe.rates.iter().all(|&rate| rate <= 3e6));
    pipe.passes = 0.5e6;
    pipe.run(Duration::from_secs(5));
    assert!(pipe.rates.iter().all(|&rate| rate >= 1e6));
}

#[test]
fn silence_halves_the_rate_down_to_the_first_one() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    let before = pipe.delivery.bandwidth();
    pipe.delivery.halve(pipe.now);
    pipe.has_capacity(before * 0.49, before * 0.51);
    for _ in 0..20 {
        pipe.delivery.halve(pipe.now);
    }
    pipe.has_capacity(FIRST_RATE * 0.99, FIRST_RATE * 1.01);
}

#[test]
fn somebody_else_limits_at_once_and_is_forgotten_soon() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    let before = pipe.delivery.bandwidth();
    pipe.delivery.limit_to(pipe.now, 1e6);
    assert!(pipe.delivery.rate() <= 1e6);
    pipe.delivery.limit_to(pipe.now, 5e6);
    pipe.has_capacity(1e6, 1e6);
    pipe.delivery.release(pipe.now, before);
    pipe.has_capacity(before * 0.49, before * 0.51);
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(9e6, 10.6e6);
}

fn polite(passes: f64, rtt: Duration) -> Pipe {
    let mut pipe = Pipe::new(passes, rtt, free());
    pipe.delivery = pipe.delivery.clone().scavenger();
    pipe
}

#[test]
fn who_gives_way_has_as_much_as_others_when_it_is_alone() {
    let mut pipe = polite(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(9e6, 10.6e6);
    pipe.run(Duration::from_secs(20));
    pipe.has_capacity(9e6, 10.6e6);
}

#[test]
fn a_queue_that_stands_makes_it_give_way_and_when_it_is_gone_it_comes_back() {
    let mut pipe = polite(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.others = MS * 15;
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(10_000.0, 40_000.0);
    pipe.run(Duration::from_secs(20));
    pipe.has_capacity(10_000.0, 40_000.0);
    pipe.others = Duration::ZERO;
    pipe.run(Duration::from_secs(8));
    pipe.has_capacity(9e6, 10.6e6);
}

#[test]
fn a_queue_that_is_gone_at_once_is_nobody() {
    let mut pipe = polite(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.others = MS * 15;
    pipe.run(MS * 30);
    pipe.others = Duration::ZERO;
    pipe.run(Duration::from_secs(1));
    pipe.has_capacity(8e6, 10.6e6);
}

#[test]
fn a_shaper_that_lets_the_first_packets_pass_is_nobody_else() {
    let mut pipe = polite(12.5e6, MS / 10);
    (pipe.bucket, pipe.room) = (65_536.0, 625_000.0);
    let mut sent = Vec::new();
    for _ in 0..20 {
        let before = pipe.packets;
        pipe.run(Duration::from_secs(1));
        sent.push((pipe.packets - before) * PACKET / pipe.passes);
    }
    assert!(sent[2..].iter().all(|part| (0.8..1.1).contains(part)), "{sent:?}");
}

#[test]
fn a_bound_that_changes_is_kept_and_after_a_pause_the_rate_is_found_anew() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.delivery.set_max_rate(2e6);
    pipe.rates.clear();
    pipe.run(Duration::from_secs(5));
    assert!(pipe.rates.iter().skip(1).all(|&rate| rate <= 2e6));
    pipe.delivery.set_max_rate(f64::MAX);
    pipe.run(Duration::from_secs(3));
    pipe.has_capacity(9e6, 10.6e6);
    pipe.delivery.restart(pipe.now);
    pipe.has_capacity(FIRST_RATE, FIRST_RATE);
    pipe.passes = 3e6;
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(2.7e6, 3.2e6);
}

#[test]
fn a_queue_that_is_marked_stays_short_and_the_path_is_used_all_the_same() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.threshold = 20.0 * PACKET;
    pipe.run(Duration::from_secs(3));
    pipe.has_capacity(9e6, 10.6e6);
    (pipe.marks, pipe.packets) = (0, 0.0);
    pipe.run(Duration::from_secs(10));
    pipe.has_capacity(9e6, 10.6e6);
    let part = pipe.marks as f64 / pipe.packets;
    assert!(part < 0.02, "{part}");
}

#[test]
fn while_marks_stay_the_rate_falls_by_half_of_what_is_marked_and_then_it_is_found_anew() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(3));
    let before = pipe.delivery.bandwidth();
    pipe.marked = 0.5;
    // Once after two times 100 ms, and again after each; what is under way was sent before.
    pipe.run(MS * 280);
    assert!(pipe.delivery.is_ce_marked());
    pipe.has_capacity(before * 0.74, before * 0.76);
    assert!(pipe.delivery.rate() < before * 0.61, "less meanwhile, so that a queue empties");
    pipe.run(MS * 100);
    pipe.has_capacity(before * 0.55, before * 0.58);
    pipe.run(Duration::from_secs(10));
    pipe.has_capacity(10_000.0, 10_000.0);
    pipe.marked = 0.0;
    pipe.run(Duration::from_secs(10));
    pipe.has_capacity(9e6, 10.6e6);
}

#[test]
fn one_mark_now_and_then_is_a_queue_all_the_time() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(3));
    pipe.delivery.forget_occupancy();
    for _ in 0..60 {
        pipe.marked = 0.01;
        pipe.run(MS * 25);
        pipe.marked = 0.0;
        pipe.run(MS * 50);
    }
    // Three seconds' mean, after four and a half.
    assert!(pipe.delivery.queue_occupancy() > 0.7, "{}", pipe.delivery.queue_occupancy());
}

#[test]
fn a_marked_pulse_that_makes_no_queue_raises_nothing() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    // Whatever is sent is marked and arrives.
    pipe.marked = 1.0;
    pipe.run(MS * 100);
    let first = pipe.delivery.bandwidth();
    pipe.passes = 100e6;
    pipe.run(Duration::from_secs(2));
    assert!(pipe.delivery.bandwidth() <= first, "{} after {first}", pipe.delivery.bandwidth());
}

#[test]
fn who_gives_way_does_so_for_marks() {
    let mut pipe = polite(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.marked = 0.5;
    pipe.run(Duration::from_secs(2));
    pipe.has_capacity(10_000.0, 40_000.0);
    pipe.marked = 0.0;
    pipe.run(Duration::from_secs(8));
    pipe.has_capacity(9e6, 10.6e6);
}

/// Pulses among the last probes.
fn pulses(pipe: &Pipe) -> usize {
    pipe.delivery.log.iter().filter(|sent| sent.step == Step::Pulse).count()
}

#[test]
fn where_much_is_lost_anyway_what_the_opening_found_is_tried_again_soon() {
    for (base, retries) in [(0.0, false), (0.2, true)] {
        let mut pipe = Pipe { base, ..Pipe::new(1_250_000.0, MS * 5, free()) };
        while pipe.delivery.is_startup() {
            pipe.run(MS * 10);
        }
        pipe.delivery.log.clear();
        pipe.run(MS * 900);
        assert_eq!(pulses(&pipe) >= 2, retries, "{}", pulses(&pipe));
    }
    let mut pipe = Pipe { base: 0.2, ..polite(1_250_000.0, MS * 5) };
    pipe.run(MS * 3_000);
    assert_eq!(pipe.delivery.retry_at, None, "who gives way waits as long as ever");
}

#[test]
fn a_pulse_whose_own_report_is_lost_counts_by_the_next_one() {
    let mut pipe = Pipe { deaf: Some(Step::Pulse), ..Pipe::new(1_250_000.0, MS * 20, free()) };
    pipe.run(MS * 8_000);
    pipe.has_capacity(1_250_000.0 * 0.8, 1_250_000.0 * 1.1);
}

#[test]
fn a_late_pulse_is_no_jitter_when_what_would_tell_is_lost() {
    let mut pipe = Pipe::new(12_500_000.0, MS * 20, free());
    pipe.run(MS * 3_000);
    pipe.deaf = Some(Step::Settle);
    pipe.run(MS * 8_000);
    assert!(pipe.delivery.jitter() < MS / 10, "{:?}", pipe.delivery.jitter());
    pipe.has_capacity(12_500_000.0 * 0.9, 12_500_000.0 * 1.1);
}

#[test]
fn a_queue_that_grows_slowly_is_the_paths_word() {
    let passes = 12_500_000.0;
    let mut pipe = Pipe::new(passes, MS * 5, free());
    pipe.run(MS * 3_000);
    pipe.delivery.bandwidth = passes * 1.035;
    pipe.delivery.pulse_at = Timestamp::MAX;
    pipe.run(MS * 10_000);
    pipe.has_capacity(passes * 0.95, passes * 1.02);
}

#[test]
fn behind_another_laws_turn_a_long_round_trip_is_a_queue_for_a_minute() {
    let mut pipe = Pipe::new(12_500_000.0, MS * 20, free());
    pipe.run(MS * 3_000);
    pipe.stretch = MS * 30;
    pipe.run(MS * 5_000);
    assert!(pipe.delivery.queue_occupancy() < 0.1, "it may be the way back");
    pipe.delivery.resume(pipe.now, 10_000_000.0);
    pipe.run(MS * 5_000);
    assert!(pipe.delivery.queue_occupancy() > 0.5, "{}", pipe.delivery.queue_occupancy());
    pipe.run(MS * 70_000);
    assert!(pipe.delivery.queue_occupancy() < 0.1, "{}", pipe.delivery.queue_occupancy());
    pipe.delivery.resume(pipe.now, 10_000_000.0);
    pipe.stretch = Duration::ZERO;
    pipe.run(MS * 100);
    assert_eq!(pipe.delivery.stretch, None, "it was as short as ever");
}

#[test]
fn while_it_is_not_known_what_is_lost_anyway_the_time_tells_what_the_path_takes() {
    let now = Timestamp::ZERO;
    for leaks in [false, true] {
        let mut delivery = Pipe::new(1e6, MS * 20, free()).delivery;
        delivery.leaks = leaks;
        delivery.bandwidth = 900_000.0;
        let pulse = Interval {
            sent: 2e6,
            delivered: 600_000.0,
            passed: 1e6,
            grown: MS * 5,
            queue: MS * 5,
            baseline_loss: 0.0,
            lossy: false,
            ce_share: 0.0,
            span: MS * 5,
            packets: 10,
        };
        delivery.fail(now, &pulse);
        assert!((delivery.bandwidth() - if leaks { 1e6 } else { 600_000.0 }).abs() < 1.0);
    }
}
