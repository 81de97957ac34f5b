//! Tables of the engines' behaviour in numbers.
//!
//! They are committed and compared by a test, so that a change of behaviour is a diff in review.
//! With one seed each they show that something has changed, but do not measure by how much.

mod groups;
mod rates;

use core::fmt::Write;
use core::time::Duration;

use norm_core::norm::sender::RateControl;

use crate::experiment::Experiment;
use crate::fairness::Fairness;
use crate::kernel::{RunOptions, run_with};
use crate::recipe::Recipe;
use crate::rule::Rule;
use crate::scenario::{Change, Control, Host, Link, Scenario};
use crate::swarm::run_to_end;
use crate::theory;

pub use rates::cells;

/// The names that [`by_name`] knows.
pub const NAMES: [&str; 7] =
    ["transmissions", "nacks", "disturbances", "traces", "rates", "groups", "fairness"];

/// The table with this name, one of [`NAMES`]. It does not depend on the number of threads.
pub fn by_name(name: &str, threads: usize) -> Option<String> {
    let mut text = String::new();
    let written = match name {
        "transmissions" => transmissions(&mut text, threads),
        "nacks" => nacks(&mut text, threads),
        "disturbances" => disturbances(&mut text, threads),
        "traces" => traces(&mut text, threads),
        "rates" => rates::rates(&mut text, threads),
        "groups" => groups::groups(&mut text, threads),
        "fairness" => fairness(&mut text, threads),
        _ => return None,
    };
    written.is_ok().then_some(text)
}

/// Numbers of receivers, and whether they are a population: engines are used as long as they take
/// little time.
const GROUPS: [(u32, bool); 5] =
    [(10, false), (100, false), (1_000, true), (10_000, true), (100_000, true)];

fn kind(population: bool) -> &'static str {
    if population { "population" } else { "engines" }
}

/// Content packets sent per packet of content, by loss and size of the group.
fn transmissions(out: &mut String, threads: usize) -> core::fmt::Result {
    writeln!(out, "4 MiB, K = 256, independent loss of each receiver; seed 1")?;
    writeln!(out, "loss    receivers  by          sent/packet  theory")?;
    for loss in [0.001, 0.01, 0.05, 0.1] {
        for (receivers, population) in GROUPS {
            let plan =
                Experiment { loss, population, size: 4 << 20, ..Experiment::new(1, receivers) };
            let m = plan.run(threads);
            let (by, percent) = (kind(population), loss * 100.0);
            let (sent, theory) = (m.transmissions, m.theory);
            writeln!(out, "{percent:>4.1} %  {receivers:>9}  {by:<10}  {sent:>11.4}  {theory:.4}")?;
        }
    }
    Ok(())
}

/// NACKs that the sender receives per shared loss.
fn nacks(out: &mut String, threads: usize) -> core::fmt::Result {
    writeln!(out, "4 MiB, K = 256, 1 % shared loss; seed 1")?;
    writeln!(out, "theory: RFC 5401, K = 4 for multicast and 6 for unicast")?;
    writeln!(out, "feedback   receivers  by          loss events  NACKs  per event  theory")?;
    for unicast in [false, true] {
        for (receivers, population) in GROUPS {
            let size = 4 << 20;
            let plan = Experiment {
                trunk: 0.01,
                unicast,
                population,
                size,
                ..Experiment::new(1, receivers)
            };
            let m = plan.run(threads);
            let (way, backoff) = if unicast { ("unicast", 6.0) } else { ("multicast", 4.0) };
            let (by, events, heard) = (kind(population), m.loss_events, m.nacks);
            let each = heard as f64 / events.max(1) as f64;
            let theory = theory::nacks_per_loss_event(receivers.into(), backoff);
            write!(out, "{way:<9}  {receivers:>9}  {by:<10}  {events:>11}  {heard:>5}")?;
            writeln!(out, "  {each:>9.4}  {theory:.4}")?;
        }
    }
    Ok(())
}

/// Bytes of the disturbed transfer: 3.2 seconds of content.
const SIZE: u64 = 4_000_000;
/// Rate of that transfer in bits per second.
const RATE: u64 = 10_000_000;
/// Number of its receivers.
const RECEIVERS: usize = 8;

/// The cost of a disturbance of one receiver, or of all, for that one and the others.
fn disturbances(out: &mut String, threads: usize) -> core::fmt::Result {
    let content = Duration::from_nanos(SIZE * 8 * 1_000_000_000 / RATE);
    let (half, second) = (content / 2, Duration::from_secs(1));
    let undisturbed = || {
        let mut scenario = Scenario::new(1, SIZE).receivers(RECEIVERS, &Link::default());
        scenario.sender().config.rate = Some(RATE);
        scenario
    };
    let each = |rule: Rule| {
        let mut scenario = undisturbed();
        scenario.hosts.iter_mut().skip(1).for_each(|host| host.link.down = vec![rule.clone()]);
        scenario
    };
    let one = |change: &dyn Fn(&mut Host)| {
        let mut scenario = undisturbed();
        change(&mut scenario.hosts[RECEIVERS]);
        scenario
    };
    let join = |at| one(&|host| host.life = vec![(at, Change::Start)]);
    let restart = [(Duration::ZERO, Change::Start), (half, Change::Start)];
    let outage = |length| Rule::Outage { from: second, to: second + length };
    let cases = [
        ("nothing", undisturbed()),
        ("one joins at 25 %", join(half / 2)),
        ("one joins at 50 %", join(half)),
        ("one joins at 75 %", join(half + half / 2)),
        ("2 % in bursts of 2", each(Rule::wifi_bursts(0.02, 2.0))),
        ("2 % in bursts of 10", each(Rule::wifi_bursts(0.02, 10.0))),
        ("2 % in bursts of 50", each(Rule::wifi_bursts(0.02, 50.0))),
        ("outage of 0.5 s for all", each(outage(second / 2))),
        ("outage of 2 s for all", each(outage(second * 2))),
        ("one restarts at 50 %", one(&|host| host.life = restart.to_vec())),
    ];
    writeln!(out, "4 MB at 10 Mbit/s to 8 receivers; times in seconds; seed 1")?;
    writeln!(out, "disturbance                 seven done  all done  sent/content  NACKs")?;
    for (name, scenario) in cases {
        let outcome = run_with(&scenario, &RunOptions { threads, ..RunOptions::default() });
        let last = |some: &[crate::ReceiverOutcome]| {
            let all: Option<Vec<Duration>> = some.iter().map(|r| r.completed).collect();
            let last = all.and_then(|all| all.into_iter().max());
            last.map_or("never".to_owned(), |at| format!("{:.4}", at.as_secs_f64()))
        };
        let (seven, all) = (last(&outcome.receivers[..RECEIVERS - 1]), last(&outcome.receivers));
        let (bytes, heard) = (outcome.expansion(SIZE), outcome.sender().nacks);
        writeln!(out, "{name:<26}  {seven:>10}  {all:>8}  {bytes:>12.4}  {heard:>5}")?;
    }
    Ok(())
}

/// Seeds of the drawn recipes.
const SEEDS: [u64; 10] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/// Fingerprints of whole runs: of drawn scenarios, and of one that is large enough for threads.
fn traces(out: &mut String, threads: usize) -> core::fmt::Result {
    let options = RunOptions { threads, ..RunOptions::default() };
    writeln!(out, "seed drawn  packets  deliveries  trace")?;
    for seed in SEEDS {
        let outcome = run_to_end(&Recipe::draw(seed).scenario(), &options);
        let (packets, deliveries) = (outcome.packets, outcome.deliveries);
        writeln!(out, "{seed:>10}  {packets:>7}  {deliveries:>10}  {}", outcome.trace)?;
    }
    let rate = 200_000_000;
    let large = Experiment { loss: 0.01, size: 1 << 20, rate, ..Experiment::new(1, 1000) };
    let outcome = large.run(threads).outcome;
    let (packets, deliveries) = (outcome.packets, outcome.deliveries);
    writeln!(out, "1000 lossy  {packets:>7}  {deliveries:>10}  {}", outcome.trace)
}

/// Our rate divided by that of a TCP flow, with both controllers and with NORM-CC alone; and the
/// equality of two flows of ours.
fn fairness(out: &mut String, threads: usize) -> core::fmt::Result {
    writeln!(out, "one flow of ours beside TCP flows; bytes on the wire; seed 1")?;
    writeln!(out, "RTT     Mbit/s per flow  others   ours/TCP  used   NORM-CC/TCP  used")?;
    for (rtt, each) in Fairness::PATHS {
        for tcp in [Control::Reno, Control::Cubic] {
            for flows in [1, 2, 8] {
                let [auto, fair] = [RateControl::Auto, RateControl::Fair]
                    .map(|control| Fairness::new(flows, tcp, each, rtt).with(control).run(threads));
                let (ms, mbit) = (rtt.as_millis(), each as f64 / 1e6);
                let (others, ratio, used) = (format!("{flows} {tcp:?}"), auto.ratio(), auto.used);
                write!(out, "{ms:>3} ms  {mbit:>15.1}  {others:<7}  {ratio:>8.3}  {used:.3}")?;
                writeln!(out, "  {:>11.3}  {:.3}", fair.ratio(), fair.used)?;
            }
        }
    }
    writeln!(out, "\ntwo flows of ours without others")?;
    writeln!(out, "RTT     Mbit/s per flow  Jain    used")?;
    for (rtt, each) in Fairness::PATHS {
        let shares = Fairness::two(each, rtt).run(threads);
        let (ms, mbit) = (rtt.as_millis(), each as f64 / 1e6);
        let (jain, used) = (shares.jain, shares.used);
        writeln!(out, "{ms:>3} ms  {mbit:>15.1}  {jain:.4}  {used:.3}")?;
    }
    Ok(())
}
