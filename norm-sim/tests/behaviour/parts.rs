//! Receivers that want only a part of the content, and content that changes.

use core::time::Duration;

use norm_core::norm::sender::Payload;
use norm_sim::{
    HeldPlan, Link, Outcome, Scenario, WantedPlan, WithdrawalPlan, few_seeds, run_to_end,
};

const SIZE: u64 = 4 << 20;
/// A block of 64 symbols of 1024 bytes.
const BLOCK: u32 = 64 << 10;

/// Two receivers through loss of an object of which nothing is sent unasked.
fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::new(seed, SIZE).receivers(2, &Link::lossy(0.03));
    scenario.check_nacks = false;
    scenario.sender().config.payload = Payload::Missing;
    for object in &mut scenario.sender().objects {
        object.info = Some(b"a part of a set".as_slice().into());
    }
    scenario
}

fn finish(scenario: &Scenario) -> Outcome {
    let outcome = run_to_end(scenario, &norm_sim::RunOptions::default());
    outcome.assert_all_complete();
    outcome
}

/// Packets of content that were sent, as a share of all of it.
fn share_sent(outcome: &Outcome) -> f64 {
    let stats = outcome.sender();
    let sent = stats.data_packets + stats.resent_packets + stats.coded_packets;
    sent as f64 / (SIZE / 1024) as f64
}

#[test]
fn only_what_somebody_wants_travels() {
    let mut most: f64 = 0.0;
    for seed in few_seeds(5, 50) {
        let mut scenario = scenario(seed);
        for plan in scenario.receiver_plans() {
            plan.wanted = Some(WantedPlan { chunk: BLOCK, share: 0.1, expected: true });
        }
        most = most.max(share_sent(&finish(&scenario)));
    }
    // Of 64 blocks each receiver wants 6 on average, and two of them rarely more than 25.
    assert!((0.05..0.4).contains(&most), "{most}");
}

#[test]
fn receiver_that_wants_nothing_asks_for_nothing() {
    let mut scenario = scenario(3);
    for plan in scenario.receiver_plans() {
        plan.wanted = Some(WantedPlan { chunk: BLOCK, share: 0.0, expected: true });
    }
    assert!(share_sent(&finish(&scenario)) < 0.001);
}

#[test]
fn blocks_are_made_of_content_before_a_change_or_after_it() {
    for seed in few_seeds(20, 200) {
        let mut scenario = scenario(seed);
        let at = Duration::from_millis(20 * (seed % 20));
        // Parts of blocks.
        scenario.sender().withdrawal = Some(WithdrawalPlan { at, chunk: BLOCK / 5, share: 0.1 });
        for plan in scenario.receiver_plans() {
            plan.held = Some(HeldPlan {
                chunk: BLOCK / 7,
                missing: 0.3,
                compare_time: Duration::ZERO,
                expected: true,
                unreadable: 0.0,
            });
            plan.real_store = seed % 2 == 0;
        }
        let outcome = finish(&scenario);
        assert!(outcome.receivers.iter().all(|receiver| receiver.failed.is_none()), "{seed}");
    }
}
