//! What unannounced receivers may ask for.

use super::needs::NackNeeds;
use crate::base::Timestamp;

/// Symbols of repair that unannounced receivers may still cause.
///
/// The budget grows by an eighth of what is sent, and a little with time, so that a receiver that
/// is really there is served in the end.
#[derive(Debug)]
pub(super) struct UnannouncedBudget {
    symbols: u64,
    /// Packets that had been sent when it grew last.
    packets: u64,
    /// When it grew last.
    at: Timestamp,
}

/// Packets sent for which the budget grows by one symbol.
const PACKETS_PER_SYMBOL: u64 = 8;
/// Symbols that the budget grows by in a second.
const SYMBOLS_PER_SECOND: u64 = 100;
/// Most blocks' worth of symbols in the budget.
const MAX_BLOCKS: u64 = 4;

impl UnannouncedBudget {
    pub(super) fn new(now: Timestamp) -> Self {
        Self { symbols: u64::MAX, packets: 0, at: now }
    }

    /// Cuts what a NACK asks for to the budget, `packets` having been sent so far; returns how many
    /// blocks were cut.
    pub(super) fn limit(
        &mut self,
        now: Timestamp,
        packets: u64,
        block_len: u32,
        needs: &mut NackNeeds,
    ) -> u64 {
        let block_len = u64::from(block_len);
        self.grow(now, packets, MAX_BLOCKS * block_len);
        let before = needs.blocks.len() as u64;
        needs.blocks.retain(|(_, need)| self.take(need.symbols().into()));
        let cut = before - needs.blocks.len() as u64;
        cut + needs.cut_full(|blocks| {
            let blocks = blocks.min(self.symbols / block_len);
            self.symbols -= blocks * block_len;
            blocks
        })
    }

    fn grow(&mut self, now: Timestamp, packets: u64, max: u64) {
        let sent = (packets - self.packets) / PACKETS_PER_SYMBOL;
        let millis = now.saturating_since(self.at).as_millis() as u64;
        let waited = millis * SYMBOLS_PER_SECOND / 1000;
        if sent > 0 || waited > 0 {
            self.packets = packets;
            self.at = now;
        }
        self.symbols = self.symbols.saturating_add(sent + waited).min(max);
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

    fn full(blocks: u64) -> NackNeeds {
        let mut needs = NackNeeds::default();
        needs.full.insert(0, blocks);
        needs
    }

    #[test]
    fn budget_grows_by_an_eighth_of_what_is_sent_and_with_time() {
        let now = Timestamp::ZERO;
        let mut budget = UnannouncedBudget::new(now);
        let mut needs = full(1000);
        assert_eq!(budget.limit(now, 0, 64, &mut needs), 996);
        assert_eq!(needs.full.iter().collect::<Vec<_>>(), [(0, 4)]);
        assert_eq!(budget.limit(now, 0, 64, &mut full(9)), 9, "nothing is left");
        assert_eq!(budget.limit(now, 1024, 64, &mut full(9)), 7);
        let later = now + Duration::from_secs(1);
        assert_eq!(budget.limit(later, 1024, 64, &mut full(9)), 8);
        let hour = now + Duration::from_secs(3600);
        assert_eq!(budget.limit(hour, 1024, 64, &mut full(9)), 5);
    }
}
