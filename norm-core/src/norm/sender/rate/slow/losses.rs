//! Receivers that lose too much, by their own reports.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// When each receiver began to lose too much.
#[derive(Debug)]
pub(super) struct LossWatch {
    /// Share of lost packets from which on it is too much; `None`: losses do not count.
    limit: Option<f64>,
    /// How long a receiver may lose too much.
    patience: Duration,
    lossy: BTreeMap<NodeId, Timestamp>,
}

/// Most receivers whose loss is watched.
const MAX_WATCHED: usize = 64;

impl LossWatch {
    pub(super) fn new(limit: Option<f64>, patience: Duration) -> Self {
        Self { limit, patience, lossy: BTreeMap::new() }
    }

    /// True when this loss, a fraction of 65,535, is too much.
    pub(super) fn is_too_much(&self, loss: u16) -> bool {
        self.limit.is_some_and(|limit| share(loss) >= limit)
    }

    /// A receiver reports what it loses; true when it has lost too much for too long.
    pub(super) fn note(&mut self, now: Timestamp, node: NodeId, loss: u16) -> bool {
        let Some(limit) = self.limit else { return false };
        if share(loss) < limit {
            self.lossy.remove(&node);
            return false;
        }
        if self.lossy.len() >= MAX_WATCHED && !self.lossy.contains_key(&node) {
            return false;
        }
        now >= *self.lossy.entry(node).or_insert(now) + self.patience
    }

    /// What a receiver lost so far does not count.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.lossy.remove(&node);
    }

    /// Watches only these receivers any longer.
    pub(super) fn retain(&mut self, mut is_waited_for: impl FnMut(NodeId) -> bool) {
        self.lossy.retain(|&node, _| is_waited_for(node));
    }
}

fn share(loss: u16) -> f64 {
    f64::from(loss) / 65_535.0
}
