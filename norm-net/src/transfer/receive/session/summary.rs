//! What is remembered of a session for its report.

use std::collections::VecDeque;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::transfer::InboundStats;

use crate::event::{MAX_NAMED, MAX_REPORTS, ReceiveOutcome, ReceiveReport, SetFailure, SetReport};

/// Complete and failed transfers, the last ones of each.
#[derive(Debug, Default)]
pub(super) struct Summary {
    complete: VecDeque<SetReport>,
    failed: VecDeque<SetFailure>,
    /// Bytes of all that was complete.
    bytes: u64,
    /// When the first transfer began.
    begun: Option<Timestamp>,
}

impl Summary {
    /// A transfer begins.
    pub(super) fn begun(&mut self, now: Timestamp) {
        self.begun.get_or_insert(now);
    }

    /// The time since the first transfer began.
    pub(super) fn elapsed(&self, now: Timestamp) -> Duration {
        self.begun.map_or(Duration::ZERO, |begun| now.saturating_since(begun))
    }

    /// A transfer is complete. Of all but the last ones the names of files are forgotten.
    pub(super) fn completed(&mut self, report: SetReport) {
        self.bytes = self.bytes.saturating_add(report.bytes);
        push_bounded(&mut self.complete, report, MAX_REPORTS);
        if let Some(old) = self.complete.len().checked_sub(MAX_NAMED + 1) {
            self.complete[old].paths = Vec::new();
            self.complete[old].withdrawn = Vec::new();
        }
    }

    /// A transfer has failed.
    pub(super) fn failed(&mut self, failure: SetFailure) {
        push_bounded(&mut self.failed, failure, MAX_REPORTS);
    }

    /// The report of a session that took this long.
    pub(super) fn into_report(
        self,
        outcome: ReceiveOutcome,
        elapsed: Duration,
        stats: &InboundStats,
    ) -> ReceiveReport {
        ReceiveReport {
            sets: self.complete.into(),
            failed: self.failed.into(),
            elapsed,
            bytes: self.bytes,
            wire_bytes: stats.bytes,
            packets: stats.packets,
            duplicates: stats.duplicates,
            decoded: stats.decoded,
            nacks: stats.nacks,
            suppressed: stats.suppressed,
            no_room: stats.no_room,
            malformed: stats.malformed,
            ce_marked: stats.ce_marked,
            ..ReceiveReport::new(outcome)
        }
    }
}

/// Appends, and forgets the oldest beyond a limit.
pub(super) fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, limit: usize) {
    if queue.len() >= limit {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// Bits per second.
pub(super) fn rate(bytes: u64, elapsed: Duration) -> f64 {
    let seconds = elapsed.as_secs_f64();
    if seconds > 0.0 { bytes as f64 * 8.0 / seconds } else { 0.0 }
}
