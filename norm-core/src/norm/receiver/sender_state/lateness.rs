//! How late packets come that others have overtaken.

use core::time::Duration;

use crate::base::Timestamp;

/// A packet that is later than this is lost, whatever came late before.
pub(super) const MAX_LATENESS: Duration = Duration::from_millis(250);
/// Lateness is remembered for two periods of this.
const PERIOD: Duration = Duration::from_secs(5);
/// Share of the packets that may be later than usual: they count as lost until they come.
const LATER_SHARE: f64 = 0.015;
/// Share of the packets that may be later than is waited for before repair is asked for.
const ASKED_SHARE: f64 = 0.000_1;
/// Late packets that may be chance.
const CHANCE: f64 = 2.0;
/// Packets after which the limits are found anew, while some come late.
const UPDATE_PACKETS: u64 = 64;
/// Steps of a histogram: four for each doubling.
const STEPS: usize = 64;
/// The first step, in nanoseconds.
const FIRST_STEP: f64 = 10_000.0;

/// How many packets were how late.
#[derive(Copy, Clone, Debug)]
struct Histogram {
    packets: u64,
    late: [u32; STEPS],
}

/// The lateness of packets in this period and the one before.
#[derive(Clone, Debug)]
pub(crate) struct Lateness {
    since: Timestamp,
    current: Histogram,
    previous: Histogram,
    usual: Duration,
    greatest: Duration,
}

impl Histogram {
    const EMPTY: Self = Self { packets: 0, late: [0; STEPS] };
}

impl Default for Lateness {
    fn default() -> Self {
        Self {
            since: Timestamp::ZERO,
            current: Histogram::EMPTY,
            previous: Histogram::EMPTY,
            usual: Duration::ZERO,
            greatest: Duration::ZERO,
        }
    }
}

impl Lateness {
    /// All packets but 1.5 % are no later than this: zero where fewer come late.
    pub(crate) fn usual(&self) -> Duration {
        self.usual
    }

    /// All packets but one of 10,000, or but two, are no later than this.
    pub(crate) fn greatest(&self) -> Duration {
        self.greatest
    }

    /// Counts a packet.
    pub(super) fn note_packet(&mut self, now: Timestamp) {
        if now >= self.since + PERIOD {
            let is_recent = now < self.since + PERIOD * 2;
            let before = core::mem::replace(&mut self.current, Histogram::EMPTY);
            self.previous = if is_recent { before } else { Histogram::EMPTY };
            self.since = now;
            self.update();
        }
        self.current.packets += 1;
        if self.current.packets.is_multiple_of(UPDATE_PACKETS) && !self.greatest.is_zero() {
            self.update();
        }
    }

    /// Notes that a packet has come `late`: this long after the first one that has overtaken it.
    pub(super) fn note_late(&mut self, late: Duration) {
        let count = &mut self.current.late[step(late)];
        *count = count.saturating_add(1);
        if late > self.usual || late > self.greatest {
            self.update();
        }
    }

    fn update(&mut self) {
        let packets = self.current.packets + self.previous.packets;
        self.usual = self.exceeded_by((packets as f64 * LATER_SHARE).max(CHANCE));
        self.greatest = self.exceeded_by((packets as f64 * ASKED_SHARE).max(CHANCE));
    }

    /// The end of the first step after which there are no more than `count` packets.
    fn exceeded_by(&self, count: f64) -> Duration {
        let (mut later, mut end) = (0.0, STEPS);
        while end > 0 {
            later += f64::from(self.current.late[end - 1]) + f64::from(self.previous.late[end - 1]);
            if later > count {
                break;
            }
            end -= 1;
        }
        let nanos = FIRST_STEP * libm::exp2(end as f64 / 4.0);
        let limit = Duration::from_nanos(nanos as u64).min(MAX_LATENESS);
        if end == 0 { Duration::ZERO } else { limit }
    }
}

/// The step of the histogram: lateness below its end.
fn step(late: Duration) -> usize {
    let steps = libm::log2(late.as_nanos().max(1) as f64 / FIRST_STEP) * 4.0;
    (steps.max(0.0) as usize).min(STEPS - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u32) -> Timestamp {
        Timestamp::ZERO + MS * millis
    }

    /// After a thousand packets, of which every `every`th was late by this many milliseconds.
    fn after(every: u32, late: impl Fn(u32) -> u32) -> Lateness {
        let mut lateness = Lateness::default();
        for n in 0..1_000 {
            lateness.note_packet(at(n));
            if n % every == 0 {
                lateness.note_late(MS * late(n));
            }
        }
        lateness
    }

    #[test]
    fn window_follows_what_comes_late() {
        assert_eq!(Lateness::default().greatest(), Duration::ZERO);
        let uneven = after(2, |n| n % 20);
        assert!((MS * 18..MS * 24).contains(&uneven.usual()), "{uneven:?}");
        assert!((MS * 19..MS * 24).contains(&uneven.greatest()), "{uneven:?}");
    }

    #[test]
    fn few_late_packets_are_waited_for_only_by_repair() {
        let few = after(200, |_| 50);
        assert_eq!(few.usual(), Duration::ZERO);
        assert!((MS * 50..MS * 60).contains(&few.greatest()), "{few:?}");
        assert_eq!(after(500, |_| 50).greatest(), Duration::ZERO, "two may be chance");
        assert_eq!(after(2, |_| 10_000).greatest(), MAX_LATENESS);
    }

    #[test]
    fn lateness_is_forgotten() {
        let mut lateness = after(2, |_| 20);
        lateness.note_packet(at(9_000));
        assert!(lateness.usual() > MS * 19);
        lateness.note_packet(at(15_000));
        assert_eq!((lateness.usual(), lateness.greatest()), (Duration::ZERO, Duration::ZERO));
    }
}
