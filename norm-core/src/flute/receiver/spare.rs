//! Symbols that come while a job has their block. They are needed when what the job has does not
//! suffice to decode: nothing can be asked for, and the sender may be done with the block.

use std::collections::BTreeMap;

use crate::endpoint::BlockSlot;

/// Symbols of a block at most. With one more than needed RaptorQ fails once in 10,000 times, and
/// with each further one a hundredth as often (RFC 6330 §5.8).
const MAX_OF_BLOCK: usize = 4;
/// Bytes of all of them.
const MAX_BYTES: usize = 4 << 20;

/// A symbol, with its id.
pub(super) type Spare = (u32, Box<[u8]>);

/// The symbols, by their blocks.
#[derive(Debug, Default)]
pub(super) struct Spares {
    blocks: BTreeMap<BlockSlot, Vec<Spare>>,
    bytes: usize,
}

impl Spares {
    /// Keeps a symbol, if there is room and it is not here.
    pub(super) fn keep(&mut self, slot: BlockSlot, symbol: u32, bytes: &[u8]) {
        if self.bytes + bytes.len() > MAX_BYTES {
            return;
        }
        let symbols = self.blocks.entry(slot).or_default();
        if symbols.len() < MAX_OF_BLOCK && symbols.iter().all(|(known, _)| *known != symbol) {
            symbols.push((symbol, bytes.into()));
            self.bytes += bytes.len();
        }
    }

    /// Those of a block, which the job has given back.
    pub(super) fn take(&mut self, slot: BlockSlot) -> Vec<Spare> {
        let symbols = self.blocks.remove(&slot).unwrap_or_default();
        self.bytes -= symbols.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
        symbols
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::SenderId;

    #[test]
    fn few_of_each_block_are_kept_and_each_once() {
        let slot = |block| BlockSlot { sender: SenderId(0), object: 1, block };
        let mut spares = Spares::default();
        for symbol in [5, 5, 6, 7, 8, 9] {
            spares.keep(slot(0), symbol, &[0; 100]);
        }
        assert_eq!(spares.bytes(), 400);
        let kept: Vec<u32> = spares.take(slot(0)).into_iter().map(|(symbol, _)| symbol).collect();
        assert_eq!((kept, spares.bytes()), (vec![5, 6, 7, 8], 0));
        let large = vec![0; 1 << 20];
        (0..9).for_each(|block| spares.keep(slot(block), 1, &large));
        assert_eq!(spares.bytes(), MAX_BYTES);
        assert!(spares.take(slot(8)).is_empty() && !spares.take(slot(3)).is_empty());
    }
}
