//! A sender that finds its rate, with one receiver and many, and with false reports.

use core::time::Duration;

use norm_sim::tables::cells;
use norm_sim::{
    Attack, AttackerPlan, Bottleneck, Course, Group, Lie, Path, few_seeds, seeds, skips,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MBIT: u64 = 1_000_000;
/// Bytes of a packet on the wire.
const PACKET: f64 = 1464.0;

/// The result of a run that misses its limits: 90 % used within 20 round trips or 2 s, less than 1
/// % dropped, and a queue of at most one bandwidth-delay product or 10 packets.
fn misses(path: &Bottleneck) -> Option<String> {
    let found = path.run(1);
    let in_time = found.reached.is_some_and(|at| at <= (path.rtt * 20).max(SECOND * 2));
    let longest = path.bdp().max(10.0 * PACKET);
    let short = found.max_queue as f64 <= longest || is_short(path);
    let good = in_time && found.used >= 0.9 && found.dropped < 0.01 && short;
    let (reached, used, dropped) = (found.reached, found.used, found.dropped);
    let queued = found.max_queue as f64 / PACKET;
    (!good).then(|| {
        format!("{path:?}: {reached:?}, used {used:.3}, dropped {dropped:.4}, {queued:.0} packets")
    })
}

/// At 1 Gbit/s and 0.2 ms only 17 packets are in flight, and a rate probe of the shortest
/// measurable time once makes a longer queue.
fn is_short(path: &Bottleneck) -> bool {
    path.bits >= 1_000 * MBIT && path.rtt < MS
}

#[test]
fn empty_path_is_filled_without_loss_or_a_long_queue() {
    let misses: Vec<String> = cells()
        .filter_map(|(bits, rtt, queue)| misses(&Bottleneck::new(bits, rtt, queue)))
        .collect();
    assert!(misses.is_empty(), "{misses:#?}");
}

#[test]
fn large_path_is_filled_without_loss_or_a_long_queue() {
    if skips("large paths") {
        return;
    }
    let shortest = Duration::from_micros(200);
    for (mbit, rtt) in [(100, MS * 500), (1_000, MS * 50), (10_000, shortest), (10_000, MS * 5)] {
        for queue in [0.2, 1.0, 5.0] {
            assert_eq!(misses(&Bottleneck::new(mbit * MBIT, rtt, queue)), None);
        }
    }
}

#[test]
fn random_loss_costs_no_rate() {
    let mut slow = Vec::new();
    for loss in [0.01, 0.05, 0.2] {
        for (mbit, micros) in [(10, 200), (10, 5_000), (10, 50_000), (100, 200), (100, 5_000)] {
            for seed in few_seeds(1, 5) {
                let rtt = Duration::from_micros(micros);
                let base = Bottleneck::new(mbit * MBIT, rtt, 1.0);
                let path = Bottleneck { seed, loss, time: base.time.max(SECOND * 5), ..base };
                let found = path.run(1);
                // With a fifth lost, what a rate probe shows is off by a tenth by chance.
                let least = if loss < 0.1 { 0.9 } else { 0.88 };
                if found.used < least {
                    let (used, dropped) = (found.used, found.dropped);
                    slow.push(format!("{mbit} {rtt:?} {loss} seed {seed}: {used:.3} {dropped:.4}"));
                }
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[test]
fn independent_loss_of_1000_receivers_costs_no_rate() {
    let path = Bottleneck {
        loss: 0.01,
        receivers: 1000,
        time: SECOND * 4,
        ..Bottleneck::new(10 * MBIT, MS * 20, 1.0)
    };
    let found = path.run(2);
    assert!(found.used >= 0.9 && found.dropped < 0.01, "{} {}", found.used, found.dropped);
}

#[track_caller]
fn assert_rate(course: &Course, from: Duration, to: Duration, mbit: f64) {
    let rate = course.mean(from, to) / 1e6;
    assert!((mbit * 0.9..mbit * 1.1).contains(&rate), "{rate:.2} Mbit/s for {mbit}");
}

#[test]
fn rate_follows_the_slowest_of_100_receivers() {
    for seed in seeds(3) {
        let course = Group::drawn(seed, 100, 20 * MBIT, SECOND * 5).run(2);
        assert_rate(&course, SECOND * 2, SECOND * 5, 20.0);
    }
}

#[test]
fn rate_follows_a_slower_receiver_until_it_leaves() {
    for seed in seeds(3) {
        let mut group = Group::drawn(seed, 20, 20 * MBIT, SECOND * 20);
        let (joins, leaves) = (SECOND * 4, SECOND * 8);
        group.paths.push(Path::new(10 * MBIT, MS * 30).during(joins, leaves));
        let course = group.run(2);
        assert_rate(&course, SECOND * 2, joins, 20.0);
        assert_rate(&course, joins + SECOND, leaves, 10.0);
        assert_rate(&course, leaves + SECOND * 6, SECOND * 20, 20.0);
    }
}

/// The longest round trip is 60 ms, so answers to a CMD(CC) come within 240 ms.
#[test]
fn rate_follows_a_slower_receiver_in_time() {
    for seed in seeds(6) {
        let mut group = Group::drawn(seed, 100, 20 * MBIT, SECOND * 5);
        let joins = SECOND * 4;
        group.paths.push(Path::new(10 * MBIT, MS * 30).during(joins, SECOND * 9));
        let course = group.run(2);
        let mut times = (0..40).map(|n| joins + MS * 20 * n);
        let after = times.find(|&at| course.mean(at, at + MS * 40) <= 11e6).unwrap() - joins;
        assert!(after <= MS * 60 * 2 + MS * 240 + MS * 20, "seed {seed}: {after:?}");
    }
}

/// The rates before, during and after four seconds of false reports; after means five seconds
/// later.
fn with_false_reports(seed: u64, lie: Lie) -> [f64; 3] {
    let mut group = Group::drawn(seed, 10, 20 * MBIT, SECOND * 16);
    let (from, to) = (SECOND * 3, SECOND * 7);
    let plan = AttackerPlan { attacks: vec![Attack::FalsePath(lie)], rate: 200 };
    group.attacker = Some((plan, from, to));
    let course = group.run(2);
    [(SECOND * 2, from), (from, to), (to + SECOND * 5, SECOND * 16)]
        .map(|(from, to)| course.mean(from, to) / 1e6)
}

#[test]
fn false_reports_keep_the_rate_within_bounds_and_end_soon() {
    for seed in seeds(3) {
        for lie in [Lie::Slow, Lie::Fast, Lie::Absurd] {
            let [before, meanwhile, later] = with_false_reports(seed, lie);
            let rates = format!("seed {seed}, {lie:?}: {before:.2} {meanwhile:.2} {later:.2}");
            assert!((18.0..22.0).contains(&before), "{rates}");
            // The minimum rate is 0.1 Mbit/s.
            assert!((0.09..22.0).contains(&meanwhile), "{rates}");
            // The rate is free again; it may follow the slowest receiver some seconds later.
            assert!((16.0..22.0).contains(&later), "{rates}");
        }
    }
}

/// An attacker reports all the time that hardly anything arrives, which suppresses the reports of
/// all receivers.
#[test]
fn receiver_that_suppresses_all_others_does_not_set_the_rate() {
    for seed in seeds(3) {
        for receivers in [1, 10, 50] {
            let mut group = Group::drawn(seed, receivers, 20 * MBIT, SECOND * 10);
            let plan = AttackerPlan { attacks: vec![Attack::FalsePath(Lie::Suppress)], rate: 200 };
            group.attacker = Some((plan, Duration::ZERO, SECOND * 10));
            let course = group.run(2);
            let rate = course.mean(SECOND * 4, SECOND * 10) / 1e6;
            assert!((16.0..24.0).contains(&rate), "seed {seed}, {receivers}: {rate:.2} Mbit/s");
        }
    }
}
