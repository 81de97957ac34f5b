//! How fast a session sends.

use crate::transfer::config_problem::ConfigProblem;

/// How fast is sent. All rates are in bits per second, UDP and IP headers included.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(into = "crate::event::serial::PaceFields"))]
pub enum Pace {
    /// As fast as it arrives at the slowest receiver, between two bounds.
    Auto {
        /// Never slower.
        min: u64,
        /// Never faster; `None` for no bound.
        max: Option<u64>,
    },
    /// As a scavenger: at what other traffic on the path leaves, between two bounds.
    Polite {
        /// Never slower.
        min: u64,
        /// Never faster; `None` for no bound.
        max: Option<u64>,
    },
    /// At this rate, whatever arrives.
    Fixed(u64),
    /// As fast as the kernel takes it, whatever arrives.
    Unlimited,
}

/// Lower bound of the rate unless another one is given, in bits per second.
const DEFAULT_MIN_RATE: u64 = 100_000;

impl Pace {
    /// [`Pace::Auto`] between 100 kbit/s and what the path takes.
    pub const AUTO: Self = Self::Auto { min: DEFAULT_MIN_RATE, max: None };

    /// [`Pace::Polite`], likewise.
    pub const POLITE: Self = Self::Polite { min: DEFAULT_MIN_RATE, max: None };

    /// The rate that is never exceeded.
    pub const fn limit(self) -> Option<u64> {
        match self {
            Self::Auto { max, .. } | Self::Polite { max, .. } => max,
            Self::Fixed(bits) => Some(bits),
            Self::Unlimited => None,
        }
    }

    /// The same limits, and what arrives decides between them.
    pub(crate) const fn adaptive(self) -> Self {
        match self {
            Self::Auto { .. } | Self::Polite { .. } => self,
            Self::Fixed(bits) => {
                let min = if bits < DEFAULT_MIN_RATE { bits } else { DEFAULT_MIN_RATE };
                Self::Auto { min, max: Some(bits) }
            }
            Self::Unlimited => Self::AUTO,
        }
    }

    /// The rate falls when receivers report packets with a CE mark.
    pub(crate) const fn heeds_ce_marks(self) -> bool {
        matches!(self, Self::Auto { .. } | Self::Polite { .. })
    }

    /// What is wrong with it.
    pub(crate) fn problem(self) -> Option<ConfigProblem> {
        match self {
            Self::Fixed(0)
            | Self::Auto { max: Some(0), .. }
            | Self::Polite { max: Some(0), .. } => Some(ConfigProblem::ZeroRate),
            Self::Auto { min, max: Some(max) } | Self::Polite { min, max: Some(max) }
                if min > max =>
            {
                Some(ConfigProblem::MinAboveMax { min, max })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_that_cannot_work_is_refused() {
        assert!(Pace::Fixed(0).problem().is_some());
        assert!(Pace::Auto { min: 0, max: Some(0) }.problem().is_some());
        assert!(Pace::Auto { min: 2, max: Some(1) }.problem().is_some());
        assert!(
            [Pace::AUTO, Pace::POLITE, Pace::Fixed(1), Pace::Unlimited]
                .iter()
                .all(|p| p.problem().is_none())
        );
    }
}
