//! The node of a host, by its role.

use std::sync::Arc;

use norm_core::Timestamp;

use super::contract::{FlowStats, Node, Outbox};
use super::flute::{FluteReceiver, FluteSender};
use super::norm_receiver::NormReceiver;
use super::norm_sender::NormSender;
use super::population::Population;
use super::tcp;
use crate::attacker;
use crate::packet::{HostId, Packet, mix};
use crate::reference::Reference;
use crate::scenario::{Change, Role, Scenario};

/// The node of a host. Those with an outcome of their own have a variant.
pub(crate) enum Machine {
    NormSender(Box<NormSender>),
    NormReceiver(Box<NormReceiver>),
    Population(Box<Population>),
    FluteSender(Box<FluteSender>),
    FluteReceiver(Box<FluteReceiver>),
    Other(Box<dyn Node>),
}

impl Machine {
    pub(crate) fn new(scenario: &Scenario, reference: &Arc<Reference>, me: HostId) -> Self {
        let seed = scenario.seed;
        let other_seed = mix(seed, mix(u64::from(me), 77));
        let reference = Arc::clone(reference);
        match &scenario.hosts[me as usize].role {
            Role::Sender(plan) => {
                let life = &scenario.hosts[me as usize].life;
                let moves = life.iter().any(|(_, change)| *change == Change::Move);
                Self::NormSender(Box::new(NormSender::new(plan, moves, reference, me, seed)))
            }
            Role::Receiver(plan) => {
                Self::NormReceiver(Box::new(NormReceiver::new(plan, reference, me, seed)))
            }
            Role::Population(plan) => {
                Self::Population(Box::new(Population::new(plan, reference, me, other_seed)))
            }
            Role::FluteSender(plan) => {
                Self::FluteSender(Box::new(FluteSender::new(plan, me, seed)))
            }
            Role::FluteReceiver(plan) => {
                Self::FluteReceiver(Box::new(FluteReceiver::new(plan, scenario, me)))
            }
            Role::Tcp(plan) => Self::Other(tcp::node(plan, me, other_seed)),
            Role::Engine(plan) => Self::Other(plan.node(me, seed)),
            Role::Attacker(plan) => Self::Other(attacker::node(plan, me, other_seed)),
        }
    }

    fn node(&self) -> &dyn Node {
        match self {
            Self::NormSender(node) => &**node,
            Self::NormReceiver(node) => &**node,
            Self::Population(node) => &**node,
            Self::FluteSender(node) => &**node,
            Self::FluteReceiver(node) => &**node,
            Self::Other(node) => &**node,
        }
    }

    fn node_mut(&mut self) -> &mut dyn Node {
        match self {
            Self::NormSender(node) => &mut **node,
            Self::NormReceiver(node) => &mut **node,
            Self::Population(node) => &mut **node,
            Self::FluteSender(node) => &mut **node,
            Self::FluteReceiver(node) => &mut **node,
            Self::Other(node) => &mut **node,
        }
    }

    pub(crate) fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.node_mut().start(now, out);
    }

    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.node_mut().stop(now);
    }

    pub(crate) fn moved(&mut self, now: Timestamp, out: &mut Outbox) {
        self.node_mut().moved(now, out);
    }

    pub(crate) fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        self.node_mut().receive(now, packet, out);
    }

    pub(crate) fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        self.node_mut().timeout(now, out);
    }

    pub(crate) fn next(&self) -> Timestamp {
        self.node().next()
    }

    pub(crate) fn set_host_drops(&mut self, packets: u64) {
        self.node_mut().set_host_drops(packets);
    }

    pub(crate) fn is_done(&self) -> bool {
        self.node().is_done()
    }

    pub(crate) fn flow(&self) -> Option<FlowStats> {
        self.node().flow()
    }
}
