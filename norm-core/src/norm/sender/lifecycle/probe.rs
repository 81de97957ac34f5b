//! When probes of round trips and paths are sent (CMD(CC), RFC 5740 §4.2.3.4).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::mode::Mode;

/// Time between the first probes; it doubles with each.
const FIRST_INTERVAL: Duration = Duration::from_millis(50);
/// Longest time between two probes.
const MAX_INTERVAL: Duration = Duration::from_secs(2);
/// Longest time between two probes where no query finds late joiners.
const MAX_INTERVAL_WITHOUT_QUERIES: Duration = Duration::from_millis(500);
/// Time between two probes of a pause: two of them may be lost before a receiver's patience ends.
const PAUSE_INTERVAL: Duration = Duration::from_secs(2);
/// Time between two probes which say that no content will follow: they are few, and may be lost.
const STOPPED_INTERVAL: Duration = Duration::from_millis(500);

/// The schedule of probes. A controller may set the time of the next one.
#[derive(Debug)]
pub(crate) struct ProbeSchedule {
    next: Timestamp,
    interval: Duration,
    max_interval: Duration,
    /// No query finds the next receiver.
    finds_receivers: bool,
    sequence: u16,
}

impl ProbeSchedule {
    pub(super) fn new(mode: Mode, now: Timestamp) -> Self {
        let queries = mode.sends_queries();
        Self {
            next: now,
            interval: FIRST_INTERVAL,
            max_interval: if queries { MAX_INTERVAL } else { MAX_INTERVAL_WITHOUT_QUERIES },
            finds_receivers: !queries,
            sequence: 0,
        }
    }

    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next
    }

    /// Sets the time of the next probe.
    pub(crate) fn schedule(&mut self, at: Timestamp) {
        self.next = at;
    }

    /// A probe is sent; returns its number. Probes thin out when nothing changes.
    pub(crate) fn sent(&mut self, now: Timestamp) -> u16 {
        self.next = now + self.interval;
        self.interval = (self.interval * 2).min(self.max_interval);
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// A probe of a pause is sent, perhaps of one that does not end.
    pub(super) fn sent_in_pause(&mut self, now: Timestamp, stopped: bool) {
        self.next = now + if stopped { STOPPED_INTERVAL } else { PAUSE_INTERVAL };
    }

    /// A receiver was heard for the first time: without queries, probes find the others, and tell
    /// this one its round trip.
    pub(super) fn note_newcomer(&mut self, now: Timestamp) {
        if self.finds_receivers {
            self.interval = FIRST_INTERVAL;
            self.next = self.next.min(now + FIRST_INTERVAL);
        }
    }
}
