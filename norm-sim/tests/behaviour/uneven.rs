//! Paths on which packets do not come evenly, and none is lost: they overtake each other, or come
//! in bunches.

use core::time::Duration;

use norm_core::norm::sender::RateControl;
use norm_sim::{Bottleneck, Rule, Scenario, few_seeds, run, run_with};
use norm_sim::{Outcome, RunOptions};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MBIT: u64 = 1_000_000;

/// An access point of Wi-Fi lets go of multicast this often while stations sleep.
const BEACON: Duration = Duration::from_millis(102);

/// A path of 100 Mbit/s and 2 ms with a queue of 20 ms.
fn path(seed: u64, control: RateControl, receivers: usize, uneven: Option<Rule>) -> Bottleneck {
    let free = Bottleneck::new(100 * MBIT, MS * 2, 10.0);
    Bottleneck { seed, control, receivers, uneven, time: SECOND * 8, ..free }
}

/// Bits on the wire per second that the path has taken from 4 to 8 s.
fn rate(scenario: &Scenario) -> f64 {
    let options = RunOptions { sample_every: Some(MS * 10), ..RunOptions::default() };
    let series = run_with(scenario, &options).series;
    let (from, to) = (&series[series.len() / 2], &series[series.len() - 1]);
    let packets = |sample: &norm_sim::Sample| sample.data_packets + sample.repair_packets;
    let bytes = to.sent_bytes - from.sent_bytes + (packets(to) - packets(from)) * 28;
    let passed = bytes - (to.lost_at_source - from.lost_at_source);
    passed as f64 * 8.0 / (to.at - from.at).as_secs_f64()
}

/// Asserts that the default controller finds at least this part of the rate that it finds where
/// packets come evenly.
fn assert_finds(part: f64, uneven: &Rule, both_ways: bool) {
    for receivers in [1, 3] {
        let free = rate(&path(1, RateControl::Auto, receivers, None).scenario());
        for seed in few_seeds(2, 10) {
            let path = path(seed, RateControl::Auto, receivers, Some(uneven.clone()));
            let mut scenario = path.scenario();
            for host in scenario.hosts.iter_mut().skip(1).filter(|_| both_ways) {
                host.link.up.push(uneven.clone());
            }
            let found = rate(&scenario) / free;
            let case = format!("{uneven:?}, both ways: {both_ways}, {receivers}, seed {seed}");
            eprintln!("{case}: {found:.3}");
            assert!(found >= part, "{case}: {found:.3} of {:.1} Mbit/s", free / 1e6);
        }
    }
}

#[test]
fn rate_is_found_where_packets_overtake_each_other_by_20_ms() {
    assert_finds(0.75, &Rule::Jitter(MS * 20), false);
    assert_finds(0.75, &Rule::Jitter(MS * 20), true);
}

#[test]
fn rate_is_found_where_packets_overtake_each_other_by_100_ms() {
    assert_finds(0.75, &Rule::Jitter(MS * 100), false);
    assert_finds(0.5, &Rule::Jitter(MS * 100), true);
}

#[test]
fn rate_is_found_where_packets_come_in_bunches() {
    assert_finds(0.75, &Rule::Held(BEACON), false);
}

#[test]
fn rate_is_found_where_few_packets_are_late() {
    assert_finds(0.75, &Rule::Late { share: 0.01, by: MS * 20 }, false);
}

/// Repair packets by packets, at a fixed rate of 0.95 of the path.
fn repair(outcome: &Outcome) -> f64 {
    let last = outcome.series.last().expect("the course of the run");
    last.repair_packets as f64 / (last.data_packets + last.repair_packets) as f64
}

#[test]
fn late_packets_are_hardly_asked_for() {
    for uneven in [Rule::Jitter(MS * 20), Rule::Jitter(MS * 100), Rule::Held(BEACON)] {
        for receivers in [1, 3] {
            for seed in few_seeds(2, 10) {
                let path = path(seed, RateControl::Fixed, receivers, Some(uneven.clone()));
                let scenario = Bottleneck { time: SECOND * 4, ..path }.scenario();
                let options = RunOptions { sample_every: Some(MS * 10), ..RunOptions::default() };
                let share = repair(&run_with(&scenario, &options));
                let case = format!("{uneven:?}, {receivers}, seed {seed}: {share:.4}");
                eprintln!("{case}");
                assert!(share < 0.001, "{case}");
            }
        }
    }
}

#[test]
fn transfer_completes_where_packets_come_unevenly_and_are_lost() {
    for uneven in [Rule::Jitter(MS * 50), Rule::Held(BEACON)] {
        for seed in few_seeds(2, 10) {
            let mut scenario = Scenario::new(seed, 4_000_000).receivers(
                5,
                &norm_sim::Link {
                    down: vec![Rule::Loss(0.05), uneven.clone()],
                    up: vec![Rule::Loss(0.05), uneven.clone()],
                    ..norm_sim::Link::default()
                },
            );
            scenario.sender().config.min_receivers = 5;
            run(&scenario).assert_all_complete();
        }
    }
}
