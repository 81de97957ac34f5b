//! Many receivers on a tree of switches: `cargo run --release -p norm-sim --example scale
//! [receivers] [threads]`.
//!
//! Prints deliveries per second of real time; the run itself follows from its seed.

use core::time::Duration;

use norm_sim::{Host, Link, Outcome, Rule, RunOptions, Scenario, Switch, run_with};

const SIZE: u64 = 10 << 20;
/// Receivers on one switch.
const PORTS: usize = 100;

/// A root with the sender, and switches of 100 receivers behind trunks that lose packets, too.
fn scenario(receivers: usize) -> Scenario {
    let mut scenario = Scenario::new(1, SIZE);
    let config = &mut scenario.sender().config;
    (config.segment_size, config.block_len) = (1400, 256);
    (config.rate, config.cache_bytes) = (Some(1_000_000_000), 48 << 20);
    scenario.hosts[0].link.delay = Duration::from_millis(1);
    for n in 0..receivers {
        if n % PORTS == 0 {
            scenario.switches.push(Switch { parent: 0, link: Link::lossy(0.001) });
        }
        let link = Link { down: vec![Rule::Loss(0.01)], ..Link::default() };
        let switch = scenario.switches.len() as u32 - 1;
        scenario.add(Host { switch, ..Host::receiver(link) });
    }
    scenario
}

#[expect(clippy::disallowed_types, reason = "how long the simulation takes in real time")]
fn timed(scenario: &Scenario, options: &RunOptions) -> (Outcome, Duration) {
    let start = std::time::Instant::now();
    let outcome = run_with(scenario, options);
    (outcome, start.elapsed())
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|text| text.parse().ok());
    let receivers: usize = numbers.next().unwrap_or(1000);
    let threads: usize = numbers.next().unwrap_or(2);
    let options = RunOptions { threads, ..RunOptions::default() };
    let (outcome, took) = timed(&scenario(receivers), &options);
    let complete = outcome.receivers.iter().filter(|r| r.completed.is_some()).count();
    let seconds = took.as_secs_f64();
    let (stats, million) = (outcome.sender(), outcome.deliveries as f64 / 1e6);
    println!("{receivers} receivers, {threads} threads: {complete} complete, in {seconds:.1} s");
    println!("{million:.1} million deliveries, {:.2} million per second", million / seconds);
    println!(
        "{} packets; data {}, resent {}, coded {}, NACKs {} of {} sent, reports {}, ACKs {}",
        outcome.packets,
        stats.data_packets,
        stats.resent_packets,
        stats.coded_packets,
        stats.nacks,
        outcome.receivers.iter().map(|r| r.stats.nacks).sum::<u64>(),
        stats.reports,
        stats.acks,
    );
    println!("loss events {}", outcome.senders[0].loss_events);
    println!("finished {:?}, trace {}", outcome.finished, outcome.trace);
    if let Some(bytes) = peak_memory() {
        println!(
            "peak memory {} MiB, {} per receiver",
            bytes >> 20,
            bytes / receivers.max(1) as u64
        );
    }
}

/// The most memory that this process has held, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib << 10)
}
