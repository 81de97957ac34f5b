//! How the default rate behaves in groups of receivers, over seeds.

mod hosts;
mod matrix;
mod runs;
mod slow;

pub use hosts::{Machine, Scene, Times, scenes};
pub use matrix::{Cell, CellUse, PathUse, cells};
pub use runs::Runs;
pub use slow::{Evicted, SlowCell, SlowRun, slow_cells};
