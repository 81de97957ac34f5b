//! Which receivers probes ask in turn, besides those that limit the rate.
//!
//! Others than those that answer by themselves are found so: one that is suppressed, and one that
//! has just joined.

use std::collections::VecDeque;

use crate::norm::sender::receivers::MemberTable;
use crate::norm::wire::NodeId;

/// Receivers that a probe asks until the limit of the path is found, or while none is heard.
const EAGER: usize = 3;
/// A probe later asks one of this many receivers, within [`MOST`].
const PART: usize = 25;
/// Receivers that a probe asks later, at most.
const MOST: usize = 4;
/// Probes that ask a newcomer: the first ones find that it has nothing to report.
const NEWCOMER_PROBES: u8 = 4;
/// Most newcomers that wait for their probes.
const MAX_NEWCOMERS: usize = 64;

/// A receiver that has just joined, and the probes that are still to ask it.
#[derive(Copy, Clone, Debug)]
struct Newcomer {
    node: NodeId,
    probes: u8,
}

/// Whose turn it is.
#[derive(Debug)]
pub(super) struct Turns {
    /// The receiver that was asked last.
    last: NodeId,
    newcomers: VecDeque<Newcomer>,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { last: NodeId::NONE, newcomers: VecDeque::new() }
    }

    /// A receiver has joined.
    pub(super) fn join(&mut self, node: NodeId) {
        if self.newcomers.len() < MAX_NEWCOMERS {
            self.newcomers.push_back(Newcomer { node, probes: NEWCOMER_PROBES });
        }
    }

    /// The receivers that a probe is to ask; more of them when it is `eager`.
    pub(super) fn next(&mut self, members: &MemberTable, eager: bool) -> Vec<NodeId> {
        let later = (members.announced() / PART).clamp(1, MOST);
        let count = if eager { later.max(EAGER) } else { later };
        let mut asked = members.following(self.last, count);
        self.last = asked.last().copied().unwrap_or(NodeId::NONE);
        for newcomer in self.newcomers.iter_mut().take(EAGER) {
            newcomer.probes -= 1;
            asked.push(newcomer.node);
        }
        self.newcomers.retain(|newcomer| newcomer.probes > 0);
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newcomer_is_asked_by_some_probes_at_once() {
        let (mut turns, members) = (Turns::new(), MemberTable::new(10, false));
        turns.join(NodeId(7));
        for _ in 0..NEWCOMER_PROBES {
            assert_eq!(turns.next(&members, false), [NodeId(7)]);
        }
        assert_eq!(turns.next(&members, true), []);
    }
}
