//! Objects without content, for receivers that know of an object only by a packet of it: each is
//! sent as a packet without a symbol, once, and later again after the table.

use std::collections::VecDeque;

/// Packets after the table at most.
const MOST: usize = 32;

/// Which of them are sent next.
#[derive(Debug, Default)]
pub(super) struct Empties {
    /// Their places among the objects of the session.
    list: Vec<usize>,
    due: VecDeque<usize>,
    /// How far the repetition is.
    next: usize,
}

impl Empties {
    pub(super) fn add(&mut self, object: usize) {
        self.list.push(object);
        self.due.push_back(object);
    }

    /// Says that the table is sent again.
    pub(super) fn repeat(&mut self) {
        if self.due.is_empty() {
            let turn = self.list.iter().cycle().skip(self.next).take(MOST.min(self.list.len()));
            self.due.extend(turn);
            self.next = (self.next + self.due.len()) % self.list.len().max(1);
        }
    }

    /// True when one is to be sent.
    pub(super) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// The object of the next packet.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.due.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_take_their_turn() {
        let mut empties = Empties::default();
        empties.repeat();
        assert!(!empties.is_due());
        (0..40).for_each(|object| empties.add(object));
        empties.repeat();
        let mut sent = Vec::new();
        for _ in 0..6 {
            sent.extend(core::iter::from_fn(|| empties.take()));
            empties.repeat();
        }
        let expected: Vec<usize> = (0..40).chain((0..160).map(|at| at % 40)).collect();
        assert_eq!(sent, expected);
    }
}
