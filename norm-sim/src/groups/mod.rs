//! How the default rate behaves in groups of receivers, over seeds.

mod matrix;
mod runs;

pub use matrix::{Cell, CellUse, cells};
pub use runs::Runs;
