//! Looks at the receivers of a session with the policy for slow ones, and carries out what it says.

use super::{LEAST_PATIENCE, NOTICES, TELL_PAUSE, Verdict, View, exceptions};
use crate::base::Timestamp;
use crate::norm::sender::Sender;
use crate::norm::sender::emit::compose::Urgent;
use crate::norm::sender::event::SenderEvent;
use crate::norm::sender::rate::arbiter::Turns;
use crate::norm::sender::rate::clr::Steering;
use crate::norm::sender::receivers::member::MemberStatus;
use crate::norm::wire::NodeId;

impl Sender {
    /// True of a receiver that is waited for, and not left out at present.
    pub(crate) fn heeds(&self, node: NodeId) -> bool {
        self.members.is_active(node) && !self.leaves_out(node)
    }

    pub(crate) fn leaves_out(&self, node: NodeId) -> bool {
        self.slow.as_ref().is_some_and(|slow| slow.leaves_out(node))
    }

    /// Looks at who limits, and sends away who has to go.
    pub(crate) fn watch_slow(&mut self, now: Timestamp) {
        if self.slow.is_none() {
            return;
        }
        self.repeat_notices();
        let content = self.cursor.bytes;
        let stalling = self.stalled.and_then(|_| self.window.holder(content)).map(|node| (node, 0));
        // Not only what is new: after a trial there is much to repair.
        let sent = self.stats.bytes;
        let limiting = stalling.or(self.steering.as_ref().and_then(Steering::limiting));
        // Who has been silent for long is nobody who could be faster.
        let active = self.members.present(now - self.silence());
        let (ejected, grtt) = (self.members.ejected(), self.grtt.get());
        let sending = self.session.is_sending() && self.session.all_sent.is_none();
        let yields = self.turns.as_ref().is_some_and(Turns::yields);
        let (members, Some(slow)) = (&self.members, &mut self.slow) else { return };
        slow.lossy.retain(|&node, _| members.is_active(node));
        if !sending {
            slow.end();
            self.eject_the_late(now);
            return;
        }
        slow.late.note_sending(now);
        if yields && slow.trial.is_none() {
            slow.rest(now, sent);
            return;
        }
        if let Some(steering) = self.steering.as_mut().filter(|_| slow.trial.is_some()) {
            // What is left out makes queues, and so does what comes back.
            steering.forget_occupancy();
        }
        let view = View { limiting, sent, active, ejected, grtt };
        if let Verdict::Eject(nodes) = slow.look(now, &view) {
            for node in nodes {
                self.eject(node);
            }
        }
    }

    /// Everything was sent once: whoever needs twice as long as the others is not waited for.
    fn eject_the_late(&mut self, now: Timestamp) {
        let (members, Some(slow)) = (&self.members, &mut self.slow) else { return };
        let active = members.iter().filter(|(_, m)| m.status == MemberStatus::Active);
        let left: Vec<NodeId> = active.map(|(node, _)| node).collect();
        let all = members.confirmed() + left.len();
        let most = match slow.policy.below {
            Some(_) => all.saturating_sub(1),
            None => exceptions(all, members.ejected()),
        };
        let how_many = (members.confirmed(), left.len());
        if self.session.is_sending()
            && slow.late.is_over(now, how_many, most, slow.policy.after.max(LEAST_PATIENCE))
        {
            left.into_iter().for_each(|node| self.eject(node));
        }
    }

    /// What a receiver loses, by its own report. Where more than the exceptions lose so much, it is the
    /// network.
    pub(crate) fn watch_loss(&mut self, now: Timestamp, node: NodeId, loss: u16) {
        let sending = self.session.is_sending() && self.session.all_sent.is_none();
        let Some(slow) = &mut self.slow else { return };
        if slow.leaves_out(node) {
            // It was sent more than it takes.
            slow.lossy.remove(&node);
            return;
        }
        if !slow.loses(now, node, loss) || !sending {
            return;
        }
        let limit = slow.policy.loss.unwrap_or(1.0);
        let silence = now - self.silence();
        let present = self.members.iter().filter(|(_, m)| m.last_heard >= silence);
        let (mut active, mut lossy) = (0, 0);
        for (_, member) in present.filter(|(_, m)| m.status == MemberStatus::Active) {
            active += 1;
            lossy += usize::from(f64::from(member.loss) / 65_535.0 >= limit);
        }
        if active > 1 && lossy <= exceptions(active, self.members.ejected()) {
            self.eject(node);
        }
    }

    fn repeat_notices(&mut self) {
        let Some(slow) = &mut self.slow else { return };
        let told: Vec<NodeId> = slow.notices.iter().map(|&(node, _)| node).collect();
        slow.notices.iter_mut().for_each(|(_, left)| *left -= 1);
        slow.notices.retain(|&(_, left)| left > 0);
        for node in told {
            self.push_urgent(Urgent::Eject { node });
        }
    }

    /// A receiver is not waited for any longer, and told so whenever it is heard.
    fn eject(&mut self, node: NodeId) {
        if self.members.is_active(node) && self.members.set_status(node, MemberStatus::Evicted) {
            self.event(SenderEvent::ReceiverEvicted { node });
            if let Some(slow) = &mut self.slow {
                slow.notices.push((node, NOTICES));
            }
        }
    }

    /// True when a receiver that was heard is to be left alone: it was sent away, which it is told again,
    /// or it is left out at present.
    pub(crate) fn passes_over(&mut self, now: Timestamp, node: NodeId) -> bool {
        let Some(slow) = &mut self.slow else { return false };
        if slow.leaves_out(node) {
            return true;
        }
        let ejected = self.members.is_ejected(node);
        if ejected && now >= slow.tell_from && self.config.mode.sends_evictions() {
            slow.tell_from = now + TELL_PAUSE;
            self.push_urgent(Urgent::Eject { node });
        }
        ejected
    }
}
