//! When the phase changes, who is given up, and whom an application asks to acknowledge.

use super::session::{ABANDONED_FOR, AckRequest, CHECK_EVERY, GONE, LONGEST_ROBUST, Phase};
use crate::base::Timestamp;
use crate::norm::sender::Sender;
use crate::norm::sender::event::SenderEvent;
use crate::norm::sender::rate::slow::Slow;
use crate::norm::sender::receivers::member::MemberStatus;
use crate::norm::wire::ACK_WINDOW;
use core::time::Duration;

impl Sender {
    /// Looks at clock and receivers, and moves to the next phase when it is time.
    pub(crate) fn advance(&mut self, now: Timestamp) {
        self.grtt.tick(now);
        if now >= self.session.next_check {
            self.session.next_check = now + CHECK_EVERY;
            if self.session.paused.is_none() {
                self.repairs.purge(now - self.grtt.get() * 5);
                self.expire_acks(now);
                self.give_up_the_silent(now);
                self.watch_slow(now);
                self.close_if_abandoned(now);
            }
        }
        let phase = self.session.phase;
        match phase {
            Phase::Gathering { .. } if self.session.paused.is_some() => {}
            Phase::Gathering { deadline } => self.gather(now, deadline),
            Phase::Sending if self.all_finished(now) => {
                self.session.phase = Phase::Lingering { until: now + self.config.linger };
                self.advance(now);
            }
            Phase::Lingering { .. } if !self.members.all_settled() => {
                self.session.phase = Phase::Sending;
            }
            Phase::Lingering { until } if now >= until && !self.session.stays_open => {
                self.session.close(now);
            }
            Phase::Closing { eots }
                if eots >= self.session.eots && now >= self.session.next_eot =>
            {
                self.session.phase = Phase::Done;
                self.event(SenderEvent::Finished);
            }
            _ => {}
        }
    }

    pub(crate) fn gather(&mut self, now: Timestamp, deadline: Option<Timestamp>) {
        let enough = self.config.min_receivers;
        // Everybody answers each call: whoever does not is gone, and may have come back as another.
        let recent = now - (self.session.call_interval * 3).max(GONE).min(self.silence());
        if self.members.announced() >= enough && self.members.present(recent) >= enough {
            for node in self.members.silent_since(recent) {
                self.members.forget(node);
                let reason = "it fell silent before anything was sent".to_owned();
                self.event(SenderEvent::ReceiverFailed { node, reason });
            }
            self.session.begin(now, self.members.len());
            self.event(SenderEvent::Started);
        } else if deadline.is_some_and(|deadline| now >= deadline) {
            self.event(SenderEvent::StartTimedOut { receivers: self.members.present(recent) });
            self.session.close(now);
        }
    }

    /// True when all is sent and nobody is waited for any longer.
    pub(crate) fn all_finished(&mut self, now: Timestamp) -> bool {
        let Some(all_sent) = self.session.all_sent else { return false };
        if self.members.announced() == 0 {
            // Nobody has said who it is: somebody may still be on the way to answer, or ask again.
            let wait = self.config.patience.max(self.grtt.get() * 4);
            let asked = self.session.stranger_at.filter(|_| self.config.trust_unannounced);
            let last =
                asked.map_or(all_sent, |asked| asked.max(all_sent)).max(self.session.resumed);
            let waits = self.session.paused.is_some() || now < last + wait;
            return self.session.finishing && !waits;
        }
        let asked = self.session.ack_request.is_none();
        let robust = (self.grtt.get() * 2 * self.config.robust).min(LONGEST_ROBUST);
        let settled = self.members.all_settled() && self.session.census_done(now, robust);
        let told = !self.slow.as_ref().is_some_and(Slow::is_telling);
        self.session.finishing && settled && asked && told
    }

    /// After this long without a word a receiver is given up: the RFC's robust factor or our
    /// patience, doubled, and never less than three roll calls.
    pub(crate) fn silence(&self) -> Duration {
        let robust = (self.grtt.get() * 2 * self.config.robust).min(LONGEST_ROBUST);
        (self.config.patience.max(robust) * 2).max(self.session.call_interval * 3)
    }

    pub(crate) fn give_up_the_silent(&mut self, now: Timestamp) {
        let Some(all_sent) = self.session.all_sent else { return };
        let silence = self.silence();
        // Whoever was called rarely, or not at all, had no occasion to speak.
        let rarely = self.session.called_rarely && now < all_sent + silence;
        if rarely || now < self.session.resumed + silence {
            return;
        }
        for node in self.members.silent_since(now - silence) {
            self.members.set_status(node, MemberStatus::Lost);
            self.event(SenderEvent::ReceiverLost { node });
        }
    }

    /// When every receiver that was counted has failed, the rest would be sent to nobody; but one that
    /// starts again at once finds the session open. Whoever asked for lingering expects more to come.
    pub(crate) fn close_if_abandoned(&mut self, now: Timestamp) {
        let failed = self.members.announced() > 0
            && self.members.confirmed() == 0
            && self.members.all_settled();
        let expects = !self.config.linger.is_zero() || self.session.stays_open;
        let patience = ABANDONED_FOR.max(self.grtt.get() * 4);
        let telling = self.slow.as_ref().is_some_and(Slow::is_telling);
        if !failed || !self.session.finishing || expects || telling {
            self.session.abandoned = None;
        } else if !self.session.is_closing()
            && now >= *self.session.abandoned.get_or_insert(now) + patience
        {
            if self.session.all_sent.is_none() {
                self.event(SenderEvent::Abandoned);
            }
            self.session.close(now);
        }
    }

    /// While `open`, the session does not end by itself when it has served everybody: more receivers may
    /// come.
    pub fn keep_open(&mut self, open: bool) {
        self.session.stays_open = open;
    }

    /// Asks all known receivers for an application acknowledgment of type 16..=254
    /// (RFC 5740 §4.2.3.6); [`SenderEvent::Acknowledged`] follows with the id returned here.
    /// A request still under way is replaced. `None` for the reserved types 0..=15 and for
    /// [`ACK_WINDOW`].
    pub fn request_ack(&mut self, ack_type: u8, now: Timestamp) -> Option<u8> {
        if ack_type < 16 || ack_type == ACK_WINDOW {
            return None;
        }
        let ack_id = self.session.next_ack_id;
        self.session.next_ack_id = ack_id.wrapping_add(1);
        let pending = self.members.iter().map(|(node, _)| node).collect();
        self.session.ack_request = Some(AckRequest {
            ack_type,
            ack_id,
            pending,
            answers: 0,
            left: self.config.robust,
            next: now,
        });
        self.idle = false;
        Some(ack_id)
    }

    /// Ends an acknowledgment request that everybody answered or that was asked often enough.
    pub(crate) fn expire_acks(&mut self, now: Timestamp) {
        let over = |r: &AckRequest| r.pending.is_empty() || (r.left == 0 && now >= r.next);
        if let Some(request) = self.session.ack_request.take_if(|r| over(r)) {
            let (ack_id, answers) = (request.ack_id, request.answers);
            self.event(SenderEvent::Acknowledged { ack_id, answers });
        }
    }
}
