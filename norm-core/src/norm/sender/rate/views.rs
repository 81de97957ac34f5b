//! Takes what receivers report into the steering, and says what a probe asks (RFC 5740 §5.5.2).

use core::time::Duration;

use super::clr::{ASKED, Steering};
use crate::base::Timestamp;
use crate::norm::congestion::Total;
use crate::norm::sender::Sender;
use crate::norm::wire::{
    CcFeedback, CcFlags, CcNode, NodeId, PathReport, QuantizedRate, QuantizedRtt, Watch,
};

/// An item of a probe's list that asks for an answer, and says nothing.
fn asked_for(id: NodeId) -> CcNode {
    let rate = QuantizedRate::from_bytes_per_second(0.0);
    CcNode { id, flags: CcFlags::PLR, rtt: QuantizedRtt::from_duration(Duration::ZERO), rate }
}

impl Sender {
    /// A receiver's view of its path; `nack` when it came in a NACK.
    pub(crate) fn take_view(
        &mut self,
        now: Timestamp,
        node: NodeId,
        rtt: Duration,
        told: (&CcFeedback, Option<PathReport>),
        nack: bool,
    ) {
        let Some(steering) = &mut self.steering else { return };
        let (rtt, (feedback, report)) = (rtt.max(Duration::from_micros(50)), told);
        match (steering, report) {
            (Steering::Delivery(following), Some(report)) => {
                following.take(now, node, rtt, (feedback, report));
            }
            (Steering::Delivery(_), None) => return,
            (Steering::Fair(election), report) => {
                if report.is_some_and(|report| report.ce_marked > 0) {
                    election.note_ce_marks(now, node);
                }
                election.take(now, node, rtt, feedback, nack);
            }
        }
        self.take_turns(now);
        self.steer(now);
    }

    /// The rate of the pacer, and the time of the next probe, follow the controller.
    fn steer(&mut self, now: Timestamp) {
        let Some(steering) = self.steering.as_ref().filter(|_| self.session.is_sending()) else {
            return;
        };
        self.pacer.set_rate(Some(steering.rate()), now);
        match steering {
            Steering::Delivery(following) => self.session.next_cc = following.delivery.next(),
            Steering::Fair(election) => {
                if let Some(gap) = election.gap() {
                    let next = election.probed_at().map_or(now, |at| at + gap);
                    self.session.next_cc = next;
                }
            }
        }
    }

    /// What the probe that leaves now says to receivers of ours, and whom it lists.
    pub(crate) fn watch(&mut self, now: Timestamp) -> (Option<Watch>, Vec<CcNode>) {
        let limit = usize::from(self.config.segment_size) / 8;
        self.take_turns(now);
        let Some(steering) = &mut self.steering else { return (None, self.untold.take(limit)) };
        let (members, slow) = (&self.members, self.slow.as_ref());
        let left_out = |node| slow.is_some_and(|slow| slow.leaves_out(node));
        steering.tick(now, |node| members.is_active(node) && !left_out(node));
        let mut nodes = steering.listed();
        if self.config.mode.asks_silent_receivers() && steering.hears_nobody(now) {
            // Whoever is silenced, by somebody who is not heard either, answers when it is asked.
            let asked = members.following(self.asked, ASKED);
            self.asked = asked.last().copied().unwrap_or(NodeId::NONE);
            let asked = asked.into_iter().filter(|&node| !left_out(node));
            let asked = asked.filter(|&node| nodes.iter().all(|known| known.id != node));
            nodes.extend(asked.map(asked_for).collect::<Vec<_>>());
        }
        let others = self.untold.take(limit.min(16)).into_iter();
        let others = others.filter(|item| nodes.iter().all(|node| node.id != item.id));
        let others = others.collect::<Vec<_>>();
        nodes.extend(others);
        if !self.session.is_sending() {
            return (None, nodes);
        }
        let total = Total { bytes: self.stats.bytes, packets: self.stats.packets };
        let watch = steering.probe(now, self.session.cc_sequence, total);
        self.steer(now);
        (Some(watch), nodes)
    }
}
