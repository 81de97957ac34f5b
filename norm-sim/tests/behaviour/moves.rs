//! Hosts that get another address during a transfer.

use core::time::Duration;

use norm_core::norm::receiver::Feedback;
use norm_sim::{Attack, AttackerPlan, Change, Host, Link, Outcome, Role, Scenario, run, seeds};

const MS: Duration = Duration::from_millis(1);
/// The session loses no more than this by a move.
const MAX_LOST: Duration = Duration::from_secs(10);

/// 4 MB at 10 Mbit/s, which takes 3.2 s, with some loss. NACKs of some receivers go to the sender
/// alone.
fn scenario(seed: u64) -> Scenario {
    let mut scenario = Scenario::new(seed, 4_000_000).receivers(5, &Link::lossy(0.02));
    scenario.sender().config.rate = Some(10_000_000);
    scenario.sender().config.min_receivers = 5;
    for plan in scenario.receiver_plans().step_by(2) {
        plan.config.feedback = Feedback::Unicast;
    }
    scenario
}

/// Has a host move at these times.
fn move_host(scenario: &mut Scenario, host: usize, at: &[Duration]) {
    scenario.hosts[host].life.push((Duration::ZERO, Change::Start));
    scenario.hosts[host].life.extend(at.iter().map(|at| (*at, Change::Move)));
}

/// When the last receiver was complete.
fn completed(outcome: &Outcome) -> Duration {
    outcome.assert_all_complete();
    outcome.receivers.iter().filter_map(|receiver| receiver.completed).max().unwrap()
}

#[test]
fn receivers_follow_a_sender_that_moves() {
    for seed in seeds(10) {
        let rest = completed(&run(&scenario(seed)));
        let mut moving = scenario(seed);
        move_host(&mut moving, 0, &[MS * 1500]);
        let outcome = run(&moving);
        assert!(
            completed(&outcome) < rest + MAX_LOST,
            "{:?}, {rest:?} at rest",
            completed(&outcome)
        );
        for receiver in &outcome.receivers {
            assert_eq!(receiver.moves, 1);
            assert_eq!(receiver.stats.moves_refused, 0, "nothing came too soon");
        }
        assert!(outcome.sender().resent_packets < 600, "content that was there was not sent again");
    }
}

#[test]
fn second_move_soon_after_the_first_is_followed_too() {
    for seed in seeds(5) {
        let mut moving = scenario(seed);
        move_host(&mut moving, 0, &[MS * 500, MS * 4000]);
        let outcome = run(&moving);
        outcome.assert_all_complete();
        assert!(outcome.receivers.iter().all(|receiver| receiver.moves == 2));
    }
}

#[test]
fn move_that_is_told_while_packets_are_lost_is_followed() {
    for seed in seeds(10) {
        let mut moving = scenario(seed);
        for host in moving.hosts.iter_mut().skip(1) {
            host.link = Link::lossy(0.3);
        }
        move_host(&mut moving, 0, &[MS * 1000]);
        run(&moving).assert_all_complete();
    }
}

#[test]
fn receivers_that_move_stay_the_same_receivers() {
    for seed in seeds(10) {
        let rest = completed(&run(&scenario(seed)));
        let mut moving = scenario(seed);
        for host in [1, 2, 4] {
            move_host(&mut moving, host, &[MS * 700]);
        }
        let outcome = run(&moving);
        assert!(
            completed(&outcome) < rest + MAX_LOST,
            "{:?}, {rest:?} at rest",
            completed(&outcome)
        );
        assert_eq!(outcome.confirmed(), 5, "each of them, once");
    }
}

/// It repeats every proof that it hears, and guesses the next ones, both before and after the
/// sender moves.
#[test]
fn forger_of_moves_is_not_followed() {
    for seed in seeds(10) {
        let mut attacked = scenario(seed);
        let plan = AttackerPlan { attacks: vec![Attack::FalseMoves], rate: 500 };
        attacked.add(Host::new(Role::Attacker(plan), Link::default()));
        move_host(&mut attacked, 0, &[MS * 1500]);
        let outcome = run(&attacked);
        outcome.assert_all_complete();
        for receiver in &outcome.receivers {
            assert_eq!(receiver.moves, 1, "the sender's own");
        }
    }
}
