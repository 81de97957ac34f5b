//! A picture of a trace of the rate, for `norm-sim plot-rate`.

mod picture;
mod table;

pub use picture::plot_rate;
pub use table::TraceError;
