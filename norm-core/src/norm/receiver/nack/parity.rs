//! Which symbols of a Reed-Solomon block to name.

use crate::base::bits::Bits;

/// Names `count` symbols in runs, as half-open ranges: the first coded symbols that are not here,
/// and when they are too few, the last of the missing source symbols. `parity` are the coded
/// symbols that are here, ascending. `end` is the end of all symbols.
pub(super) fn name_runs(have: &Bits, parity: &[u32], end: u32, count: u32) -> Vec<(u32, u32)> {
    let mut runs = Vec::new();
    let absent = end - have.len() - parity.len() as u32;
    let by_parity = count.min(absent);
    let missing = have.len() - have.count();
    let mut skip = missing - (count - by_parity).min(missing);
    for (start, stop) in have.clear_runs() {
        let skipped = skip.min(stop - start);
        skip -= skipped;
        if start + skipped < stop {
            runs.push((start + skipped, stop));
        }
    }
    let mut left = by_parity;
    let mut from = have.len();
    for &present in parity.iter().chain([&end]) {
        let run = present.saturating_sub(from).min(left);
        if run > 0 {
            runs.push((from, from + run));
            left -= run;
        }
        from = present + 1;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coded_symbols_are_named_before_source_symbols() {
        let mut have = Bits::new(10);
        for symbol in [0, 1, 4, 5, 6, 9] {
            have.insert(symbol);
        }
        // Symbols 2, 3, 7 and 8 are missing; the code has parity symbols 10 to 13.
        assert_eq!(name_runs(&have, &[], 14, 4), [(10, 14)]);
        assert_eq!(name_runs(&have, &[11], 14, 3), [(10, 11), (12, 14)]);
        assert_eq!(name_runs(&have, &[], 12, 4), [(7, 9), (10, 12)]);
        assert_eq!(name_runs(&have, &[10], 12, 3), [(7, 9), (11, 12)]);
        assert_eq!(name_runs(&have, &[], 10, 4), [(2, 4), (7, 9)]);
    }
}
