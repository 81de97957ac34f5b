//! Receivers that have left: they say so more than once, and may come back.

use std::collections::VecDeque;

use crate::norm::wire::{Identity, WireTime};

/// The newest first.
#[derive(Debug, Default)]
pub(super) struct Departures {
    left: VecDeque<Departure>,
}

#[derive(Copy, Clone, Debug)]
struct Departure {
    identity: Identity,
    /// What its report echoed, in nanoseconds of our own clock: when it was sent.
    at: u64,
}

/// Most receivers that are remembered.
const MAX_DEPARTURES: usize = 64;

impl Departures {
    /// A receiver reports, and `leaves` or not: true when it has said so before and nothing else
    /// since.
    pub(super) fn is_repeated(&mut self, identity: Identity, leaves: bool) -> bool {
        let known = self.left.iter().any(|left| left.identity == identity);
        if leaves && !known {
            self.note(identity, WireTime::ZERO);
        } else if known && !leaves {
            self.forget(identity);
        }
        leaves && known
    }

    /// A receiver has left, by a report with this echo.
    pub(super) fn note(&mut self, identity: Identity, echo: WireTime) {
        self.forget(identity);
        self.left.truncate(MAX_DEPARTURES - 1);
        self.left.push_front(Departure { identity, at: echo.to_nanos() });
    }

    /// A receiver that has left reports that it goes on, with this echo: true when it has said so
    /// later, and is not merely heard late.
    pub(super) fn is_back(&mut self, identity: Identity, echo: WireTime) -> bool {
        let left = self.left.iter().find(|left| left.identity == identity);
        let is_back = !echo.is_zero() && left.is_none_or(|left| echo.to_nanos() > left.at);
        if is_back {
            self.forget(identity);
        }
        is_back
    }

    fn forget(&mut self, identity: Identity) {
        self.left.retain(|left| left.identity != identity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receiver_is_back_when_it_says_so_after_it_has_left() {
        let at = |seconds: u64| WireTime::from_nanos(seconds * 1_000_000_000);
        let (one, other) = (Identity([1; 16]), Identity([2; 16]));
        let mut departures = Departures::default();
        departures.note(one, at(5));
        assert!(!departures.is_back(one, at(4)), "a report from before, which comes late");
        assert!(!departures.is_back(one, WireTime::ZERO), "that says nothing of the time");
        assert!(departures.is_back(one, at(6)));
        assert!(departures.is_back(other, at(1)), "it left too long ago to be remembered");
        for n in 0..=u8::MAX {
            departures.note(Identity([n; 16]), at(7));
        }
        assert_eq!(departures.left.len(), MAX_DEPARTURES);
    }
}
