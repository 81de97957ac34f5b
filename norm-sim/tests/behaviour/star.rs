//! The engines in a star network: the behaviours that transfers rely on.

use core::time::Duration;

use bytes::Bytes;
use norm_core::fec::Scheme;
use norm_core::norm::receiver::{Feedback, JoinPolicy};
use norm_core::norm::sender::{ObjectSpec, SenderEvent};
use norm_core::norm::wire::NodeId;
use norm_sim::{Change, Host, Link, Outcome, ReceiverPlan, Rule, Scenario, run, seeds};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

fn star(seed: u64, size: u64, receivers: usize, loss: f64) -> Scenario {
    Scenario::new(seed, size).receivers(receivers, &Link::lossy(loss))
}

/// A receiver that joins late.
fn late(at: Duration, loss: f64) -> Host {
    Host::receiver(Link::lossy(loss)).joining(at)
}

/// The links of the receivers.
fn links(scenario: &mut Scenario) -> impl Iterator<Item = &mut Link> {
    scenario.hosts.iter_mut().skip(1).map(|host| &mut host.link)
}

fn plan(scenario: &mut Scenario, n: usize) -> &mut ReceiverPlan {
    scenario.receiver_plans().nth(n).unwrap()
}

fn object(size: u64) -> ObjectSpec {
    ObjectSpec { size, info: Some(Bytes::from_static(b"about it")), file: true }
}

/// Runs a scenario twice: equal seeds must give equal packets.
fn run_twice(scenario: &Scenario) -> Outcome {
    let outcome = run(scenario);
    assert_eq!(outcome, run(scenario), "an equal seed gave another run");
    outcome
}

#[test]
fn lossless_transfer_has_no_nacks_and_no_repair() {
    for seed in seeds(10) {
        let outcome = run_twice(&star(seed, 1_000_000, 3, 0.0));
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        assert_eq!(outcome.sender().nacks, 0);
        assert_eq!(outcome.sender().resent_packets + outcome.sender().coded_packets, 0);
        assert!(outcome.finished < Some(SECOND * 2), "{:?}", outcome.finished);
    }
}

#[test]
fn repair_costs_little_more_than_the_largest_loss() {
    for (loss, max) in [(0.01, 1.12), (0.05, 1.22), (0.2, 1.6)] {
        for seed in seeds(10) {
            let size = 4_000_000;
            let outcome = run_twice(&star(seed, size, 3, loss));
            outcome.assert_all_complete();
            assert_eq!(outcome.confirmed(), 3);
            let expansion = outcome.expansion(size);
            assert!(expansion < max, "loss {loss} seed {seed}: {expansion} {:?}", outcome.sender());
        }
    }
}

#[test]
fn single_receiver_is_repaired_by_resends() {
    for seed in seeds(10) {
        let mut scenario = Scenario::new(seed, 4_000_000).receivers(1, &Link::lossy(0.05));
        scenario.sender().config.rate = Some(10_000_000);
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        let sender = outcome.sender();
        assert!(sender.resent_packets > 3 * sender.coded_packets, "{sender:?}");
    }
}

#[test]
fn duplicated_and_reordered_packets_do_no_harm() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 2_000_000, 3, 0.01);
        for link in links(&mut scenario) {
            link.down.extend([Rule::Duplicate(0.2), Rule::Jitter(MS * 3)]);
            link.up.extend([Rule::Duplicate(0.2), Rule::Jitter(MS * 3)]);
        }
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        assert!(outcome.expansion(2_000_000) < 1.3, "{:?}", outcome.sender());
    }
}

#[test]
fn corrupted_packets_are_never_delivered() {
    // On real networks the UDP checksum finds most of this. Here all flipped bits reach the parser,
    // and only hashes could protect content; so only feedback is damaged.
    for seed in seeds(10) {
        let mut scenario = star(seed, 1_000_000, 2, 0.0);
        for link in links(&mut scenario) {
            link.up.push(Rule::Corrupt(0.2));
        }
        scenario.hosts[0].link.down.push(Rule::Corrupt(0.2));
        let outcome = run(&scenario);
        // A flipped bit in the identity of a report invents a receiver, which is lost later.
        assert!(outcome.receivers.iter().all(|receiver| receiver.completed.is_some()));
        assert!(outcome.finished.is_some() && outcome.confirmed() >= 2);
    }
}

#[test]
fn late_joiner_completes_and_hardly_delays_the_others() {
    for seed in seeds(10) {
        let size = 16_000_000;
        let mut scenario = star(seed, size, 3, 0.01);
        let alone = run(&scenario);
        alone.assert_all_complete();
        // 16 MB at 100 Mbit/s take 1.4 s; the receiver joins after half of it.
        scenario.add(late(MS * 750, 0.01));
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 4);
        for n in 0..3 {
            let (with, without) = (outcome.receivers[n].completed, alone.receivers[n].completed);
            let ratio = with.unwrap().as_secs_f64() / without.unwrap().as_secs_f64();
            assert!(ratio < 1.3, "seed {seed}: receiver {n} took {ratio} times its time");
        }
    }
}

#[test]
fn restarted_receiver_completes() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 8_000_000, 3, 0.05);
        scenario.hosts[2].life = vec![(Duration::ZERO, Change::Start), (MS * 400, Change::Start)];
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
    }
}

#[test]
fn dead_receiver_is_lost_and_the_others_are_confirmed() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 8_000_000, 3, 0.01);
        scenario.hosts[2].life = vec![(MS * 300, Change::Stop)];
        let outcome = run_twice(&scenario);
        assert!(
            outcome.receivers[0].completed.is_some() && outcome.receivers[2].completed.is_some()
        );
        assert_eq!(outcome.confirmed(), 2);
        let lost = |e: &SenderEvent| matches!(e, SenderEvent::ReceiverLost { .. });
        assert_eq!(outcome.events().iter().filter(|e| lost(e)).count(), 1);
        assert!(outcome.finished < Some(SECOND * 30), "{:?}", outcome.finished);
    }
}

#[test]
fn objects_of_odd_sizes_arrive() {
    for scheme in [Scheme::RaptorQ, Scheme::NoCode] {
        for (n, size) in
            [0, 1, 7, 1023, 1024, 1025, 65_535, 65_536, 65_537, 700_001].iter().enumerate()
        {
            for seed in seeds(3) {
                let mut scenario = star(seed + n as u64, *size, 3, 0.1);
                scenario.sender().config.scheme = scheme;
                let outcome = run(&scenario);
                outcome.assert_all_complete();
                assert_eq!(outcome.confirmed(), 3, "{scheme:?} size {size}");
            }
        }
    }
}

#[test]
fn objects_with_info_arrive_across_the_wrap_of_the_id() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 0, 3, 0.05);
        scenario.sender().objects = (0..60).map(|n| object(n * 997)).collect();
        scenario.sender().config.first_object = 65_510;
        for plan in scenario.receiver_plans() {
            plan.config.join = JoinPolicy::All;
        }
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
    }
}

#[test]
fn loss_without_a_code_is_repaired_by_resends() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 2_000_000, 3, 0.05);
        scenario.sender().config.scheme = Scheme::NoCode;
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.sender().coded_packets, 0);
        assert!(outcome.expansion(2_000_000) < 1.35, "{:?}", outcome.sender());
    }
}

#[test]
fn unicast_feedback_is_suppressed_by_repair_adv() {
    for seed in seeds(10) {
        let mut scenario = star(seed, 4_000_000, 20, 0.02);
        for plan in scenario.receiver_plans() {
            plan.config.feedback = Feedback::Unicast;
        }
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 20);
        let suppressed: u64 = outcome.receivers.iter().map(|r| r.stats.suppressed).sum();
        assert!(suppressed > 0);
        assert!(outcome.expansion(4_000_000) < 1.25, "{:?}", outcome.sender());
    }
}

#[test]
fn silent_receiver_completes_where_nothing_is_lost() {
    for seed in seeds(3) {
        let mut scenario = star(seed, 500_000, 2, 0.0);
        plan(&mut scenario, 0).config.feedback = Feedback::None;
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 1);
        assert_eq!(outcome.receivers[0].stats.sent_packets, 0);
    }
}

#[test]
fn sender_waits_for_its_minimum_of_receivers() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 500_000, 3, 0.01);
        scenario.sender().config.min_receivers = 3;
        scenario.hosts[3].life = vec![(SECOND * 4, Change::Start)];
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        assert!(outcome.receivers[0].completed > Some(SECOND * 4));

        scenario.hosts.pop();
        scenario.may_fail = true;
        scenario.sender().config.start.timeout = Some(SECOND * 2);
        let outcome = run(&scenario);
        assert!(outcome.events().contains(&SenderEvent::StartTimedOut { receivers: 2 }));
        assert_eq!(outcome.sender().data_packets, 0);
        assert!(outcome.finished.is_some());
    }
}

#[test]
fn sender_without_receivers_ends_after_its_timeout() {
    let outcome = run_twice(&Scenario::new(1, 500_000));
    let finished = outcome.finished.unwrap();
    assert!(finished > SECOND * 5 && finished < SECOND * 8, "{finished:?}");
}

#[test]
fn lingering_sender_serves_a_receiver_after_the_end() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 2_000_000, 2, 0.02);
        scenario.sender().config.linger = SECOND * 10;
        scenario.add(late(SECOND * 5, 0.05));
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
    }
}

#[test]
fn joiner_with_the_rfc_policy_waits_for_the_next_object() {
    for seed in seeds(3) {
        let mut scenario = star(seed, 0, 2, 0.0);
        scenario.sender().objects = vec![object(4_000_000), object(4_000_000)];
        scenario.add(late(MS * 200, 0.0));
        plan(&mut scenario, 2).config.join = JoinPolicy::Current;
        scenario.may_fail = true;
        let outcome = run_twice(&scenario);
        assert_eq!(outcome.receivers[2].objects, 1);
        assert_eq!(outcome.confirmed(), 3);
    }
}

#[test]
fn joiner_that_wants_all_learns_the_first_object() {
    for seed in seeds(3) {
        let mut scenario = star(seed, 0, 2, 0.0);
        scenario.sender().objects = vec![object(3_000_000), object(3_000_000), object(3_000_000)];
        scenario.sender().config.first_object = 7;
        scenario.add(late(MS * 400, 0.0));
        plan(&mut scenario, 2).config.join = JoinPolicy::All;
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.receivers[2].objects, 3);
        assert_eq!(outcome.confirmed(), 3);
    }
}

#[test]
fn application_acknowledgments_are_collected_from_all() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 8_000_000, 5, 0.1);
        scenario.sender().config.min_receivers = 5;
        scenario.sender().ack_request = Some((MS * 500, 17));
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        let all = SenderEvent::Acknowledged { ack_id: 0, answers: 5 };
        assert!(outcome.events().contains(&all), "{:?}", outcome.events());
    }
}

#[test]
fn receivers_with_equal_node_ids_get_others_and_complete() {
    for feedback in [Feedback::Multicast, Feedback::Unicast] {
        for seed in seeds(5) {
            let mut scenario = star(seed, 2_000_000, 4, 0.02);
            // Two receivers with one id, and one with the sender's.
            for (n, id) in [(0, 77), (1, 77), (2, 1)] {
                plan(&mut scenario, n).config.node = Some(NodeId(id));
            }
            for plan in scenario.receiver_plans() {
                plan.config.feedback = feedback;
            }
            let outcome = run_twice(&scenario);
            outcome.assert_all_complete();
            assert_eq!(outcome.confirmed(), 4, "{:?}", outcome.events());
        }
    }
}

#[test]
fn transfer_completes_with_long_delay_and_slow_return_path() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 4_000_000, 3, 0.02);
        for link in links(&mut scenario) {
            link.delay = MS * 250;
            link.up.push(Rule::Rate { bits: 256_000, queue: 256 << 10, mark: None });
        }
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 3);
        assert!(outcome.expansion(4_000_000) < 1.25, "{:?}", outcome.sender());
    }
}

#[test]
fn transfer_completes_within_the_cap_of_block_memory() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 8_000_000, 2, 0.2);
        plan(&mut scenario, 0).config.max_blocks = 4;
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert!(outcome.receivers[0].peak_blocks <= 4);
    }
}

#[test]
fn slow_disks_delay_and_lose_nothing() {
    for seed in seeds(5) {
        let mut scenario = star(seed, 4_000_000, 2, 0.02);
        plan(&mut scenario, 0).store_delay = MS * 300;
        scenario.sender().read_delay = MS * 5;
        let outcome = run_twice(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 2);
    }
}
