//! The simulated network: trees, clocks, lives of hosts, threads.

use core::time::Duration;
use std::sync::Arc;

use norm_core::norm::receiver::Feedback;
use norm_sim::{
    Broken, Capture, Change, Clock, Host, Link, Outcome, Rule, RunOptions, Scenario, Switch, run,
    run_with, seeds,
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// Switches 1 and 2 below the root, and 3 below 2. Three receivers on each but the root.
fn tree(seed: u64, size: u64, loss: f64) -> Scenario {
    let mut scenario = Scenario::new(seed, size);
    for parent in [0, 0, 2] {
        scenario.switches.push(Switch { parent, link: Link::default() });
    }
    for switch in [1, 2, 3] {
        for _ in 0..3 {
            scenario.add(Host { switch, ..Host::receiver(Link::lossy(loss)) });
        }
    }
    scenario
}

fn on_threads(scenario: &Scenario, threads: usize) -> Outcome {
    run_with(scenario, &RunOptions { threads, ..RunOptions::default() })
}

#[test]
fn number_of_threads_changes_nothing() {
    for seed in seeds(2) {
        let mut scenario = Scenario::new(seed, 1_000_000).receivers(300, &Link::lossy(0.02));
        scenario.check_nacks = false;
        for host in scenario.hosts.iter_mut().skip(1).step_by(3) {
            host.link.down.push(Rule::Jitter(MS));
        }
        let outcome = on_threads(&scenario, 1);
        assert_eq!(outcome, on_threads(&scenario, 2));
        assert_eq!(outcome, on_threads(&scenario, 3));
        outcome.assert_all_complete();
    }
}

#[test]
fn other_seed_gives_another_run() {
    assert_ne!(run(&tree(1, 500_000, 0.01)).trace, run(&tree(2, 500_000, 0.01)).trace);
}

#[test]
fn loss_on_a_trunk_hits_all_receivers_below_it() {
    for seed in seeds(10) {
        let mut scenario = tree(seed, 1_000_000, 0.0);
        scenario.switches[2].link.down.push(Rule::Loss(0.05));
        let outcome = run(&scenario);
        assert_eq!(outcome, run(&scenario));
        outcome.assert_all_complete();
        let symbols: Vec<u64> = outcome.receivers.iter().map(|r| r.stats.heard).collect();
        assert!(symbols[..3].iter().all(|n| *n == symbols[0]), "{symbols:?}");
        // Switch 3 is below switch 2: its receivers lose the same packets.
        assert!(symbols[3..].iter().all(|n| *n == symbols[3]), "{symbols:?}");
        assert!(symbols[3] < symbols[0], "{symbols:?}");
        assert!(outcome.sender().resent_packets + outcome.sender().coded_packets > 0);
    }
}

#[test]
fn each_delay_on_the_path_counts_once() {
    let mut scenario = tree(1, 100_000, 0.0);
    for (n, switch) in scenario.switches.iter_mut().enumerate() {
        switch.link.delay = MS * 10 * n as u32;
    }
    let capture = |host| {
        let into = Arc::default();
        let capture = Some(Capture { host: Some(host), limit: 1, into: Arc::clone(&into) });
        run_with(&scenario, &RunOptions { capture, ..RunOptions::default() });
        into.lock().unwrap()[0].at
    };
    let sent = capture(0);
    // The sender's own link has 50 µs, a receiver's 1 ms; trunks 2 and 3 have 20 and 30 ms.
    assert_eq!(capture(1), sent + MS / 20 + MS * 10 + MS);
    assert_eq!(capture(7), sent + MS / 20 + MS * 50 + MS);
}

#[test]
fn unicast_feedback_reaches_the_sender_alone_in_a_tree() {
    for seed in seeds(10) {
        let mut scenario = tree(seed, 1_000_000, 0.02);
        for plan in scenario.receiver_plans() {
            plan.config.feedback = Feedback::Unicast;
        }
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome.confirmed(), 9);
        assert!(outcome.sender().nacks > 0);
        for receiver in &outcome.receivers {
            assert_eq!(receiver.stats.packets, receiver.stats.heard, "{receiver:?}");
        }
    }
}

#[test]
fn stalled_receiver_loses_packets_beyond_its_socket_buffer() {
    for seed in seeds(10) {
        let mut scenario = Scenario::new(seed, 4_000_000).receivers(3, &Link::default());
        scenario.hosts[1].life = vec![(MS * 100, Change::Stall(MS * 50))];
        let buffered = run(&scenario);
        buffered.assert_all_complete();
        // 50 ms at 100 Mbit/s are 625 kB, which fit one megabyte, but not 64 kB.
        assert_eq!(buffered.sender().nacks, 0);
        scenario.receiver_plans().next().unwrap().socket_buffer = 64 << 10;
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert!(outcome.sender().nacks > 0);
        assert_eq!(outcome, run(&scenario));
    }
}

#[test]
fn drifting_clocks_and_late_timers_cost_only_time() {
    for seed in seeds(10) {
        let mut scenario = Scenario::new(seed, 2_000_000).receivers(4, &Link::lossy(0.02));
        for (n, host) in scenario.hosts.iter_mut().enumerate() {
            let drift_ppm = [-200, 300, -100, 50, 0][n];
            let offset = SECOND * 1000 * n as u32;
            host.clock = Clock { offset, drift_ppm, late: MS * 2 };
        }
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert_eq!(outcome, run(&scenario));
    }
}

#[test]
fn simulated_decoding_agrees_with_the_real_one() {
    let mut simulated = 0.0;
    let mut real = 0.0;
    for seed in seeds(5) {
        let size = 2_000_000;
        let mut scenario = Scenario::new(seed, size).receivers(20, &Link::lossy(0.05));
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        simulated += outcome.expansion(size);
        scenario.receiver_plans().for_each(|plan| plan.real_store = true);
        let outcome = run(&scenario);
        outcome.assert_all_complete();
        assert!(outcome.receivers.iter().any(|receiver| receiver.stats.decoded > 0));
        real += outcome.expansion(size);
    }
    assert!((simulated / real - 1.0).abs() < 0.01, "{simulated} and {real}");
}

#[test]
fn damaged_content_is_received_again() {
    for real_store in [false, true] {
        for seed in seeds(5) {
            let mut scenario = Scenario::new(seed, 300_000).receivers(2, &Link::default());
            scenario.hosts[1].link.down.push(Rule::Corrupt(0.003));
            scenario.may_fail = true;
            scenario.receiver_plans().for_each(|plan| plan.real_store = real_store);
            let outcome = run(&scenario);
            assert!(outcome.receivers[1].completed.is_some() && outcome.receivers[1].retries == 0);
            let hit = &outcome.receivers[0];
            assert!(hit.completed.is_some() || hit.failed.is_some() || hit.aborted > 0, "{hit:?}");
        }
    }
}

#[test]
fn full_disk_is_reported_to_user_and_sender() {
    let mut scenario = Scenario::new(1, 1_000_000).receivers(2, &Link::default());
    scenario.receiver_plans().next().unwrap().disk_full_after = Some(3);
    let outcome = run(&scenario);
    assert!(outcome.receivers[0].failed.as_ref().unwrap().contains("disk is full"));
    assert!(outcome.receivers[1].completed.is_some());
    assert!(outcome.finished.is_some());
}

#[test]
fn samples_do_not_change_the_run() {
    let mut scenario = tree(3, 2_000_000, 0.02);
    scenario.switches[1].link.down.push(Rule::Loss(0.02));
    let sample_every = Some(MS * 10);
    let outcome = run_with(&scenario, &RunOptions { sample_every, ..RunOptions::default() });
    assert_eq!(outcome.trace, run(&scenario).trace);
    let last = outcome.series.last().unwrap();
    assert_eq!(last.complete, 9);
    assert_eq!(last.sent_bytes, outcome.sender().bytes);
    let content = outcome.sender().data_packets + last.repair_packets;
    assert_eq!(last.delivered + last.lost, content * 9);
    assert!(last.lost as f64 / last.delivered as f64 > 0.02);
    assert!(outcome.series.windows(2).all(|pair| pair[0].delivered <= pair[1].delivered));
}

#[test]
#[should_panic(expected = "WRONG BYTE")]
fn wrong_offset_of_a_receiver_is_found() {
    let mut scenario = Scenario::new(1, 4_000_000).receivers(2, &Link::lossy(0.01));
    let plan = scenario.receiver_plans().next().unwrap();
    plan.broken = Some(Broken::WritesAtAWrongOffset);
    run(&scenario);
}

#[test]
#[should_panic(expected = "NACKs were heard")]
fn missing_suppression_is_found() {
    let mut scenario = Scenario::new(1, 4_000_000).receivers(100, &Link::default());
    scenario.hosts[0].link.up.push(Rule::Loss(0.02));
    scenario.receiver_plans().for_each(|plan| plan.broken = Some(Broken::ForgetsSuppression));
    run(&scenario);
}

#[test]
fn ignored_requests_for_blocks_are_found() {
    let mut scenario = Scenario::new(1, 4_000_000).receivers(2, &Link::default());
    scenario.add(Host::receiver(Link::default()).joining(MS * 200));
    scenario.sender().broken = Some(Broken::IgnoresBlockRequests);
    scenario.limit = SECOND * 30;
    let outcome = run(&scenario);
    assert_eq!((outcome.finished, outcome.receivers[2].completed), (None, None));
}
