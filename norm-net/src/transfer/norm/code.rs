//! Which code protects a set.
//!
//! Reed-Solomon codes of short blocks cost a small part of what RaptorQ costs, where packets are
//! many per second; RaptorQ has longer blocks and never runs out of repair symbols, so it costs
//! less of the network in large groups, and at high loss. `docs/performance.md` has the
//! measurements.

use norm_core::fec::{Layout, LayoutError, MAX_RS8_SYMBOLS, Points, RsCode, RsForm, Scheme};

use crate::transfer::objects::longest_block;

/// The code of a file set.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fec {
    /// Reed-Solomon for small groups at high rates, RaptorQ otherwise.
    #[default]
    Auto,
    /// RaptorQ, FEC encoding id 6: blocks of up to 1,024 symbols, repair symbols without end.
    RaptorQ,
    /// Reed-Solomon over GF(2^8), FEC encoding id 5: blocks of up to 160 symbols, 255 with parity.
    ReedSolomon,
}

/// [`Fec::Auto`] is Reed-Solomon from this rate on, in bits per second.
const MIN_REED_SOLOMON_RATE: u64 = 400_000_000;
/// [`Fec::Auto`] is RaptorQ for a sender that waits for more receivers than this.
const MAX_REED_SOLOMON_RECEIVERS: usize = 100;
/// Symbols per block, where segments are not too long.
const BLOCK_LEN: std::ops::RangeInclusive<u32> = 64..=1024;
/// Source symbols of a Reed-Solomon block: 95 of parity are left, enough for 20 % loss at many
/// receivers.
const RS_BLOCK_LEN: u32 = 160;

impl Fec {
    /// Which one it is at `rate` bits per second, for a sender that waits for `min_receivers`.
    pub(super) fn decide(self, rate: Option<u64>, min_receivers: usize) -> Self {
        let fast = rate.is_none_or(|rate| rate >= MIN_REED_SOLOMON_RATE);
        match self {
            Self::Auto if fast && min_receivers <= MAX_REED_SOLOMON_RECEIVERS => Self::ReedSolomon,
            Self::Auto => Self::RaptorQ,
            chosen => chosen,
        }
    }

    /// Symbols per block, K, for segments of `segment_size` bytes at `rate` bits per second: about
    /// 100 ms, as far as the code and memory allow.
    pub(super) fn block_len(self, segment_size: u16, rate: Option<u64>) -> u32 {
        let segment = u32::from(segment_size.max(1));
        let longest = if self == Self::ReedSolomon { RS_BLOCK_LEN } else { *BLOCK_LEN.end() };
        let longest = longest_block(segment_size, longest);
        let Some(rate) = rate else { return longest };
        let symbols = u32::try_from(rate / 8 / 10 / u64::from(segment)).unwrap_or(u32::MAX);
        symbols.clamp(longest.min(*BLOCK_LEN.start()), longest)
    }

    /// The engine's scheme for blocks of `block_len` symbols.
    ///
    /// # Errors
    /// [`LayoutError`] when a Reed-Solomon block would be longer than 255 symbols.
    pub(super) fn scheme(self, block_len: u32) -> Result<Scheme, LayoutError> {
        if self != Self::ReedSolomon {
            return Ok(Scheme::RaptorQ);
        }
        let len = u16::try_from(block_len).map_err(|_| LayoutError::BlockTooLong)?;
        let parity = MAX_RS8_SYMBOLS.saturating_sub(len);
        RsCode::new(RsForm::Id5, Points::Rizzo, len, parity).map(Scheme::ReedSolomon)
    }

    /// The largest object in bytes for segments and blocks of these lengths.
    pub(super) fn max_object(self, segment_size: u16, block_len: u32) -> u64 {
        match self {
            Self::ReedSolomon => {
                let blocks = u64::from(RsForm::Id5.max_block()) + 1;
                blocks * u64::from(block_len) * u64::from(segment_size)
            }
            _ => Layout::max_raptorq_object(segment_size, block_len),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fast_senders_to_few_receivers_use_reed_solomon() {
        let auto = |rate, receivers| Fec::Auto.decide(rate, receivers);
        assert_eq!(auto(None, 0), Fec::ReedSolomon);
        assert_eq!(auto(Some(MIN_REED_SOLOMON_RATE), MAX_REED_SOLOMON_RECEIVERS), Fec::ReedSolomon);
        assert_eq!(auto(Some(MIN_REED_SOLOMON_RATE - 1), 0), Fec::RaptorQ);
        assert_eq!(auto(None, MAX_REED_SOLOMON_RECEIVERS + 1), Fec::RaptorQ);
        assert_eq!(Fec::RaptorQ.decide(None, 0), Fec::RaptorQ);
        assert_eq!(Fec::ReedSolomon.decide(Some(1), 1000), Fec::ReedSolomon);
    }

    #[test]
    fn blocks_follow_the_rate_the_segment_size_and_the_code() {
        let raptorq = |segment, rate| Fec::RaptorQ.block_len(segment, rate);
        assert_eq!(raptorq(1344, None), 1024);
        assert_eq!(raptorq(1344, Some(1)), 64);
        assert_eq!(raptorq(1344, Some(100_000_000)), 930);
        assert_eq!(raptorq(1344, Some(u64::MAX)), 1024);
        assert_eq!(raptorq(8832, None), 169);
        assert_eq!(raptorq(64_960, Some(1)), 23);
        let rs = |segment, rate| Fec::ReedSolomon.block_len(segment, rate);
        assert_eq!((rs(1344, None), rs(8832, None), rs(64, None)), (160, 160, 160));
        assert_eq!((rs(1344, Some(1)), rs(1344, Some(12_000_000))), (64, 111));
    }

    #[test]
    fn rest_of_a_reed_solomon_block_is_parity() {
        let Ok(Scheme::ReedSolomon(code)) = Fec::ReedSolomon.scheme(160) else { panic!() };
        assert_eq!((code.block_len(), code.parity()), (160, 95));
        assert_eq!(Fec::ReedSolomon.scheme(256), Err(LayoutError::BlockTooLong));
        assert_eq!(Fec::RaptorQ.scheme(1024), Ok(Scheme::RaptorQ));
    }
}
