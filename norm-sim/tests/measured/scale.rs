//! Ten thousand engines and a population of a million, compared with theory. Takes minutes, and
//! runs only with `NORM_TEST_SCALE=1`, in a release build.

use norm_sim::{Experiment, Measured, Request, peak_memory, plan, skips};

const FULL: u32 = 10_000;
const POPULATION: u32 = 1_000_000;

/// Runs a measurement on two threads, unless it is skipped, and prints the result.
#[expect(clippy::disallowed_types, reason = "how long it takes in real time")]
fn run(name: &str, experiment: &Experiment) -> Option<Measured> {
    if skips(name) {
        return None;
    }
    let start = std::time::Instant::now();
    let m = experiment.run(2);
    println!(
        "{name}: {} complete, {:.4} sent per packet (theory {:.4}), {} NACKs, \
         {:.2} per loss event, {:.2} per block, {:.1} s, peak memory so far {} MiB",
        m.complete,
        m.transmissions,
        m.theory,
        m.nacks,
        per_event(&m),
        per_block(&m),
        start.elapsed().as_secs_f64(),
        peak_memory().unwrap_or_default() >> 10,
    );
    assert_eq!(m.complete, experiment.receivers, "all receivers are complete");
    let ratio = m.transmissions / m.theory;
    assert!((0.95..1.05).contains(&ratio), "{ratio} times the transmissions of theory");
    Some(m)
}

fn per_event(m: &Measured) -> f64 {
    m.nacks as f64 / m.loss_events.max(1) as f64
}

fn per_block(m: &Measured) -> f64 {
    m.nacks as f64 / m.blocks as f64
}

#[test]
fn ten_thousand_with_shared_loss_send_few_nacks() {
    let experiment = Experiment { trunk: 0.01, ..Experiment::new(1, FULL) };
    let Some(m) = run("10,000, shared loss, multicast", &experiment) else { return };
    assert!(m.loss_events > 0 && per_event(&m) <= 5.0, "{} NACKs per event", per_event(&m));
}

#[test]
fn ten_thousand_with_unicast_feedback_send_few_nacks() {
    let experiment = Experiment { trunk: 0.01, unicast: true, ..Experiment::new(1, FULL) };
    let Some(m) = run("10,000, shared loss, unicast", &experiment) else { return };
    assert!(m.loss_events > 0 && per_event(&m) <= 8.0, "{} NACKs per event", per_event(&m));
}

#[test]
fn ten_thousand_with_independent_loss_send_few_nacks() {
    let experiment = Experiment { loss: 0.01, ..Experiment::new(1, FULL) };
    let Some(m) = run("10,000, independent loss", &experiment) else { return };
    assert!(m.nacks > 0 && per_block(&m) <= 5.0, "{} NACKs per block", per_block(&m));
}

#[test]
fn million_receivers_cost_what_theory_says() {
    let experiment = Experiment { loss: 0.01, population: true, ..Experiment::new(1, POPULATION) };
    let Some(m) = run("population of a million, independent loss", &experiment) else { return };
    assert!(m.nacks > 0, "members asked");
}

/// At this rate the share of repair once grew to 16 % within some seconds.
#[test]
fn proactive_parity_stays_near_the_loss_at_high_rates() {
    if skips("repair at 600 Mbit/s") {
        return;
    }
    let rate = Some(600_000_000);
    let request = Request { rate, stretch: Some(1 << 30), ..Request::new(1_000_000_000, 20) };
    let share = plan(&request).expect("a possible plan").repair_share;
    println!("repair at 600 Mbit/s: {share:.4}");
    assert!((0.01..0.035).contains(&share), "{share}");
}
