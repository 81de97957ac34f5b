//! One transfer: which code, how it is told, how much, and what is lost.

use norm_core::Rng;

/// A FEC encoding id, and for id 2 its field.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Fec {
    NoCode,
    Raptor,
    /// Id 2 with m = 8.
    Rs2m8,
    /// Id 2 with m = 16.
    Rs2m16,
    Rs5,
    RaptorQ,
    Rs129,
}

impl Fec {
    pub const ALL: [Self; 7] = [
        Self::NoCode,
        Self::Raptor,
        Self::Rs2m8,
        Self::Rs2m16,
        Self::Rs5,
        Self::RaptorQ,
        Self::Rs129,
    ];

    /// The codepoint.
    pub fn id(self) -> u8 {
        match self {
            Self::NoCode => 0,
            Self::Raptor => 1,
            Self::Rs2m8 | Self::Rs2m16 => 2,
            Self::Rs5 => 5,
            Self::RaptorQ => 6,
            Self::Rs129 => 129,
        }
    }
}

/// How the bytes of a table travel.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Table {
    Plain,
    Gzip,
    Zlib,
    Deflate,
}

/// A transfer of one object.
#[derive(Copy, Clone, Debug)]
pub struct Case {
    pub fec: Fec,
    /// Bytes of the object.
    pub size: usize,
    /// EXT_FTI in all packets, or in those of the table only.
    pub in_band: bool,
    pub table: Table,
    /// The peer codes its table as it does the object.
    pub coded_table: bool,
    /// Share of packets that are lost, in percent.
    pub loss: u32,
    /// Bytes of a symbol.
    pub symbol_size: u16,
    /// Source symbols of a block at most.
    pub block_len: u16,
    /// Coded symbols of a block.
    pub parity: u16,
}

impl Case {
    /// Blocks of 64 symbols of 1400 bytes with 16 coded ones, nothing lost.
    pub fn new(fec: Fec, size: usize) -> Self {
        Self {
            fec,
            size,
            in_band: true,
            table: Table::Plain,
            coded_table: false,
            loss: 0,
            symbol_size: 1400,
            block_len: 64,
            parity: 16,
        }
    }

    /// Packets after which a transfer has failed.
    pub fn most(&self) -> usize {
        10_000 + 20 * self.size.div_ceil(self.symbol_size.into())
    }

    /// Bytes that do not repeat.
    pub fn content(&self) -> Vec<u8> {
        let mut rng = Rng::new(self.size as u64);
        let mut bytes: Vec<u8> =
            (0..self.size.div_ceil(8)).flat_map(|_| rng.next_u64().to_le_bytes()).collect();
        bytes.truncate(self.size);
        bytes
    }
}

/// Loses packets at random.
pub struct Loss {
    rng: Rng,
    percent: u32,
}

impl Loss {
    pub fn new(percent: u32) -> Self {
        Self::drawn(percent, 7)
    }

    /// Others with another seed.
    pub fn drawn(percent: u32, seed: u64) -> Self {
        Self { rng: Rng::new(seed), percent }
    }

    pub fn hits(&mut self) -> bool {
        self.rng.below(100) < u64::from(self.percent)
    }
}
