//! How much tests run: their seeds, and whether long ones run.

/// The seeds that a test runs: the one in `NORM_SIM_SEED` if set, otherwise `1..=count`.
///
/// A violated invariant prints the seed; with this variable, the test replays that run alone.
pub fn seeds(count: u64) -> Vec<u64> {
    match std::env::var("NORM_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (1..=count).collect(),
    }
}

/// The seeds of a long test: `few` of them, and `all` with `NORM_TEST_SCALE=1`.
pub fn few_seeds(few: u64, all: u64) -> Vec<u64> {
    seeds(if skips("further seeds") { few } else { all })
}

/// True when a test leaves out a long part, which is unless `NORM_TEST_SCALE=1` is set. Prints a
/// note.
pub fn skips(part: &str) -> bool {
    let skips = std::env::var("NORM_TEST_SCALE").as_deref() != Ok("1");
    if skips {
        println!("{part}: skipped; NORM_TEST_SCALE=1 runs it, best with --release");
    }
    skips
}
