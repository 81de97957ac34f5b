//! Receivers whose processor or socket is the limit.

use core::time::Duration;

use norm_sim::{Limits, Link, Outcome, RunOptions, Scenario, run, run_with};

const STOCK: u32 = 208 << 10;

/// Four megabytes at 400 Mbit/s, about 49,000 packets a second, to three receivers.
fn scenario(per_packet: u64, wake: u64, socket_buffer: u32) -> Scenario {
    let (per_packet, wake) = (Duration::from_micros(per_packet), Duration::from_micros(wake));
    let mut scenario = Scenario::new(5, 4_000_000).receivers(3, &Link::default());
    scenario.sender().config.rate = Some(400_000_000);
    scenario.sender().config.min_receivers = 3;
    for host in &mut scenario.hosts[1..] {
        host.limits = Some(Limits { per_packet, wake, socket_buffer });
    }
    scenario
}

fn drops(outcome: &Outcome) -> u64 {
    outcome.receivers.iter().map(|receiver| receiver.host_drops).sum()
}

#[test]
fn fast_host_drops_nothing() {
    let outcome = run(&scenario(5, 0, STOCK));
    outcome.assert_all_complete();
    assert_eq!(drops(&outcome), 0);
}

#[test]
fn host_slower_than_the_rate_drops_packets_and_completes() {
    let outcome = run(&scenario(40, 0, STOCK));
    outcome.assert_all_complete();
    assert!(drops(&outcome) > 300, "{}", drops(&outcome));
}

#[test]
fn host_that_wakes_late_needs_a_buffer_for_that_time() {
    // About 350 packets arrive in 7 ms; the stock buffer holds 184 of them.
    let stock = run(&scenario(5, 7_000, STOCK));
    let large = run(&scenario(5, 7_000, STOCK * 8));
    stock.assert_all_complete();
    large.assert_all_complete();
    assert!(drops(&stock) > 0);
    assert_eq!(drops(&large), 0);
}

#[test]
fn runs_with_limits_are_equal_on_any_number_of_threads() {
    let mut scenario = scenario(25, 500, STOCK);
    scenario.hosts[0].limits = scenario.hosts[1].limits;
    let once = run(&scenario);
    once.assert_all_complete();
    assert_eq!(once, run(&scenario));
    assert_eq!(once, run_with(&scenario, &RunOptions { threads: 2, ..RunOptions::default() }));
}

#[test]
fn limited_host_goes_on_after_a_stall() {
    let mut scenario = scenario(5, 100, STOCK);
    let stall = norm_sim::Change::Stall(Duration::from_millis(30));
    scenario.hosts[2].life = vec![(Duration::from_millis(50), stall)];
    run(&scenario).assert_all_complete();
}
