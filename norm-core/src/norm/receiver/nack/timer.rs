//! When to send a NACK: backoff, then hold-off (RFC 5740 §5.3, RFC 5401 §3.2).

use core::time::Duration;

use crate::base::{Rng, Timestamp};
use crate::norm::backoff::random_backoff;
use crate::norm::receiver::sender_state::timing::{Timing, WaitScale};
use crate::norm::receiver::timeout::TimeoutReason;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Backoff(Timestamp),
    Holdoff(Timestamp),
    /// All that is missing was asked for, and may be asked for again then.
    Waiting(Timestamp),
}

/// The state of one NACK cycle with one sender.
#[derive(Debug)]
pub(crate) struct NackTimer {
    state: State,
    /// The scale of a backoff or hold-off.
    scale: WaitScale,
}

impl NackTimer {
    pub(crate) fn new() -> Self {
        Self { state: State::Idle, scale: WaitScale::default() }
    }

    /// Starts a backoff, unless a cycle runs. Packets that others have overtaken get `window`, or a
    /// quarter of a round trip, to arrive before they count as lost.
    pub(crate) fn start(
        &mut self,
        now: Timestamp,
        window: Duration,
        timing: Timing,
        rng: &mut Rng,
    ) -> bool {
        let idle = self.is_idle();
        if idle {
            let wait = random_backoff(timing.max_backoff(), timing.group_size, rng);
            self.state = State::Backoff(now + wait + window.max(timing.grtt / 4));
            self.scale = WaitScale::default();
        }
        idle
    }

    /// The sender's timing has changed. A shorter cycle shortens what remains of the wait: the
    /// first packets of a session carry a guess of half a second.
    pub(crate) fn rescale(&mut self, now: Timestamp, old: Timing, new: Timing) {
        if let State::Backoff(until) | State::Holdoff(until) = &mut self.state
            && let Some(ratio) = self.scale.shorten(old.cycle(), new.cycle())
        {
            *until = now + until.saturating_since(now).mul_f64(ratio);
        }
    }

    /// True when the backoff is over and the decision is due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Backoff(until) if until <= now)
    }

    /// The NACK was sent or suppressed: leaves this much time for the repair, [`Timing::cycle`] at
    /// least.
    pub(crate) fn hold(&mut self, now: Timestamp, time: Duration) {
        self.state = State::Holdoff(now + time);
        self.scale = WaitScale::default();
    }

    /// A sender that was silent is heard again: the hold-off ends after one cycle at the latest.
    pub(crate) fn shorten(&mut self, now: Timestamp, timing: Timing) {
        if let State::Holdoff(until) = &mut self.state {
            *until = (now + timing.cycle()).min(*until);
        }
    }

    /// What is missing may be asked for again at `until`, and something else at any time.
    pub(crate) fn wait(&mut self, until: Timestamp) {
        self.state = State::Waiting(until);
    }

    /// Ends the cycle: nothing is missing any more.
    pub(crate) fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// True when a hold-off, or the wait for a repair, has just ended: it is time to look again.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> bool {
        let expired =
            matches!(self.state, State::Holdoff(until) | State::Waiting(until) if until <= now);
        if expired {
            self.state = State::Idle;
        }
        expired
    }

    /// True when a cycle may begin.
    pub(crate) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Waiting(_))
    }

    /// When it ends, and what it is.
    pub(crate) fn next(&self) -> Option<(Timestamp, TimeoutReason)> {
        match self.state {
            State::Idle => None,
            State::Backoff(until) => Some((until, TimeoutReason::NackBackoff)),
            State::Holdoff(until) => Some((until, TimeoutReason::NackHoldoff)),
            State::Waiting(until) => Some((until, TimeoutReason::RepairWait)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(timer: &NackTimer) -> Option<Timestamp> {
        timer.next().map(|(at, _)| at)
    }

    #[test]
    fn wait_on_a_guess_shrinks_with_the_true_round_trip() {
        let guess = Timing { grtt: Duration::from_millis(500), backoff: 4, group_size: 10_000 };
        let known = Timing { grtt: Duration::from_millis(5), backoff: 1, group_size: 10 };
        let mut timer = NackTimer::new();
        timer.hold(Timestamp::ZERO, guess.cycle());
        timer.rescale(Timestamp::ZERO, guess, known);
        assert!(ends(&timer).unwrap() <= Timestamp::ZERO + known.cycle());
        timer.rescale(Timestamp::ZERO, known, guess);
        assert!(ends(&timer).unwrap() <= Timestamp::ZERO + known.cycle());
    }

    #[test]
    fn wait_is_not_shortened_again_by_packets_that_were_overtaken() {
        let guess = Timing { grtt: Duration::from_millis(500), backoff: 4, group_size: 10_000 };
        let known = Timing { grtt: Duration::from_millis(5), backoff: 4, group_size: 50 };
        let mut timer = NackTimer::new();
        timer.hold(Timestamp::ZERO, guess.cycle());
        timer.rescale(Timestamp::ZERO, guess, known);
        let end = ends(&timer);
        for _ in 0..10 {
            timer.rescale(Timestamp::ZERO, known, guess);
            timer.rescale(Timestamp::ZERO, guess, known);
        }
        assert_eq!(ends(&timer), end);
    }

    #[test]
    fn wait_for_repair_ends_and_allows_other_requests() {
        let timing = Timing { grtt: Duration::from_millis(4), backoff: 0, group_size: 10 };
        let (mut timer, mut rng) = (NackTimer::new(), Rng::new(1));
        let t0 = Timestamp::ZERO;
        let later = t0 + timing.cycle();
        timer.wait(later);
        assert!(timer.is_idle() && ends(&timer) == Some(later) && !timer.is_due(later));
        assert!(!timer.take_expired(t0) && timer.take_expired(later));
        timer.wait(later);
        assert!(timer.start(t0, Duration::ZERO, timing, &mut rng));
        assert_eq!(ends(&timer), Some(t0 + timing.grtt / 4));
    }

    #[test]
    fn cycle_is_backoff_then_decision_then_hold_off() {
        let timing = Timing { grtt: Duration::from_millis(100), backoff: 4, group_size: 10_000 };
        let (mut timer, mut rng) = (NackTimer::new(), Rng::new(1));
        let t0 = Timestamp::ZERO;
        assert!(
            timer.start(t0, Duration::ZERO, timing, &mut rng)
                && !timer.start(t0, Duration::ZERO, timing, &mut rng)
        );
        let due = ends(&timer).unwrap();
        assert!(due >= t0 + timing.grtt / 4 && due <= t0 + timing.grtt * 17 / 4);
        assert!(timer.is_due(due) && !timer.is_due(due - Duration::from_nanos(1)));
        timer.hold(due, timing.cycle());
        assert_eq!(ends(&timer), Some(due + timing.grtt * 6));
        assert!(!timer.start(due, Duration::ZERO, timing, &mut rng));
        assert!(timer.take_expired(due + timing.grtt * 6) && timer.is_idle());
    }
}
