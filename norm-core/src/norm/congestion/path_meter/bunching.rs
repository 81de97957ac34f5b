//! Packets that come in bunches: something on the path holds them, and lets go of them all at once,
//! as access points of Wi-Fi do with multicast while stations sleep.
//!
//! Only the last packet of a bunch has hardly been held. Its delay, which follows from its place
//! between two probe packets, is what the path's delay would be if packets came evenly.

use core::time::Duration;

use crate::base::Timestamp;

/// A shorter time without packets is none between bunches.
const MIN_GAP: Duration = Duration::from_millis(4);
/// A longer one is not that of a path that holds packets.
const MAX_GAP: Duration = Duration::from_millis(250);
/// Two probe packets came together when they came within this part of the time between them.
const TOGETHER: u32 = 4;
/// Time over which it is averaged how much of the content came together.
const AVERAGED_OVER: Duration = Duration::from_secs(1);
/// Content that was sent in less than this shows nothing.
const MIN_TIME: Duration = Duration::from_millis(2);
/// Packets come in bunches while more than this share of the content does.
const BUNCHED_SHARE: f64 = 0.3;
/// Each gap forgets this part of the longest one.
const FORGET_GAP: u32 = 64;

/// A place in the run of packets, and when it was reached.
#[derive(Copy, Clone, Debug)]
struct Place {
    position: u64,
    at: Timestamp,
}

/// Finds bunches, and the delay of their ends.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Bunching {
    last: Option<Place>,
    /// The end of the last bunch that is over.
    end: Option<Place>,
    /// The longest time without packets of late.
    gap: Duration,
    /// Share of the content that came together, by the time in which it was sent: 0 to 1.
    share: f64,
    /// Time over which that is known so far.
    known: Duration,
    /// The delay of the last end of a bunch.
    delay: Option<i128>,
}

/// Two probe packets, and the places that they have in the run of packets. Delays are differences
/// of two clocks, in nanoseconds.
#[derive(Copy, Clone, Debug)]
pub(super) struct Probed {
    pub(super) from: u64,
    pub(super) to: u64,
    /// The time in which the packets between were sent.
    pub(super) sent_within: Duration,
    /// The time in which they came.
    pub(super) span: Duration,
    /// How long the second one was under way.
    pub(super) delay: i128,
    /// When it came.
    pub(super) at: Timestamp,
}

impl Bunching {
    /// Packets up to `position` are here.
    pub(super) fn note(&mut self, now: Timestamp, position: u64) {
        if let Some(last) = self.last {
            let gap = now.saturating_since(last.at);
            if gap >= MIN_GAP && gap <= MAX_GAP {
                self.gap = gap.max(self.gap - self.gap / FORGET_GAP);
                if gap * 2 > self.gap {
                    self.end = Some(last);
                }
            }
        }
        self.last = Some(Place { position, at: now });
    }

    /// The time for which packets are held, at most; zero where they are not.
    pub(super) fn held(&self) -> Duration {
        if self.share > BUNCHED_SHARE { self.gap } else { Duration::ZERO }
    }

    /// Takes a probe packet. Returns the delay of the last end of a bunch, where packets come in
    /// bunches.
    pub(super) fn probe(&mut self, probed: &Probed) -> Option<i128> {
        self.note_share(probed.sent_within, probed.span);
        if self.held().is_zero() {
            self.delay = None;
        } else if let Some(found) = self.delay_of_end(probed) {
            self.delay = Some(found);
        }
        self.delay
    }

    /// Whether the content between two probe packets came together; content that took about as long
    /// to send as packets are held, or longer, does so hardly ever.
    fn note_share(&mut self, sent_within: Duration, span: Duration) {
        if sent_within < MIN_TIME || (self.share > 0.0 && sent_within * 2 > self.gap.max(MIN_GAP)) {
            return;
        }
        self.known = (self.known + sent_within).min(AVERAGED_OVER);
        let part = sent_within.as_secs_f64() / self.known.max(AVERAGED_OVER / 20).as_secs_f64();
        let together = f64::from(u8::from(span * TOGETHER < sent_within));
        self.share += (together - self.share) * part.min(1.0);
    }

    fn delay_of_end(&self, probed: &Probed) -> Option<i128> {
        let Probed { from, to, sent_within, delay, at, .. } = *probed;
        let end = self.end.filter(|end| end.position >= from && end.position < to)?;
        // What is left of the interval was sent after the end of the bunch.
        let left = (to - end.position) as f64 / (to - from) as f64;
        let since_end = sent_within.mul_f64(left).as_nanos() as i128;
        Some(delay - at.saturating_since(end.at).as_nanos() as i128 + since_end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(micros: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_micros(micros)
    }

    /// Sends a packet each millisecond for two seconds, and a probe packet each 20 ms. `arrives`
    /// says when a packet does, in microseconds, by the time at which it was sent. Returns the
    /// delays that are found, in microseconds.
    fn delays(bunching: &mut Bunching, arrives: impl Fn(u64) -> u64) -> Vec<i128> {
        let mut found = Vec::new();
        for position in 1..2_000u64 {
            let (sent, came) = (position * 1_000, arrives(position * 1_000));
            bunching.note(at(came), position);
            if position % 20 == 0 && position > 20 {
                let before = (position - 20) * 1_000;
                found.extend(bunching.probe(&Probed {
                    from: position - 20,
                    to: position,
                    sent_within: MS * 20,
                    span: at(came).saturating_since(at(arrives(before))),
                    delay: i128::from(came - sent) * 1_000,
                    at: at(came),
                }));
            }
        }
        found.into_iter().map(|nanos| nanos / 1_000).collect()
    }

    #[test]
    fn delay_of_bunches_is_that_of_their_ends() {
        let mut bunching = Bunching::default();
        let found = delays(&mut bunching, |sent| sent.div_ceil(102_000) * 102_000 + 300);
        assert!(found.len() > 80, "{} of 98", found.len());
        assert!(found.iter().all(|delay| (300..=1_300).contains(delay)), "{found:?}");
        assert_eq!(bunching.held(), MS * 102);
    }

    #[test]
    fn queue_grows_in_the_delay_of_bunches() {
        let mut bunching = Bunching::default();
        let held = |sent: u64| (sent + sent / 4).div_ceil(102_000) * 102_000;
        let found = delays(&mut bunching, held);
        let (first, last) = (found[10], found[found.len() - 1]);
        // 1.7 s later a quarter of that is in the queue.
        assert!((last - first - 425_000).abs() < 60_000, "{first} {last}");
    }

    #[test]
    fn even_packets_and_queues_that_drain_are_no_bunches() {
        let mut bunching = Bunching::default();
        assert!(delays(&mut bunching, |sent| sent + 300).is_empty());
        let mut bunching = Bunching::default();
        // A queue of 200 ms that drains at twice the rate, and pauses of the receiver.
        let drains = |sent: u64| (sent + 200_000 - sent / 2).max(sent) + 300;
        assert!(delays(&mut bunching, drains).is_empty());
        let mut bunching = Bunching::default();
        let stalls = |sent: u64| sent.max((sent / 200_000 * 200_000) + 20_000) + 300;
        assert!(delays(&mut bunching, stalls).is_empty());
    }
}
