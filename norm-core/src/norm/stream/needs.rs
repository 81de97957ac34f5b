//! What a stream's receiver lacks (RFC 5740 §4.3.1, §5.3).

use super::block::Parity;
use super::shape::Place;
use super::sink::StreamSink;
use crate::base::bits::Bits;

/// Something that is missing.
#[derive(Copy, Clone, Debug)]
pub(crate) enum StreamNeed<'a> {
    /// Blocks of which nothing is here: `first..=last`, all of their symbols.
    Blocks { first: u64, last: u64 },
    /// Symbols of a block.
    Symbols {
        block: u64,
        /// The source symbols asked for are those of `from..before` that are not `held`.
        from: u32,
        before: u32,
        held: &'a Bits,
        /// How many that are.
        missing: u32,
        /// How many new symbols, source or coded, would do as well. `None` while the sender cannot
        /// have coded the block, because it has not sent all of it.
        coded: Option<u32>,
        /// The coded symbols that are held.
        parity: &'a Parity,
    },
}

impl StreamSink {
    /// Calls `visit` for what is missing of everything before `bound`, ascending, until it returns
    /// false. Says nothing of what was given up, of what lies behind the window or the stream's end.
    ///
    /// `bound` is the first place that the sender has not sent.
    pub(crate) fn needs(&self, bound: Place, mut visit: impl FnMut(StreamNeed<'_>) -> bool) {
        let bound = self.trim(bound);
        let mut at = self.cursor.place.block.max(self.given_up);
        let end = bound.block + u64::from(bound.symbol > 0);
        if self.cursor.has_ended() || at >= end {
            return;
        }
        for &number in self.blocks.range(at..end).map(|(number, _)| number) {
            if !self.untouched(at, number, bound, &mut visit)
                || !self.symbols(number, bound, &mut visit)
            {
                return;
            }
            at = number + 1;
        }
        self.untouched(at, end, bound, &mut visit);
    }

    /// Whether nothing is missing before `bound`; see [`StreamSink::needs`].
    pub(crate) fn has_all_before(&self, bound: Place) -> bool {
        let mut all = true;
        self.needs(bound, |_| {
            all = false;
            false
        });
        all
    }

    /// What of `bound` lies within the window and the stream.
    fn trim(&self, bound: Place) -> Place {
        let window = Place::new(self.window_end(), 0);
        let end = self.end().unwrap_or(window);
        self.config.shape.canonical(bound).min(window).min(end)
    }

    /// Blocks of which nothing is here. The first and the last one can be needed in part.
    fn untouched(
        &self,
        first: u64,
        end: u64,
        bound: Place,
        visit: &mut dyn FnMut(StreamNeed<'_>) -> bool,
    ) -> bool {
        let (mut first, mut whole_end) = (first, end);
        if first < end && self.first_wanted(first) > 0 {
            if !self.symbols(first, bound, visit) {
                return false;
            }
            first += 1;
        }
        if whole_end > bound.block {
            whole_end = bound.block;
        }
        if first < whole_end && !visit(StreamNeed::Blocks { first, last: whole_end - 1 }) {
            return false;
        }
        let partial = first.max(whole_end);
        partial >= end || self.symbols(partial, bound, visit)
    }

    fn symbols(
        &self,
        number: u64,
        bound: Place,
        visit: &mut dyn FnMut(StreamNeed<'_>) -> bool,
    ) -> bool {
        let len = self.config.shape.block_len();
        let (held, parity, lacks) = match self.blocks.get(&number) {
            Some(block) => (block.held(), block.parity(), block.lacks()),
            None => (&self.nothing.0, &self.nothing.1, len),
        };
        let from = self.first_wanted(number);
        let before = if number < bound.block { len } else { bound.symbol };
        let missing = (from..before).filter(|&symbol| !held.contains(symbol)).count() as u32;
        let coded = (before == len).then_some(lacks);
        if missing == 0 || coded == Some(0) {
            return true;
        }
        visit(StreamNeed::Symbols { block: number, from, before, held, missing, coded, parity })
    }

    /// The first symbol of a block that will be read.
    fn first_wanted(&self, block: u64) -> u32 {
        if block == self.cursor.place.block { self.cursor.place.symbol } else { 0 }
    }
}
