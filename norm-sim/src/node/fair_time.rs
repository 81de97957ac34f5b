//! How long the fair controller of a sender was in control, as its probes say (EXT_WATCH).

use core::time::Duration;

/// The time of the fair controller since the start of the run.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct FairTime {
    sum: Duration,
    since: Option<Duration>,
}

impl FairTime {
    /// A probe says which controller is in control from now on.
    pub(super) fn note(&mut self, now: Duration, fair: bool) {
        self.sum = self.until(now);
        self.since = fair.then_some(now);
    }

    /// The time of the fair controller until now.
    pub(super) fn until(&self, now: Duration) -> Duration {
        self.sum + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_time_of_the_fair_controller_counts() {
        let at = Duration::from_secs;
        let mut time = FairTime::default();
        time.note(at(1), false);
        assert_eq!(time.until(at(2)), at(0));
        time.note(at(3), true);
        time.note(at(4), true);
        assert_eq!(time.until(at(5)), at(2));
        time.note(at(6), false);
        assert_eq!(time.until(at(9)), at(3));
    }
}
