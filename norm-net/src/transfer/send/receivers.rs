//! What the application remembers of each receiver beside what the engine keeps.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use norm_core::Timestamp;
use norm_core::norm::Sender;
use norm_core::norm::sender::{Member, MemberStatus};
use norm_core::norm::wire::NodeId;

use super::report::{ReceiverOutcome, ReceiverResult, SendOutcome};

/// Stands for an address that is not known.
const UNKNOWN: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

#[derive(Debug, Default)]
struct Known {
    name: String,
    address: Option<SocketAddr>,
    /// Its finding has been told.
    told: bool,
    /// Why it failed.
    reason: String,
    confirmed: Option<Timestamp>,
}

/// Names, reasons and times by node id. The engine bounds how many there are.
#[derive(Debug, Default)]
pub(super) struct Receivers {
    known: BTreeMap<NodeId, Known>,
    last_confirmed: Option<Timestamp>,
}

impl Receivers {
    /// Notes a name, if there is one. True when the receiver can be told of for the first time: its
    /// name is known, or `anyway`.
    pub(super) fn meet(&mut self, node: NodeId, name: &str, anyway: bool) -> bool {
        let known = self.known.entry(node).or_default();
        if known.name.is_empty() && !name.is_empty() {
            known.name = printable(name);
        }
        let tell = !known.told && (anyway || !known.name.is_empty());
        known.told |= tell;
        tell
    }

    /// Notes where the receiver sends from.
    pub(super) fn locate(&mut self, node: NodeId, address: SocketAddr) {
        self.known.entry(node).or_default().address = Some(address);
    }

    pub(super) fn name(&self, node: NodeId) -> String {
        match self.known.get(&node) {
            Some(known) if !known.name.is_empty() => known.name.clone(),
            _ => format!("node {:08x}", node.0),
        }
    }

    pub(super) fn failed(&mut self, node: NodeId, reason: &str) -> String {
        let reason = if reason.is_empty() { "no reason given".into() } else { printable(reason) };
        self.known.entry(node).or_default().reason.clone_from(&reason);
        reason
    }

    /// The receiver left before data flowed: it does not count, and who takes its node id is new.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.known.remove(&node);
    }

    /// The receiver is the same, its node id another.
    pub(super) fn moved(&mut self, from: NodeId, to: NodeId) {
        if let Some(known) = self.known.remove(&from) {
            self.known.insert(to, known);
        }
    }

    pub(super) fn confirmed(&mut self, node: NodeId, now: Timestamp) {
        self.known.entry(node).or_default().confirmed = Some(now);
        self.last_confirmed = Some(now);
    }

    pub(super) fn last_confirmed(&self) -> Option<Timestamp> {
        self.last_confirmed
    }

    /// All receivers; times count from `start`.
    pub(super) fn results(&self, engine: &Sender, start: Option<Timestamp>) -> Vec<ReceiverResult> {
        let (_, bytes_total) = engine.progress();
        let result = |(node, member): (NodeId, &Member)| {
            let known = self.known.get(&node);
            let confirmed = member.status == MemberStatus::Confirmed;
            let outcome = match member.status {
                MemberStatus::Active => ReceiverOutcome::Unfinished,
                MemberStatus::Confirmed => ReceiverOutcome::Confirmed,
                MemberStatus::Failed => {
                    ReceiverOutcome::Failed(known.map(|k| k.reason.clone()).unwrap_or_default())
                }
                MemberStatus::Lost => ReceiverOutcome::Lost,
                MemberStatus::Evicted => ReceiverOutcome::Ejected,
            };
            let at = known.and_then(|k| k.confirmed).filter(|_| confirmed);
            ReceiverResult {
                node,
                name: self.name(node),
                address: known.and_then(|known| known.address).unwrap_or(UNKNOWN),
                outcome,
                // The last report is older than the confirmation.
                bytes_done: if confirmed { bytes_total } else { member.bytes_done },
                loss: fraction(member.loss),
                slow: false,
                elapsed: at.zip(start).map(|(at, start)| at.saturating_since(start)),
            }
        };
        engine.members().map(result).collect()
    }
}

/// The receivers in numbers.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Summary {
    pub(super) receivers: usize,
    pub(super) confirmed: usize,
    /// Failed, left or lost.
    pub(super) failed: usize,
    /// Too slow for the others.
    pub(super) ejected: usize,
    pub(super) worst_loss: f64,
    /// The fewest content bytes that an active receiver reported.
    pub(super) slowest: Option<u64>,
}

impl Summary {
    pub(super) fn of(engine: &Sender) -> Self {
        let mut summary = Self::default();
        for (_, member) in engine.members() {
            summary.receivers += 1;
            let loss = if member.status == MemberStatus::Evicted { 0 } else { member.loss };
            summary.worst_loss = summary.worst_loss.max(fraction(loss));
            match member.status {
                MemberStatus::Confirmed => summary.confirmed += 1,
                MemberStatus::Failed | MemberStatus::Lost => summary.failed += 1,
                MemberStatus::Evicted => summary.ejected += 1,
                MemberStatus::Active => {
                    let slowest = summary.slowest.unwrap_or(u64::MAX);
                    summary.slowest = Some(slowest.min(member.bytes_done));
                }
            }
        }
        summary
    }

    /// How a transfer ends in which everything was sent.
    pub(super) fn outcome(&self) -> SendOutcome {
        match (self.receivers, self.confirmed) {
            (0, _) => SendOutcome::NobodyHeard,
            (_, 0) => SendOutcome::AllFailed,
            (all, confirmed) if all == confirmed => SendOutcome::Complete,
            _ => SendOutcome::Partial,
        }
    }
}

/// A share as it travels, from 0 to 1.
pub(super) fn fraction(loss: u16) -> f64 {
    f64::from(loss) / f64::from(u16::MAX)
}

/// Text from the network, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(0xab);

    #[test]
    fn a_receiver_is_told_once_and_by_name_if_possible() {
        let mut receivers = Receivers::default();
        assert!(!receivers.meet(NODE, "", false));
        assert_eq!(receivers.name(NODE), "node 000000ab");
        assert!(receivers.meet(NODE, "a\x1b[31m", false));
        assert!(!receivers.meet(NODE, "b", true));
        assert_eq!(receivers.name(NODE), "a?[31m");
        assert!(receivers.meet(NodeId(2), "", true));
    }

    #[test]
    fn a_receiver_with_another_node_id_keeps_name_reason_and_time() {
        let mut receivers = Receivers::default();
        receivers.meet(NODE, "lab-1", true);
        receivers.failed(NODE, "no room");
        receivers.confirmed(NODE, Timestamp::ZERO);
        receivers.moved(NODE, NodeId(2));
        assert_eq!(
            (receivers.name(NodeId(2)), receivers.name(NODE)),
            ("lab-1".into(), "node 000000ab".into())
        );
        assert!(!receivers.meet(NodeId(2), "lab-1", true), "it was told already");
        let known = &receivers.known[&NodeId(2)];
        assert_eq!((known.reason.as_str(), known.confirmed), ("no room", Some(Timestamp::ZERO)));
        receivers.moved(NodeId(3), NodeId(4));
        assert_eq!(receivers.known.len(), 1);
    }

    #[test]
    fn the_outcome_follows_from_the_counts() {
        let outcome =
            |receivers, confirmed| Summary { receivers, confirmed, ..Summary::default() }.outcome();
        assert_eq!(outcome(0, 0), SendOutcome::NobodyHeard);
        assert_eq!(outcome(2, 0), SendOutcome::AllFailed);
        assert_eq!(outcome(2, 1), SendOutcome::Partial);
        assert_eq!(outcome(2, 2), SendOutcome::Complete);
    }
}
