//! The runs of senders that feedback may be for.

use crate::header::RunId;

/// Runs that feedback is tried for.
const MAX: usize = 4;

/// The runs of senders that were heard last, the last one first; at a sender its own.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct KnownSenders([Option<RunId>; MAX]);

impl KnownSenders {
    /// Notes that this run is in use.
    #[inline]
    pub(crate) fn note(&mut self, run: RunId) {
        if self.0[0] == Some(run) {
            return;
        }
        let place = self.0.iter().position(|&known| known == Some(run)).unwrap_or(MAX - 1);
        self.0[..=place].rotate_right(1);
        self.0[0] = Some(run);
    }

    /// All of them, with this one first if it is among them.
    pub(crate) fn beginning_with(&self, first: Option<RunId>) -> impl Iterator<Item = RunId> {
        let known = self.0;
        let first = first.filter(|&run| known.contains(&Some(run)));
        first.into_iter().chain(known.into_iter().flatten().filter(move |&run| Some(run) != first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_four_are_known_in_the_order_in_which_they_were_heard() {
        let run = |byte| RunId([byte; 12]);
        let mut known = KnownSenders::default();
        for byte in [1, 2, 3, 2, 4, 5] {
            known.note(run(byte));
        }
        assert!(known.beginning_with(None).eq([5, 4, 2, 3].map(run)));
        assert!(known.beginning_with(Some(run(2))).eq([2, 5, 4, 3].map(run)));
        assert!(known.beginning_with(Some(run(1))).eq([5, 4, 2, 3].map(run)), "forgotten");
    }
}
