//! When to send a NACK: backoff, then hold-off (RFC 5740 §5.3, RFC 5401 §3.2).

use core::time::Duration;

use crate::base::Rng;
use crate::base::Timestamp;
use crate::norm::backoff::random_backoff;

/// The sender's advertised timing, as far as feedback needs it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Timing {
    pub(super) grtt: Duration,
    pub(super) backoff: u8,
    pub(super) group_size: u64,
}

impl Timing {
    /// The sender reckons with nobody but us: there is nobody to leave our requests to.
    pub(super) fn is_alone(self) -> bool {
        self.backoff == 0
    }

    /// What a whole cycle scales with, and how long a repair may take (RFC 5740 §5.3): (K+2)·GRTT.
    pub(super) fn cycle(self) -> Duration {
        self.grtt * (u32::from(self.backoff) + 2)
    }

    /// The longest backoff, K·GRTT.
    fn max_backoff(self) -> Duration {
        self.grtt * u32::from(self.backoff)
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Backoff(Timestamp),
    Holdoff(Timestamp),
    /// All that is missing was asked for, and is due again then.
    Waiting(Timestamp),
}

/// The state of one NACK cycle with one sender.
#[derive(Debug)]
pub(super) struct NackTimer {
    state: State,
}

impl NackTimer {
    pub(super) fn new() -> Self {
        Self { state: State::Idle }
    }

    /// Starts a backoff, if nothing is under way. The few packets that overtook each other on the
    /// way get a quarter of a round trip to arrive before they count as lost.
    pub(super) fn start(&mut self, now: Timestamp, timing: Timing, rng: &mut Rng) -> bool {
        let idle = self.is_idle();
        if idle {
            let wait = random_backoff(timing.max_backoff(), timing.group_size, rng);
            self.state = State::Backoff(now + wait + timing.grtt / 4);
        }
        idle
    }

    /// The sender's timing has changed. Shorter times shorten what is left of the wait: the first
    /// packets of a session carry a guess of half a second, which must not outlive it.
    pub(super) fn rescale(&mut self, now: Timestamp, old: Timing, new: Timing) {
        if new.cycle() >= old.cycle() {
            return;
        }
        let ratio = new.cycle().as_secs_f64() / old.cycle().as_secs_f64();
        if let State::Backoff(until) | State::Holdoff(until) = &mut self.state {
            *until = now + until.saturating_since(now).mul_f64(ratio);
        }
    }

    /// True when the backoff is over and the decision is due.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        matches!(self.state, State::Backoff(until) if until <= now)
    }

    /// The NACK was sent or suppressed: leave this much time for the repair, [`Timing::cycle`] at least.
    pub(super) fn hold(&mut self, now: Timestamp, time: Duration) {
        self.state = State::Holdoff(now + time);
    }

    /// Whoever was silent is there: no longer hold-off than usual.
    pub(super) fn shorten(&mut self, now: Timestamp, timing: Timing) {
        if let State::Holdoff(until) = &mut self.state {
            *until = (now + timing.cycle()).min(*until);
        }
    }

    /// What is missing may be asked for again at `until`, and something else before.
    pub(super) fn wait(&mut self, until: Timestamp) {
        self.state = State::Waiting(until);
    }

    /// Nothing is missing any more.
    pub(super) fn stop(&mut self) {
        self.state = State::Idle;
    }

    /// True when a hold-off, or the wait for repairs, has just ended: it is time to look again.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> bool {
        let expired =
            matches!(self.state, State::Holdoff(until) | State::Waiting(until) if until <= now);
        if expired {
            self.state = State::Idle;
        }
        expired
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle | State::Waiting(_))
    }

    /// When something is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        match self.state {
            State::Idle => None,
            State::Backoff(until) | State::Holdoff(until) | State::Waiting(until) => Some(until),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_begun_on_a_guess_shrinks_when_the_round_trip_is_known() {
        let guess = Timing { grtt: Duration::from_millis(500), backoff: 4, group_size: 10_000 };
        let known = Timing { grtt: Duration::from_millis(5), backoff: 1, group_size: 10 };
        let mut timer = NackTimer::new();
        timer.hold(Timestamp::ZERO, guess.cycle());
        timer.rescale(Timestamp::ZERO, guess, known);
        assert!(timer.next().unwrap() <= Timestamp::ZERO + known.cycle());
        timer.rescale(Timestamp::ZERO, known, guess);
        assert!(timer.next().unwrap() <= Timestamp::ZERO + known.cycle());
    }

    #[test]
    fn waiting_for_repair_ends_by_itself_and_does_not_keep_from_asking_for_something_else() {
        let timing = Timing { grtt: Duration::from_millis(4), backoff: 0, group_size: 10 };
        let (mut timer, mut rng) = (NackTimer::new(), Rng::new(1));
        let t0 = Timestamp::ZERO;
        let later = t0 + timing.cycle();
        timer.wait(later);
        assert!(timer.is_idle() && timer.next() == Some(later) && !timer.is_due(later));
        assert!(!timer.take_expired(t0) && timer.take_expired(later));
        timer.wait(later);
        assert!(timer.start(t0, timing, &mut rng));
        assert_eq!(timer.next(), Some(t0 + timing.grtt / 4));
    }

    #[test]
    fn a_cycle_is_backoff_then_decision_then_hold_off() {
        let timing = Timing { grtt: Duration::from_millis(100), backoff: 4, group_size: 10_000 };
        let (mut timer, mut rng) = (NackTimer::new(), Rng::new(1));
        let t0 = Timestamp::ZERO;
        assert!(timer.start(t0, timing, &mut rng) && !timer.start(t0, timing, &mut rng));
        let due = timer.next().unwrap();
        assert!(due >= t0 + timing.grtt / 4 && due <= t0 + timing.grtt * 17 / 4);
        assert!(timer.is_due(due) && !timer.is_due(due - Duration::from_nanos(1)));
        timer.hold(due, timing.cycle());
        assert_eq!(timer.next(), Some(due + timing.grtt * 6));
        assert!(!timer.start(due, timing, &mut rng));
        assert!(timer.take_expired(due + timing.grtt * 6) && timer.is_idle());
    }
}
