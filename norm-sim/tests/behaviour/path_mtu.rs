//! How long packets are on paths that do not let all of them through.

use core::time::Duration;

use norm_core::norm::SenderEvent;
use norm_core::norm::sender::{PacketSize, RateControl, SlowPolicy};
use norm_sim::{Change, Link, Outcome, Rule, Scenario, few_seeds, run};

const MS: Duration = Duration::from_millis(1);
const MIB: u64 = 1 << 20;

/// Sizes of IP packets, and their segments, as `norm-send` chooses them on a link of 9,000 bytes.
const SIZES: [PacketSize; 4] = [
    PacketSize { packet: 9000, segment: 8832 },
    PacketSize { packet: 1500, segment: 1344 },
    PacketSize { packet: 1400, segment: 1280 },
    PacketSize { packet: 1280, segment: 1152 },
];

/// A sender that looks for the size, and a receiver for each of these paths.
fn scenario(seed: u64, size: u64, paths: &[Vec<Rule>]) -> Scenario {
    let mut scenario = Scenario::new(seed, size);
    let config = &mut scenario.sender().config;
    config.packets.sizes = SIZES.into();
    config.segment_size = SIZES[0].segment;
    for rules in paths {
        let link = Link { down: rules.clone(), delay: MS, ..Link::default() };
        scenario = scenario.receivers(1, &link);
    }
    scenario
}

fn passes(bytes: u32) -> Vec<Rule> {
    vec![Rule::Mtu(bytes)]
}

fn changes(at: Duration, bytes: u32) -> Vec<Rule> {
    vec![Rule::MtuFrom { from: at, bytes }]
}

/// The sizes that the sender used, one after the other.
fn used(outcome: &Outcome) -> Vec<u16> {
    let events = outcome.events().iter();
    let packet = |event: &SenderEvent| match event {
        SenderEvent::PacketSize { packet, .. } => Some(*packet),
        _ => None,
    };
    events.filter_map(packet).collect()
}

/// Receivers that were named because they get too short packets, and what they get.
fn named(outcome: &Outcome) -> Vec<u16> {
    let events = outcome.events().iter();
    let largest = |event: &SenderEvent| match event {
        SenderEvent::PathMtuTooSmall { largest, .. } => Some(*largest),
        _ => None,
    };
    events.filter_map(largest).collect()
}

fn complete(outcome: &Outcome) -> usize {
    outcome.receivers.iter().filter(|receiver| receiver.completed.is_some()).count()
}

#[test]
fn transfer_starts_at_the_size_that_passes_to_all() {
    for seed in few_seeds(1, 5) {
        let scenario = scenario(seed, 8 * MIB, &[passes(9000), passes(1280), passes(1500)]);
        let outcome = run(&scenario);
        assert_eq!((used(&outcome), complete(&outcome)), (vec![1280], 3));
        let time = outcome.finished.unwrap();
        // 8 MiB take 0.7 s at 100 Mbit/s.
        assert!(time < MS * 3500, "{time:?}");
        assert_eq!(outcome.senders[0].stats.nacks, 0, "nothing was lost");
    }
}

#[test]
fn where_all_get_the_longest_packets_the_first_answers_suffice() {
    for waits in [false, true] {
        let mut scenario = scenario(7, MIB, &[passes(9000), passes(9000)]);
        let config = &mut scenario.sender().config;
        config.min_receivers = if waits { 2 } else { 0 };
        let outcome = run(&scenario);
        assert_eq!((used(&outcome), complete(&outcome)), (vec![9000], 2));
        let sent = outcome.senders[0].all_sent.unwrap();
        // 1 MiB takes 84 ms, and the answers to the first query spread over 100 ms at most.
        let limit = if waits { MS * 130 } else { MS * 240 };
        assert!(sent < limit, "{sent:?}");
    }
}

#[test]
fn sender_that_hears_no_receiver_starts_nevertheless() {
    let mut scenario = scenario(7, MIB, &[passes(9000)]);
    scenario.hosts[1].link.up = vec![Rule::Nothing];
    scenario.may_fail = true;
    let outcome = run(&scenario);
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000], 1));
    assert!(outcome.senders[0].all_sent.unwrap() < MS * 500);
}

#[test]
fn loss_is_not_taken_for_a_path_mtu() {
    for seed in few_seeds(1, 20) {
        let lossy = vec![Rule::Loss(0.2)];
        let outcome = run(&scenario(seed, 4 * MIB, &[lossy.clone(), lossy.clone(), lossy]));
        assert_eq!((used(&outcome), complete(&outcome)), (vec![9000], 3), "seed {seed}");
    }
}

#[test]
fn change_of_a_path_is_followed_and_no_content_is_sent_twice_to_those_that_have_it() {
    for seed in few_seeds(1, 5) {
        let paths = [passes(9000), changes(MS * 1500, 1400), passes(9000)];
        let outcome = run(&scenario(seed, 64 * MIB, &paths));
        assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1400], 3), "seed {seed}");
        assert!(named(&outcome).is_empty());
        // At 100 Mbit/s it takes 5.7 s.
        let time = outcome.finished.unwrap();
        assert!(time < Duration::from_secs(14), "{time:?}");
    }
}

#[test]
fn paths_may_change_more_than_once() {
    let paths = [changes(MS * 1000, 1500), changes(MS * 5000, 1280)];
    let outcome = run(&scenario(3, 96 * MIB, &paths));
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1500, 1280], 2));
}

#[test]
fn path_that_changes_when_everything_was_sent_once_is_followed() {
    let late = vec![Rule::Loss(0.3), Rule::MtuFrom { from: MS * 900, bytes: 1300 }];
    let outcome = run(&scenario(3, 8 * MIB, &[late, passes(9000)]));
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1280], 2));
}

#[test]
fn receiver_below_all_sizes_is_named_and_left_to_the_policy() {
    for seed in few_seeds(1, 3) {
        let mut scenario = scenario(seed, 8 * MIB, &[passes(9000), passes(1000)]);
        scenario.sender().config.slow = Some(SlowPolicy {
            below: None,
            loss: None,
            after: Duration::from_secs(3),
            separate_group: None,
        });
        scenario.may_fail = true;
        let outcome = run(&scenario);
        assert_eq!(used(&outcome), [9000]);
        assert_eq!((named(&outcome).len(), complete(&outcome)), (1, 1));
        assert!(outcome.finished.is_some());
    }
}

#[test]
fn late_receiver_that_would_shrink_the_packets_is_named_and_not_followed() {
    let mut scenario = scenario(3, 64 * MIB, &[passes(9000), passes(1500)]);
    scenario.hosts[2].life = vec![(MS * 2000, Change::Start)];
    scenario.sender().config.slow = Some(SlowPolicy {
        below: None,
        loss: None,
        after: Duration::from_secs(3),
        separate_group: None,
    });
    scenario.may_fail = true;
    let outcome = run(&scenario);
    assert_eq!(used(&outcome), [9000]);
    assert_eq!((named(&outcome), complete(&outcome)), (vec![1500], 1));
}

#[test]
fn first_receiver_of_a_session_is_followed_although_it_comes_late() {
    let mut scenario = scenario(3, 16 * MIB, &[passes(1500)]);
    scenario.hosts[1].life = vec![(MS * 1000, Change::Start)];
    let outcome = run(&scenario);
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1500], 1));
}

#[test]
fn object_of_one_short_packet_that_never_passes_is_laid_out_anew() {
    let mut scenario = scenario(3, 1400, &[passes(1300)]);
    scenario.hosts[1].life = vec![(MS * 1000, Change::Start)];
    let outcome = run(&scenario);
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1280], 1));
}

#[test]
fn controlled_rate_recovers_after_a_change() {
    let capacity = Rule::Rate { bits: 100_000_000, queue: 256 << 10, mark: None };
    let good = vec![capacity.clone(), Rule::Mtu(9000)];
    let bad = vec![capacity, Rule::MtuFrom { from: MS * 2000, bytes: 1500 }];
    let mut scenario = scenario(5, 96 * MIB, &[good, bad]);
    let config = &mut scenario.sender().config;
    config.control = RateControl::Auto;
    config.rate = None;
    let outcome = run(&scenario);
    assert_eq!((used(&outcome), complete(&outcome)), (vec![9000, 1500], 2));
    // 96 MiB take 8.5 s or so at 95 Mbit/s.
    let time = outcome.finished.unwrap();
    assert!(time < Duration::from_secs(19), "{time:?}");
}
