//! A policy for slow receivers takes none of many equals, and the slow one alone. Runs only with
//! `NORM_TEST_SCALE=1`, in a release build; `NORM_TEST_SLOW_SEEDS` is the number of seeds.

use norm_sim::groups::{Runs, SlowCell, slow_cells};
use norm_sim::skips;

/// Seeds where their number is not set.
const SEEDS: u64 = 2;
/// Larger groups are for a number of seeds that was set.
const SMALL: usize = 100;

#[test]
fn none_of_many_equals_is_evicted_and_a_slow_one_is() {
    if skips("equal receivers and a policy for slow ones") {
        return;
    }
    let set = std::env::var("NORM_TEST_SLOW_SEEDS").ok().and_then(|count| count.parse().ok());
    let runs = Runs { first: 1, count: set.unwrap_or(SEEDS), threads: 2 };
    println!("{}", SlowCell::HEADER);
    let mut wrong = Vec::new();
    for cell in slow_cells().filter(|cell| set.is_some() || cell.receivers <= SMALL) {
        let found = cell.measure(&runs);
        let line = cell.line(&found);
        println!("{line}");
        let expected = if cell.slow { runs.count as usize } else { 0 };
        if found.with_others() > 0 || found.with_slow() != expected {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "{}\n{wrong:#?}", SlowCell::HEADER);
}
