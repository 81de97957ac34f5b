use super::super::controller::limits;
use super::*;
use crate::norm::sender::config::{RateControl, SenderConfig};
use crate::norm::wire::QuantizedLoss;

const MS: Duration = Duration::from_millis(1);
const A: NodeId = NodeId(10);
const B: NodeId = NodeId(11);

/// A follower whose probes leave every 20 ms, after 100 packets each.
struct Test {
    follower: ClrFollower,
    now: Timestamp,
    sequence: u16,
    packets: u64,
    /// Receivers of the group.
    receivers: usize,
    /// It answers because it was asked.
    asked: NodeId,
}

impl Test {
    fn new() -> Self {
        let mut test = Self::unstarted();
        test.probe();
        test.probe();
        test
    }

    fn unstarted() -> Self {
        let mut config = SenderConfig::new(NodeId(1));
        config.control = RateControl::Delivery;
        let limits = limits(&config);
        let (overhead, rtt) = (config.packets.overhead, config.grtt.initial);
        let delivery = Delivery::new(limits, 972, overhead, rtt, Timestamp::ZERO);
        let follower = ClrFollower::new(delivery, limits.max, Timestamp::ZERO);
        let (sequence, packets, now) = (0, 0, Timestamp::ZERO);
        Self { follower, now, sequence, packets, receivers: 2, asked: NodeId(0) }
    }

    fn probe(&mut self) {
        self.probe_after(MS * 20);
    }

    fn probe_after(&mut self, gap: Duration) {
        self.probe_of(gap, 100);
    }

    fn probe_of(&mut self, gap: Duration, packets: u64) {
        self.now += gap;
        self.sequence += 1;
        self.packets += packets;
        let total = Total { bytes: self.packets * 972, packets: self.packets };
        self.follower.tick(self.now, |_| true);
        self.follower.probe(self.now, self.sequence, total);
    }

    /// This many of a hundred packets have arrived at a receiver.
    fn report(&mut self, node: NodeId, received: u32) {
        self.report_counts(node, received, 100 - received, 0);
    }

    /// This many of a hundred packets have arrived at a receiver, some with CE marks.
    fn report_ce_marked(&mut self, node: NodeId, received: u32, marked: u32) {
        self.report_counts(node, received, 100 - received, marked);
    }

    /// This many of a hundred packets have arrived in this time.
    fn report_over(&mut self, span: Duration, node: NodeId, received: u32) {
        self.report_interval(span, node, [received, 100 - received, 0]);
    }

    fn report_counts(&mut self, node: NodeId, received: u32, lost: u32, marked: u32) {
        self.report_interval(MS * 20, node, [received, lost, marked]);
    }

    fn report_interval(&mut self, span: Duration, node: NodeId, counts: [u32; 3]) {
        let [received, lost, marked] = counts;
        let flags = if node == self.asked { CcFlags::RTT.with(CcFlags::PLR) } else { CcFlags::RTT };
        let feedback = CcFeedback {
            cc_sequence: self.sequence,
            flags,
            rtt: QuantizedRtt::from_duration(MS * 10),
            loss: QuantizedLoss::from_fraction(0.0),
            rate: QuantizedRate::from_bytes_per_second(1e6),
        };
        let report = PathReport {
            cc_sequence: self.sequence,
            probes: 1,
            baseline_loss: 0,
            span,
            received,
            lost,
            dropped: 0,
            bytes: received * 972,
            queue: Duration::ZERO,
            baseline_packets: 0,
            jitter: Duration::ZERO,
            ce_marked: marked,
        };
        let view =
            PathView { node, rtt: MS * 10, feedback: &feedback, report, receivers: self.receivers };
        self.follower.take(self.now, &view);
    }

    fn clr(&self) -> Option<NodeId> {
        self.follower.clr.map(|clr| clr.node)
    }
}

#[test]
fn receiver_that_can_take_less_must_report_it_twice() {
    let mut test = Test::new();
    test.report(A, 100);
    assert_eq!(test.clr(), Some(A));
    let rate = test.follower.rate();
    test.report(B, 1);
    test.report(B, 1);
    assert_eq!((test.clr(), test.follower.rate()), (Some(A), rate));
    let listed: Vec<NodeId> = test.follower.listed().map(|item| item.id).collect();
    assert_eq!(listed, [A, B], "it is asked again");
    test.probe();
    test.report(B, 1);
    assert_eq!(test.clr(), Some(B));
    assert!(test.follower.rate() < rate);
}

#[test]
fn less_than_a_candidate_takes_does_not_refute_it() {
    let mut test = Test::new();
    test.report(A, 100);
    test.report(B, 1);
    assert_eq!(test.follower.listed().count(), 2);
    // 40 kB/s, of the 50 kB/s that it takes.
    test.probe_after(MS * 2_500);
    test.report(B, 100);
    assert_eq!(test.follower.listed().count(), 2, "it is still asked");
    test.probe();
    test.report(B, 1);
    assert_eq!(test.clr(), Some(B));
}

#[test]
fn loss_of_few_packets_does_not_slow_startup_down() {
    let mut test = Test::new();
    test.report(A, 100);
    test.probe_of(MS * 20, 30);
    let rate = test.follower.rate();
    test.report_counts(B, 1, 29, 0);
    assert_eq!(test.follower.rate(), rate, "it is asked again, that is all");
    assert_eq!(test.follower.listed().count(), 2);
    test.probe_of(MS * 20, 30);
    test.report_counts(B, 1, 29, 0);
    assert_eq!(test.clr(), Some(A));
    test.probe();
    test.report(B, 1);
    assert_eq!(test.clr(), Some(B));
}

#[test]
fn loss_that_one_of_many_has_by_chance_does_not_slow_startup_down() {
    for (receivers, candidates) in [(1, 1), (100, 0)] {
        let mut test = Test::new();
        (test.receivers, test.asked) = (receivers, B);
        test.report(A, 100);
        // Slower than the first rate.
        test.probe_of(MS * 1_000, 100);
        test.report_over(MS * 1_000, B, 70);
        assert_eq!(test.follower.listed().count(), 1 + candidates, "of {receivers}");
    }
}

#[test]
fn startup_waits_at_what_a_candidate_takes_and_no_longer_than_it_does() {
    let mut test = Test::new();
    test.report(A, 100);
    for _ in 0..4 {
        test.probe();
        test.report(A, 100);
    }
    test.probe();
    let before = test.follower.delivery.bandwidth();
    test.report(B, 60);
    let (rate, takes) = (test.follower.rate(), 60.0 * 1_000.0 / 0.02);
    assert!((rate - takes).abs() < 1.0 && takes > before / 2.0, "{rate} of {before}");
    test.probe();
    assert!(test.follower.next_probe() > test.now);
    test.report(B, 100);
    assert_eq!(test.follower.next_probe(), test.now, "it was chance");
}

#[test]
fn first_rate_follows_the_group_round_trip_once() {
    let mut test = Test::new();
    let rate = test.follower.rate();
    test.follower.note_grtt(MS * 10);
    assert_eq!(test.follower.rate(), rate, "content is under way");
    let Test { follower, .. } = Test::unstarted();
    let mut follower = follower;
    follower.note_grtt(MS * 10);
    assert!(follower.rate() > rate * 5.0, "{} after {rate}", follower.rate());
}

#[test]
fn receiver_with_ce_marks_becomes_clr_unless_the_clr_has_them() {
    let mut test = Test::new();
    test.report(A, 100);
    test.probe();
    test.report_ce_marked(B, 100, 30);
    assert_eq!(test.clr(), Some(A), "it must say so of two times");
    test.probe();
    test.report_ce_marked(B, 100, 30);
    assert_eq!(test.clr(), Some(B));
    test.probe();
    test.report_ce_marked(B, 100, 30);
    for _ in 0..3 {
        test.probe();
        test.report_ce_marked(A, 100, 30);
        test.report_ce_marked(B, 100, 30);
    }
    assert_eq!(test.clr(), Some(B), "they see the same queue");
}

#[test]
fn receiver_that_takes_it_back_is_no_candidate() {
    let mut test = Test::new();
    test.report(A, 100);
    test.report(B, 1);
    test.probe();
    test.report(B, 100);
    test.probe();
    test.report(B, 1);
    assert_eq!(test.clr(), Some(A));
}

#[test]
fn silent_clr_is_replaced() {
    let mut test = Test::new();
    test.report(A, 100);
    for _ in 0..140 {
        test.probe();
    }
    test.report(B, 100);
    assert_eq!(test.clr(), Some(A), "not yet");
    for _ in 0..20 {
        test.probe();
    }
    test.report(B, 100);
    assert_eq!(test.clr(), Some(B));
}

#[test]
fn member_that_is_gone_is_not_clr() {
    let mut test = Test::new();
    test.report(A, 100);
    test.follower.tick(test.now, |node| node != A);
    assert_eq!(test.clr(), None);
}

#[test]
fn rarely_probed_clr_is_silent_after_two_probes() {
    let mut test = Test::new();
    test.report(A, 100);
    test.follower.delivery.resume(test.now, 1e6);
    for _ in 0..10 {
        test.probe_after(MS * 7000);
        test.report(A, 100);
    }
    let capacity = test.follower.delivery.bandwidth();
    test.probe_after(MS * 7000);
    assert_eq!(test.follower.delivery.bandwidth(), capacity);
    test.probe_after(MS * 7000);
    assert!(test.follower.delivery.bandwidth() < capacity);
    assert_eq!(test.clr(), Some(A));
}

#[test]
fn loss_of_few_packets_without_a_queue_makes_a_clr_only_when_it_adds_up() {
    let mut test = Test::new();
    test.report(A, 100);
    // Startup is over.
    test.follower.delivery.resume(test.now, 1e6);
    test.probe();
    for clr in [A, A, B] {
        test.probe_of(MS * 20, 20);
        test.report_counts(B, 5, 15, 0);
        assert_eq!(test.clr(), Some(clr));
    }
    let (rate, counted) = (test.follower.rate(), 5.0 * 1_000.0 / 0.02);
    assert!(rate > counted * 1.2 && rate < 0.5e6, "{rate}: the most that chance allows");
}
