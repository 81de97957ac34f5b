//! Sealed sessions: gates between links and engines.

use core::time::Duration;

use norm_core::norm::receiver::Feedback;
use norm_core::norm::wire::NodeId;
use norm_seal::Suite;
use norm_sim::{
    Attack, AttackerPlan, Change, Host, Lie, Link, Outcome, Role, Rule, Scenario, SenderPlan, run,
    seeds,
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn near() -> Link {
    Link { delay: MS / 20, ..Link::default() }
}

/// Packets get lost at the sender, so that what others send changes nothing in that.
fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::new(seed, 2_000_000).receivers(3, &Link::default());
    scenario.hosts[0].link.up = vec![Rule::Loss(0.05)];
    scenario.sender().config.min_receivers = 3;
    scenario
}

fn run_sealed(mut scenario: Scenario) -> Outcome {
    scenario.seal(Suite::Aes256Gcm);
    let outcome = run(&scenario);
    assert_eq!(outcome, run(&scenario), "an equal seed gave another run");
    outcome
}

#[test]
fn sealed_transfer_is_that_of_shorter_packets() {
    for seed in seeds(5) {
        for feedback in [Feedback::Multicast, Feedback::Unicast] {
            let mut scenario = scenario(seed);
            scenario.receiver_plans().for_each(|plan| plan.config.feedback = feedback);
            let outcome = run_sealed(scenario);
            outcome.assert_all_complete();
            assert_eq!(outcome.confirmed(), 3);
            assert!(outcome.sender().nacks > 0);
        }
    }
}

/// They know all ids and numbers, and forge what they like, but cannot seal it.
#[test]
fn attackers_without_the_key_change_nothing() {
    let lies = [Lie::Slow, Lie::Suppress, Lie::Fast, Lie::Absurd, Lie::Marked];
    let all = Attack::ALL.into_iter().chain([Attack::FalseMoves]);
    let all: Vec<Attack> = all.chain(lies.map(Attack::FalsePath)).collect();
    for seed in seeds(3) {
        let alone = run_sealed(scenario(seed));
        alone.assert_all_complete();
        let mut attacked = scenario(seed);
        let plan = AttackerPlan { attacks: all.clone(), rate: 10_000 };
        attacked.add(Host::new(Role::Attacker(plan), near()));
        let attacked = run_sealed(attacked);
        assert!(attacked.packets > alone.packets + 500, "{} packets", attacked.packets);
        assert_eq!(attacked.senders, alone.senders);
        assert_eq!(attacked.receivers, alone.receivers);
    }
}

#[test]
fn senders_that_share_a_group_and_receivers_that_start_again_are_told_apart() {
    for seed in seeds(5) {
        let mut scenario = scenario(seed);
        let mut plan = SenderPlan::new(500_000);
        plan.config.node = NodeId(9);
        scenario.add(Host::new(Role::Sender(plan), near()));
        scenario.sender().config.linger = SECOND * 5;
        scenario.hosts[2].life = vec![(Duration::ZERO, Change::Start), (MS * 100, Change::Start)];
        let outcome = run_sealed(scenario);
        outcome.assert_all_complete();
        assert!(outcome.receivers.iter().all(|receiver| receiver.objects == 2));
    }
}

/// A member that spoofs the sender's address has the group's key, but no key of the sender.
#[test]
fn member_cannot_say_anything_as_the_sender() {
    for seed in seeds(5) {
        let mut attacked = scenario(seed);
        let plan = AttackerPlan { attacks: vec![Attack::Member], rate: 500 };
        attacked.add(Host::new(Role::Attacker(plan), near()));
        let outcome = run_sealed(attacked);
        // The simulator compares every byte with what was sent.
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        for receiver in &outcome.receivers {
            assert_eq!((receiver.objects, receiver.aborted), (1, 0));
            assert!(receiver.stats.unsigned > 10, "{} were not signed", receiver.stats.unsigned);
        }
    }
}
