//! Parts without protocol, each independent of the others.

pub mod bits;
pub(crate) mod header_ext;
pub(crate) mod order;
pub(crate) mod pacer;
pub mod range_set;
mod rng;
mod time;

pub use header_ext::Extension;
pub use rng::Rng;
pub use time::Timestamp;
