//! Sealed sessions: gates between links and engines.

use core::time::Duration;

use norm_core::flute::sender::{Passes, SenderConfig};
use norm_core::norm::receiver::Feedback;
use norm_core::norm::wire::NodeId;
use norm_seal::{DropReason, Suite};
use norm_sim::{
    Attack, AttackerPlan, Change, FluteReceiverPlan, FluteSenderPlan, Host, Lie, Link, Outcome,
    Role, Rule, Scenario, SenderPlan, few_seeds, run, seeds,
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

/// These hosts have taken what the sender has stated, and refused what was forged of that. Returns
/// how many of them know that it is live. The simulator compares what was stated.
fn assert_proved(outcome: &Outcome, hosts: &[u32]) -> u64 {
    let gates = outcome.gates.iter().filter(|(host, _)| hosts.contains(host));
    let live = gates.map(|(_, gate)| {
        assert!(gate.statements == 1 && gate.live <= 1, "{gate:?}");
        assert!(gate.dropped(DropReason::BadSignature) > 0, "{gate:?}");
        gate.live
    });
    live.sum()
}

/// A member cannot say anything as a sender of FLUTE, either, to receivers that cannot ask. What it
/// sends uses up counters of the sender, and content is missing then: more passes bring it.
#[test]
fn member_cannot_say_anything_as_a_sender_of_flute() {
    for seed in seeds(5) {
        let config = SenderConfig { passes: Passes::Times(6), ..SenderConfig::new(1, 2_000_000) };
        let mut scenario = Scenario::new(seed, 0);
        let plan = FluteSenderPlan::files(config, &[400_000, 10, 30_000]);
        scenario.hosts[0].role = Role::FluteSender(plan);
        for _ in 0..3 {
            let plan = FluteReceiverPlan::default();
            scenario.add(Host::new(Role::FluteReceiver(plan), Link::default()));
        }
        let plan = AttackerPlan { attacks: vec![Attack::Member], rate: 20 };
        scenario.add(Host::new(Role::Attacker(plan), near()));
        let outcome = run_sealed(scenario);
        assert_eq!(assert_proved(&outcome, &[1, 2, 3]), 0);
        for receiver in &outcome.flute_receivers {
            assert!(receiver.completed.is_some() && receiver.objects == 3, "{receiver:?}");
            assert!(receiver.stats.unsigned > 10, "{receiver:?}");
        }
    }
}

/// A carousel whose receivers cannot answer: one that comes after three days takes it as those do
/// that came at once, because what the sender has signed is renewed.
#[test]
fn sealed_carousel_is_received_after_three_days() {
    const DAYS: Duration = Duration::from_secs(3 * 24 * 3600);
    for seed in few_seeds(1, 5) {
        let config = SenderConfig {
            passes: Passes::Forever,
            fdt_interval: SECOND * 60,
            ..SenderConfig::new(1, 8_000)
        };
        let mut scenario = Scenario::new(seed, 0);
        scenario.limit = DAYS + SECOND * 3600;
        let plan = FluteSenderPlan::files(config, &[20_000]);
        scenario.hosts[0].role = Role::FluteSender(plan);
        for begins in [Duration::ZERO, DAYS] {
            let plan = FluteReceiverPlan::default();
            let mut host = Host::new(Role::FluteReceiver(plan), Link::default());
            host.life = vec![(begins, Change::Start)];
            scenario.add(host);
        }
        scenario.seal(Suite::Aes256Gcm);
        let outcome = run(&scenario);
        let completed: Vec<_> = outcome.flute_receivers.iter().map(|r| r.completed).collect();
        assert!(completed[0].is_some_and(|at| at < SECOND * 3600), "{completed:?}");
        assert!(completed[1].is_some_and(|at| at > DAYS), "{completed:?}");
        let hellos: Vec<u64> = outcome.gates[1..].iter().map(|(_, gate)| gate.hellos).collect();
        assert!(hellos[0] >= 6 && hellos[1] == 1, "twice a day: {hellos:?}");
        assert!(outcome.gates[1].1.statements >= 6, "{:?}", outcome.gates);
    }
}

/// A member that spoofs the sender's address has the group's key, but no key of the sender.
#[test]
fn member_cannot_say_anything_as_the_sender() {
    let mut live = 0;
    for seed in seeds(5) {
        let mut attacked = scenario(seed);
        let plan = AttackerPlan { attacks: vec![Attack::Member], rate: 500 };
        attacked.add(Host::new(Role::Attacker(plan), near()));
        let outcome = run_sealed(attacked);
        // The simulator compares every byte with what was sent.
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        live += assert_proved(&outcome, &[1, 2, 3]);
        for receiver in &outcome.receivers {
            assert_eq!((receiver.objects, receiver.aborted), (1, 0));
            assert!(receiver.stats.unsigned > 10, "{} were not signed", receiver.stats.unsigned);
        }
    }
    // Answers may be lost, and sessions are short.
    assert!(live >= seeds(5).len() as u64, "{live}");
}
