//! Queues that set CE marks and drop nothing: the marks alone decide the rate.

use core::time::Duration;

use norm_core::norm::SenderEvent;
use norm_core::norm::sender::{RateControl, SlowPolicy};
use norm_sim::{
    Attack, AttackerPlan, Bottleneck, Control, Course, Fairness, Group, Lie, Shares, few_seeds,
    skips,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MBIT: u64 = 1_000_000;
/// Bytes of a packet on the wire.
const PACKET: f64 = 1464.0;

/// A path that sets CE marks above a queue of `packets`. The queue has room for ten times as many
/// packets, or for two bandwidth-delay products.
fn marking(control: RateControl, bits: u64, rtt: Duration, packets: f64) -> Bottleneck {
    let mut path = Bottleneck::new(bits, rtt, 2.0);
    path.mark = Some((packets * PACKET) as u32);
    path.queue = path.queue.max((packets * 10.0 * PACKET) as u32);
    path.control = control;
    path.time = path.time.max(SECOND * 10);
    path
}

/// Asserts that 90 % of the path are used within this time. Returns the share of packets with a CE
/// mark, and the share of time with a queue above the threshold.
fn marked(path: &Bottleneck, within: Duration) -> (f64, f64) {
    let found = path.run(1);
    assert!(found.used >= 0.9 && found.dropped == 0.0, "{path:?}: {} used", found.used);
    let in_time = found.reached.is_some_and(|at| at <= within);
    assert!(in_time, "{path:?}: {:?}", found.reached);
    let stats = &found.outcome.receivers[0].stats;
    let long = |queued: f64| path.mark.is_some_and(|mark| queued > f64::from(mark));
    let over = found.course.iter().filter(|step| long(step.queued)).count();
    let part = stats.ce_marked as f64 / stats.heard as f64;
    eprintln!(
        "{:?}, {} Mbit/s, {:?}: after {:?}, {:.3} used, {part:.4} marked",
        path.control,
        path.bits / MBIT,
        path.rtt,
        found.reached.unwrap_or_default(),
        found.used
    );
    (part, over as f64 / found.course.len() as f64)
}

fn assert_filled_almost_without_ce_marks(mbit: u64, rtt: Duration) {
    for control in [RateControl::Auto, RateControl::Delivery, RateControl::Scavenger] {
        let path = marking(control, mbit * MBIT, rtt, 20.0);
        let (marked, over) = marked(&path, (path.rtt * 20).max(SECOND * 2));
        let what = format!("{control:?}, {mbit} Mbit/s, {rtt:?}: {marked:.4} {over:.4}");
        assert!(marked < 0.03 && over < 0.03, "{what}");
    }
}

#[test]
fn empty_path_is_filled_almost_without_ce_marks() {
    for (mbit, micros) in [(10, 5_000), (10, 50_000), (100, 200), (100, 50_000)] {
        assert_filled_almost_without_ce_marks(mbit, Duration::from_micros(micros));
    }
}

#[test]
fn fast_empty_path_is_filled_almost_without_ce_marks() {
    if !skips("1 Gbit/s") {
        assert_filled_almost_without_ce_marks(1_000, MS * 5);
    }
}

/// The default bursts at a gigabit are longer than this.
#[test]
fn bursts_adapt_to_a_marking_threshold_of_five_packets() {
    let path = marking(RateControl::Auto, 1_000 * MBIT, MS * 5, 5.0);
    let (marked, _) = marked(&path, SECOND * 4);
    assert!(marked < 0.03, "{marked:.4}");
}

/// TCP flows beside one of ours. CE marks begin where the queue of `fairness.rs` drops packets, and
/// this queue drops none.
fn beside(control: RateControl, tcp: Control, flows: usize, path: (Duration, u64)) -> Shares {
    let (rtt, each) = path;
    let mut test = Fairness::new(flows, tcp, each, rtt).with(control);
    test.mark = Some(test.queue());
    test.depth = 8.0;
    let shares = test.run(1);
    assert_eq!(shares.outcome.series.last().unwrap().lost, 0, "{control:?} {rtt:?} {tcp:?}");
    assert!(shares.outcome.receivers[0].stats.ce_marked > 0);
    shares
}

/// At 500 ms only eight packets are in flight. A flow that yields to each CE mark gets less than
/// TCP, which always keeps two packets in flight, and hardly anything beside CUBIC.
fn bounds(rtt: Duration, tcp: Control) -> core::ops::Range<f64> {
    match (rtt >= MS * 500, tcp) {
        (true, Control::Cubic) => 0.03..2.0,
        (true, Control::Reno) => 0.33..2.0,
        (false, _) => 0.5..2.0,
    }
}

#[test]
fn rate_is_fair_to_tcp_by_ce_marks_alone() {
    let flows: &[usize] = if skips("1 and 8 flows") { &[2] } else { &[1, 2, 8] };
    let mut unfair = Vec::new();
    for control in [RateControl::Auto, RateControl::Fair] {
        for path in Fairness::PATHS {
            for tcp in [Control::Reno, Control::Cubic] {
                for &flows in flows {
                    let shares = beside(control, tcp, flows, path);
                    let (ratio, used) = (shares.ratio(), shares.used);
                    eprintln!("{control:?}, {path:?}, {flows} {tcp:?}: {ratio:.2}, used {used:.2}");
                    if !bounds(path.0, tcp).contains(&ratio) || used < 0.9 {
                        let path = format!("{control:?}, {:?}, {flows} {tcp:?}", path.0);
                        unfair.push(format!("{path}: {ratio:.2}, used {used:.2}"));
                    }
                }
            }
        }
    }
    assert!(unfair.is_empty(), "{unfair:#?}");
}

#[test]
fn two_flows_share_equally_by_ce_marks_alone() {
    for (rtt, each) in Fairness::PATHS {
        for control in [RateControl::Auto, RateControl::Fair] {
            let mut test = Fairness::two(each, rtt).with(control);
            test.mark = Some(test.queue());
            test.depth = 8.0;
            let shares = test.run(1);
            let (jain, used) = (shares.jain, shares.used);
            assert!(jain >= 0.95 && used >= 0.9, "{control:?} {rtt:?}: {jain:.3} {used:.3}");
            assert_eq!(shares.outcome.series.last().unwrap().lost, 0);
        }
    }
}

#[test]
fn fair_flow_uses_most_of_a_path_with_ce_marks() {
    for (mbit, micros) in [(1, 50_000), (10, 5_000), (10, 50_000), (100, 5_000), (100, 20_000)] {
        let rtt = Duration::from_micros(micros);
        let packets = (mbit * MBIT) as f64 / 8.0 * rtt.as_secs_f64() / PACKET;
        let mut path = marking(RateControl::Fair, mbit * MBIT, rtt, packets.max(20.0));
        path.time = SECOND * 20;
        let found = path.run(1);
        let later = found.course.iter().filter(|step| step.at >= path.time / 4);
        let (sent, passes) = later.fold((0.0, 0.0), |sum, s| (sum.0 + s.sent, sum.1 + s.passes));
        let what = format!("{mbit} Mbit/s, {micros} us: {:.3}", sent / passes);
        assert!(sent / passes >= 0.8 && found.dropped == 0.0, "{what}");
        assert!(found.outcome.receivers[0].stats.ce_marked > 0, "{what}");
    }
}

#[test]
fn fixed_rate_gets_no_ce_marks() {
    let mut path = marking(RateControl::Fixed, 10 * MBIT, MS * 5, 20.0);
    path.time = SECOND * 2;
    let mut scenario = path.scenario();
    scenario.sender().config.rate = Some(12 * MBIT);
    let outcome = norm_sim::run(&scenario);
    let stats = &outcome.receivers[0].stats;
    assert_eq!((stats.heard > 1000, stats.ce_marked), (true, 0));
}

/// The course with ten receivers of 20 Mbit/s and more, and an attacker that reports CE marks on
/// all packets from 3 s on.
fn with_false_marks(
    seed: u64,
    control: RateControl,
    slow: Option<SlowPolicy>,
    until: u32,
) -> Course {
    let mut group = Group::drawn(seed, 10, 20 * MBIT, SECOND * 40);
    group.slow = slow;
    group.control = control;
    let plan = AttackerPlan { attacks: vec![Attack::FalsePath(Lie::Marked)], rate: 200 };
    group.attacker = Some((plan, SECOND * 3, SECOND * until));
    group.run(2)
}

#[test]
fn false_ce_marks_slow_the_rate_to_its_minimum_and_not_for_long() {
    for seed in few_seeds(1, 3) {
        for control in [RateControl::Delivery, RateControl::Auto] {
            let course = with_false_marks(seed, control, None, 7);
            let mean = |from, to| course.mean(SECOND * from, SECOND * to) / 1e6;
            let [before, meanwhile, end] = [mean(2, 3), mean(3, 7), mean(6, 7)];
            // The other controller may be in control for ten or twenty seconds.
            let later = if control == RateControl::Auto { mean(34, 40) } else { mean(12, 16) };
            let rates = format!("{before:.2} {meanwhile:.2} {end:.2} {later:.2}");
            let what = format!("seed {seed}, {control:?}: {rates}");
            eprintln!("{what}");
            assert!((18.0..22.0).contains(&before), "{what}");
            // The minimum rate is 0.1 Mbit/s.
            assert!(meanwhile < before * 0.9 && end >= 0.09, "{what}");
            assert!((16.0..32.0).contains(&later), "{what}");
        }
    }
}

#[test]
fn receiver_with_false_ce_marks_is_evicted() {
    let after = SECOND * 2;
    let policy = SlowPolicy { below: None, loss: Some(0.5), after, separate_group: None };
    for seed in few_seeds(1, 3) {
        let course = with_false_marks(seed, RateControl::Auto, Some(policy), 40);
        let evicted = |event: &&SenderEvent| matches!(event, SenderEvent::ReceiverEvicted { .. });
        let rate = course.mean(SECOND * 20, SECOND * 40) / 1e6;
        assert!(course.outcome.events().iter().filter(evicted).count() > 0, "seed {seed}");
        assert!(rate > 16.0, "seed {seed}: {rate:.2} Mbit/s");
    }
}
