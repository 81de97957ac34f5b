//! The cells of `norm-sim groups` that take little time, with two seeds.

use core::fmt::Write;

use crate::groups::{Cell, Runs, cells};

pub(super) fn groups(out: &mut String, threads: usize) -> core::fmt::Result {
    writeln!(
        out,
        "used share of a path that receivers with losses of their own share; seeds 1, 2"
    )?;
    writeln!(out, "misses: seeds that use less than 0.9; fair: time of the fair controller")?;
    writeln!(out, "{}", Cell::HEADER)?;
    let runs = Runs { first: 1, count: 2, threads };
    for cell in cells().filter(|cell| cell.receivers <= 30 && cell.bits == 10_000_000) {
        writeln!(out, "{}", cell.line(&cell.measure(&runs)))?;
    }
    Ok(())
}
