//! An engine of any protocol on a host.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use crate::node::Node;
use crate::packet::HostId;

/// An engine of any protocol and an application of a test.
#[derive(Clone)]
pub struct EnginePlan {
    /// Rate in bits per second, IPv4 and UDP headers included, that it never exceeds. `None` for
    /// no check.
    pub rate: Option<u64>,
    /// Time that each job takes; jobs follow one another.
    pub job_time: Duration,
    make: Arc<MakeNode>,
}

/// Makes the node of a host, from the seed of the run.
type MakeNode = dyn Fn(&EnginePlan, HostId, u64) -> Box<dyn Node> + Send + Sync;

impl EnginePlan {
    pub(crate) fn with_node(
        make: impl Fn(&Self, HostId, u64) -> Box<dyn Node> + Send + Sync + 'static,
    ) -> Self {
        Self { rate: None, job_time: Duration::ZERO, make: Arc::new(make) }
    }

    /// The node of this host, in a run with this seed.
    pub(crate) fn node(&self, me: HostId, seed: u64) -> Box<dyn Node> {
        (self.make)(self, me, seed)
    }
}

impl fmt::Debug for EnginePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rate, job_time, make: _ } = self;
        let mut plan = f.debug_struct("EnginePlan");
        plan.field("rate", rate).field("job_time", job_time).finish_non_exhaustive()
    }
}
