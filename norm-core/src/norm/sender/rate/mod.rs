//! The rate and its controllers.

pub(crate) mod arbiter;
pub(crate) mod clr;
pub(crate) mod election;
pub(crate) mod nearest;
pub(crate) mod slow;
pub(crate) mod views;
