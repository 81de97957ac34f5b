//! What can be missing at a receiver.

use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::fec::Scheme;

/// A block in the run of a sender's objects. As a bound it is exclusive: everything before it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// The object's key.
    pub(crate) key: u64,
    pub(crate) block: u32,
}

impl Position {
    pub(crate) const fn new(key: u64, block: u32) -> Self {
        Self { key, block }
    }

    /// The first key of which nothing lies before this bound.
    pub(crate) fn end_key(self) -> u64 {
        self.key + u64::from(self.block > 0)
    }
}

/// Something that is missing.
#[derive(Copy, Clone, Debug)]
pub(crate) enum Need<'a> {
    /// Objects of which nothing usable is known: `first..=last`.
    Objects { first: u64, last: u64 },
    /// NORM_INFO of an object.
    Info { key: u64 },
    /// Blocks of which nothing is here: `first..=last` of one object.
    Blocks { key: u64, first: u32, last: u32 },
    /// Blocks of a stream of which nothing is here: `first..=last`.
    StreamBlocks { key: u64, first: u32, last: u32 },
    /// Symbols of a block.
    Symbols(SymbolNeed<'a>),
    /// Symbols of a stream's block.
    StreamSymbols(StreamSymbolNeed<'a>),
}

/// See [`Need::Symbols`].
#[derive(Copy, Clone, Debug)]
pub(crate) struct SymbolNeed<'a> {
    pub(crate) at: Position,
    /// Symbols to come before it is worth trying to decode.
    pub(crate) count: u32,
    /// Source symbols that need not come.
    pub(crate) have: &'a Bits,
    /// Coded symbols that are here, ascending.
    pub(crate) parity: &'a [u32],
    pub(crate) scheme: Scheme,
    /// When symbols of the block were asked for last.
    pub(crate) asked: Option<Timestamp>,
    /// When the last symbol of the block came.
    pub(crate) touched: Option<Timestamp>,
    /// Some of it has come; otherwise it takes room.
    pub(crate) is_begun: bool,
    /// Naming the missing source symbols says all that is needed.
    pub(crate) is_nameable: bool,
    /// Some of it is not wanted: fewer symbols suffice by name than by number.
    pub(crate) has_unwanted: bool,
}

/// See [`Need::StreamSymbols`].
#[derive(Copy, Clone, Debug)]
pub(crate) struct StreamSymbolNeed<'a> {
    pub(crate) at: Position,
    /// The first symbol that is due.
    pub(crate) from: u32,
    /// The first symbol that is not due yet.
    pub(crate) before: u32,
    /// Source symbols that are here.
    pub(crate) have: &'a Bits,
    /// How many of those that are due are missing.
    pub(crate) missing: u32,
    /// When the block can have been coded: symbols that suffice, whichever they are.
    pub(crate) coded: Option<u32>,
    /// Coded symbols that are here, ascending.
    pub(crate) parity: &'a [u32],
}

impl StreamSymbolNeed<'_> {
    /// Runs of missing source symbols that are due, as half-open ranges; none of them is empty.
    pub(crate) fn missing_runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.have
            .clear_runs()
            .map(|(start, end)| (start.max(self.from), end.min(self.before)))
            .filter(|(start, end)| start < end)
    }
}

impl Need<'_> {
    /// The part of it that lies before `bound`, if any does.
    pub(crate) fn before(self, bound: Position) -> Option<Self> {
        if self.position() >= bound {
            return None;
        }
        Some(match self {
            Self::Objects { first, last } => {
                Self::Objects { first, last: last.min(bound.end_key() - 1) }
            }
            Self::Blocks { key, first, last } if key == bound.key => {
                Self::Blocks { key, first, last: last.min(bound.block - 1) }
            }
            Self::StreamBlocks { key, first, last } if key == bound.key => {
                Self::StreamBlocks { key, first, last: last.min(bound.block - 1) }
            }
            other => other,
        })
    }

    /// Symbols that are missing of a block of which some are here; 0 of anything else.
    pub(crate) fn missing(&self) -> u32 {
        match self {
            Self::Symbols(need) => need.count,
            Self::StreamSymbols(need) => need.missing,
            _ => 0,
        }
    }

    /// True when full repair of objects or blocks is needed, or of all that is not on disk of a
    /// block. Blocks of streams are asked for like symbols, because there is no time to lose.
    pub(crate) fn is_full(&self) -> bool {
        match self {
            Self::Objects { .. } | Self::Blocks { .. } => true,
            Self::Symbols(need) => !need.is_begun,
            _ => false,
        }
    }

    /// Where it begins.
    pub(crate) fn position(&self) -> Position {
        match *self {
            Self::Objects { first, .. } => Position::new(first, 0),
            Self::Info { key } => Position::new(key, 0),
            Self::Blocks { key, first, .. } | Self::StreamBlocks { key, first, .. } => {
                Position::new(key, first)
            }
            Self::Symbols(SymbolNeed { at, .. })
            | Self::StreamSymbols(StreamSymbolNeed { at, .. }) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn need_before_a_bound_ends_there() {
        let bound = Position::new(7, 3);
        let blocks = |key| Need::Blocks { key, first: 1, last: 9 }.before(bound);
        assert!(matches!(blocks(6), Some(Need::Blocks { last: 9, .. })));
        assert!(matches!(blocks(7), Some(Need::Blocks { last: 2, .. })));
        assert!(blocks(8).is_none());
        let objects = |bound| Need::Objects { first: 5, last: 9 }.before(bound);
        assert!(matches!(objects(bound), Some(Need::Objects { last: 7, .. })));
        assert!(matches!(objects(Position::new(7, 0)), Some(Need::Objects { last: 6, .. })));
        assert!(objects(Position::new(5, 0)).is_none());
    }
}
