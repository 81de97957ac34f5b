//! The NACK process with one sender.

use core::time::Duration;

use super::need::Position;
use super::overheard::Overheard;
use super::queue::RepairQueue;
use super::ripening::Ripening;
use super::suppression::SuppressionGuard;
use super::timer::NackTimer;
use crate::base::{Rng, Timestamp};
use crate::norm::receiver::sender_state::timing::Timing;
use crate::norm::receiver::timeout::TimeoutReason;

/// Full repairs are asked for again after this time; it doubles each time.
const MIN_FULL_INTERVAL: Duration = Duration::from_millis(20);
/// The longest time until full repairs are asked for again.
const MAX_FULL_INTERVAL: Duration = Duration::from_millis(500);

/// The timer, the memory of what was asked for, and the guards of the NACK process.
#[derive(Debug)]
pub(crate) struct NackState {
    timer: NackTimer,
    /// What was due when the cycle began: requests of others are compared with needs before.
    bound: Position,
    ripening: Ripening,
    overheard: Overheard,
    overheard_at: Timestamp,
    guard: SuppressionGuard,
    /// Full repairs are not asked for before.
    full_from: Timestamp,
    full_interval: Duration,
    /// When anything but symbols of blocks was asked for last.
    other_asked: Option<Timestamp>,
    /// What was asked for of content that is partly on disk, once there is some.
    queue: Option<Box<RepairQueue>>,
}

impl NackState {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self {
            timer: NackTimer::new(),
            bound: Position::default(),
            ripening: Ripening::default(),
            overheard: Overheard::default(),
            overheard_at: now,
            guard: SuppressionGuard::default(),
            full_from: now,
            full_interval: MIN_FULL_INTERVAL,
            other_asked: None,
            queue: None,
        }
    }

    /// Begins a cycle: a backoff, after which what is missing before `bound` is asked for. A packet
    /// that others have overtaken may still come in `window`.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        bound: Position,
        window: Duration,
        timing: Timing,
        rng: &mut Rng,
    ) {
        self.bound = bound;
        self.timer.start(now, window, timing, rng);
    }

    /// Notes that everything before `due` is due.
    pub(crate) fn note_due(&mut self, now: Timestamp, due: Position) {
        self.ripening.note(now, due);
    }

    /// Everything before may be asked for: it was due a time of `window` ago.
    pub(crate) fn ripe(&mut self, now: Timestamp, window: Duration) -> Position {
        self.ripening.ripe(now, window)
    }

    /// What is missing may be asked for again at `until`, and something else at any time.
    pub(crate) fn wait(&mut self, until: Timestamp) {
        self.timer.wait(until);
    }

    /// Ends the cycle.
    pub(crate) fn stop(&mut self) {
        self.timer.stop();
    }

    /// Leaves some time for the repair.
    pub(crate) fn hold(&mut self, now: Timestamp, time: Duration) {
        self.timer.hold(now, time);
    }

    /// The decision has fallen: leaves some time for the repair, and forgets what was overheard.
    pub(crate) fn finish(&mut self, now: Timestamp, time: Duration) {
        self.timer.hold(now, time);
        self.overheard.clear();
    }

    /// True when a cycle may begin.
    pub(crate) fn is_idle(&self) -> bool {
        self.timer.is_idle()
    }

    /// True when a backoff is over and the decision is due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        self.timer.is_due(now)
    }

    /// True when a hold-off, or the wait for a repair, has just ended.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> bool {
        self.timer.take_expired(now)
    }

    /// The sender is heard again after a silence.
    pub(crate) fn shorten(&mut self, now: Timestamp, timing: Timing) {
        self.timer.shorten(now, timing);
    }

    /// The sender's timing has changed.
    pub(crate) fn rescale(&mut self, now: Timestamp, old: Timing, new: Timing) {
        self.timer.rescale(now, old, new);
    }

    /// When the timer ends, and what it is.
    pub(crate) fn next(&self) -> Option<(Timestamp, TimeoutReason)> {
        self.timer.next()
    }

    /// What was due when the cycle began.
    pub(super) fn bound(&self) -> Position {
        self.bound
    }

    /// The requests of others in this cycle.
    pub(super) fn overheard(&self) -> &Overheard {
        &self.overheard
    }

    /// The requests of others in this cycle, to note one more. Outside of a cycle those that are
    /// older than one are forgotten.
    pub(super) fn overhear(&mut self, now: Timestamp, timing: Timing) -> &mut Overheard {
        if self.timer.is_idle() && now > self.overheard_at + timing.cycle() {
            self.overheard.clear();
        }
        self.overheard_at = now;
        &mut self.overheard
    }

    /// Some of the content is on disk: what is asked for is remembered until it is repaired.
    pub(crate) fn begin_queue(&mut self, now: Timestamp) {
        self.queue.get_or_insert_with(|| Box::new(RepairQueue::new(now)));
    }

    /// What was asked for of content that is partly on disk.
    pub(super) fn queue(&self) -> Option<&RepairQueue> {
        self.queue.as_deref()
    }

    /// What was asked for of content that is partly on disk.
    pub(super) fn queue_mut(&mut self) -> Option<&mut RepairQueue> {
        self.queue.as_deref_mut()
    }

    /// Repair has come, and it was new to us or not.
    pub(crate) fn note_repair(&mut self, now: Timestamp, is_new: bool) {
        if let Some(queue) = &mut self.queue {
            queue.feed(now, is_new);
        }
    }

    /// Notes that others have asked for all that is missing, from `oldest` on: where it is, and how
    /// many symbols are missing there. True when that has been in vain too often.
    pub(super) fn is_guard_exceeded(
        &mut self,
        oldest: (Position, u32),
        group_size: u64,
        rng: &mut Rng,
    ) -> bool {
        self.guard.is_exceeded(oldest, group_size, rng)
    }

    /// Notes that a NACK is sent, and where the oldest need is: suppression is counted anew.
    pub(super) fn note_sent(&mut self, oldest: (Position, u32)) {
        self.guard.note_sent(oldest);
    }

    /// Full repairs are not asked for before.
    pub(super) fn full_from(&self) -> Timestamp {
        self.full_from
    }

    /// Full repairs were asked for. They are asked for again later and later, because the sender
    /// repairs what is old with a share of its rate only.
    pub(super) fn pause_full(&mut self, now: Timestamp) {
        self.full_from = now + self.full_interval;
        self.full_interval = (self.full_interval * 2).min(MAX_FULL_INTERVAL);
    }

    /// No full repair is needed any more.
    pub(super) fn reset_full_pause(&mut self) {
        self.full_interval = MIN_FULL_INTERVAL;
    }

    /// Full repairs are not asked for before `from`.
    #[cfg(test)]
    pub(crate) fn pause_full_until(&mut self, from: Timestamp) {
        self.full_from = from;
    }

    /// When anything but symbols of blocks was asked for last.
    pub(super) fn other_asked(&self) -> Option<Timestamp> {
        self.other_asked
    }

    /// Notes that anything but symbols of blocks is asked for.
    pub(super) fn note_other_asked(&mut self, now: Timestamp) {
        self.other_asked = Some(now);
    }
}
