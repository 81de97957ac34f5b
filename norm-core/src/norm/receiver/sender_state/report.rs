//! Membership reports to a sender: when, and what the application says in them.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::MemberState;

use super::timing::WaitScale;

/// What the application says about its progress with a sender's content.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The state to report.
    pub state: MemberState,
    /// Content bytes that are here from before; what is written meanwhile is counted here.
    pub bytes_done: u64,
    /// Content bytes expected; 0 when not known.
    pub bytes_total: u64,
    /// Why it failed; empty otherwise. Cut at 255 bytes.
    pub reason: String,
}

/// A membership report that is due.
#[derive(Copy, Clone, Debug)]
struct ReportDue {
    at: Timestamp,
    /// The query that it answers; 0 for none.
    round: u16,
    scale: WaitScale,
}

impl ReportDue {
    fn new(at: Timestamp, round: u16) -> Self {
        Self { at, round, scale: WaitScale::default() }
    }
}

/// Probes of a fixed rate that have not listed us, although we have reported.
#[derive(Copy, Clone, Debug, Default)]
struct LeftOut {
    since: Option<Timestamp>,
    count: u32,
    /// One has listed us: the sender has heard us.
    is_listed: bool,
}

/// As many probes may list others in their turn, or leave before the sender has heard us.
const MAX_LEFT_OUT: u32 = 8;

/// Membership reports to one sender.
#[derive(Debug)]
pub(crate) struct ReportState {
    due: Option<ReportDue>,
    /// The query answered last.
    answered_round: Option<u16>,
    first_sent: Option<Timestamp>,
    /// The sender does not hear what we send to it alone.
    unheard: bool,
    /// Since when the sender has listed no receiver, although we have reported.
    unlisted_since: Option<Timestamp>,
    left_out: LeftOut,
    progress: Progress,
    /// Reports in a row that we are complete.
    completes: u32,
}

impl ReportState {
    pub(super) fn new() -> Self {
        let (state, reason) = (MemberState::Joined, String::new());
        Self {
            due: None,
            answered_round: None,
            first_sent: None,
            unheard: false,
            unlisted_since: None,
            left_out: LeftOut::default(),
            progress: Progress { state, bytes_done: 0, bytes_total: 0, reason },
            completes: 0,
        }
    }

    /// When a report is due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due.map(|due| due.at)
    }

    /// Schedules a report that answers the last query again, or no query.
    pub(crate) fn schedule(&mut self, at: Timestamp) {
        self.due = Some(ReportDue::new(at, self.answered_round.unwrap_or(0)));
    }

    /// Schedules a report at `at`, or keeps the one that is scheduled for an earlier time. Returns
    /// when it is due.
    pub(crate) fn schedule_by(&mut self, at: Timestamp) -> Timestamp {
        let due = self.due.get_or_insert(ReportDue::new(at, 0));
        due.at = due.at.min(at);
        due.at
    }

    /// Schedules the answer to a query, unless it is answered or scheduled already.
    pub(crate) fn answer(&mut self, round: u16, at: Timestamp) {
        if self.answered_round != Some(round) {
            self.answered_round = Some(round);
            self.due = Some(ReportDue::new(at, round));
        }
    }

    /// A shorter round trip shortens the wait for the first report, which was drawn from the longer
    /// one.
    pub(super) fn rescale(&mut self, now: Timestamp, old: Duration, new: Duration) {
        if let Some(ReportDue { at, round: 0, scale }) = &mut self.due
            && let Some(ratio) = scale.shorten(old, new)
        {
            *at = now + at.saturating_since(now).mul_f64(ratio);
        }
    }

    /// Takes the round of the report that is due.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<u16> {
        self.due.take_if(|due| due.at <= now).map(|due| due.round)
    }

    /// Notes that a report is sent.
    pub(crate) fn note_sent(&mut self, now: Timestamp) {
        self.first_sent.get_or_insert(now);
        let is_complete = self.progress.state == MemberState::Complete;
        self.completes = if is_complete { self.completes.saturating_add(1) } else { 0 };
    }

    /// How often in a row we have reported that we are complete.
    pub(crate) fn completes(&self) -> u32 {
        self.completes
    }

    /// True when a report was sent.
    pub(crate) fn is_sent(&self) -> bool {
        self.first_sent.is_some()
    }

    /// The sender lists this number of receivers. If there is none, and our first report was sent
    /// longer than `limit` ago, the sender does not hear what we send to it alone.
    pub(crate) fn note_listed(&mut self, now: Timestamp, listed: u32, limit: Duration) {
        if listed > 0 {
            self.unlisted_since = None;
        } else if self.first_sent.is_some_and(|at| now > at + limit) {
            self.unheard = true;
            self.unlisted_since.get_or_insert(now);
        }
    }

    /// A probe of a fixed rate has come, and `lists_us` or does not.
    pub(crate) fn note_probe(&mut self, now: Timestamp, lists_us: bool) {
        let left_out = &mut self.left_out;
        left_out.is_listed |= lists_us;
        if self.first_sent.is_some() && !left_out.is_listed {
            left_out.since.get_or_insert(now);
            left_out.count = left_out.count.saturating_add(1);
        }
    }

    /// Since when the sender has heard no receiver at all, although we have reported.
    pub(crate) fn unlisted_since(&self) -> Option<Timestamp> {
        self.unlisted_since
    }

    /// Since when the sender has not heard us, as far as the probes of a fixed rate tell.
    pub(crate) fn left_out_since(&self) -> Option<Timestamp> {
        let LeftOut { since, count, is_listed } = self.left_out;
        since.filter(|_| !is_listed && count > MAX_LEFT_OUT)
    }

    /// True when the sender does not hear what we send to it alone.
    pub(crate) fn is_unheard(&self) -> bool {
        self.unheard
    }

    /// Sets what reports say of our progress.
    pub(crate) fn set_progress(&mut self, progress: Progress) {
        self.progress = progress;
    }

    /// What reports say of our progress.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_that_lists_no_receiver_does_not_hear_our_reports() {
        let at = |secs| Timestamp::ZERO + Duration::from_secs(secs);
        let limit = Duration::from_secs(1);
        let mut report = ReportState::new();
        report.note_listed(at(1), 0, limit);
        report.note_sent(at(2));
        report.note_listed(at(3), 0, limit);
        assert_eq!((report.unlisted_since(), report.is_unheard()), (None, false), "too early");
        report.note_listed(at(4), 0, limit);
        report.note_listed(at(5), 0, limit);
        assert_eq!((report.unlisted_since(), report.is_unheard()), (Some(at(4)), true));
        report.note_listed(at(6), 1, limit);
        assert_eq!((report.unlisted_since(), report.is_unheard()), (None, true));
    }

    #[test]
    fn sender_whose_probes_never_list_us_does_not_hear_us() {
        let at = |secs| Timestamp::ZERO + Duration::from_secs(secs);
        let mut report = ReportState::new();
        (0..20).for_each(|secs| report.note_probe(at(secs), false));
        assert_eq!(report.left_out_since(), None, "we have not said anything yet");
        report.note_sent(at(20));
        (21..29).for_each(|secs| report.note_probe(at(secs), false));
        assert_eq!(report.left_out_since(), None, "reports may be lost");
        report.note_probe(at(29), false);
        assert_eq!(report.left_out_since(), Some(at(21)));
        report.note_probe(at(30), true);
        (31..60).for_each(|secs| report.note_probe(at(secs), false));
        assert_eq!(report.left_out_since(), None, "once heard, it is another's turn");
    }

    #[test]
    fn query_is_answered_once() {
        let at = |secs| Timestamp::ZERO + Duration::from_secs(secs);
        let mut report = ReportState::new();
        report.schedule(at(5));
        report.rescale(at(1), Duration::from_secs(4), Duration::from_secs(1));
        assert_eq!(report.due(), Some(at(2)), "the first one comes earlier");
        report.rescale(at(1), Duration::from_secs(1), Duration::from_secs(4));
        report.rescale(at(1), Duration::from_secs(4), Duration::from_secs(1));
        assert_eq!(report.due(), Some(at(2)), "the same change");
        report.answer(7, at(3));
        report.rescale(at(1), Duration::from_secs(4), Duration::from_secs(1));
        assert_eq!((report.due(), report.take_due(at(2))), (Some(at(3)), None));
        assert_eq!(report.take_due(at(3)), Some(7));
        report.answer(7, at(4));
        assert_eq!(report.due(), None);
        assert_eq!((report.schedule_by(at(6)), report.schedule_by(at(5))), (at(6), at(5)));
        assert_eq!((report.schedule_by(at(9)), report.take_due(at(5))), (at(5), Some(0)));
        report.schedule(at(6));
        assert_eq!(report.take_due(at(6)), Some(7), "the query answered last");
    }
}
