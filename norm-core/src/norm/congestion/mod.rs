//! Parts of congestion control (NORM-CC, RFC 5740 §5.5.2; TFMCC, RFC 4654).
//!
//! What a receiver needs to answer a sender's probes: [`LossHistory`] and [`RateMeter`] watch the
//! sender's packets, [`CcAnswer`] decides when to answer and what it says. They know nothing of
//! each other; the owner carries values from one to the next. [`equation`] is the sender's as well.
//!
//! What a sender needs: a controller that computes a rate from reports, [`Fair`] or [`Delivery`].

mod answer;
mod delivery;
pub mod equation;
mod fair;
mod interval;
mod limits;
mod loss_history;
mod path_meter;
mod rate_meter;

pub use answer::{CcAnswer, CcGroup, CcProbe, PathState};
pub use delivery::{Delivery, Verdict};
pub use fair::{Claim, Fair};
pub use interval::{Interval, Reporter, STRONG_PACKETS, Total};
pub use limits::RateLimits;
pub use loss_history::{LossEvent, LossHistory};
pub use path_meter::{PathMeter, WatchedProbe};
pub use rate_meter::RateMeter;

#[cfg(test)]
mod tests;
