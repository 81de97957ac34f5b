//! A deterministic network for the real engines of `norm-core`: one virtual clock, one seed, and
//! equal bytes in every run.
//!
//! A [`Scenario`] describes hosts on a tree of switches. [`run`] simulates it, checks invariants
//! all the time, and returns an [`Outcome`]. A violated invariant panics with the seed.
//!
//! ```
//! use core::time::Duration;
//! use norm_sim::{Host, Link, Rule, Scenario, run};
//!
//! // A megabyte to ten receivers with 1 % loss, and to a late joiner with bursts of loss.
//! let mut scenario = Scenario::new(7, 1_000_000).receivers(10, &Link::lossy(0.01));
//! let radio = Link { down: vec![Rule::wifi_bursts(0.05, 10.0)], ..Link::default() };
//! scenario.add(Host::receiver(radio).joining(Duration::from_millis(50)));
//! let outcome = run(&scenario);
//! outcome.assert_all_complete();
//! assert!(outcome.expansion(1_000_000) < 2.0, "bytes sent per byte of content");
//! assert_eq!(outcome, run(&scenario), "equal seeds give equal runs");
//! ```

mod attacker;
mod bottleneck;
mod carousel;
mod clock;
mod content;
mod drawn;
mod effort;
mod experiment;
mod fairness;
pub mod groups;
mod host;
mod invariants;
mod kernel;
mod link;
mod node;
mod outcome;
mod packet;
mod pcap;
mod plan;
mod politeness;
pub mod preset;
mod rate_plot;
mod recipe;
mod recorder;
mod reference;
mod rule;
mod scenario;
mod shrink;
mod store;
mod swarm;
mod switch;
pub mod tables;
pub mod theory;

pub use bottleneck::{Bottleneck, Course, Found, Group, Path, Step, plots};
pub use carousel::{Carousel, CarouselProtocol, Waited};
pub use clock::Clock;
pub use content::Content;
pub use effort::{few_seeds, seeds, skips};
pub use experiment::{Experiment, Measured, peak_memory};
pub use fairness::{Fairness, Shares};
pub use kernel::{Capture, RunOptions, run, run_with};
pub use node::Application;
pub use outcome::{
    Captured, FlowOutcome, FluteReceiverOutcome, FluteSenderOutcome, Outcome, PopulationOutcome,
    ReceiverOutcome, Sample, SenderOutcome,
};
pub use packet::{HostId, To};
pub use pcap::write_pcap;
pub use plan::{
    Feedback, MAX_RECEIVERS, Milestone, Plan, Point, Request, RequestError, Simulated, Worst, plan,
};
pub use politeness::{PoliteShares, Politeness};
pub use rate_plot::{TraceError, plot_rate};
pub use recipe::{Feature, FluteSession, Place, Recipe};
pub use rule::Rule;
pub use scenario::{
    Attack, AttackerPlan, Broken, Change, Control, EnginePlan, FluteReceiverPlan, FluteSenderPlan,
    HeldPlan, Host, Lie, Limits, Link, PopulationPlan, ReceiverPlan, RecipientsPlan, Role,
    Scenario, SenderPlan, Switch, TcpPlan, WantedPlan, WithdrawalPlan,
};
pub use swarm::{Failure, Message, Swarm, attempt, run_to_end, swarm};
