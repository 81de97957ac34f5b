//! What a session remembers of each receiver beside what the engine keeps.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use norm_core::Timestamp;
use norm_core::endpoint::ReceiverKey;
use norm_core::transfer::{NodeId, Outbound, ReceiverNotice, ReceiverStanding, ReceiverView};
use norm_seal::RecipientKey;

use crate::event::{
    IgnoredReason, IgnoredReceiver, ReceiverInfo, ReceiverOutcome, ReceiverProgress,
    ReceiverReport, SendOutcome,
};

/// A receiver, by its own account.
#[derive(Debug, Default)]
struct Known {
    name: String,
    address: Option<SocketAddr>,
    /// Its finding has been told.
    told: bool,
    /// Why it failed.
    reason: String,
    /// When it confirmed.
    confirmed: Option<Timestamp>,
    /// What it last reported to have been dropped on its machine.
    drops: u32,
    /// What it last reported to have arrived with a CE mark.
    ce_marked: u32,
}

/// A receiver as events name it, and whether this is the first one that does.
#[derive(Debug)]
pub(super) struct Met {
    pub(super) receiver: ReceiverInfo,
    pub(super) is_new: bool,
}

/// Receivers by node id. The engine bounds how many there are.
#[derive(Debug, Default)]
pub(super) struct Receivers {
    known: BTreeMap<NodeId, Known>,
    last_confirmed: Option<Timestamp>,
    /// Those that do not count.
    ignored: Vec<IgnoredReceiver>,
}

/// Most receivers that a report names as not counting.
const MAX_IGNORED: usize = 1_000;

impl Receivers {
    /// A receiver was found. Events may name it from now on if it has said its name, or has none.
    pub(super) fn found(
        &mut self,
        node: NodeId,
        name: &str,
        address: SocketAddr,
        nameless: bool,
    ) -> Met {
        let known = self.known.entry(node).or_default();
        known.address = Some(address);
        known.take_name(name);
        self.meet(node, nameless)
    }

    /// A receiver was heard that does not count.
    pub(super) fn ignored(
        &mut self,
        node: NodeId,
        name: &str,
        address: SocketAddr,
        reason: IgnoredReason,
    ) -> IgnoredReceiver {
        let name = Some(printable(name)).filter(|name| !name.is_empty());
        let mut info = ReceiverInfo::new(node, name.unwrap_or_else(|| nameless(node)));
        info.address = Some(address);
        let ignored = IgnoredReceiver::new(info, reason);
        if self.ignored.len() < MAX_IGNORED {
            self.ignored.push(ignored.clone());
        }
        ignored
    }

    /// The first of those that do not count.
    pub(super) fn all_ignored(&self) -> Vec<IgnoredReceiver> {
        self.ignored.clone()
    }

    /// A receiver has reported how far it is.
    pub(super) fn reported(&mut self, notice: &ReceiverNotice) -> (Met, ReceiverProgress) {
        let ReceiverNotice { node, address, state, bytes_done, bytes_total, .. } = *notice;
        let ReceiverNotice { drops, ce_marked, .. } = *notice;
        let known = self.known.entry(node).or_default();
        known.address = Some(address);
        known.take_name(&notice.name);
        known.drops = drops;
        known.ce_marked = ce_marked;
        let met = self.meet(node, true);
        let (receiver, loss) = (met.receiver.clone(), share(notice.loss));
        let progress =
            ReceiverProgress { receiver, state, bytes_done, bytes_total, loss, drops, ce_marked };
        (met, progress)
    }

    /// The receiver of an event; new when it is told for the first time: when its name is known, or
    /// `anyway`.
    pub(super) fn meet(&mut self, node: NodeId, anyway: bool) -> Met {
        let known = self.known.entry(node).or_default();
        let is_new = !known.told && (anyway || !known.name.is_empty());
        known.told |= is_new;
        Met { receiver: self.info(node), is_new }
    }

    fn info(&self, node: NodeId) -> ReceiverInfo {
        let known = self.known.get(&node);
        let name = known.map(|known| known.name.clone()).filter(|name| !name.is_empty());
        let mut info = ReceiverInfo::new(node, name.unwrap_or_else(|| nameless(node)));
        info.address = known.and_then(|known| known.address);
        info
    }

    /// Notes why a receiver has failed, and says it as it is to be shown.
    pub(super) fn failed(&mut self, node: NodeId, reason: &str) -> String {
        let reason = if reason.is_empty() { "no reason given".into() } else { printable(reason) };
        self.known.entry(node).or_default().reason.clone_from(&reason);
        reason
    }

    /// The receiver left before data flowed: it does not count, and one that takes its node id is
    /// new.
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

    /// What came of all receivers that were heard; times count from `start`.
    pub(super) fn reports(
        &self,
        engine: &impl Outbound,
        start: Option<Timestamp>,
        keys: &BTreeMap<ReceiverKey, RecipientKey>,
    ) -> Vec<ReceiverReport> {
        let bytes_total = engine.progress().bytes_total;
        let key = |view: &ReceiverView| keys.get(&view.key?).map(RecipientKey::to_string);
        let report =
            |view| ReceiverReport { key: key(&view), ..self.report(view, bytes_total, start) };
        engine.receivers().map(report).collect()
    }

    fn report(
        &self,
        view: ReceiverView,
        bytes_total: u64,
        start: Option<Timestamp>,
    ) -> ReceiverReport {
        let known = self.known.get(&view.node);
        let reason = || known.map(|known| known.reason.clone()).unwrap_or_default();
        let outcome = match view.standing {
            ReceiverStanding::Active => ReceiverOutcome::Unfinished,
            ReceiverStanding::Confirmed => ReceiverOutcome::Confirmed,
            ReceiverStanding::Failed => ReceiverOutcome::Failed { reason: reason() },
            ReceiverStanding::Lost => ReceiverOutcome::Lost,
            ReceiverStanding::Evicted => ReceiverOutcome::Evicted,
        };
        let confirmed = view.standing == ReceiverStanding::Confirmed;
        let at = known.and_then(|known| known.confirmed).filter(|_| confirmed);
        ReceiverReport {
            // The last report is older than the confirmation.
            bytes_done: if confirmed { bytes_total } else { view.bytes_done },
            loss: share(view.loss),
            drops: known.map_or(0, |known| known.drops),
            ce_marked: known.map_or(0, |known| known.ce_marked),
            elapsed: at.zip(start).map(|(at, start)| at.saturating_since(start)),
            proved: view.key.is_some(),
            ..ReceiverReport::new(self.info(view.node), outcome)
        }
    }
}

impl Known {
    /// The first name that it says stays.
    fn take_name(&mut self, name: &str) {
        if self.name.is_empty() {
            self.name = printable(name);
        }
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
    pub(super) evicted: usize,
    /// In the roster, and not there.
    pub(super) missing: usize,
    pub(super) worst_loss: f64,
    /// The fewest content bytes that an active receiver reported.
    pub(super) slowest: Option<u64>,
}

impl Summary {
    pub(super) fn of(engine: &impl Outbound) -> Self {
        let mut summary = Self { missing: engine.absent().count(), ..Self::default() };
        for view in engine.receivers() {
            summary.receivers += 1;
            let loss = if view.standing == ReceiverStanding::Evicted { 0 } else { view.loss };
            summary.worst_loss = summary.worst_loss.max(share(loss));
            match view.standing {
                ReceiverStanding::Confirmed => summary.confirmed += 1,
                ReceiverStanding::Failed | ReceiverStanding::Lost => summary.failed += 1,
                ReceiverStanding::Evicted => summary.evicted += 1,
                ReceiverStanding::Active => {
                    let slowest = summary.slowest.unwrap_or(u64::MAX);
                    summary.slowest = Some(slowest.min(view.bytes_done));
                }
            }
        }
        summary
    }

    /// Receivers that are waited for.
    pub(super) fn active(&self) -> usize {
        self.receivers - self.confirmed - self.failed - self.evicted
    }

    /// How a transfer ends in which everything was sent.
    pub(super) fn outcome(&self) -> SendOutcome {
        match (self.receivers, self.confirmed) {
            (0, _) => SendOutcome::NoReceivers,
            (_, 0) => SendOutcome::AllFailed,
            (all, confirmed) if all == confirmed && self.missing == 0 => SendOutcome::Complete,
            _ => SendOutcome::Partial,
        }
    }
}

/// A share of packets as engines state it, from 0 to 1.
fn share(loss: u16) -> f64 {
    f64::from(loss) / f64::from(u16::MAX)
}

/// What a receiver is called that does not say its name.
fn nameless(node: NodeId) -> String {
    format!("node {:08x}", node.0)
}

/// Receivers of the roster that did not come.
pub(super) fn missing(engine: &impl Outbound) -> impl Iterator<Item = ReceiverReport> {
    let missing = |name: &str| {
        let info = ReceiverInfo::new(NodeId::NONE, printable(name));
        ReceiverReport::new(info, ReceiverOutcome::Missing)
    };
    engine.absent().map(missing)
}

/// Text from the network, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(0xab);

    fn address() -> SocketAddr {
        "192.0.2.1:5740".parse().unwrap()
    }

    #[test]
    fn receiver_is_told_once_and_by_name_if_possible() {
        let mut receivers = Receivers::default();
        let met = receivers.found(NODE, "", address(), false);
        assert_eq!((met.is_new, met.receiver.name.as_str()), (false, "node 000000ab"));
        let met = receivers.found(NODE, "a\x1b[31m", address(), false);
        assert_eq!((met.is_new, met.receiver.name.as_str()), (true, "a?[31m"));
        let met = receivers.found(NODE, "b", address(), true);
        assert_eq!((met.is_new, met.receiver.name.as_str()), (false, "a?[31m"));
        assert!(receivers.found(NodeId(2), "", address(), true).is_new);
        assert!(receivers.meet(NodeId(3), true).is_new);
    }

    #[test]
    fn receiver_with_another_node_id_keeps_name_reason_and_time() {
        let mut receivers = Receivers::default();
        receivers.found(NODE, "lab-1", address(), true);
        receivers.failed(NODE, "no room");
        receivers.confirmed(NODE, Timestamp::ZERO);
        receivers.moved(NODE, NodeId(2));
        let met = receivers.meet(NodeId(2), true);
        assert!(!met.is_new, "it was told already");
        assert_eq!((met.receiver.name.as_str(), met.receiver.address), ("lab-1", Some(address())));
        assert_eq!(receivers.info(NODE).name, "node 000000ab");
        let known = &receivers.known[&NodeId(2)];
        assert_eq!((known.reason.as_str(), known.confirmed), ("no room", Some(Timestamp::ZERO)));
        receivers.moved(NodeId(3), NodeId(4));
        assert_eq!(receivers.known.len(), 1);
    }

    #[test]
    fn outcome_follows_from_the_counts() {
        let outcome =
            |receivers, confirmed| Summary { receivers, confirmed, ..Summary::default() }.outcome();
        assert_eq!(outcome(0, 0), SendOutcome::NoReceivers);
        assert_eq!(outcome(2, 0), SendOutcome::AllFailed);
        assert_eq!(outcome(2, 1), SendOutcome::Partial);
        assert_eq!(outcome(2, 2), SendOutcome::Complete);
        let missing = |receivers, confirmed| {
            Summary { receivers, confirmed, missing: 1, ..Summary::default() }.outcome()
        };
        assert_eq!(missing(0, 0), SendOutcome::NoReceivers);
        assert_eq!((missing(1, 0), missing(1, 1)), (SendOutcome::AllFailed, SendOutcome::Partial));
    }
}
