use std::collections::VecDeque;

use super::super::limits::FIRST_RATE;
use super::*;

/// Bytes of a packet, headers included.
const PACKET: f64 = 1000.0;
/// Bytes of its UDP payload.
const PAYLOAD: u32 = 972;
const OVERHEAD: PacketOverhead = PacketOverhead::IPV4;
const MS: Duration = Duration::from_millis(1);

/// A path of one bottleneck, as water in a pipe.
struct Pipe {
    delivery: Delivery,
    now: Timestamp,
    /// Bytes per second that pass.
    passes: f64,
    /// Bytes that wait.
    queue: f64,
    /// Bytes that can wait.
    room: f64,
    /// Bytes that pass at once after a rest, as a shaper lets them.
    bucket: f64,
    /// Delay in the queue of other traffic.
    others: Duration,
    /// Packets that find more bytes than this in the queue are CE-marked.
    threshold: f64,
    /// Share of packets that is CE-marked in any case.
    marked: f64,
    /// CE marks so far.
    marks: u64,
    /// Bytes per second that there are to send.
    supply: f64,
    rtt: Duration,
    /// What the round trip is longer on the way back.
    inflation: Duration,
    /// Baseline loss, which reports know.
    base: f64,
    /// Reports of this phase are lost, with the probe packet that ended it.
    lost: Option<Phase>,
    /// What the next report has to cover as well.
    unreported: Option<PathReport>,
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
            delivery: Delivery::new(limits, PAYLOAD as usize, OVERHEAD, rtt, now),
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
            inflation: Duration::ZERO,
            base: 0.0,
            lost: None,
            unreported: None,
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
                let rtt = self.rtt + self.inflation;
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
            dropped: 0,
            bytes: received * PAYLOAD,
            queue: delay,
            baseline_packets: 2_000,
            jitter: Duration::ZERO,
            ce_marked: marked,
        };
        if let Some(before) = self.unreported.take() {
            report.probes += before.probes;
            report.span += before.span;
            report.received += before.received;
            report.lost += before.lost;
            report.bytes += before.bytes;
        }
        if self.lost == Some(self.delivery.schedule.phase()) {
            self.unreported = Some(report);
        } else {
            self.reports.push_back((arrives + self.rtt / 2, report));
        }
        let total =
            Total { bytes: self.packets as u64 * u64::from(PAYLOAD), packets: self.packets as u64 };
        self.delivery.probe(self.now, self.sequence, total);
        (self.left, self.arrived) = (self.now, arrives);
        self.sequence = self.sequence.wrapping_add(1);
    }

    #[track_caller]
    fn has_bandwidth(&self, least: f64, most: f64) {
        let bandwidth = self.delivery.bandwidth();
        assert!((least..=most).contains(&bandwidth), "{bandwidth} is not in {least}..={most}");
    }
}

fn free() -> RateLimits {
    RateLimits { min: 10_000.0, max: f64::MAX }
}

#[test]
fn session_begins_with_ten_packets_per_round_trip() {
    for (rtt, rate) in [(MS * 500, 20_000.0), (MS * 10, FIRST_RATE)] {
        let delivery = Delivery::new(free(), 972, OVERHEAD, rtt, Timestamp::ZERO);
        assert!((delivery.rate() - rate).abs() < 1.0, "{}", delivery.rate());
    }
}

#[test]
fn first_rate_follows_a_round_trip_that_was_measured() {
    let mut delivery = Delivery::new(free(), 972, OVERHEAD, MS * 500, Timestamp::ZERO);
    delivery.expect_rtt(MS * 100);
    assert!((delivery.rate() - 100_000.0).abs() < 1.0, "{}", delivery.rate());
    delivery.expect_rtt(MS * 10);
    assert!((delivery.rate() - FIRST_RATE).abs() < 1.0, "{}", delivery.rate());
}

#[test]
fn first_rate_holds_until_a_receiver_reports() {
    let mut delivery = Delivery::new(free(), 972, OVERHEAD, MS * 10, Timestamp::ZERO);
    let mut now = Timestamp::ZERO;
    for sequence in 0..200 {
        delivery.probe(now, sequence, Total { bytes: 972, packets: 1 });
        assert!(delivery.rate() <= FIRST_RATE);
        now = delivery.next();
    }
}

#[test]
fn startup_fills_the_path_and_the_rate_stays() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(9e6, 10.6e6);
    assert!(!pipe.delivery.is_startup());
    pipe.run(Duration::from_secs(5));
    pipe.has_bandwidth(9e6, 10.6e6);
}

#[test]
fn first_rate_probe_is_as_fast_as_a_few_packets_can_prove() {
    let mut pipe = Pipe::new(10e6, MS, free());
    pipe.run(Duration::from_secs(1));
    let faster: Vec<_> =
        pipe.rates.windows(2).map(|pair| pair[1] / pair[0]).filter(|ratio| *ratio > 1.5).collect();
    // 7 packets of 1,000 bytes in 2 ms, from 1 Mbit/s on.
    assert!((faster[0] - 28.0).abs() < 0.1, "{faster:?}");
    assert!(faster[1..].iter().all(|ratio| *ratio < 2.1), "{faster:?}");
    pipe.has_bandwidth(9e6, 10.6e6);
    let mut scavenger = scavenger(10e6, MS);
    scavenger.run(Duration::from_secs(1));
    assert!(scavenger.rates.windows(2).all(|pair| pair[1] < pair[0] * 3.1));
}

#[test]
fn rate_probe_counts_although_little_was_sent() {
    for supply in [10e6, 14e6, 20e6] {
        let mut pipe = Pipe::new(100e6, MS * 5, free());
        pipe.supply = supply;
        pipe.run(Duration::from_secs(3));
        pipe.has_bandwidth(supply * 0.9, supply * 1.3);
    }
}

#[test]
fn drain_follows_each_later_rate_probe() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.rates.clear();
    pipe.run(Duration::from_secs(6));
    let bandwidth = pipe.delivery.bandwidth();
    let probes = pipe.rates.iter().filter(|&&rate| rate > bandwidth * 1.1).count();
    let drains = pipe.rates.iter().filter(|&&rate| rate < bandwidth * 0.85).count();
    assert!(probes > 1 && drains > 1, "{probes} {drains}");
    assert!(probes < 20, "rate probes are rare: {probes}");
}

#[test]
fn rate_follows_a_path_down_and_up() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    (pipe.passes, pipe.room) = (4e6, 100_000.0);
    pipe.run(Duration::from_secs(3));
    pipe.has_bandwidth(3e6, 4.6e6);
    pipe.passes = 12e6;
    pipe.run(Duration::from_secs(10));
    pipe.has_bandwidth(10e6, 13e6);
}

#[test]
fn rate_stays_within_its_limits() {
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
    pipe.has_bandwidth(before * 0.49, before * 0.51);
    for _ in 0..20 {
        pipe.delivery.halve(pipe.now);
    }
    pipe.has_bandwidth(FIRST_RATE * 0.99, FIRST_RATE * 1.01);
}

#[test]
fn limit_of_another_receiver_holds_until_release() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    let before = pipe.delivery.bandwidth();
    pipe.delivery.limit_to(pipe.now, 1e6);
    assert!(pipe.delivery.rate() <= 1e6);
    pipe.delivery.limit_to(pipe.now, 5e6);
    pipe.has_bandwidth(1e6, 1e6);
    pipe.delivery.release(pipe.now, before);
    pipe.has_bandwidth(before * 0.49, before * 0.51);
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(9e6, 10.6e6);
}

fn scavenger(passes: f64, rtt: Duration) -> Pipe {
    let mut pipe = Pipe::new(passes, rtt, free());
    pipe.delivery = pipe.delivery.clone().scavenger();
    pipe
}

#[test]
fn scavenger_alone_fills_the_path() {
    let mut pipe = scavenger(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(9e6, 10.6e6);
    pipe.run(Duration::from_secs(20));
    pipe.has_bandwidth(9e6, 10.6e6);
}

#[test]
fn scavenger_yields_to_a_standing_queue_and_returns() {
    let mut pipe = scavenger(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.others = MS * 15;
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(10_000.0, 40_000.0);
    pipe.run(Duration::from_secs(20));
    pipe.has_bandwidth(10_000.0, 40_000.0);
    pipe.others = Duration::ZERO;
    pipe.run(Duration::from_secs(8));
    pipe.has_bandwidth(9e6, 10.6e6);
}

#[test]
fn scavenger_ignores_a_short_queue() {
    let mut pipe = scavenger(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.others = MS * 15;
    pipe.run(MS * 30);
    pipe.others = Duration::ZERO;
    pipe.run(Duration::from_secs(1));
    pipe.has_bandwidth(8e6, 10.6e6);
}

#[test]
fn scavenger_is_not_deceived_by_a_shaper() {
    let mut pipe = scavenger(12.5e6, MS / 10);
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
fn max_rate_may_change_and_restart_probes_anew() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(2));
    pipe.delivery.set_max_rate(2e6);
    pipe.rates.clear();
    pipe.run(Duration::from_secs(5));
    assert!(pipe.rates.iter().skip(1).all(|&rate| rate <= 2e6));
    pipe.delivery.set_max_rate(f64::MAX);
    pipe.run(Duration::from_secs(3));
    pipe.has_bandwidth(9e6, 10.6e6);
    pipe.delivery.restart(pipe.now);
    pipe.has_bandwidth(FIRST_RATE, FIRST_RATE);
    pipe.passes = 3e6;
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(2.7e6, 3.2e6);
}

#[test]
fn marking_queue_stays_short_on_a_full_path() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.threshold = 20.0 * PACKET;
    pipe.run(Duration::from_secs(3));
    pipe.has_bandwidth(9e6, 10.6e6);
    (pipe.marks, pipe.packets) = (0, 0.0);
    pipe.run(Duration::from_secs(10));
    pipe.has_bandwidth(9e6, 10.6e6);
    let part = pipe.marks as f64 / pipe.packets;
    assert!(part < 0.02, "{part}");
}

#[test]
fn rate_falls_by_half_of_the_marked_share() {
    let mut pipe = Pipe::new(10e6, MS * 20, free());
    pipe.run(Duration::from_secs(3));
    let before = pipe.delivery.bandwidth();
    pipe.marked = 0.5;
    // Once after two times 100 ms, and again after each; what is under way was sent before.
    pipe.run(MS * 280);
    assert!(pipe.delivery.is_ce_marked());
    pipe.has_bandwidth(before * 0.74, before * 0.76);
    assert!(pipe.delivery.rate() < before * 0.61, "less meanwhile, so that a queue empties");
    pipe.run(MS * 100);
    pipe.has_bandwidth(before * 0.55, before * 0.58);
    pipe.run(Duration::from_secs(10));
    pipe.has_bandwidth(10_000.0, 10_000.0);
    pipe.marked = 0.0;
    pipe.run(Duration::from_secs(10));
    pipe.has_bandwidth(9e6, 10.6e6);
}

#[test]
fn rare_ce_marks_are_a_standing_queue() {
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
fn marked_rate_probe_raises_nothing() {
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
fn scavenger_yields_to_ce_marks() {
    let mut pipe = scavenger(10e6, MS * 20);
    pipe.run(Duration::from_secs(2));
    pipe.marked = 0.5;
    pipe.run(Duration::from_secs(2));
    pipe.has_bandwidth(10_000.0, 40_000.0);
    pipe.marked = 0.0;
    pipe.run(Duration::from_secs(8));
    pipe.has_bandwidth(9e6, 10.6e6);
}

#[test]
fn rate_probes_follow_a_limit_soon_and_then_more_and_more_seldom() {
    let mut pipe = Pipe::new(1_250_000.0, MS * 5, free());
    while pipe.delivery.is_startup() {
        pipe.run(MS * 10);
    }
    let mut probes = |time: Duration| {
        pipe.delivery.log.clear();
        pipe.run(time);
        pipe.delivery.log.rate_probes()
    };
    // After 50, 100, 200, 400 ms, and then each second.
    let (first, second) = (probes(MS * 400), probes(MS * 800));
    assert!((2..=4).contains(&first) && (1..=2).contains(&second), "{first}, {second}");
    let mut pipe = scavenger(1_250_000.0, MS * 5);
    while pipe.delivery.is_startup() {
        pipe.run(MS * 10);
    }
    pipe.delivery.log.clear();
    pipe.run(MS * 900);
    assert_eq!(pipe.delivery.log.rate_probes(), 0, "a scavenger waits at once as long");
}

#[test]
fn rate_probe_that_arrives_shortens_the_time_to_those_after_the_next_limit() {
    let mut path = Path::new(free(), PAYLOAD as usize, OVERHEAD, MS);
    let next = |probing: &mut Probing| {
        probing.limit_found();
        probing.next_interval(MS)
    };
    let mut probing = Probing::new();
    let intervals = [next(&mut probing), next(&mut probing), next(&mut probing)];
    assert_eq!(intervals, [MS * 50, MS * 100, MS * 200]);
    probing.raised(Timestamp::ZERO, &path);
    assert_eq!(next(&mut probing), MS * 200, "without loss, the limit was one");
    // Usual, and not that of one report.
    (0..16).for_each(|_| path.note_baseline_loss(0.05));
    probing.raised(Timestamp::ZERO, &path);
    assert_eq!(next(&mut probing), MS * 50, "it may have been chance");
    path.note_baseline_loss(0.0);
    probing.begin_startup();
    probing.raised(Timestamp::ZERO, &path);
    assert_eq!(next(&mut probing), MS * 50);
}

#[test]
fn estimate_that_is_too_high_is_corrected_while_its_queue_stands() {
    let passes = 12_500_000.0;
    let mut pipe = Pipe::new(passes, MS, free());
    pipe.run(MS * 3_000);
    // At 0.8 of it, the queue grows by too little in each report to be seen there.
    pipe.delivery.path.set_bandwidth(passes * 1.28);
    pipe.delivery.schedule.probe_at(Timestamp::MAX);
    pipe.queue = passes * 0.01;
    pipe.run(MS * 500);
    pipe.has_bandwidth(passes * 0.9, passes * 1.05);
}

#[test]
fn rate_probe_counts_by_a_later_report() {
    let mut pipe = Pipe { lost: Some(Phase::Probe), ..Pipe::new(1_250_000.0, MS * 20, free()) };
    pipe.run(MS * 8_000);
    pipe.has_bandwidth(1_250_000.0 * 0.8, 1_250_000.0 * 1.1);
}

#[test]
fn rate_probe_of_which_not_all_arrives_counts_by_a_later_report_as_well() {
    let passes = 1_250_000.0;
    let mut pipe = Pipe { lost: Some(Phase::Probe), ..Pipe::new(passes, MS * 20, free()) };
    pipe.run(MS * 2_000);
    pipe.has_bandwidth(passes * 0.8, passes * 1.1);
    // As after a fall by chance.
    pipe.delivery.path.set_bandwidth(passes * 0.5);
    pipe.run(MS * 2_000);
    pipe.has_bandwidth(passes * 0.9, passes * 1.1);
}

#[test]
fn late_rate_probe_without_verdict_is_no_jitter() {
    let mut pipe = Pipe::new(12_500_000.0, MS * 20, free());
    pipe.run(MS * 3_000);
    pipe.lost = Some(Phase::Observe);
    pipe.run(MS * 8_000);
    assert!(pipe.delivery.jitter() < MS / 10, "{:?}", pipe.delivery.jitter());
    pipe.has_bandwidth(12_500_000.0 * 0.9, 12_500_000.0 * 1.1);
}

#[test]
fn slowly_growing_queue_lowers_the_rate() {
    let passes = 12_500_000.0;
    let mut pipe = Pipe::new(passes, MS * 5, free());
    pipe.run(MS * 3_000);
    pipe.delivery.path.set_bandwidth(passes * 1.035);
    pipe.delivery.schedule.probe_at(Timestamp::MAX);
    pipe.run(MS * 10_000);
    pipe.has_bandwidth(passes * 0.95, passes * 1.02);
}

#[test]
fn rtt_inflation_after_resume_is_a_queue_for_a_minute() {
    let mut pipe = Pipe::new(12_500_000.0, MS * 20, free());
    pipe.run(MS * 3_000);
    pipe.inflation = MS * 30;
    pipe.run(MS * 5_000);
    assert!(pipe.delivery.queue_occupancy() < 0.1, "it may be the way back");
    pipe.delivery.resume(pipe.now, 10_000_000.0);
    pipe.run(MS * 5_000);
    assert!(pipe.delivery.queue_occupancy() > 0.5, "{}", pipe.delivery.queue_occupancy());
    pipe.run(MS * 70_000);
    assert!(pipe.delivery.queue_occupancy() < 0.1, "{}", pipe.delivery.queue_occupancy());
    pipe.delivery.resume(pipe.now, 10_000_000.0);
    pipe.inflation = Duration::ZERO;
    pipe.run(MS * 100);
    assert!(!pipe.delivery.queue.is_inflated(), "it was as short as ever");
}

#[test]
fn unknown_baseline_loss_leaves_the_verdict_to_time() {
    let now = Timestamp::ZERO;
    for loss_outside in [false, true] {
        let mut delivery = Pipe::new(1e6, MS * 20, free()).delivery;
        if loss_outside {
            delivery.probing.note_loss_outside();
        }
        delivery.path.set_bandwidth(900_000.0);
        let probe = Interval {
            sent: 2e6,
            delivered: 600_000.0,
            passed: 1e6,
            grown: MS * 5,
            queue: MS * 5,
            jitter: Duration::ZERO,
            baseline_loss: 0.0,
            lossy: false,
            ce_share: 0.0,
            span: MS * 5,
            packets: 10,
            doubtful: false,
            chance: 0.0,
            dropped: 0.0,
            excessive: false,
        };
        delivery.probe_failed(now, &probe);
        let found = if loss_outside { 1e6 } else { 600_000.0 };
        assert!((delivery.bandwidth() - found).abs() < 1.0);
    }
}

/// The bandwidth estimate after a rate probe of startup of twice 1 MB/s, of which a count says that
/// 600 kB/s were delivered, and the time that 1 MB/s passed. Something was lost before.
fn found_after(probe: Interval) -> f64 {
    let mut delivery = Pipe::new(1e6, MS * 5, free()).delivery;
    delivery.probing.note_loss_outside();
    delivery.path.set_bandwidth(800_000.0);
    delivery.probe_failed(Timestamp::ZERO, &probe);
    delivery.bandwidth()
}

fn failed_probe() -> Interval {
    Interval {
        sent: 2e6,
        delivered: 600_000.0,
        passed: 1e6,
        grown: MS * 10,
        queue: MS * 10,
        jitter: Duration::ZERO,
        baseline_loss: 0.0,
        lossy: true,
        ce_share: 0.0,
        span: MS * 10,
        packets: 12,
        doubtful: false,
        chance: 0.0,
        dropped: 0.0,
        excessive: false,
    }
}

#[test]
fn lost_packets_are_no_overflow_while_as_few_wait_as_any_queue_holds() {
    assert!((found_after(failed_probe()) - 1e6).abs() < 1.0);
    let more = found_after(Interval { packets: 100, ..failed_probe() });
    assert!((more - 600_000.0).abs() < 1.0, "{more}");
}

#[test]
fn queue_before_a_rate_probe_shows_that_the_path_takes_no_more_than_is_known() {
    let stood = Interval { lossy: false, queue: MS * 40, ..failed_probe() };
    assert!((found_after(stood) - 800_000.0).abs() < 1.0);
}

#[test]
fn drain_after_startup_lasts_until_the_queue_is_empty() {
    let mut delivery = Pipe::new(1e6, MS * 5, free()).delivery;
    delivery.probe_failed(Timestamp::ZERO, &Interval { queue: MS * 20, ..failed_probe() });
    assert_eq!(delivery.next(), Timestamp::ZERO + MS * 80);
    let mut scavenger = scavenger(1e6, MS * 5).delivery;
    scavenger.probe_failed(Timestamp::ZERO, &Interval { queue: MS * 20, ..failed_probe() });
    assert!(scavenger.next() < Timestamp::ZERO + MS * 80);
}

#[test]
fn overdue_packets_leave_in_one_batch_of_what_sockets_take() {
    let mut delivery = Delivery::new(free(), PAYLOAD as usize, OVERHEAD, MS, Timestamp::ZERO);
    delivery.resume(Timestamp::ZERO, 10e6);
    // Two packets take 0.25 ms at 10 MB/s.
    let smooth = delivery.burst(0);
    assert!((1..=4).contains(&smooth), "{smooth}");
    assert_eq!((delivery.burst(1), delivery.burst(40)), (smooth, 40));
    assert_eq!(delivery.burst(1_000), 64);
}
