//! A deterministic network around the real engines of `norm-core`: one virtual clock, one seed,
//! the same bytes every time.
//!
//! A [`Scenario`] describes one sender and its receivers around a switch (a star), each with a path
//! down and a path up; [`run`] plays it, checks the invariants all along and returns what happened.
//! A violated invariant panics with the seed.

mod content;
mod invariants;
mod network;
mod path;
mod scenario;
mod store;

pub use content::Content;
pub use network::run;
pub use path::Path;
pub use scenario::{Outcome, ReceiverOutcome, ReceiverPlan, Scenario, seeds};
