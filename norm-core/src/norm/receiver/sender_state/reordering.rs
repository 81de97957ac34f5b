//! The order of a sender's packets: which one is late and which one is lost.
//!
//! A packet that others have overtaken is lost when it has not come after the *reordering window*,
//! as in RACK (RFC 8985), which is measured ([`Lateness`]).

use std::collections::VecDeque;

use super::lateness::{Lateness, MAX_LATENESS};
use super::probes::Arrival;
use crate::base::Timestamp;
use crate::norm::wire::Sequence;

/// Packets that are remembered from the first one on that is missing: 256 KiB.
const MAX_PACKETS: usize = 1 << 14;

/// A packet that is remembered.
#[derive(Copy, Clone, Debug)]
enum Slot {
    /// It has not come; when the first one after it came.
    Missing(Timestamp),
    Here {
        bytes: u16,
        ce: bool,
    },
}

/// A packet in its order, or one that was given up and has come all the same.
#[derive(Copy, Clone, Debug)]
pub(super) struct Released {
    pub(super) arrival: Arrival,
    /// When all before it were here or given up.
    pub(super) at: Timestamp,
}

/// Puts packets into their order, and measures how late they come.
#[derive(Debug, Default)]
pub(super) struct Reordering {
    newest: Option<Sequence>,
    /// Packets up to the newest one, from the first that is missing on.
    slots: VecDeque<Slot>,
    /// Of the slots, those that were released or given up.
    done: usize,
    /// When the last one was.
    done_at: Timestamp,
    lateness: Lateness,
}

impl Reordering {
    /// How late packets come.
    pub(super) fn lateness(&self) -> &Lateness {
        &self.lateness
    }

    /// The newest packet, in the order in which they were sent.
    pub(super) fn newest(&self) -> Option<Sequence> {
        self.newest
    }

    /// A packet that has come waits for others.
    pub(super) fn holds(&self, sequence: Sequence) -> bool {
        let Some(newest) = self.newest else { return false };
        usize::from(newest.distance_from(sequence)) < self.slots.len() - self.done
    }

    /// Takes a packet, and hands all that can be released now to `release`.
    pub(super) fn note(
        &mut self,
        now: Timestamp,
        arrival: Arrival,
        release: &mut impl FnMut(Released),
    ) {
        self.lateness.note_packet(now);
        let ahead = self.newest.map_or(1, |newest| arrival.sequence.distance_from(newest));
        let place = if (1..0x8000).contains(&ahead) {
            self.advance(now, usize::from(ahead) - 1, release);
            self.newest = Some(arrival.sequence);
            self.slots.push_back(Slot::Missing(now));
            Some(self.slots.len() - 1)
        } else {
            self.slots.len().checked_sub(usize::from(ahead.wrapping_neg()) + 1)
        };
        let Some(place) = place else {
            // Of long ago: nothing is known of it.
            release(Released { arrival, at: now });
            return;
        };
        let Slot::Missing(since) = self.slots[place] else { return };
        let late = now.saturating_since(since);
        if !late.is_zero() {
            self.lateness.note_late(late);
        }
        let bytes = u16::try_from(arrival.bytes).unwrap_or(u16::MAX);
        self.slots[place] = Slot::Here { bytes, ce: arrival.ce };
        if place < self.done {
            release(Released { arrival, at: now });
        }
        self.proceed(now, Some(place), release);
        self.forget(now);
    }

    /// Releases what waits only for packets that are lost by now.
    pub(super) fn expire(&mut self, now: Timestamp, release: &mut impl FnMut(Released)) {
        self.proceed(now, None, release);
        self.forget(now);
    }

    /// A packet comes after `gap` that are missing.
    fn advance(&mut self, now: Timestamp, gap: usize, release: &mut impl FnMut(Released)) {
        let excess = (self.slots.len() + gap).saturating_sub(MAX_PACKETS).min(self.slots.len());
        while self.done < excess {
            self.done_at = now;
            self.pass(release);
        }
        self.slots.drain(..excess);
        self.done -= excess;
        let gap = gap.min(MAX_PACKETS);
        self.slots.extend(core::iter::repeat_n(Slot::Missing(now), gap));
    }

    /// Releases packets up to the first one that may still come. `arrived`: the place of the one
    /// that has just come.
    fn proceed(
        &mut self,
        now: Timestamp,
        arrived: Option<usize>,
        release: &mut impl FnMut(Released),
    ) {
        let window = self.lateness.usual();
        while let Some(&slot) = self.slots.get(self.done) {
            match slot {
                Slot::Missing(since) if now < since + window => return,
                Slot::Missing(since) => self.done_at = self.done_at.max(since + window),
                Slot::Here { .. } if arrived == Some(self.done) => self.done_at = now,
                Slot::Here { .. } => {}
            }
            self.pass(release);
        }
    }

    /// Releases the first packet that is not done, or gives it up.
    fn pass(&mut self, release: &mut impl FnMut(Released)) {
        if let Some(&Slot::Here { bytes, ce }) = self.slots.get(self.done) {
            let arrival = Arrival { sequence: self.sequence(), bytes: bytes.into(), ce };
            release(Released { arrival, at: self.done_at });
        }
        self.done += 1;
    }

    /// The sequence number of the first slot that is not done.
    fn sequence(&self) -> Sequence {
        let newest = self.newest.unwrap_or(Sequence(0));
        Sequence(newest.0.wrapping_sub((self.slots.len() - 1 - self.done) as u16))
    }

    /// Forgets what is done and does not tell how late a packet is.
    fn forget(&mut self, now: Timestamp) {
        while self.done > 0 {
            match self.slots.front() {
                Some(Slot::Missing(since)) if now < *since + MAX_LATENESS => return,
                _ => self.slots.pop_front(),
            };
            self.done -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Sequence numbers that are released, each with the time in milliseconds.
    #[derive(Default)]
    struct Order {
        reordering: Reordering,
        released: Vec<(u16, u64)>,
    }

    impl Order {
        fn note(&mut self, millis: u64, sequence: u16) {
            let now = Timestamp::ZERO + MS * u32::try_from(millis).unwrap();
            let arrival = Arrival { sequence: Sequence(sequence), bytes: 1400, ce: false };
            let released = &mut self.released;
            let mut note = |one: Released| {
                let millis = (one.at.as_nanos() / 1_000_000, one.arrival.sequence.0);
                released.push((millis.1, millis.0));
            };
            self.reordering.note(now, arrival, &mut note);
        }

        /// Packets of which each second one is late by `late` milliseconds, one a millisecond.
        fn learn(&mut self, first: u16, late: u64) {
            for n in 0..100 {
                self.note(u64::from(n) * 2, first + n * 2 + 1);
                if u64::from(n) >= late / 2 {
                    let of = n - (late / 2) as u16;
                    self.note(u64::from(n) * 2, first + of * 2);
                }
            }
            self.released.clear();
        }
    }

    #[test]
    fn gap_is_loss_at_once_where_nothing_was_late() {
        let mut order = Order::default();
        for (millis, sequence) in [(0, 65_534), (1, 65_535), (2, 2), (3, 3), (4, 1), (5, 3)] {
            order.note(millis, sequence);
        }
        let released = [(65_534, 0), (65_535, 1), (2, 2), (3, 3), (1, 4)];
        assert_eq!(order.released, released, "1 has come although it was lost, and 3 twice");
    }

    #[test]
    fn packets_are_released_in_their_order_where_some_were_late() {
        let mut order = Order::default();
        order.learn(0, 20);
        let window = order.reordering.lateness().usual();
        assert!((MS * 20..MS * 25).contains(&window), "{window:?}");
        order.note(1_000, 300);
        // All before are lost by now.
        order.note(2_000, 301);
        order.released.clear();
        for (millis, sequence) in [(2_001, 303), (2_002, 304), (2_003, 302), (2_004, 305)] {
            order.note(millis, sequence);
        }
        assert_eq!(order.released, [(302, 2_003), (303, 2_003), (304, 2_003), (305, 2_004)]);
        order.released.clear();
        order.note(2_005, 307);
        assert!(order.released.is_empty() && order.reordering.holds(Sequence(307)));
        order.note(2_040, 308);
        let lost_at = 2_005 + window.as_millis() as u64;
        assert_eq!(order.released, [(307, lost_at), (308, 2_040)], "306 is lost");
        assert!(!order.reordering.holds(Sequence(308)));
    }

    #[test]
    fn memory_is_bounded_and_jumps_do_no_harm() {
        let mut order = Order::default();
        order.learn(0, 20);
        let mut sequence = 300u16;
        for step in [1, 7, 20_000, 32_767, 2, 16_384, 16_385, 3] {
            sequence = sequence.wrapping_add(step);
            order.note(1_000, sequence);
            assert!(order.reordering.slots.len() <= MAX_PACKETS + 1, "after {step}");
            assert!(order.reordering.done <= order.reordering.slots.len());
        }
        order.note(2_000, sequence.wrapping_add(1));
        assert_eq!(order.released.last(), Some(&(sequence.wrapping_add(1), 2_000)));
    }
}
