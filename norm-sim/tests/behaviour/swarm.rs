//! Drawn scenarios keep all invariants, and show faults that are made on purpose.

use norm_sim::{
    Broken, Failure, Outcome, Role, RunOptions, Scenario, attempt, run_to_end, skips, swarm,
};

const THREADS: usize = 2;

#[test]
fn drawn_scenarios_keep_all_invariants() {
    let swarm = swarm(1..41, THREADS, to_end);
    assert_eq!(swarm.failed, 0, "{swarm}");
}

fn to_end(scenario: &Scenario) -> Outcome {
    run_to_end(scenario, &RunOptions::default())
}

/// Runs a scenario with a fault in every engine that can have it.
fn run_broken(scenario: &Scenario, fault: Broken) -> Outcome {
    let mut scenario = scenario.clone();
    for host in &mut scenario.hosts {
        match &mut host.role {
            Role::Sender(plan) => plan.broken = Some(fault),
            Role::Receiver(plan) => plan.broken = Some(fault),
            Role::FluteReceiver(plan) => plan.broken = Some(fault),
            _ => {}
        }
    }
    to_end(&scenario)
}

/// The first failure among 1000 seeds that occurs only with the fault. Seeds are tried in small
/// lots, so that an early failure costs little.
fn first_failure(fault: Broken) -> Failure {
    for from in (1..1001).step_by(20) {
        let swarm = swarm(from..from + 20, THREADS, |scenario| run_broken(scenario, fault));
        let works = |failure: &Failure| attempt(&failure.recipe, false, to_end).is_ok();
        if let Some(failure) = swarm.failures.into_iter().find(works) {
            return failure;
        }
    }
    panic!("{fault:?} is not found in 1000 scenarios");
}

fn assert_found_and_small(fault: Broken, text: &str, receivers: u32) {
    let failure = first_failure(fault);
    assert!(failure.message.text.contains(text), "{failure}");
    assert!(failure.recipe.receivers <= receivers, "{failure}");
    assert!(failure.recipe.features.len() <= 3, "{failure}");
}

#[test]
fn wrong_offset_is_found_and_shrunk() {
    assert_found_and_small(Broken::WritesAtAWrongOffset, "WRONG BYTE", 2);
}

#[test]
fn missing_suppression_is_found_and_shrunk() {
    if skips("a swarm without suppression") {
        return;
    }
    assert_found_and_small(Broken::ForgetsSuppression, "NACKs", 60);
}

#[test]
fn ignored_block_requests_are_found_and_shrunk() {
    assert_found_and_small(Broken::IgnoresBlockRequests, "", 20);
}
