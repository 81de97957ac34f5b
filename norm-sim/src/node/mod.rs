//! What runs on the hosts.

mod receiver;
mod sender;

use std::sync::Arc;

use norm_core::Timestamp;

use crate::packet::{HostId, Node, Outbox, Packet, mix};
use crate::scenario::{Role, Scenario};
use crate::truth::Truth;
use crate::{stranger, tcp};

pub(crate) use receiver::ReceiverNode;
pub(crate) use sender::SenderNode;

/// A host's role in use. The two engines are known, because their outcomes are.
pub(crate) enum Machine {
    Sender(Box<SenderNode>),
    Receiver(Box<ReceiverNode>),
    Other(Box<dyn Node>),
}

impl Machine {
    pub(crate) fn new(scenario: &Scenario, truth: &Arc<Truth>, me: HostId) -> Self {
        let seed = scenario.seed;
        let other = mix(seed, mix(u64::from(me), 77));
        match &scenario.hosts[me as usize].role {
            Role::Sender(plan) => {
                Self::Sender(Box::new(SenderNode::new(plan, Arc::clone(truth), me, seed)))
            }
            Role::Receiver(plan) => {
                Self::Receiver(Box::new(ReceiverNode::new(plan, Arc::clone(truth), me, seed)))
            }
            Role::Tcp(plan) => Self::Other(tcp::node(plan, me, other)),
            Role::Stranger(plan) => Self::Other(stranger::node(plan, me, other)),
        }
    }

    fn node(&mut self) -> &mut dyn Node {
        match self {
            Self::Sender(node) => &mut **node,
            Self::Receiver(node) => &mut **node,
            Self::Other(node) => &mut **node,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.node().start(now, out);
    }

    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.node().stop(now);
    }

    pub(crate) fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        self.node().receive(now, packet, out);
    }

    pub(crate) fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        self.node().timeout(now, out);
    }

    pub(crate) fn next(&self) -> Timestamp {
        match self {
            Self::Sender(node) => node.next(),
            Self::Receiver(node) => node.next(),
            Self::Other(node) => node.next(),
        }
    }
}
