//! A FLUTE receiver, made of the user's options.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use norm_core::Rng;
use norm_core::flute::wire::Tsi;
use norm_core::flute::{Receiver, ReceiverConfig};

use super::options::FluteReceive;
use crate::transfer::receive::ReceiveOptions;
use crate::transfer::receive::store::BlockStore;

/// What a clock shows when it starts.
const CLOCK_START: Duration = Duration::from_secs(1);

/// An engine for these options that keeps symbols in `store`.
pub(crate) fn receiver(
    flute: FluteReceive,
    options: &ReceiveOptions,
    store: BlockStore,
    _: &mut Rng,
) -> Receiver<BlockStore> {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let config = ReceiverConfig {
        tsi: flute.tsi.and_then(Tsi::new),
        source: options.source,
        // The session's clock starts right after this, and not at zero.
        unix_start: unix.map(|unix| unix.saturating_sub(CLOCK_START)),
        is_signed: options.seal.is_some(),
        max_bookkeeping: options.bookkeeping_memory(),
        ..ReceiverConfig::new()
    };
    Receiver::new(config, store)
}
