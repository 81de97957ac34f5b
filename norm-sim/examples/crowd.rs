//! A crowd beside as many full engines: transmissions and NACKs.
//!
//! `cargo run --release -p norm-sim --example crowd -- RECEIVERS LOSS TRUNK_LOSS engines|crowd SEED`

use core::time::Duration;
use std::time::Instant;

use norm_sim::{CrowdPlan, Host, Link, Role, Rule, RunOptions, Scenario, run_with};

#[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "measures")]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let receivers: u32 = args[1].parse().expect("a number of receivers");
    let (loss, trunk): (f64, f64) =
        (args[2].parse().expect("loss"), args[3].parse().expect("loss"));
    let mut scenario = Scenario::new(args[5].parse().expect("a seed"), 10 << 20);
    scenario.limit = Duration::from_secs(3600);
    let sender = scenario.sender();
    sender.config.rate = Some(20_000_000);
    sender.config.segment_size = 1400;
    sender.config.block_len = 256;
    sender.config.open = true;
    sender.config.backoff = Some(4);
    sender.config.group_size = Some(receivers.into());
    sender.config.initial_grtt = Duration::from_micros(10_200);
    scenario.hosts[0].link.down = Vec::new();
    scenario.hosts[0].link.up = vec![Rule::Loss(trunk)];
    let delay = Duration::from_millis(5);
    let link = Link { delay, down: vec![Rule::Loss(loss)], ..Link::default() };
    if args[4] == "crowd" {
        let plan = CrowdPlan { receivers, loss, unicast: false, delay: delay * 2 };
        let door = Link { delay, ..Link::default() };
        scenario.add(Host::new(Role::Crowd(plan), door));
    } else {
        scenario = scenario.receivers(receivers as usize, &link);
        for plan in scenario.receiver_plans() {
            plan.config.announce = false;
        }
    }
    let start = Instant::now();
    let outcome = run_with(&scenario, &RunOptions { threads: 2, ..RunOptions::default() });
    let stats = outcome.sender();
    let nacks: u64 = outcome.receivers.iter().map(|r| r.stats.nacks).sum::<u64>()
        + outcome.crowds.iter().map(|c| c.nacks).sum::<u64>();
    let suppressed: u64 = outcome.receivers.iter().map(|r| r.stats.suppressed).sum::<u64>()
        + outcome.crowds.iter().map(|c| c.suppressed).sum::<u64>();
    println!(
        "{receivers} {}: {:.1} s, data {} repairs {} nacks {nacks} (heard {}) suppressed {suppressed} loss events {} complete {} {:?}",
        args[4],
        start.elapsed().as_secs_f64(),
        stats.data_packets,
        stats.resent_packets + stats.coded_packets,
        stats.nacks,
        outcome.senders[0].loss_events,
        outcome.receivers.iter().filter(|r| r.completed.is_some()).count()
            + outcome.crowds.iter().map(|c| c.complete as usize).sum::<usize>(),
        outcome.finished,
    );
}
