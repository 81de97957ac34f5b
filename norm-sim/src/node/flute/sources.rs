//! What the FLUTE senders of a scenario send.

use crate::content::Content;
use crate::packet::{HostId, mix};
use crate::scenario::{FluteSenderPlan, Role, Scenario};

/// The objects of all FLUTE senders.
#[derive(Debug)]
pub(super) struct Sources(Vec<Source>);

/// The objects of a sender.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) host: HostId,
    pub(super) content: Content,
    pub(super) sizes: Vec<u64>,
    pub(super) ids_only: bool,
}

impl Sources {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let hosts = (0..).zip(&scenario.hosts);
        let source = |(host, plan): (HostId, &crate::scenario::Host)| match &plan.role {
            Role::FluteSender(plan) => Some(Source::new(plan, host, scenario.seed)),
            _ => None,
        };
        Self(hosts.filter_map(source).collect())
    }

    /// The objects of this host, if it is a sender.
    pub(super) fn of(&self, host: HostId) -> Option<&Source> {
        self.0.iter().find(|source| source.host == host)
    }

    /// Number of objects of all senders.
    pub(super) fn objects(&self) -> usize {
        self.0.iter().map(|source| source.sizes.len()).sum()
    }
}

impl Source {
    pub(super) fn new(plan: &FluteSenderPlan, host: HostId, seed: u64) -> Self {
        Self {
            host,
            content: Content::new(mix(seed, host.into())),
            sizes: plan.objects.iter().map(|object| object.size).collect(),
            ids_only: plan.ids_only,
        }
    }
}
