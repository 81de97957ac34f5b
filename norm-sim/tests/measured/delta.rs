//! Receivers that have most of the content, each something else: what travels, and what they ask.
//! Runs only with `NORM_TEST_SCALE=1`, in a release build.

use core::time::Duration;

use norm_core::norm::sender::Payload;
use norm_sim::{Experiment, HeldPlan, Outcome, RunOptions, run_with, skips};

/// Bytes in a chunk, and how many there are.
const CHUNK: u32 = 32 << 10;
const CHUNKS: u64 = 2_000;

/// Receivers of which each lacks a random twentieth of the chunks, and nothing is sent unasked.
fn scattered(name: &str, experiment: &Experiment, compare_time: Duration) -> Option<Outcome> {
    if skips(name) {
        return None;
    }
    let mut scenario = experiment.scenario();
    scenario.check_nacks = false;
    scenario.limit = Duration::from_secs(60);
    scenario.sender().config.payload = Payload::Missing;
    for object in &mut scenario.sender().objects {
        object.info = Some(b"a part of a set".as_slice().into());
    }
    let expected = true;
    for plan in scenario.receiver_plans() {
        let held =
            HeldPlan { chunk: CHUNK, missing: 0.05, compare_time, expected, unreadable: 0.0 };
        plan.held = Some(held);
    }
    let outcome = run_with(&scenario, &RunOptions { threads: 2, ..RunOptions::default() });
    let complete = outcome.receivers.iter().filter(|r| r.completed.is_some()).count();
    assert_eq!(complete, experiment.receivers as usize, "all receivers are complete");
    println!(
        "{name}: {:.3} of the content sent, {} NACKs, {:.2} per block, {} suppressed, {:?}",
        share(&outcome),
        outcome.sender().nacks,
        nacks_per_block(experiment, &outcome),
        outcome.receivers.iter().map(|r| r.stats.suppressed).sum::<u64>(),
        outcome.receivers.iter().filter_map(|r| r.completed).max(),
    );
    Some(outcome)
}

fn experiment(seed: u64, receivers: u32) -> Experiment {
    let size = u64::from(CHUNK) * CHUNKS;
    Experiment { size, announce: true, rate: 100_000_000, ..Experiment::new(seed, receivers) }
}

/// Packets of content sent, as a share of all of it.
fn share(outcome: &Outcome) -> f64 {
    let stats = outcome.sender();
    let sent = stats.data_packets + stats.resent_packets + stats.coded_packets;
    sent as f64 / (u64::from(CHUNK) * CHUNKS / 1400) as f64
}

/// NACKs that came to the sender for each block of which something was sent, which is all of them
/// with many receivers.
fn nacks_per_block(experiment: &Experiment, outcome: &Outcome) -> f64 {
    let block = 1400 * u64::from(experiment.block_len);
    outcome.sender().nacks as f64 / experiment.size.div_ceil(block) as f64
}

#[test]
fn thousand_receivers_that_lack_other_chunks_send_few_nacks() {
    let all = experiment(1, 1_000);
    let short_blocks = Experiment { parity: Some(95), block_len: 160, ..all.clone() };
    let cases = [
        ("RaptorQ, known", &all, 0),
        ("RaptorQ, compared", &all, 300),
        ("Reed-Solomon, known", &short_blocks, 0),
        ("Reed-Solomon, compared", &short_blocks, 300),
    ];
    for (name, experiment, compare_time) in cases {
        let name = format!("1,000 receivers, {name}");
        let compare_time = Duration::from_micros(compare_time);
        let Some(outcome) = scattered(&name, experiment, compare_time) else { return };
        let per_block = nacks_per_block(experiment, &outcome);
        assert!(per_block <= 3.0, "{per_block} NACKs per block");
    }
}

#[test]
fn what_eight_receivers_lack_travels_once() {
    for (name, compare_time) in [("known", 0), ("compared", 300)] {
        let compare_time = Duration::from_micros(compare_time);
        for (code, experiment) in [
            ("RaptorQ", experiment(2, 8)),
            ("Reed-Solomon", Experiment { parity: Some(95), block_len: 160, ..experiment(2, 8) }),
        ] {
            let name = format!("8 receivers, {code}, {name}");
            let Some(outcome) = scattered(&name, &experiment, compare_time) else { return };
            // Of all chunks these are lacking at one of them at least.
            let union = 1.0 - libm::pow(0.95, 8.0);
            let share = share(&outcome);
            assert!(share <= union * 1.1, "{share} of the content, {union} is lacking somewhere");
        }
    }
}
