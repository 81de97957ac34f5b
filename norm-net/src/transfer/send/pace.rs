//! How fast a session sends.

use norm_core::norm::sender::{RateControl, SenderConfig};

/// How fast is sent. All rates are in bits per second, UDP and IP headers included.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as the slowest receiver gets it, between two bounds.
    Auto {
        /// Never slower.
        min: u64,
        /// Never faster; `None` for no bound.
        max: Option<u64>,
    },
    /// The same, but everybody else on the path goes first.
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

/// The usual lower bound.
const LEAST: u64 = 100_000;

impl Pace {
    /// [`Pace::Auto`] between 100 kbit/s and what the path takes.
    pub const AUTO: Self = Self::Auto { min: LEAST, max: None };

    /// [`Pace::Polite`], likewise.
    pub const POLITE: Self = Self::Polite { min: 100_000, max: None };

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
                Self::Auto { min: if bits < LEAST { bits } else { LEAST }, max: Some(bits) }
            }
            Self::Unlimited => Self::AUTO,
        }
    }

    /// The rate falls when receivers tell of packets that routers have marked.
    pub(crate) const fn heeds_marks(self) -> bool {
        matches!(self, Self::Auto { .. } | Self::Polite { .. })
    }

    /// What is wrong with it, and what to do.
    pub(crate) fn mistake(self) -> Option<&'static str> {
        match self {
            Self::Fixed(0)
            | Self::Auto { max: Some(0), .. }
            | Self::Polite { max: Some(0), .. } => {
                Some("a rate of 0 sends nothing: give a higher one")
            }
            Self::Auto { min, max: Some(max) } | Self::Polite { min, max: Some(max) }
                if min > max =>
            {
                Some("the lowest rate is above the highest: give a lower one")
            }
            _ => None,
        }
    }

    /// The engine's settings for it.
    pub(crate) fn configure(self, mut config: SenderConfig) -> SenderConfig {
        config.rate = self.limit();
        config.control = match self {
            Self::Auto { .. } => RateControl::Auto,
            Self::Polite { .. } => RateControl::Scavenger,
            Self::Fixed(_) | Self::Unlimited => RateControl::Fixed,
        };
        if let Self::Auto { min, .. } | Self::Polite { min, .. } = self {
            config.rate_min = min;
        }
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_work_is_named() {
        assert!(Pace::Fixed(0).mistake().is_some());
        assert!(Pace::Auto { min: 0, max: Some(0) }.mistake().is_some());
        assert!(Pace::Auto { min: 2, max: Some(1) }.mistake().is_some());
        assert!(
            [Pace::AUTO, Pace::POLITE, Pace::Fixed(1), Pace::Unlimited]
                .iter()
                .all(|p| p.mistake().is_none())
        );
    }
}
