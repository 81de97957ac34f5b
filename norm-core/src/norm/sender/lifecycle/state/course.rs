//! How phases follow each other: when enough receivers are there, and when none is waited for any
//! longer.

use core::time::Duration;

use super::Lifecycle;
use crate::base::Timestamp;
use crate::norm::sender::event::{Events, SenderEvent};
use crate::norm::sender::lifecycle::phase::{Abandoned, Gathering, Phase};
use crate::norm::sender::path_mtu::PathMtu;
use crate::norm::sender::receivers::{MemberStatus, Receivers};

impl Lifecycle {
    /// Closes a session all of whose receivers have failed. While evicted receivers are still
    /// `told` so, it goes on.
    pub(crate) fn close_if_abandoned(
        &mut self,
        now: Timestamp,
        receivers: &Receivers,
        told: bool,
        events: &mut Events,
    ) {
        let members = receivers.members();
        let failed =
            members.announced() > 0 && members.confirmed() == 0 && members.all_settled() && !told;
        let abandoned = self.phases.close_if_abandoned(now, failed, receivers.grtt());
        if abandoned == Abandoned::Early {
            events.push(SenderEvent::Abandoned);
        }
    }

    /// Gives up receivers that are silent.
    pub(crate) fn give_up_silent(
        &mut self,
        now: Timestamp,
        receivers: &mut Receivers,
        events: &mut Events,
    ) {
        let Some(all_sent) = self.phases.all_sent() else { return };
        let silence = self.silence(receivers.grtt());
        // With sparse queries a receiver had no occasion to speak.
        let sparse = self.query.is_sparse() && now < all_sent + silence;
        if sparse || now < self.pause.ended() + silence {
            return;
        }
        let members = receivers.members_mut();
        for node in members.silent_since(now - silence) {
            members.set_status(node, MemberStatus::Lost);
            events.push(SenderEvent::ReceiverLost { node });
        }
    }

    /// Silence after which a receiver is given up.
    pub(crate) fn silence(&self, grtt: Duration) -> Duration {
        self.rules.silence(grtt, self.query.interval())
    }

    /// While receivers are waited for: true when all have come, and it is known how long packets
    /// may be, so that content flows.
    pub(crate) fn gather(
        &mut self,
        now: Timestamp,
        receivers: &mut Receivers,
        path: &mut PathMtu,
        events: &mut Events,
    ) -> bool {
        match self.phases.phase() {
            Phase::Gathering(gathering) if !self.pause.is_on() => {
                self.gather_until(now, gathering, receivers, path, events)
            }
            _ => false,
        }
    }

    /// Moves to the next phase when it is time. While evicted receivers are still `told` so, the
    /// session goes on.
    pub(crate) fn advance(
        &mut self,
        now: Timestamp,
        receivers: &mut Receivers,
        told: bool,
        events: &mut Events,
    ) {
        match self.phases.phase() {
            Phase::Sending if self.is_finished(now, receivers, told) => {
                self.phases.linger(now);
                self.advance(now, receivers, told, events);
            }
            Phase::Lingering { .. } if !receivers.members().all_settled() => {
                self.phases.resume_sending();
            }
            Phase::Lingering { until } => self.phases.end_linger(now, until),
            Phase::Closing(_) if self.phases.end_closing(now) => {
                events.push(SenderEvent::Finished);
            }
            Phase::Gathering(_) | Phase::Sending | Phase::Closing(_) | Phase::Done => {}
        }
    }

    fn gather_until(
        &mut self,
        now: Timestamp,
        gathering: Gathering,
        receivers: &mut Receivers,
        path: &mut PathMtu,
        events: &mut Events,
    ) -> bool {
        let enough = gathering.enough(now, self.rules.min_receivers);
        // Every receiver answers each query: one that does not is gone, and may have come back with
        // another node id.
        let recent = now - self.rules.gathering_silence(receivers.grtt(), self.query.interval());
        let is_over = gathering.is_over(now);
        let members = receivers.members();
        if members.announced() >= enough && members.present(recent) >= enough {
            if !path.is_ready(now, self.opening(), receivers) && !is_over {
                self.query.hasten(receivers.grtt());
                return false;
            }
            let members = receivers.members_mut();
            for node in members.silent_since(recent) {
                members.forget(node);
                let reason = "it fell silent before anything was sent".to_owned();
                events.push(SenderEvent::ReceiverFailed { node, reason });
            }
            self.begin(now, members.len());
            events.push(SenderEvent::Started);
            return true;
        }
        if is_over {
            events.push(SenderEvent::StartTimedOut { receivers: members.present(recent) });
            self.phases.close(now);
        }
        false
    }

    /// All receivers have come that were waited for: content flows.
    fn begin(&mut self, now: Timestamp, listed: usize) {
        self.phases.begin();
        self.fti_until = self.rules.fti_until(now);
        self.probe.schedule(now);
        self.query.begin(listed);
    }

    /// True when everything was sent and no receiver is waited for any longer.
    fn is_finished(&self, now: Timestamp, receivers: &Receivers, told: bool) -> bool {
        let Some(all_sent) = self.phases.all_sent() else { return false };
        if !self.phases.is_finishing() {
            return false;
        }
        let grtt = receivers.grtt();
        if receivers.members().announced() == 0 {
            // No receiver has announced itself: one may still be about to answer, or ask again.
            let wait = self.rules.patience.max(grtt * 4);
            let trusted = self.rules.trusts_unannounced;
            let heard = self.query.unannounced_at().filter(|_| trusted).unwrap_or(all_sent);
            let last = heard.max(all_sent).max(self.pause.ended());
            return !self.pause.is_on() && now >= last + wait;
        }
        let answered = self.query.is_answered(now, self.rules.robust_wait(grtt), all_sent);
        let settled = receivers.members().all_settled() && answered;
        settled && !self.ack_requests.is_open() && !told
    }
}
