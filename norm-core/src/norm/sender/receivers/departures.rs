//! Receivers that have left while receivers were waited for: they say so more than once.

use std::collections::VecDeque;

use crate::norm::wire::Identity;

/// The newest first.
#[derive(Debug, Default)]
pub(super) struct Departures {
    left: VecDeque<Identity>,
}

/// Most receivers that are remembered.
const MAX_DEPARTURES: usize = 64;

impl Departures {
    /// A receiver reports, and `leaves` or not: true when it has said so before and nothing else
    /// since.
    pub(super) fn is_repeated(&mut self, identity: Identity, leaves: bool) -> bool {
        let known = self.left.contains(&identity);
        if leaves && !known {
            self.left.truncate(MAX_DEPARTURES - 1);
            self.left.push_front(identity);
        } else if known && !leaves {
            self.left.retain(|&left| left != identity);
        }
        leaves && known
    }
}
