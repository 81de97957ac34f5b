//! How the default rate behaves in groups of receivers, over seeds.

mod hosts;
mod matrix;
mod runs;
mod slow;

use norm_core::norm::sender::RateRecord;

use crate::outcome::Outcome;

pub use hosts::{Machine, Scene, Times, scenes};
pub use matrix::{Cell, CellUse, PathUse, cells};
pub use runs::Runs;
pub use slow::{Evicted, SlowCell, SlowRun, slow_cells};

/// What the senders' controllers believed, as the lines of a file: the names of the columns come
/// first.
fn rate_trace(outcome: Outcome) -> Vec<String> {
    let records = outcome.senders.into_iter().flat_map(|sender| sender.rate_trace);
    [RateRecord::COLUMNS.to_owned()].into_iter().chain(records).collect()
}
