//! What an application decides about a sending session.

use core::time::Duration;

use super::error::SenderError;
use super::layout::{LayoutChoice, fti_len};
use super::profile::Profile;
use crate::carousel::Passes;
use crate::endpoint::PacketOverhead;
use crate::fec::RsForm;
use crate::flute::wire::{IdWidths, Toi, Tsi};

/// Settings of a [`super::Sender`].
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// Transport session id: with our address it names the session.
    pub tsi: u64,
    /// Which receivers the session is for.
    pub profile: Profile,
    /// FEC scheme of all objects.
    pub fec: FecChoice,
    /// Bytes per symbol, 64..=65,000; RaptorQ works best with multiples of 64.
    pub symbol_size: u16,
    /// Source symbols per block (K) aimed at. Blocks are longer where there would be too many.
    pub block_len: u32,
    /// How often everything is sent.
    pub passes: Passes,
    /// Bits per second on the wire, `overhead` included; at least 1. Nothing else limits the rate.
    pub rate: u64,
    /// Bytes per packet besides its UDP payload.
    pub overhead: PacketOverhead,
    /// Bytes more per packet that speaks for the sender: a layer signs those of the table and the
    /// end. No packet of an object says then that it is the last one. 0 without such a layer.
    pub signature: usize,
    /// Time between two sendings of the table. It is less where more content would pass meanwhile
    /// than receivers keep without a table, and more where the table would take more than a
    /// twentieth of the rate.
    pub fdt_interval: Duration,
    /// The table travels in gzip (EXT_CENC), which some profiles do not allow.
    pub fdt_gzip: bool,
    /// How long a table is valid, at least four intervals; a new one comes at half of it.
    pub fdt_life: Duration,
    /// Time since 1970 at [`Timestamp::ZERO`](crate::Timestamp::ZERO).
    pub unix_start: Duration,
    /// Bytes of blocks that are sent in one round-robin; `None`: all with several passes, 16 MiB
    /// with one, less where the profile's receivers keep less.
    pub interleave: Option<u64>,
    /// TOI of the first object, from 1 on; `None`: drawn at random.
    pub first_toi: Option<u64>,
    /// What stands before the names of files in the table, such as `http://host/`.
    pub location_base: String,
}

/// Bytes in one round-robin when everything is sent once: enough to spread a burst of lost packets
/// over many blocks, little enough for receivers to finish blocks as they come.
const ONE_PASS_INTERLEAVE: u64 = 16 << 20;
/// Bytes of a symbol, fewest and most.
const SYMBOL_SIZE: (u16, u16) = (64, 65_000);

impl SenderConfig {
    /// Settings for this session and rate (bits per second), as good for most: RaptorQ in blocks of
    /// about 1000 symbols of 1344 bytes, one pass with 10 % more than needed.
    pub fn new(tsi: u64, rate: u64) -> Self {
        Self {
            tsi,
            profile: Profile::Own,
            fec: FecChoice::RaptorQ,
            symbol_size: 1344,
            block_len: 1000,
            passes: Passes::Once { overhead: 10 },
            rate,
            overhead: PacketOverhead::IPV4,
            signature: 0,
            fdt_interval: Duration::from_secs(1),
            fdt_gzip: false,
            fdt_life: Duration::from_secs(3600),
            unix_start: Duration::ZERO,
            interleave: None,
            first_toi: None,
            location_base: String::new(),
        }
    }

    /// Bytes before the symbol in a packet of an object, with the widest ids of this TSI.
    pub fn header_len(&self) -> usize {
        let wide = Toi::new(0xffff_ffff).unwrap_or_default();
        let widths = IdWidths::for_ids(Tsi::new(self.tsi).unwrap_or(Tsi::MAX), wide);
        let fti = if self.profile.rules().fti_in_band { fti_len(self.fec) } else { 0 };
        8 + widths.tsi_len() + widths.toi_len() + fti + self.fec.payload_id_len()
    }

    /// Looks for settings that no session can have; returns how objects are cut.
    pub(super) fn check(&self) -> Result<LayoutChoice, SenderError> {
        let rules = self.profile.rules();
        if self.tsi > rules.max_tsi {
            return Err(SenderError::Tsi { max: rules.max_tsi });
        }
        let max = rules.max_toi;
        if self.first_toi.is_some_and(|toi| !(1..=max).contains(&toi)) {
            return Err(SenderError::FirstToi { max });
        }
        let (min, max) = SYMBOL_SIZE;
        // Packets of the table have less room by that.
        let min = min.saturating_add(u16::try_from(self.signature).unwrap_or(u16::MAX));
        if !(min..=max).contains(&self.symbol_size) {
            return Err(SenderError::SymbolSize { min, max });
        }
        if self.rate == 0 {
            return Err(SenderError::Rate);
        }
        if self.passes == Passes::Times(0) {
            return Err(SenderError::Passes);
        }
        if self.fdt_gzip && !rules.gzip_table {
            return Err(SenderError::GzipTable { profile: self.profile });
        }
        if self.fdt_life < self.fdt_interval.saturating_mul(4) {
            return Err(SenderError::Life);
        }
        LayoutChoice::new(self.profile, self.fec, self.symbol_size, self.block_len)
    }

    /// Bytes of blocks in one round-robin.
    pub(super) fn interleave(&self) -> u64 {
        let usual = match self.passes {
            Passes::Once { .. } => ONE_PASS_INTERLEAVE,
            Passes::Times(_) | Passes::Forever => u64::MAX,
        };
        let default = usual.min(self.profile.rules().interleave.unwrap_or(u64::MAX));
        self.interleave.unwrap_or(default)
    }
}

/// A FEC scheme.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum FecChoice {
    /// None, FEC id 0: every pass is the same.
    NoCode,
    /// Raptor, FEC id 1: every pass has fresh symbols while there are 65,536.
    Raptor,
    /// RaptorQ, FEC id 6: every pass has fresh symbols.
    RaptorQ,
    /// Reed-Solomon, FEC ids 5, 2 and 129.
    ReedSolomon {
        /// Id and field.
        form: RsForm,
        /// Coded symbols of each block.
        parity: u16,
    },
}
