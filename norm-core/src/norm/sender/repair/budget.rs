//! What strangers may ask for: those who have not said who they are, or speak from elsewhere.

use super::requests::NackNeeds;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;

/// Symbols of repair that strangers may still cause. It grows by an eighth of what is sent, and a
/// little with time, so that somebody who is really there is served in the end.
#[derive(Debug)]
pub(crate) struct Allowance {
    symbols: u64,
    packets: u64,
    at: Timestamp,
}

/// One symbol for so many packets sent, ...
const PACKETS_PER_SYMBOL: u64 = 8;
/// ... and this many in a second.
const SYMBOLS_PER_SECOND: u64 = 100;
/// Blocks' worth that can be saved up.
const MOST_BLOCKS: u64 = 4;

impl Allowance {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self { symbols: u64::MAX, packets: 0, at: now }
    }

    /// Cuts what a NACK asks for to what is allowed; returns how many blocks were cut.
    pub(crate) fn limit(
        &mut self,
        now: Timestamp,
        packets: u64,
        block_len: u32,
        needs: &mut NackNeeds,
    ) -> u64 {
        let block_len = u64::from(block_len);
        let sent = (packets - self.packets) / PACKETS_PER_SYMBOL;
        let millis = now.saturating_since(self.at).as_millis() as u64;
        let waited = millis * SYMBOLS_PER_SECOND / 1000;
        if sent > 0 || waited > 0 {
            (self.packets, self.at) = (packets, now);
        }
        self.symbols = self.symbols.saturating_add(sent + waited).min(MOST_BLOCKS * block_len);
        let before = needs.blocks.len() as u64;
        needs.blocks.retain(|(_, need)| {
            let named: u64 = need.named.iter().map(|r| u64::from(r.end - r.start)).sum();
            self.take(named + u64::from(need.counted))
        });
        let mut whole = RangeSet::new();
        let mut cut = before - needs.blocks.len() as u64;
        for (start, end) in needs.whole.iter() {
            let blocks = (end - start).min(self.symbols / block_len);
            self.symbols -= blocks * block_len;
            whole.insert(start, start + blocks);
            cut += end - start - blocks;
        }
        needs.whole = whole;
        cut
    }

    fn take(&mut self, symbols: u64) -> bool {
        let enough = symbols <= self.symbols;
        if enough {
            self.symbols -= symbols;
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn whole(blocks: u64) -> NackNeeds {
        let mut needs = NackNeeds::default();
        needs.whole.insert(0, blocks);
        needs
    }

    #[test]
    fn strangers_get_an_eighth_of_what_is_sent_and_a_little_with_time() {
        let now = Timestamp::ZERO;
        let mut allowance = Allowance::new(now);
        let mut needs = whole(1000);
        assert_eq!(allowance.limit(now, 0, 64, &mut needs), 996);
        assert_eq!(needs.whole.iter().collect::<Vec<_>>(), [(0, 4)]);
        assert_eq!(allowance.limit(now, 0, 64, &mut whole(9)), 9, "nothing is left");
        assert_eq!(allowance.limit(now, 1024, 64, &mut whole(9)), 7);
        let later = now + Duration::from_secs(1);
        assert_eq!(allowance.limit(later, 1024, 64, &mut whole(9)), 8);
        let hour = now + Duration::from_secs(3600);
        assert_eq!(allowance.limit(hour, 1024, 64, &mut whole(9)), 5);
    }
}
