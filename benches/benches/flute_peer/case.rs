//! What is compared, and what is measured of it.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A code.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fec {
    NoCode,
    Raptor,
    Rs2m8,
    Rs5,
    RaptorQ,
    Rs129,
}

/// How an object is cut and coded.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) fec: Fec,
    /// Source symbols of a block, and coded ones.
    pub(crate) block_len: u16,
    pub(crate) parity: u16,
}

/// Bytes of a symbol.
pub(crate) const SYMBOL: u16 = 1400;
/// Where there is a code, each packet whose number is a multiple of this is lost. It shares no
/// factor with the number of blocks that take turns, so that each of them loses about as many.
const LOST: usize = 19;

impl Case {
    pub(crate) const ALL: [Self; 6] = [
        Self { name: "0", fec: Fec::NoCode, block_len: 64, parity: 0 },
        Self { name: "2, m = 8", fec: Fec::Rs2m8, block_len: 200, parity: 20 },
        Self { name: "5", fec: Fec::Rs5, block_len: 200, parity: 20 },
        Self { name: "129", fec: Fec::Rs129, block_len: 200, parity: 20 },
        Self { name: "1", fec: Fec::Raptor, block_len: 1000, parity: 100 },
        Self { name: "6", fec: Fec::RaptorQ, block_len: 1000, parity: 100 },
    ];

    /// Coded symbols for a hundred others.
    pub(crate) fn overhead(&self) -> u32 {
        u32::from(self.parity) * 100 / u32::from(self.block_len)
    }

    /// Takes away what is lost; never the first packet, which is the table.
    pub(crate) fn lose(&self, packets: &mut Vec<Vec<u8>>) {
        if self.fec != Fec::NoCode {
            let mut at = 0;
            packets.retain(|_| {
                at += 1;
                at % LOST != 0
            });
        }
    }
}

/// What a run took.
#[derive(Copy, Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) seconds: f64,
    /// Seconds of it in the codec.
    pub(crate) coding: f64,
    /// Bytes that were allocated at once, besides what was there.
    pub(crate) memory: usize,
}

impl Measured {
    /// The one in the middle, by time.
    pub(crate) fn median(all: &[Self]) -> Self {
        let mut sorted = all.to_vec();
        sorted.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// The processor's time that this thread has had: other work on the machine does not count.
pub(crate) fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
