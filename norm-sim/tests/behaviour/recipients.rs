//! Sealed sessions whose key the sender hands to each receiver, and changes.

use core::time::Duration;

use norm_core::norm::receiver::Feedback;
use norm_seal::{SealCounters, Suite};
use norm_sim::{
    Change, Link, Outcome, RecipientsPlan, Rule, RunOptions, Scenario, run, run_with, seeds,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Three receivers; 5 % of the packets get lost at each of them.
fn scenario(seed: u64, size: u64) -> Scenario {
    let lossy = Link { down: vec![Rule::Loss(0.05)], ..Link::default() };
    let mut scenario = Scenario::new(seed, size).receivers(3, &lossy);
    scenario.sender().config.min_receivers = 3;
    scenario
}

fn run_to(mut scenario: Scenario, plan: RecipientsPlan) -> Outcome {
    scenario.recipients = Some(plan);
    scenario.seal(Suite::Aes256Gcm);
    run(&scenario)
}

fn seal(outcome: &Outcome, receiver: usize) -> SealCounters {
    // The first host is the sender.
    outcome.gates[receiver + 1].1
}

#[test]
fn receivers_get_keys_and_all_is_received() {
    for seed in seeds(5) {
        for feedback in [Feedback::Multicast, Feedback::Unicast] {
            let mut scenario = scenario(seed, 2_000_000);
            scenario.receiver_plans().for_each(|plan| plan.config.feedback = feedback);
            let outcome = run_to(scenario, RecipientsPlan::default());
            outcome.assert_all_complete();
            assert_eq!(outcome.confirmed(), 3);
            assert!((0..3).all(|receiver| seal(&outcome, receiver).epochs == 1));
        }
    }
}

#[test]
fn receiver_that_is_not_listed_opens_nothing_and_knows_it() {
    for seed in seeds(5) {
        let mut scenario = scenario(seed, 500_000);
        scenario.sender().config.min_receivers = 2;
        scenario.sender().config.linger = SECOND;
        scenario.may_fail = true;
        let outcome =
            run_to(scenario, RecipientsPlan { unlisted: vec![3], ..RecipientsPlan::default() });
        assert!(outcome.receivers[..2].iter().all(|receiver| receiver.completed.is_some()));
        let seal = seal(&outcome, 2);
        assert_eq!((seal.opened, seal.epochs), (0, 0));
        assert!(seal.not_listed.packets > 0 && seal.left_out.packets == 0);
    }
}

#[test]
fn receiver_that_comes_late_or_starts_again_gets_the_key() {
    for seed in seeds(5) {
        let mut scenario = scenario(seed, 2_000_000);
        scenario.sender().config.min_receivers = 1;
        scenario.sender().config.linger = SECOND * 5;
        scenario.hosts[2].life = vec![(SECOND, Change::Start)];
        scenario.hosts[3].life = vec![(Duration::ZERO, Change::Start), (MS * 900, Change::Start)];
        run_to(scenario, RecipientsPlan::default()).assert_all_complete();
    }
}

/// When the receivers that get all keys have everything, and bytes that the sender has sent then.
fn end(outcome: &Outcome) -> (Duration, u64) {
    let completed = outcome.receivers[..2].iter().map(|receiver| receiver.completed.unwrap());
    let completed = completed.max().unwrap();
    let sample = outcome.series.iter().find(|sample| sample.at >= completed);
    (completed, sample.or(outcome.series.last()).unwrap().sent_bytes)
}

/// In mid-transfer the sender goes on to a key that the third receiver does not get.
#[test]
fn rekey_in_mid_transfer_leaves_one_out_and_costs_the_others_little() {
    let (mut stall, mut more) = (Duration::ZERO, [0, 0]);
    let all = seeds(5);
    let runs = all.len() as u32;
    for seed in all {
        let course = |rekeys: Vec<(Duration, Vec<u32>)>| {
            let mut scenario = scenario(seed, 8_000_000);
            scenario.sender().config.rate = Some(8_000_000);
            scenario.may_fail = true;
            scenario.check_nacks = false;
            scenario.limit = SECOND * 60;
            scenario.recipients = Some(RecipientsPlan { rekeys, ..RecipientsPlan::default() });
            scenario.seal(Suite::Aes256Gcm);
            let every = Some(MS * 100);
            run_with(&scenario, &RunOptions { sample_every: every, ..RunOptions::default() })
        };
        let (alone, changed) = (course(Vec::new()), course(vec![(SECOND * 3, vec![3])]));
        let ((before, sent), (after, sent_then)) = (end(&alone), end(&changed));
        assert!(before > SECOND * 6, "the key changes in the middle: {before:?}");
        for receiver in 0..2 {
            assert_eq!(seal(&changed, receiver).epochs, 2);
        }
        let left_out = seal(&changed, 2);
        assert_eq!(left_out.epochs, 1);
        assert!(left_out.left_out.packets > 0 && left_out.not_listed.packets == 0);
        assert!(changed.receivers[2].completed.is_none());
        stall += after.saturating_sub(before);
        more = [more[0] + sent, more[1] + sent_then];
    }
    let share = more[1] as f64 / more[0] as f64 - 1.0;
    println!("{:?} longer, {:.2} % more bytes, of {runs} runs", stall / runs, share * 100.0);
    assert!(stall / runs <= MS * 500, "{:?} longer", stall / runs);
    assert!(share <= 0.02, "{more:?} bytes");
}
