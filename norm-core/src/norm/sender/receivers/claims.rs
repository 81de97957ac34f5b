//! Receivers in whose name somebody speaks from another address.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::base::Timestamp;

/// Kept at most. One that is under way is never pushed out, or many that come back together would wait for
/// ever.
const MOST: usize = 4_096;
/// One that is not decided after so many times what it takes is forgotten: nobody claims that name any more.
const STALE: u32 = 4;

/// By place in the list: since when.
#[derive(Debug, Default)]
pub(crate) struct Contests {
    begun: BTreeMap<u32, Timestamp>,
}

impl Contests {
    /// Somebody else speaks in the name of the receiver at this place, which is silent. True when it has
    /// been asked for so long, and has not answered.
    pub(crate) fn is_over(&mut self, at: u32, now: Timestamp, asked: Duration) -> bool {
        let fresh = |begun: Timestamp| now < begun + asked * STALE;
        match self.begun.get_mut(&at) {
            Some(begun) if fresh(*begun) => now >= *begun + asked,
            Some(begun) => {
                *begun = now;
                false
            }
            None => {
                if self.begun.len() >= MOST {
                    self.begun.retain(|_, begun| fresh(*begun));
                }
                if self.begun.len() < MOST {
                    self.begun.insert(at, now);
                }
                false
            }
        }
    }

    /// The receiver has spoken from where it is listed, or is listed there no longer.
    pub(crate) fn end(&mut self, at: u32) {
        self.begun.remove(&at);
    }
}
