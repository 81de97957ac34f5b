//! How long probe packets are under way, and what of that is a queue.

use core::time::Duration;

use super::bunching::{Bunching, Probed};
use super::min_delay::MinDelay;
use crate::base::Timestamp;

/// Where packets are held, the times in reports are right to this part of the time for which they
/// are.
const HELD_PART: u32 = 3;
/// Where packets are held, as much more delay is no queue: this part of the time for which they
/// are.
const HELD_QUEUE_PART: u32 = 4;

/// What the delays of a sender's probe packets show.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Delays {
    smallest: MinDelay,
    bunching: Bunching,
    /// How long the last probe packet would have been under way if packets came evenly, in
    /// nanoseconds by two clocks.
    last: i128,
}

/// The time between two probe packets.
#[derive(Copy, Clone, Debug)]
pub(super) struct Times {
    /// What it would have been at this end if packets came evenly.
    pub(super) span: Duration,
    /// How much longer the second one was under way than the quickest of late.
    pub(super) queue: Duration,
    /// How much these may be off.
    pub(super) jitter: Duration,
}

impl Delays {
    /// Sets how long the smallest delay is remembered, by the group's round trip; `fair` while the
    /// sender makes a queue itself.
    pub(super) fn remember(&mut self, grtt: Duration, fair: bool) {
        self.smallest.remember(grtt, fair);
    }

    /// Packets up to `position` are here.
    pub(super) fn note_packet(&mut self, now: Timestamp, position: u64) {
        self.bunching.note(now, position);
    }

    /// Takes the first probe packet, which was under way for `nanos` by two clocks.
    pub(super) fn begin(&mut self, now: Timestamp, nanos: i128) {
        self.last = nanos;
        self.smallest.note(now, nanos);
    }

    /// Takes another probe packet. A packet may come `window` later than others that have overtaken
    /// it.
    pub(super) fn note(&mut self, probed: &Probed, window: Duration) -> Times {
        let longer = self.smallest.note(probed.at, probed.delay);
        let smallest = probed.delay - longer.as_nanos() as i128;
        let end_of_bunch = self.bunching.probe(probed);
        let held = self.bunching.held();
        // Until a bunch has ended, nothing speaks for a queue. And nothing is quicker than the
        // quickest: a sender that pauses has sent other packets than it seems.
        let in_bunch = || end_of_bunch.unwrap_or(smallest).max(smallest);
        let delay = if held.is_zero() { probed.delay } else { in_bunch() };
        let before = core::mem::replace(&mut self.last, delay);
        let queue = Duration::from_nanos(u64::try_from(delay - smallest).unwrap_or(0));
        let queue = queue.saturating_sub(window + held / HELD_QUEUE_PART);
        let Probed { span, sent_within, from, to, .. } = *probed;
        let span = if held.is_zero() { span } else { grown_by(sent_within, delay - before) };
        Times { span, queue, jitter: jitter(window, span, to - from).max(held / HELD_PART) }
    }
}

/// A time, longer by this many nanoseconds.
fn grown_by(time: Duration, nanos: i128) -> Duration {
    let grown = Duration::from_nanos(u64::try_from(nanos).unwrap_or(0));
    let shrunk = Duration::from_nanos(u64::try_from(-nanos).unwrap_or(0));
    (time + grown).saturating_sub(shrunk).max(time / 8)
}

/// How much the time may be off at which packets are complete, when each may be late by `window`.
/// `packets` came in `span`: among many, one that is late by all of the window is never far away,
/// and the delay is that of the latest. It is off by more than four times the root of window and
/// packet interval once in 3,000 times.
fn jitter(window: Duration, span: Duration, packets: u64) -> Duration {
    let interval = span.as_secs_f64() / packets.max(1) as f64;
    let off = 4.0 * libm::sqrt(window.as_secs_f64() * interval);
    Duration::from_secs_f64(off).min(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn times_are_the_surer_the_more_packets_come() {
        assert_eq!(jitter(Duration::ZERO, MS * 20, 200), Duration::ZERO);
        let (many, few) = (jitter(MS * 20, MS * 20, 2_000), jitter(MS * 20, MS * 20, 200));
        assert!(
            (MS..MS * 2).contains(&many) && (MS * 5..MS * 6).contains(&few),
            "{many:?} {few:?}"
        );
        assert_eq!(jitter(MS * 20, MS * 20, 2), MS * 20);
    }

    #[test]
    fn delay_within_the_window_is_no_queue() {
        let mut delays = Delays::default();
        let at = |millis: u32| Timestamp::ZERO + MS * millis;
        let probed = |millis: u32, delay: i128| Probed {
            from: 0,
            to: 100,
            sent_within: MS * 20,
            span: MS * 20,
            delay: delay * 1_000_000,
            at: at(millis),
        };
        delays.begin(at(0), 1_000_000);
        assert_eq!(delays.note(&probed(20, 15), MS * 20).queue, Duration::ZERO);
        assert_eq!(delays.note(&probed(40, 31), MS * 20).queue, MS * 10);
        assert_eq!(delays.note(&probed(60, 31), Duration::ZERO).queue, MS * 30);
    }
}
