//! Our programs and the NRL implementation with each other, in both directions, over real sockets.
//!
//! Needs root, Linux, and `apt-get install libnorm-dev g++ tshark nftables iproute2`; runs only
//! where it is asked for, best optimised:
//!
//! ```text
//! NORM_TEST_INTEROP=1 cargo test --release -p norm-cli --test interop -- --nocapture
//! ```
//!
//! Further variables:
//!
//! - `NORM_INTEROP_ONLY="nrl-nrl file fec5 loss10"` runs only the cases whose name contains this
//!   text. A name is pairing, kind, FEC, loss, feedback and size: `nrl-nrl stream fec129 loss1
//!   unicast 3kB`. Pairings: `nrl-nrl`, `ours-nrl`, `nrl-ours`, `ours-both`; sizes: `0B`, `1B`,
//!   `3kB`, `blocks`, `64MiB`.
//! - `NORM_INTEROP_SKIP="nrl-nrl"` leaves out the cases whose name contains this text.
//! - `NORM_INTEROP_ALL=1` runs all 1,080 cases, which takes half an hour, and not only those of
//!   every day.
//! - `NORM_INTEROP_KEEP=1` keeps logs and capture of cases that pass; those of cases that fail
//!   always stay, in `target/tmp/interop/<case>/`. `tshark -r capture.pcap -d udp.port==6003,norm`
//!   shows one.
//!
//! Each case has its own network namespace. Six run at a time, of large slow ones two; a large one
//! at a high rate or with much loss runs alone, so that it is the peers that set the pace and not
//! the processors.
#![cfg(target_os = "linux")]

mod accounting;
mod announce;
mod capture;
// Shared with the tests between namespaces, which use more of it.
#[path = "../netns/command.rs"]
mod command;
mod content;
#[allow(dead_code)]
#[path = "../netns/files.rs"]
mod files;
mod late;
mod matrix;
#[allow(dead_code)]
#[path = "../netns/net.rs"]
mod net;
mod ours;
mod peers;
mod place;
mod process;
mod programs;
mod rate;
mod slots;
mod trial;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread;
use std::time::Instant;

use command::say;
use matrix::{Case, Fec, Feedback, Kind, Pairing, Size};
use slots::Slot;
use trial::Outcome;

/// Set to 1, lets these tests run.
const SWITCH: &str = "NORM_TEST_INTEROP";

/// Whether to run; says how to if not. Fails when asked to and something is missing.
fn is_wanted(test: &str) -> bool {
    if std::env::var_os(SWITCH).is_none_or(|value| value != "1") {
        say(format_args!("{test} skipped: set {SWITCH}=1 and run as root"));
        return false;
    }
    if let Err(why) = peers::Programs::get() {
        panic!("{SWITCH}=1, but: {why}");
    }
    true
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value == "1")
}

fn logs(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop").join(name.replace(' ', "-"))
}

/// The cases of this run.
fn chosen() -> Vec<Case> {
    let only = std::env::var("NORM_INTEROP_ONLY").unwrap_or_default();
    let skip = std::env::var("NORM_INTEROP_SKIP").unwrap_or_default();
    let everything = is_set("NORM_INTEROP_ALL") || !only.is_empty();
    let mut cases = matrix::all();
    cases.retain(|case| {
        let due = match case.pairing {
            Pairing::NrlToNrl => case.is_worth_a_self_test(),
            _ => case.is_run_every_time(),
        };
        let name = case.to_string();
        let skipped = !skip.is_empty() && name.contains(&skip);
        (everything || due) && name.contains(&only) && !skipped
    });
    cases
}

/// Waits until there is room for a case.
fn slot(case: &Case) -> Slot {
    match case.size {
        Size::Large if case.loss < 10 && case.rate() <= 100_000_000 => Slot::half(),
        Size::Large => Slot::all(),
        _ => Slot::one(),
    }
}

/// Runs a case; a panic in it is its failure.
fn run(case: &Case) -> Outcome {
    let logs = logs(&case.to_string());
    let result = catch_unwind(AssertUnwindSafe(|| trial::run(case, &logs)));
    result.unwrap_or_else(|_| Outcome::Failed("it panicked, see above".to_owned()))
}

#[test]
fn all_cases_of_the_matrix() {
    if !is_wanted("all_cases_of_the_matrix") {
        return;
    }
    let cases = chosen();
    assert!(!cases.is_empty(), "no case has such a name");
    let start = Instant::now();
    let next = Mutex::new(cases.iter());
    let (failures, refusals) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let take = || next.lock().ok()?.next();
    let work = || {
        while let Some(case) = take() {
            let _slot = slot(case);
            let begin = Instant::now();
            let outcome = run(case);
            tell(case, &outcome, begin);
            match outcome {
                Outcome::Passed(_) => {}
                Outcome::PeerRefuses(_) => lock(&refusals).push(case.to_string()),
                Outcome::Failed(why) => lock(&failures).push(format!("{case}: {why}")),
            }
        }
    };
    thread::scope(|scope| (0..slots::SLOTS).for_each(|_| drop(scope.spawn(work))));
    let (failures, refusals) = (lock(&failures), lock(&refusals));
    say(format_args!(
        "{} cases in {:.0} s, {} failed, the peer refuses {}: {}",
        cases.len(),
        start.elapsed().as_secs_f64(),
        failures.len(),
        refusals.len(),
        refusals.join(", "),
    ));
    // With the reasons, which lie far above among all that passed.
    assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
}

fn lock(list: &Mutex<Vec<String>>) -> MutexGuard<'_, Vec<String>> {
    list.lock().expect("no thread panics holding it")
}

fn tell(case: &Case, outcome: &Outcome, begin: Instant) {
    let seconds = begin.elapsed().as_secs_f64();
    match outcome {
        Outcome::Passed(report) => say(format_args!(
            "{case}: passed in {seconds:.1} s, transfer {:.2} s; {:?}",
            report.transfer.as_secs_f64(),
            report.account
        )),
        Outcome::PeerRefuses(what) => say(format_args!("{case}: THE PEER REFUSES: {what}")),
        Outcome::Failed(why) => say(format_args!("{case}: FAILED in {seconds:.1} s: {why}")),
    }
}

/// Shows that a case can fail, and that nothing of it stays.
#[test]
fn receiver_that_cannot_request_repair_fails() {
    let name = "receiver_that_cannot_request_repair_fails";
    if !is_wanted(name) {
        return;
    }
    let _slot = Slot::one();
    let case = Case {
        pairing: Pairing::NrlToNrl,
        kind: Kind::File,
        fec: Fec::Five,
        loss: 10,
        feedback: Feedback::Multicast,
        size: Size::Blocks,
    };
    let outcome = trial::run_with(&case, &logs(name), &["silent=1"]);
    assert!(
        matches!(&outcome, Outcome::Failed(why) if why.contains("did not get to 'done'")),
        "{outcome:?}"
    );
    assert!(logs(name).join("capture.pcap").exists());
}
