//! A bound of the rate that changes while the session goes on, and times when nothing is sent.
//!
//! A sender that pauses still says so: a probe of some dozen bytes now and then, without which
//! receivers would take it for gone. Nobody is given up meanwhile, and no time runs out.

use core::time::Duration;

use super::session::Session;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::norm::sender::Sender;
use crate::norm::wire::{QuantizedRate, Watch};

/// Between two probes of a pause: two of them may be lost before a receiver's patience ends.
const PROBES: Duration = Duration::from_secs(2);

/// What a probe says in a pause. Its rate means nothing, but must be one.
const PAUSED: Watch =
    Watch { quiet: false, cruise: false, fair: false, paused: true, rate: QuantizedRate(1 << 4) };

impl Sender {
    /// Bounds the rate from now on, in bits per second; `None` takes the bound away, and 0 pauses:
    /// only some packets that keep receivers waiting are sent, until another bound is set.
    ///
    /// A controller also heeds the rate of its settings; a fixed rate is replaced.
    pub fn set_rate_limit(&mut self, limit: Option<u64>, now: Timestamp) {
        self.idle = false;
        if limit == Some(0) {
            if self.session.paused.is_none() {
                self.session.paused = Some(now);
                self.session.next_cc = now;
                self.members.note_call(None);
            }
            return;
        }
        let resumes = self.session.resume(now);
        if resumes {
            self.members.note_call(Some(Duration::ZERO));
        }
        let most = match (limit, self.config.rate) {
            (Some(limit), Some(rate)) if self.steering.is_some() => Some(limit.min(rate)),
            (limit, rate) => limit.or(rate),
        };
        self.limit = most;
        if let Some(steering) = &mut self.steering {
            steering.set_most(most);
            if let Some(turns) = &mut self.turns {
                turns.set_most(most);
            }
            if resumes {
                steering.restart(now);
            }
        }
        self.pacer.set_rate(self.rate(), now);
    }

    /// True while nothing is sent because the application wants it so.
    pub fn is_paused(&self) -> bool {
        self.session.paused.is_some()
    }

    /// What is sent in a pause.
    pub(crate) fn keep_waiting(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        if now < self.session.next_cc {
            return None;
        }
        let probe = self.send_probe(now, out);
        self.session.next_cc = now + PROBES;
        Some(probe)
    }

    /// What the probe of a pause says to receivers of ours.
    pub(crate) fn pause_watch(&self) -> Option<Watch> {
        self.is_paused().then_some(PAUSED)
    }
}

impl Session {
    /// A pause, if there was one, is over: what waits has waited no time.
    fn resume(&mut self, now: Timestamp) -> bool {
        let Some(since) = self.paused.take() else { return false };
        self.postpone(now.saturating_since(since));
        self.resumed = now;
        (self.next_cc, self.next_call) = (now, now);
        self.next_flush = self.next_flush.map(|_| now);
        true
    }
}

#[cfg(test)]
mod tests;
