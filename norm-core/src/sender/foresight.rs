//! How much repair a block will need, learned from the blocks before it: sent ahead, it spares a large
//! group most of its NACKs, and a round trip besides.

/// An estimate of the repair symbols per block that satisfy all but a few receivers now and then.
///
/// It moves halfway to a need that was not foreseen, and sinks a little with every block, so that
/// only some of the blocks are asked for at all.
#[derive(Debug, Default)]
pub(super) struct Foresight {
    symbols: f64,
}

/// At most this share of a block is sent ahead: a false request must not double the traffic.
const MOST: u32 = 4;
/// What the estimate sinks by with every block: this share of it, and at least this many symbols.
const SINKS_BY: f64 = 1.0 / 64.0;
const SINKS_LEAST: f64 = 0.05;

impl Foresight {
    /// The symbols to send ahead for the next block of `block_len` symbols.
    pub(super) fn next(&mut self, block_len: u32) -> u32 {
        let symbols = (self.symbols as u32).min(block_len.div_ceil(MOST));
        self.symbols = (self.symbols - (self.symbols * SINKS_BY).max(SINKS_LEAST)).max(0.0);
        symbols
    }

    /// A block needed this many repair symbols, those sent ahead included.
    pub(super) fn learn(&mut self, symbols: u32) {
        let unforeseen = f64::from(symbols) - self.symbols;
        if unforeseen > 0.0 {
            self.symbols += unforeseen / 2.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_what_is_needed_stays_bounded_and_sinks_when_nothing_is() {
        let mut foresight = Foresight::default();
        assert_eq!(foresight.next(256), 0);
        for _ in 0..20 {
            foresight.learn(12);
        }
        assert_eq!(foresight.next(256), 11);
        assert_eq!(foresight.next(16), 4);
        let blocks = (0..1000).find(|_| foresight.next(256) == 0).unwrap();
        assert!((50..200).contains(&blocks), "{blocks}");
        for _ in 0..9 {
            foresight.learn(u32::MAX);
        }
        assert_eq!(foresight.next(100), 25);
    }
}
