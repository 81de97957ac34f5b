use super::*;
use crate::norm::wire::QuantizedLoss;

const MS: Duration = Duration::from_millis(1);
const A: NodeId = NodeId(10);
const B: NodeId = NodeId(11);

/// One that follows what arrives, whose probes leave every 20 ms, behind 100 packets each.
struct Test {
    steering: Following,
    now: Timestamp,
    sequence: u16,
}

impl Test {
    fn new() -> Self {
        let mut config = SenderConfig::new(NodeId(1));
        config.control = RateControl::Delivery;
        let steering = match Steering::new(&config, 972, Timestamp::ZERO) {
            Some(Steering::Delivery(following)) => *following,
            other => panic!("another law: {other:?}"),
        };
        let mut test = Self { steering, now: Timestamp::ZERO, sequence: 0 };
        test.probe();
        test.probe();
        test
    }

    fn probe(&mut self) {
        self.probe_after(MS * 20);
    }

    fn probe_after(&mut self, gap: Duration) {
        self.now += gap;
        self.sequence += 1;
        let packets = u64::from(self.sequence) * 100;
        let total = Total { bytes: packets * 972, packets };
        self.steering.tick(self.now, |_| true);
        self.steering.probe(self.now, self.sequence, total);
    }

    /// So many of a hundred packets have arrived at this one.
    fn report(&mut self, node: NodeId, received: u32) {
        self.report_marked(node, received, 0);
    }

    /// The same, and so many of them are marked.
    fn report_marked(&mut self, node: NodeId, received: u32, marked: u32) {
        let feedback = CcFeedback {
            cc_sequence: self.sequence,
            flags: CcFlags::RTT,
            rtt: QuantizedRtt::from_duration(MS * 10),
            loss: QuantizedLoss::from_fraction(0.0),
            rate: QuantizedRate::from_bytes_per_second(1e6),
        };
        let report = PathReport {
            cc_sequence: self.sequence,
            probes: 1,
            baseline_loss: 0,
            span: MS * 20,
            received,
            lost: 100 - received,
            bytes: received * 972,
            queue: Duration::ZERO,
            ce_marked: marked,
        };
        self.steering.take(self.now, node, MS * 10, (&feedback, report));
    }

    fn limiting(&self) -> Option<NodeId> {
        self.steering.limiting.map(|limiting| limiting.node)
    }
}

#[test]
fn who_can_take_much_less_must_say_it_of_two_times() {
    let mut test = Test::new();
    test.report(A, 100);
    assert_eq!(test.limiting(), Some(A));
    let rate = test.steering.rate();
    test.report(B, 1);
    test.report(B, 1);
    assert_eq!((test.limiting(), test.steering.rate()), (Some(A), rate));
    let listed: Vec<NodeId> = test.steering.listed().map(|item| item.id).collect();
    assert_eq!(listed, [A, B], "it is asked again");
    test.probe();
    test.report(B, 1);
    assert_eq!(test.limiting(), Some(B));
    assert!(test.steering.rate() < rate);
}

#[test]
fn who_is_marked_twice_limits_unless_who_does_is_marked_too() {
    let mut test = Test::new();
    test.report(A, 100);
    test.probe();
    test.report_marked(B, 100, 30);
    assert_eq!(test.limiting(), Some(A), "it must say so of two times");
    test.probe();
    test.report_marked(B, 100, 30);
    assert_eq!(test.limiting(), Some(B));
    test.probe();
    test.report_marked(B, 100, 30);
    for _ in 0..3 {
        test.probe();
        test.report_marked(A, 100, 30);
        test.report_marked(B, 100, 30);
    }
    assert_eq!(test.limiting(), Some(B), "they see the same queue");
}

#[test]
fn who_takes_it_back_is_suspected_no_more() {
    let mut test = Test::new();
    test.report(A, 100);
    test.report(B, 1);
    test.probe();
    test.report(B, 100);
    test.probe();
    test.report(B, 1);
    assert_eq!(test.limiting(), Some(A));
}

#[test]
fn who_limits_and_says_nothing_more_is_replaced() {
    let mut test = Test::new();
    test.report(A, 100);
    for _ in 0..140 {
        test.probe();
    }
    test.report(B, 100);
    assert_eq!(test.limiting(), Some(A), "not yet");
    for _ in 0..20 {
        test.probe();
    }
    test.report(B, 100);
    assert_eq!(test.limiting(), Some(B));
}

#[test]
fn a_member_that_is_gone_limits_no_more() {
    let mut test = Test::new();
    test.report(A, 100);
    test.steering.tick(test.now, |node| node != A);
    assert_eq!(test.limiting(), None);
}

#[test]
fn who_is_asked_seldom_is_silent_when_it_has_not_answered_twice() {
    let mut test = Test::new();
    test.report(A, 100);
    test.steering.delivery.resume(test.now, 1e6);
    for _ in 0..10 {
        test.probe_after(MS * 7000);
        test.report(A, 100);
    }
    let capacity = test.steering.delivery.bandwidth();
    test.probe_after(MS * 7000);
    assert_eq!(test.steering.delivery.bandwidth(), capacity);
    test.probe_after(MS * 7000);
    assert!(test.steering.delivery.bandwidth() < capacity);
    assert_eq!(test.limiting(), Some(A));
}
