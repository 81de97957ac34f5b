//! Identity claims: another address speaks for a receiver that is silent.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::base::Timestamp;

/// Most claims at a time. An open one is never pushed out, or many receivers that come back
/// together would wait for ever.
const MAX_CLAIMS: usize = 4_096;
/// A claim that is not decided after this many times what it takes is forgotten: the identity is
/// not claimed any more.
const STALE_AFTER: u32 = 4;

/// By place in the list: when the claim began.
#[derive(Debug, Default)]
pub(super) struct IdentityClaims {
    begun: BTreeMap<u32, Timestamp>,
}

impl IdentityClaims {
    /// The silent receiver at this place is claimed. True when it has had `answer_time` to answer.
    pub(super) fn is_decided(&mut self, at: u32, now: Timestamp, answer_time: Duration) -> bool {
        let fresh = |begun: Timestamp| now < begun + answer_time * STALE_AFTER;
        match self.begun.get_mut(&at) {
            Some(begun) if fresh(*begun) => now >= *begun + answer_time,
            Some(begun) => {
                *begun = now;
                false
            }
            None => {
                if self.begun.len() >= MAX_CLAIMS {
                    self.begun.retain(|_, begun| fresh(*begun));
                }
                if self.begun.len() < MAX_CLAIMS {
                    self.begun.insert(at, now);
                }
                false
            }
        }
    }

    /// The receiver has spoken from its address, or is no longer listed there.
    pub(super) fn end(&mut self, at: u32) {
        self.begun.remove(&at);
    }
}
