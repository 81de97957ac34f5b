//! The bounds on the default rate, and how the runs of a case compare with them.

/// Most that the median may be, relative to the best fixed rate's.
const MEDIAN: f64 = 1.15;
/// Most that any run may be, relative to the same.
const WORST: f64 = 1.4;
/// Seconds that may come on top of both: the start.
const START: f64 = 0.1;
/// Most packets that sockets may drop, as a share, where the network loses none.
const DROPPED: f64 = 0.01;

/// What was measured in a case.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Median of the best fixed rate, in seconds; `None` if none of its runs was right.
    pub fixed: Option<f64>,
    /// Median of the default rate. A failed run takes infinitely long.
    pub median: f64,
    /// The slowest run at the default rate.
    pub worst: f64,
    /// Share of the packets that were dropped at the receivers' sockets, at the default rate.
    pub dropped: f64,
    /// The network loses packets, too.
    pub lossy: bool,
    /// Runs that failed, at any rate.
    pub failed: usize,
}

/// The bounds of a case.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Seconds; nothing is within the bound without a fixed rate to compare with.
    pub median: Bounded,
    /// Seconds, likewise.
    pub worst: Bounded,
    /// A share; `None` where the network loses packets.
    pub dropped: Option<Bounded>,
    /// Runs that failed.
    pub failed: usize,
}

/// A value, and the most that it may be.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Bounded {
    pub value: f64,
    pub bound: f64,
}

impl Verdict {
    pub fn of(measured: &Measured) -> Self {
        let within = |value, part: f64| {
            let bound = measured.fixed.map_or(0.0, |fixed| part * fixed + START);
            Bounded { value, bound }
        };
        let dropped = Bounded { value: measured.dropped, bound: DROPPED };
        Self {
            median: within(measured.median, MEDIAN),
            worst: within(measured.worst, WORST),
            dropped: (!measured.lossy).then_some(dropped),
            failed: measured.failed,
        }
    }

    /// True when no run has failed and all bounds hold.
    pub fn passes(&self) -> bool {
        self.failed == 0
            && self.median.holds()
            && self.worst.holds()
            && self.dropped.is_none_or(Bounded::holds)
    }
}

impl Bounded {
    pub fn holds(self) -> bool {
        self.value <= self.bound
    }

    /// The value, relative to its bound.
    pub fn part(self) -> f64 {
        self.value / self.bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Measured = Measured {
        fixed: Some(2.0),
        median: 2.3,
        worst: 2.8,
        dropped: 0.001,
        lossy: false,
        failed: 0,
    };

    #[test]
    fn case_within_its_bounds_passes() {
        let verdict = Verdict::of(&GOOD);
        assert!(verdict.passes());
        assert!((verdict.median.bound - 2.4).abs() < 1e-9);
        assert!((verdict.worst.bound - 2.9).abs() < 1e-9);
    }

    #[test]
    fn each_bound_fails_a_case() {
        assert!(!Verdict::of(&Measured { median: 2.5, ..GOOD }).passes());
        assert!(!Verdict::of(&Measured { worst: 3.0, ..GOOD }).passes());
        assert!(!Verdict::of(&Measured { dropped: 0.02, ..GOOD }).passes());
        assert!(!Verdict::of(&Measured { worst: f64::INFINITY, ..GOOD }).passes());
        assert!(!Verdict::of(&Measured { fixed: None, ..GOOD }).passes());
        assert!(!Verdict::of(&Measured { failed: 1, ..GOOD }).passes());
    }

    #[test]
    fn drops_do_not_count_where_the_network_loses_packets() {
        let lossy = Measured { dropped: 0.02, lossy: true, ..GOOD };
        assert!(Verdict::of(&lossy).passes());
    }
}
