//! A deterministic network around the real engines of `norm-core`: one virtual clock, one seed,
//! the same bytes every time.
//!
//! A [`Scenario`] describes hosts around a tree of switches; `run` plays it, checks the invariants
//! all along and returns an [`Outcome`]. A violated invariant panics with the seed.

mod content;
mod outcome;
mod packet;
mod recipe;
mod rule;
mod scenario;
mod shrink;
mod stranger;
mod swarm;
mod tcp;

pub use content::Content;
pub use outcome::{FlowOutcome, Outcome, ReceiverOutcome, Sample, SenderOutcome};
pub use packet::HostId;
pub use recipe::{Feature, Place, Recipe};
pub use rule::Rule;
pub use scenario::{
    Broken, Change, Clock, Host, Link, ReceiverPlan, Role, Scenario, SenderPlan, Switch,
};
pub use stranger::{Attack, StrangerPlan};
pub use swarm::{Failure, Message, Swarm, attempt, swarm};
pub use tcp::{Control, Segment, TcpPlan};
