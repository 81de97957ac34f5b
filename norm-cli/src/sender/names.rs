//! What receivers are called. Machines may have the same name, as clones of one image do: then the
//! address tells them apart.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use norm_net::{NodeId, ReceiverInfo, ReceiverReport};

/// The receivers named so far.
#[derive(Debug, Default)]
pub(super) struct ReceiverNames {
    nodes: BTreeMap<String, BTreeMap<NodeId, Option<SocketAddr>>>,
}

impl ReceiverNames {
    /// Those of a report.
    pub(super) fn of(receivers: &[ReceiverReport]) -> Self {
        let mut names = Self::default();
        receivers.iter().for_each(|receiver| names.note(&receiver.receiver));
        names
    }

    /// What a receiver is called from now on.
    pub(super) fn name(&mut self, receiver: &ReceiverInfo) -> String {
        self.note(receiver);
        self.known(receiver)
    }

    /// What a receiver is called among those that are known.
    pub(super) fn known(&self, receiver: &ReceiverInfo) -> String {
        let name = &receiver.name;
        match receiver.address {
            Some(address) if self.shares_name(receiver) => {
                format!("{name} ({})", self.host(receiver, address))
            }
            _ => name.clone(),
        }
    }

    /// Its IP address, with the port where another one of its name has the same.
    pub(super) fn host(&self, receiver: &ReceiverInfo, address: SocketAddr) -> String {
        let shares_host = self.others(receiver).any(|other| other.ip() == address.ip());
        if shares_host { address.to_string() } else { address.ip().to_string() }
    }

    fn note(&mut self, receiver: &ReceiverInfo) {
        let nodes = self.nodes.entry(receiver.name.clone()).or_default();
        nodes.insert(receiver.node, receiver.address);
    }

    fn shares_name(&self, receiver: &ReceiverInfo) -> bool {
        self.nodes.get(&receiver.name).is_some_and(|nodes| nodes.len() > 1)
    }

    fn others(&self, receiver: &ReceiverInfo) -> impl Iterator<Item = SocketAddr> {
        let nodes = self.nodes.get(&receiver.name).into_iter().flatten();
        nodes.filter(|(node, _)| **node != receiver.node).filter_map(|(_, address)| *address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_with_one_name_are_told_apart_by_address() {
        let receiver = |node, host, port| {
            let mut info = ReceiverInfo::new(NodeId(node), "lab");
            info.address = Some(SocketAddr::from(([192, 0, 2, host], port)));
            info
        };
        let mut names = ReceiverNames::default();
        assert_eq!(names.name(&receiver(1, 1, 5)), "lab");
        assert_eq!(names.name(&receiver(1, 1, 5)), "lab", "it is the same");
        assert_eq!(names.name(&receiver(2, 2, 5)), "lab (192.0.2.2)");
        assert_eq!(names.name(&receiver(1, 1, 5)), "lab (192.0.2.1)");
        assert_eq!(names.name(&receiver(3, 2, 6)), "lab (192.0.2.2:6)");
        assert_eq!(names.known(&receiver(2, 2, 5)), "lab (192.0.2.2:5)");
        assert_eq!(names.known(&ReceiverInfo::new(NodeId(4), "other")), "other");
    }
}
