//! How fast is sent: controllers that follow the reports of receivers, and the policy for receivers
//! that keep the others slow.

mod arbiter;
mod clr;
mod controller;
mod election;
mod send_rate;
mod shortest_rtts;
pub(crate) mod slow;
mod trace;
mod turns;

pub use clr::Judgement;
pub(crate) use send_rate::{PathFeedback, ProbeStart, SendRate};
pub use trace::{RateEvent, RateRecord, RateState, ReportRecord};
