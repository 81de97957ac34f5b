//! Slow receivers that hold the others back, under a `SlowPolicy`.

use core::time::Duration;

use norm_core::norm::SenderEvent;
use norm_core::norm::sender::SlowPolicy;
use norm_sim::{Attack, AttackerPlan, Course, Group, Lie, Path, few_seeds};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MBIT: u64 = 1_000_000;

const POLICY: SlowPolicy = SlowPolicy {
    below: None,
    loss: Some(0.5),
    after: Duration::from_secs(2),
    separate_group: None,
};

fn evicted(course: &Course) -> usize {
    let events = course.outcome.events().iter();
    events.filter(|event| matches!(event, SenderEvent::ReceiverEvicted { .. })).count()
}

/// Twenty receivers of 20 to 39 Mbit/s.
fn similar(seed: u64) -> Group {
    let paths = (0..20).map(|i| Path::new((20 + i) * MBIT, MS * (2 + 3 * i as u32)));
    Group { slow: Some(POLICY), ..Group::new(seed, paths.collect(), SECOND * 30) }
}

/// The others lose only a few seconds.
#[test]
fn receiver_with_a_tenth_of_the_rate_is_evicted() {
    for seed in few_seeds(1, 3) {
        for slow in [1, 3] {
            let mut group = similar(seed);
            group.paths.extend((0..slow).map(|_| Path::new(2 * MBIT, MS * 30)));
            let course = group.run(2);
            assert_eq!(evicted(&course), slow);
            let held = course.mean(SECOND, SECOND * 2) / 1e6;
            assert!(held < 8.0, "{held:.2} Mbit/s before an eviction");
            // Sometimes the slowest of the others is left out for a moment.
            let freed = course.mean(SECOND * 12, SECOND * 30) / 1e6;
            assert!((18.0..30.0).contains(&freed), "{freed:.2} Mbit/s");
        }
    }
}

#[test]
fn slightly_slower_receiver_is_not_evicted() {
    for seed in few_seeds(1, 3) {
        let course = similar(seed).run(2);
        assert_eq!(evicted(&course), 0);
        let rate = course.mean(SECOND * 2, SECOND * 30) / 1e6;
        assert!(rate > 18.0, "{rate:.2} Mbit/s");
    }
}

/// A receiver with false reports is another slow receiver.
#[test]
fn false_reports_hold_the_rate_down_until_eviction() {
    for seed in few_seeds(1, 3) {
        let mut group = Group::drawn(seed, 10, 20 * MBIT, SECOND * 40);
        group.slow = Some(POLICY);
        let plan = AttackerPlan { attacks: vec![Attack::FalsePath(Lie::Slow)], rate: 200 };
        group.attacker = Some((plan, SECOND * 3, SECOND * 40));
        let course = group.run(2);
        let rate = course.mean(SECOND * 20, SECOND * 40) / 1e6;
        assert!(evicted(&course) > 0);
        assert!(rate > 16.0, "seed {seed}: {rate:.2} Mbit/s");
    }
}
