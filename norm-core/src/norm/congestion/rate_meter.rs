//! How fast a sender's packets arrive (RFC 4654 §4.3.4).

use core::time::Duration;

use crate::base::Timestamp;

/// Marks in a window.
const MARKS: usize = 8;
/// Packets in a measurement at least: the small command between two data packets must not be taken
/// for the stream.
const MIN_PACKETS: u64 = 4;

/// The totals up to and with a packet that arrived then.
#[derive(Copy, Clone, Debug, Default)]
struct Mark {
    at: Timestamp,
    packets: u64,
    bytes: u64,
}

/// Measures a receive rate over the last window, from packet to packet, so that it is right for
/// streams of few packets too.
///
/// Bytes are those of the UDP payload, of everything that carries the sender's sequence: a known
/// peer counts its sending rate so, and the two get compared.
#[derive(Copy, Clone, Debug, Default)]
pub struct RateMeter {
    last: Mark,
    marks: [Mark; MARKS],
    /// How many marks were ever set; the next goes to this place, modulo their number.
    set: usize,
    next_mark: Timestamp,
    window: Duration,
}

impl RateMeter {
    /// The shortest window that is measured over.
    pub const MIN_WINDOW: Duration = Duration::from_millis(100);

    /// A meter that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes a packet. `rtt` is the round trip as far as known, or the GRTT: the window is that,
    /// or [`Self::MIN_WINDOW`].
    pub fn note(&mut self, now: Timestamp, bytes: usize, rtt: Duration) {
        self.last.at = self.last.at.max(now);
        self.last.packets += 1;
        self.last.bytes += bytes as u64;
        if now >= self.next_mark {
            self.mark(rtt);
        }
    }

    #[cold]
    fn mark(&mut self, rtt: Duration) {
        self.window = rtt.max(Self::MIN_WINDOW);
        self.marks[self.set % MARKS] = self.last;
        self.set += 1;
        // One less than there are marks, so that the oldest is a window away.
        self.next_mark = self.last.at + self.window / (MARKS as u32 - 1);
    }

    /// Bytes per second; `None` before the second packet.
    ///
    /// In the first window a whole one counts, which makes less of the first packets. A silence
    /// counts when it is longer than all that was measured.
    pub fn rate(&self, now: Timestamp) -> Option<f64> {
        let (span, from) = self.span()?;
        let elapsed = span.max(now.saturating_since(self.last.at)).max(self.window);
        Some((self.last.bytes - from.bytes) as f64 / elapsed.as_secs_f64())
    }

    /// Bytes per packet in the window; `None` before the second packet.
    pub fn mean_packet(&self) -> Option<f64> {
        let (_, from) = self.span()?;
        let packets = self.last.packets - from.packets;
        Some((self.last.bytes - from.bytes) as f64 / packets as f64)
    }

    /// The newest mark that is far enough away, or the oldest, and how far it is.
    fn span(&self) -> Option<(Duration, Mark)> {
        let known = self.set.min(MARKS);
        let newest_first = (1..=known).map(|back| self.marks[(self.set - back) % MARKS]);
        let mut best = None;
        for mark in newest_first.filter(|mark| mark.packets < self.last.packets) {
            let span = self.last.at.saturating_since(mark.at);
            best = Some((span, mark));
            if span >= self.window && self.last.packets - mark.packets >= MIN_PACKETS {
                break;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RTT: Duration = Duration::from_millis(20);

    fn at(micros: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_micros(micros)
    }

    /// Packets of 1400 bytes at even spacing until `end`; both in microseconds.
    fn steady(meter: &mut RateMeter, spacing: u64, start: u64, end: u64) {
        for micros in (start..end).step_by(spacing as usize) {
            meter.note(at(micros), 1400, RTT);
        }
    }

    #[test]
    fn measurement_begins_with_the_second_packet() {
        let mut meter = RateMeter::new();
        assert!(meter.rate(at(0)).is_none() && meter.mean_packet().is_none());
        meter.note(at(5), 1400, RTT);
        assert!(meter.rate(at(9)).is_none());
        meter.note(at(6), 1400, RTT);
        assert_eq!(meter.rate(at(6)), Some(14_000.0), "a whole window counts");
        assert_eq!(meter.mean_packet(), Some(1400.0));
    }

    #[test]
    fn change_of_rate_shows_within_a_window() {
        let mut meter = RateMeter::new();
        steady(&mut meter, 1000, 0, 1_000_000);
        steady(&mut meter, 500, 1_000_000, 1_120_000);
        let rate = meter.rate(at(1_120_000)).unwrap();
        assert!((rate / 2.8e6 - 1.0).abs() < 0.02, "{rate}");
    }

    #[test]
    fn small_commands_do_not_hide_a_slow_stream() {
        // A data packet each second, a probe half way between.
        let mut meter = RateMeter::new();
        for second in 0..10 {
            meter.note(at(second * 1_000_000), 1400, RTT);
            meter.note(at(second * 1_000_000 + 500_000), 40, RTT);
            if second > 2 {
                let rate = meter.rate(at(second * 1_000_000 + 500_000)).unwrap();
                assert!((rate - 1440.0).abs() < 1.0, "{rate}");
            }
        }
    }

    #[test]
    fn batches_are_measured_as_a_whole() {
        let mut meter = RateMeter::new();
        for batch in 0..1000u64 {
            for _ in 0..64 {
                meter.note(at(batch * 1000), 1400, RTT);
            }
        }
        let rate = meter.rate(at(1_000_000)).unwrap();
        assert!((rate / 89.6e6 - 1.0).abs() < 0.02, "{rate}");
    }

    #[test]
    fn long_silence_lowers_the_rate() {
        let mut meter = RateMeter::new();
        steady(&mut meter, 1000, 0, 1_000_000);
        let (before, after) = (meter.rate(at(1_050_000)), meter.rate(at(3_000_000)));
        assert!(after.unwrap() < before.unwrap() / 10.0, "{before:?} {after:?}");
    }

    #[test]
    fn standing_clock_does_no_harm() {
        let mut meter = RateMeter::new();
        for _ in 0..100 {
            meter.note(at(7), 1400, RTT);
        }
        assert_eq!(meter.rate(at(0)), Some(99.0 * 1400.0 / 0.1));
    }

    proptest! {
        #[test]
        fn steady_stream_is_measured_within_two_percent(spacing in 2u64..3_000_000) {
            let mut meter = RateMeter::new();
            let end = (spacing * 20).max(400_000);
            steady(&mut meter, spacing, 0, end);
            let rate = meter.rate(at(end)).unwrap();
            prop_assert!((rate * spacing as f64 / 1400e6 - 1.0).abs() < 0.02, "{rate}");
        }
    }
}
