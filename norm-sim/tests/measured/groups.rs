//! The default rate uses nine tenths of a path that many receivers share, of which each has losses
//! of its own. Runs only where `NORM_TEST_GROUP_SEEDS` is the number of seeds, in a release build.

use norm_sim::groups::{Cell, Runs, cells};

/// Larger cells take minutes for a seed: `norm-sim groups` measures them.
const MAX_DELIVERIES: f64 = 20e6;

#[test]
fn group_uses_nine_tenths_of_its_path() {
    let set = std::env::var("NORM_TEST_GROUP_SEEDS").ok().and_then(|count| count.parse().ok());
    let Some(count) = set else {
        println!("groups: skipped; NORM_TEST_GROUP_SEEDS=5 runs them, best with --release");
        return;
    };
    let runs = Runs { first: 1, count, threads: 2 };
    println!("{}", Cell::HEADER);
    let mut missed = Vec::new();
    for cell in cells().filter(|cell| cell.deliveries() <= MAX_DELIVERIES) {
        let found = cell.measure(&runs);
        let line = cell.line(&found);
        println!("{line}");
        if found.misses() > 0 {
            missed.push(line);
        }
    }
    assert!(missed.is_empty(), "{}\n{missed:#?}", Cell::HEADER);
}
