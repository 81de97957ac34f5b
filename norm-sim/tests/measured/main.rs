//! What engines do in numbers: committed tables, shares of a bottleneck, large groups.
//!
//! The longer tests run only with `NORM_TEST_SCALE=1`, in a release build; see `.ci/run`.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod bottleneck;
mod carousel;
mod delta;
mod fairness;
mod groups;
mod scale;
mod slow;
mod tables;
