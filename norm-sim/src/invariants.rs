//! Invariants that hold in every run of every scenario.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use norm_core::Timestamp;
use norm_core::endpoint::MAX_BATCH_BYTES;
use norm_core::norm::receiver::{Receiver, ReceiverConfig};
use norm_core::norm::wire::{Message, Nack, PayloadFormat, RepairFlags, RepairForm};

use crate::packet::{Body, HostId, Packet, To};
use crate::store::SimStore;

/// A sender never exceeds its rate: a leaky bucket of all its packets.
#[derive(Debug)]
pub(crate) struct RateCheck {
    bytes_per_second: Option<f64>,
    overhead: usize,
    /// Bytes ahead of the rate.
    level: f64,
    /// Time of `level`.
    at: Timestamp,
}

/// A late timer may be made up for by the bytes of this time.
const MAX_CATCH_UP: Duration = Duration::from_millis(3);

impl RateCheck {
    pub(crate) fn new(bits_per_second: Option<u64>, overhead: usize) -> Self {
        let bytes_per_second = bits_per_second.map(|bits| bits as f64 / 8.0);
        Self { bytes_per_second, overhead, level: 0.0, at: Timestamp::ZERO }
    }

    /// Notes a packet.
    ///
    /// # Panics
    /// When the rate is exceeded.
    pub(crate) fn sent(&mut self, now: Timestamp, bytes: usize) {
        let Some(rate) = self.bytes_per_second else { return };
        let passed = now.saturating_since(self.at).as_secs_f64();
        self.at = now;
        self.level = (self.level - passed * rate).max(0.0) + (bytes + self.overhead) as f64;
        let limit = rate * MAX_CATCH_UP.as_secs_f64() + MAX_BATCH_BYTES as f64;
        assert!(self.level <= limit, "rate exceeded at {now:?}: {} bytes ahead", self.level);
    }
}

/// The timer of a node that was served is in the future; otherwise a driver would spin.
///
/// # Panics
/// When it is not.
pub(crate) fn check_timer(now: Timestamp, next: Timestamp, host: HostId) {
    assert!(next > now, "host {host}: timer in the past ({next:?} at {now:?})");
}

/// A receiver's tables stay within their caps.
///
/// # Panics
/// When they do not.
pub(crate) fn check_load(host: HostId, engine: &Receiver<SimStore>, config: &ReceiverConfig) {
    let load = engine.load();
    let tables = [
        ("blocks", load.blocks, config.max_blocks),
        ("blocks kept", engine.store().len(), config.max_blocks),
        ("senders", load.senders, config.max_senders),
        ("objects of a sender", load.objects, config.max_objects),
    ];
    for (what, count, max) in tables {
        assert!(count <= max, "host {host}: {count} {what}, {max} allowed");
    }
}

/// Counts the loss events that a sender learns of, and the NACKs that are expected for them.
///
/// A loss event is one NACK cycle of one block: it begins with the first NACK that asks for the
/// block, and lasts for the sender's aggregation of (K+1)·GRTT, and one more round trip in which
/// requests can cross the repair. A range of whole blocks or objects is one loss event.
///
/// The estimate of the RFC is for receivers that lack the same symbols. With different losses it
/// holds among receivers that lack the same number of symbols (or the same named symbol): each
/// number counts once. It is also for receivers that hear each other. A receiver asks again and
/// again while nothing comes to it (RFC 5740 §5.3): these NACKs belong to loss events as others do,
/// but do not count as heard, because nothing could have suppressed them.
#[derive(Debug, Default)]
pub(crate) struct LossEvents {
    /// By object and block.
    open: BTreeMap<(u16, u32), Cycle>,
    heard: u64,
    count: u64,
    expected: f64,
}

#[derive(Debug, Default)]
struct Cycle {
    until: Timestamp,
    asked: BTreeSet<Asked>,
}

/// Symbols of a block that were asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Count(u32),
    Named { first: u32, last: u32 },
}

impl LossEvents {
    /// Takes a NACK that the sender has received while its backoff factor was `backoff`. `cut_off`:
    /// see [`Packet::cut_off`].
    pub(crate) fn heard(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        backoff: u8,
        receivers: u32,
        nack: &Nack<'_>,
        cut_off: bool,
    ) {
        self.heard += u64::from(!cut_off);
        let each = expected_nacks(receivers, backoff);
        let length = grtt * (u32::from(backoff) + 2);
        for request in nack.requests.iter() {
            let step = if request.form == RepairForm::Ranges { 2 } else { 1 };
            let lasts = request.items.iter().skip(step - 1).step_by(step);
            for (item, last) in request.items.iter().step_by(step).zip(lasts) {
                let Some(format) = PayloadFormat::for_fec(item.fec_id) else { continue };
                let Some(id) = item.payload_id.decode(format) else { continue };
                let last = last.payload_id.decode(format).map_or(id.symbol, |last| last.symbol);
                let cycle = self.open.entry((item.object.0, id.block)).or_default();
                let first = cycle.until <= now;
                if first {
                    *cycle = Cycle { until: now + length, ..Cycle::default() };
                    self.count += 1;
                }
                let asked = match request.form {
                    RepairForm::Erasures => Asked::Count(id.symbol),
                    _ => Asked::Named { first: id.symbol, last },
                };
                let segments = request.flags.contains(RepairFlags::SEGMENT);
                let more = segments && cycle.asked.insert(asked);
                if first || more {
                    self.expected += each;
                }
            }
        }
    }

    /// Number of loss events.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Number of NACKs that were received, without those that nothing could have suppressed.
    pub(crate) fn heard_nacks(&self) -> u64 {
        self.heard
    }

    /// Number of NACKs that are expected from the whole group.
    pub(crate) fn nacks(&self) -> f64 {
        self.expected
    }
}

/// True for a NACK that all other receivers should hear.
pub(crate) fn is_request_to_all(packet: &Packet) -> bool {
    let Some(payload) = packet.plain() else { return false };
    let may_be = packet.to == To::Group && packet.symbol.is_none();
    may_be && matches!(Message::parse(payload), Ok((_, Message::Nack(_))))
}

/// Expected NACKs per loss event that all receivers share (RFC 5401 §3.2.2): exp(1.2·(ln R + 1) /
/// 2K), at most one for each receiver.
fn expected_nacks(receivers: u32, backoff: u8) -> f64 {
    let receivers = f64::from(receivers.max(1));
    let lambda = libm::log(receivers) + 1.0;
    libm::exp(1.2 * lambda / (2.0 * f64::from(backoff))).min(receivers)
}

/// Allowed NACKs per receiver and sender, in addition to a multiple of those expected: a late
/// joiner may ask for old content before it has overheard others.
const NACKS_PER_PAIR: f64 = 2.0;
/// Minimum of the additional NACKs: a few in a small run prove nothing.
const MIN_EXTRA_NACKS: f64 = 50.0;
/// Allowed multiple of the expected NACKs: needs differ, and a NACK often names two blocks.
const NACK_FACTOR: f64 = 2.5;

/// Suppression works: NACKs stay within a small multiple of the RFC's estimate.
///
/// # Panics
/// When there are more.
pub(crate) fn check_nacks(heard: u64, expected: f64, pairs: usize) {
    let extra = (NACKS_PER_PAIR * pairs as f64).max(MIN_EXTRA_NACKS);
    let max = NACK_FACTOR * expected + extra;
    assert!(heard as f64 <= max, "{heard} NACKs were heard where {expected:.0} are expected");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_nacks_match_the_example_of_rfc_5401() {
        // RFC 5401 §3.2.2: with K = 4, about 3.3 NACKs for 1,000 receivers.
        assert!((expected_nacks(1000, 4) - 3.27).abs() < 0.1);
        assert_eq!(expected_nacks(10, 0), 10.0);
    }

    #[test]
    #[should_panic(expected = "rate exceeded")]
    fn sender_above_its_rate_is_found() {
        let mut check = RateCheck::new(Some(1_000_000), 28);
        for _ in 0..100 {
            check.sent(Timestamp::ZERO, 1000);
        }
    }
}
