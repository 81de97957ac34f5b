//! A trial: receivers are left out for a moment, to see what the others can take.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// How long a step lasts before its result is looked at, besides [`STEP_ROUNDS`].
pub(super) const STEP_TIME: Duration = Duration::from_millis(1_500);
/// Round trips by which a step is longer.
const STEP_ROUNDS: u32 = 10;
/// Longest time of a step.
const MAX_STEP_TIME: Duration = Duration::from_secs(6);
/// Most receivers that are left out at a time.
pub(super) const MAX_LEFT_OUT: usize = 32;

/// Receivers that are left out, and what is sent meanwhile.
#[derive(Debug)]
pub(super) struct Trial {
    left_out: Vec<LeftOut>,
    /// When the second half of the step begins; only that is measured.
    half_at: Timestamp,
    /// Bytes that had been sent by then.
    half_sent: Option<u64>,
    ends: Timestamp,
}

#[derive(Copy, Clone, Debug)]
struct LeftOut {
    node: NodeId,
    /// What was sent before it was left out, in bytes per second.
    rate_before: f64,
}

impl Trial {
    /// `node` is left out; `rate` bytes per second were sent with it.
    pub(super) fn new(now: Timestamp, node: NodeId, rate: f64, grtt: Duration) -> Self {
        let mut trial = Self { left_out: Vec::new(), half_at: now, half_sent: None, ends: now };
        trial.leave_out(now, node, rate, grtt);
        trial
    }

    /// The next step begins: `node` is left out as well.
    pub(super) fn leave_out(&mut self, now: Timestamp, node: NodeId, rate: f64, grtt: Duration) {
        self.left_out.push(LeftOut { node, rate_before: rate });
        let step = (STEP_TIME + grtt * STEP_ROUNDS).min(MAX_STEP_TIME);
        self.half_at = now + step / 2;
        self.half_sent = None;
        self.ends = now + step;
    }

    /// True of a receiver that is left out.
    pub(super) fn leaves_out(&self, node: NodeId) -> bool {
        self.left_out.iter().any(|known| known.node == node)
    }

    /// True while more receivers may be left out, `max` in all.
    pub(super) fn has_place(&self, max: usize) -> bool {
        self.left_out.len() < max.min(MAX_LEFT_OUT)
    }

    /// Receivers with which less than this was sent, in bytes per second.
    pub(super) fn slower_than(&self, rate: f64) -> Vec<NodeId> {
        let slower = self.left_out.iter().filter(|known| known.rate_before < rate);
        slower.map(|known| known.node).collect()
    }

    /// Time has passed, and `sent` bytes were sent by now: what the second half of the step has
    /// shown, in bytes per second, when it is over.
    pub(super) fn result(&mut self, now: Timestamp, sent: u64) -> Option<f64> {
        if self.half_sent.is_none() && now >= self.half_at {
            self.half_at = now;
            self.half_sent = Some(sent);
        }
        let before = self.half_sent?;
        if now < self.ends || now <= self.half_at {
            return None;
        }
        let time = now.saturating_since(self.half_at).as_secs_f64();
        Some(sent.saturating_sub(before) as f64 / time)
    }
}
