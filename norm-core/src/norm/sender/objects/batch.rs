//! Symbols of one block that leave together.

use core::ops::Range;

use bytes::Bytes;

/// Symbols of one block, to be sent as equal segments, of which only the last may be shorter.
#[derive(Clone, Debug)]
pub(crate) struct DataBatch {
    /// Running number of the block.
    pub(crate) block: u64,
    pub(crate) symbols: Symbols,
    /// They are sent because they were lost.
    pub(crate) repair: bool,
    /// They carry EXT_FTI.
    pub(crate) fti: bool,
}

/// Which symbols, and where their bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Symbols {
    /// A run of source symbols of a block in memory.
    Run { ids: Range<u32>, content: Bytes },
    /// Some source symbols of a block in memory.
    Some { ids: Vec<u32>, content: Bytes },
    /// Source symbols that a stream holds.
    Stream { ids: Vec<u32> },
    /// Coded symbols from `first` on, back to back.
    Coded { first: u32, count: u32, content: Bytes },
}

impl Symbols {
    /// How many they are.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Run { ids, .. } => u64::from(ids.end - ids.start),
            Self::Some { ids, .. } | Self::Stream { ids } => ids.len() as u64,
            Self::Coded { count, .. } => u64::from(*count),
        }
    }
}
