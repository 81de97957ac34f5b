//! The phases of a session, and the timers of everything that is sent by the clock.
//!
//! Gathering (roll call until enough receivers are there) → sending (until everybody known has
//! confirmed, failed or fallen silent) → lingering (for late joiners) → closing (EOT) → done.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::base::Timestamp;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::mode::Mode;
use crate::norm::wire::{Identity, NodeId};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Gathering { deadline: Option<Timestamp> },
    Sending,
    Lingering { until: Timestamp },
    Closing { eots: u32 },
    Done,
}

/// A request of the application for explicit acknowledgment (RFC 5740 §4.2.3.6).
#[derive(Debug)]
pub(crate) struct AckRequest {
    pub(crate) ack_type: u8,
    pub(crate) ack_id: u8,
    pub(crate) pending: Vec<NodeId>,
    pub(crate) answers: usize,
    pub(crate) left: u32,
    pub(crate) next: Timestamp,
}

/// Bytes of the application, being repeated.
#[derive(Debug)]
pub(crate) struct AppCommand {
    pub(crate) content: Bytes,
    pub(crate) left: u32,
    pub(crate) next: Timestamp,
}

/// Phase and timers.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) phase: Phase,
    pub(crate) finishing: bool,
    pub(crate) began: Timestamp,
    pub(crate) all_sent: Option<Timestamp>,
    /// Since when everybody who was counted has failed.
    pub(crate) abandoned: Option<Timestamp>,
    /// EXT_FTI goes on every DATA message until then.
    pub(crate) fti_until: Timestamp,
    pub(crate) next_cc: Timestamp,
    pub(crate) cc_interval: Duration,
    pub(crate) cc_sequence: u16,
    pub(crate) next_call: Timestamp,
    /// The usual pause between the last roll call and the next.
    pub(crate) call_interval: Duration,
    /// When the last one was sent.
    called_at: Timestamp,
    /// While content flowed to a large group, some had longer pauses.
    pub(crate) called_rarely: bool,
    pub(crate) call_round: u16,
    /// Nobody new is expected any more: two roll calls were answered since anybody came.
    census_at: Timestamp,
    calls_since_news: u32,
    /// When feedback last came from a receiver that has not said who it is.
    pub(crate) stranger_at: Option<Timestamp>,
    pub(crate) next_flush: Option<Timestamp>,
    pub(crate) flush_interval: Duration,
    /// Acking lists go round the receivers; this one was listed last.
    pub(crate) flush_after: NodeId,
    /// Receivers that are waited for before data flow: so many will answer the first call.
    expected: u32,
    /// How often EOT is sent.
    pub(crate) eots: u32,
    pub(crate) next_eot: Timestamp,
    pub(crate) next_check: Timestamp,
    pub(crate) squelch_from: Timestamp,
    pub(crate) advertise_from: Timestamp,
    /// The last NACK came to us alone.
    pub(crate) unicast: bool,
    pub(crate) collide_from: Timestamp,
    /// Who has left while receivers were waited for: they say so more than once.
    left: VecDeque<Identity>,
    pub(crate) ack_request: Option<AckRequest>,
    pub(crate) next_ack_id: u8,
    pub(crate) command: Option<AppCommand>,
    mode: Mode,
    /// More receivers may come, whatever was served.
    pub(crate) stays_open: bool,
    /// Nothing is sent, because the application wants it so.
    pub(crate) paused: Option<Timestamp>,
    /// When the last pause ended.
    pub(crate) resumed: Timestamp,
}

/// EOT is repeated, because it may be lost and nobody acknowledges it.
pub(crate) const EOT_COUNT: u32 = 3;
/// The same where somebody loses more than [`LOSSY`]: whoever misses all of them stays for seconds.
pub(crate) const EOT_COUNT_LOSSY: u32 = 8;
/// 2 %, as a fraction of 65,535.
pub(crate) const LOSSY: u16 = 1_310;
pub(crate) const CHECK_EVERY: Duration = Duration::from_millis(100);
const CC_FIRST: Duration = Duration::from_millis(50);
const CC_LONGEST: Duration = Duration::from_secs(2);
/// The same where no roll call finds who comes late.
const CC_LONGEST_ALONE: Duration = Duration::from_millis(500);
const FTI_ALWAYS: Duration = Duration::from_secs(2);
const FLUSH_SHORTEST: Duration = Duration::from_millis(5);
const FLUSH_LONGEST: Duration = Duration::from_millis(500);
/// Who asks for repair without having said who it is gets a roll call within this time, ...
const STRANGER_CALL: Duration = Duration::from_millis(100);
/// ... and keeps the session open for this long, ...
const STRANGER_GRACE: Duration = Duration::from_secs(1);
/// ... but not beyond this time after everything was sent.
const STRANGER_LIMIT: Duration = Duration::from_secs(5);
/// A session goes on for so long after everybody has failed.
pub(crate) const ABANDONED_FOR: Duration = Duration::from_secs(1);
/// The robust factor's wait is not stretched further by a long round trip.
pub(crate) const LONGEST_ROBUST: Duration = Duration::from_secs(15);
/// The rate of reports that a roll call may cause, per second.
const REPORTS_PER_SECOND: u32 = 2_000;
/// Of those that have left so many are remembered.
const MOST_LEFT: usize = 64;
/// While receivers are waited for, one that is silent for so long, and for three calls, is gone.
pub(crate) const GONE: Duration = Duration::from_secs(4);
/// Between two roll calls, but for the first ones.
const CALL_PAUSE: Duration = Duration::from_secs(1);
/// While content flows, the next roll call comes after this many times the time that they take at this
/// rate: nobody is given up then, and reports cost the sender time that it needs for content.
const CALM_PAUSE: u32 = 16;

impl Session {
    pub(crate) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        let phase = if config.min_receivers == 0 {
            Phase::Sending
        } else {
            Phase::Gathering { deadline: config.start_timeout.map(|t| now + t) }
        };
        Self {
            phase,
            finishing: false,
            began: now,
            all_sent: None,
            abandoned: None,
            fti_until: fti_until(now, config.mode),
            next_cc: now,
            cc_interval: CC_FIRST,
            cc_sequence: 0,
            next_call: now,
            call_interval: Duration::ZERO,
            called_at: now,
            called_rarely: false,
            call_round: 0,
            census_at: now,
            calls_since_news: 0,
            stranger_at: None,
            next_flush: None,
            flush_interval: FLUSH_SHORTEST,
            flush_after: NodeId::NONE,
            expected: u32::try_from(config.min_receivers).unwrap_or(u32::MAX),
            eots: EOT_COUNT,
            next_eot: now,
            next_check: now + CHECK_EVERY,
            squelch_from: now,
            advertise_from: now,
            unicast: false,
            collide_from: now,
            left: VecDeque::new(),
            ack_request: None,
            next_ack_id: 0,
            command: None,
            mode: config.mode,
            stays_open: false,
            paused: None,
            resumed: now,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phase == Phase::Done
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing { .. } | Phase::Done)
    }

    /// Receivers are being waited for.
    pub(crate) fn is_gathering(&self) -> bool {
        matches!(self.phase, Phase::Gathering { .. })
    }

    /// A receiver reports, and `leaves` or not: true when it has said so before and nothing else since.
    pub(crate) fn is_leaving(&mut self, identity: Identity, leaves: bool) -> bool {
        let known = self.left.contains(&identity);
        if leaves && !known {
            self.left.truncate(MOST_LEFT - 1);
            self.left.push_front(identity);
        } else if known && !leaves {
            self.left.retain(|&left| left != identity);
        }
        leaves && known
    }

    /// Data may flow.
    pub(crate) fn is_sending(&self) -> bool {
        let begun = matches!(self.phase, Phase::Sending | Phase::Lingering { .. });
        begun && self.paused.is_none()
    }

    pub(crate) fn finish(&mut self) {
        self.finishing = true;
    }

    pub(crate) fn close(&mut self, now: Timestamp) {
        if !self.is_closing() {
            self.phase = Phase::Closing { eots: 0 };
            self.next_eot = now;
        }
    }

    /// Nobody could come meanwhile.
    pub(crate) fn postpone(&mut self, time: Duration) {
        if let Phase::Gathering { deadline: Some(deadline) } = &mut self.phase {
            *deadline += time;
        }
    }

    /// New objects: back to sending.
    pub(crate) fn reopen(&mut self) {
        self.all_sent = None;
        self.next_flush = None;
        if matches!(self.phase, Phase::Lingering { .. }) {
            self.phase = Phase::Sending;
        }
    }

    /// The session closes, and no EOT has been sent yet.
    pub(crate) fn begins_closing(&self) -> bool {
        self.phase == Phase::Closing { eots: 0 }
    }

    /// True when an EOT is to be sent now; counts it.
    pub(crate) fn take_eot(&mut self, now: Timestamp, gap: Duration) -> bool {
        let Phase::Closing { eots } = self.phase else { return false };
        if now < self.next_eot || eots >= self.eots {
            return false;
        }
        self.phase = Phase::Closing { eots: eots + 1 };
        self.next_eot = now + gap.clamp(Duration::from_millis(5), Duration::from_millis(100));
        true
    }

    /// When the next packet that goes by the clock is due.
    pub(crate) fn next_packet(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Done => None,
            Phase::Closing { .. } => Some(self.next_eot),
            _ if self.paused.is_some() => Some(self.next_cc),
            _ => {
                let open = |r: &&AckRequest| r.left > 0 && !r.pending.is_empty();
                let ack = self.ack_request.as_ref().filter(open).map(|r| r.next);
                let command = self.command.as_ref().map(|command| command.next);
                let call = self.mode.sends_queries().then_some(self.next_call);
                let clock = [Some(self.next_cc), call, self.next_flush, ack, command];
                clock.into_iter().flatten().min()
            }
        }
    }

    /// When the phase must be looked at again.
    pub(crate) fn next_check(&self) -> Option<Timestamp> {
        match self.phase {
            Phase::Closing { .. } | Phase::Done => None,
            _ => Some(self.next_check),
        }
    }

    /// Moves the probe timer on; probes thin out when nothing changes.
    pub(crate) fn probe_sent(&mut self, now: Timestamp) {
        self.next_cc = now + self.cc_interval;
        let longest = if self.mode.sends_queries() { CC_LONGEST } else { CC_LONGEST_ALONE };
        self.cc_interval = (self.cc_interval * 2).min(longest);
        self.cc_sequence = self.cc_sequence.wrapping_add(1);
    }

    /// Moves the roll call on; returns the window over which receivers spread their answers.
    pub(crate) fn call_sent(&mut self, now: Timestamp, grtt: Duration, listed: usize) -> Duration {
        self.call_round = self.call_round.wrapping_add(1);
        let spread = self.spread(listed);
        let hurry = self.call_round == 1 && self.expected > 0;
        let first = Duration::from_millis(2) * self.expected.clamp(2, 10);
        let shortest = if hurry { first } else { Duration::from_millis(100) };
        let window = spread.max((grtt * 2).min(shortest));
        let first_calls = self.call_round < 4;
        let pause = if first_calls { Duration::from_millis(250) } else { CALL_PAUSE };
        self.call_interval = pause.max(window * 4);
        let calm = self.call_round > 1 && self.phase == Phase::Sending && self.all_sent.is_none();
        let rare = self.rare_pause(listed).filter(|_| calm);
        self.called_rarely |= rare.is_some();
        (self.called_at, self.next_call) = (now, now + rare.unwrap_or(self.call_interval));
        if self.calls_since_news < 2 {
            self.calls_since_news += 1;
            self.census_at = now + window + grtt * 2;
        }
        window
    }

    /// What answers take at the highest rate of reports.
    fn spread(&self, listed: usize) -> Duration {
        let listed = u32::try_from(listed).unwrap_or(u32::MAX);
        Duration::from_secs(1) * listed.max(self.expected) / REPORTS_PER_SECOND
    }

    /// The pause behind a roll call while content flows to a large group.
    fn rare_pause(&self, listed: usize) -> Option<Duration> {
        let rare = self.spread(listed) * CALM_PAUSE;
        Some(rare).filter(|&rare| rare > self.call_interval.max(CALL_PAUSE))
    }

    /// All those have come that were waited for: content flows. A large group is thereby counted, and
    /// not called again soon.
    pub(crate) fn begin(&mut self, now: Timestamp, listed: usize) {
        self.phase = Phase::Sending;
        self.fti_until = fti_until(now, self.mode);
        self.next_cc = now;
        if let Some(rare) = self.rare_pause(listed).filter(|_| self.mode.sends_queries()) {
            self.next_call = self.called_at + rare;
            self.called_rarely = true;
            self.calls_since_news = 2;
        }
    }

    /// True when the last roll calls have brought nobody new.
    pub(crate) fn is_counted(&self) -> bool {
        self.calls_since_news >= 2
    }

    /// Everything was sent: from now on receivers may be given up, so roll calls come as usual.
    pub(crate) fn all_is_sent(&mut self, now: Timestamp) {
        self.all_sent = Some(now);
        self.next_flush = Some(now);
        let mut usual = self.called_at + self.call_interval;
        if self.called_rarely && self.is_counted() {
            // Confirmations tell as much, and most will have come by then.
            usual = usual.max(now + self.call_interval / 4);
        }
        self.next_call = self.next_call.min(usual);
    }

    /// A receiver was heard for the first time: there may be more.
    pub(crate) fn newcomer(&mut self, now: Timestamp) {
        // Whoever answers the first call is no surprise.
        if self.call_round > 1 || now >= self.census_at {
            self.calls_since_news = self.calls_since_news.min(1);
        }
        if !self.mode.sends_queries() {
            // No roll call finds the next one, but a probe that tells this one its round trip.
            self.cc_interval = CC_FIRST;
            self.next_cc = self.next_cc.min(now + CC_FIRST);
        }
    }

    /// Somebody speaks who has not said who it is; `ask` for it, and soon.
    pub(crate) fn stranger(&mut self, now: Timestamp, ask: bool) {
        self.stranger_at = Some(now);
        if ask {
            self.next_call = self.next_call.min(now + STRANGER_CALL);
        }
    }

    /// A roll call is due.
    pub(crate) fn must_call(&self, now: Timestamp) -> bool {
        self.mode.sends_queries() && now >= self.next_call
    }

    /// True when everybody who wants to be counted has had the time to say so.
    pub(crate) fn census_done(&self, now: Timestamp, robust: Duration) -> bool {
        if !self.mode.sends_queries() {
            return self.all_sent.is_some_and(|at| now >= at + robust.max(STRANGER_GRACE));
        }
        let unsaid = self.stranger_at.is_some_and(|at| now < at + STRANGER_GRACE);
        let late = self.all_sent.is_some_and(|at| now >= at + STRANGER_LIMIT);
        self.calls_since_news >= 2 && now >= self.census_at && (late || !unsaid)
    }

    /// Moves the flush on; flushes thin out while nothing happens.
    pub(crate) fn flush_sent(&mut self, now: Timestamp, grtt: Duration) {
        let shortest = (grtt * 2).max(FLUSH_SHORTEST);
        self.flush_interval = self.flush_interval.max(shortest);
        self.next_flush = Some(now + self.flush_interval);
        self.flush_interval = (self.flush_interval * 3 / 2).min(FLUSH_LONGEST.max(shortest));
    }

    /// EXT_FTI goes on every DATA message.
    pub(crate) fn must_tell_fti(&self, now: Timestamp) -> bool {
        now < self.fti_until
    }

    /// There is nothing new of a stream: FLUSH tells receivers how far it has come, so that they can
    /// ask for the last of it.
    pub(crate) fn rest_stream(&mut self, now: Timestamp) {
        if self.next_flush.is_none() {
            self.flush_interval = FLUSH_SHORTEST;
            self.next_flush = Some(now + FLUSH_SHORTEST);
        }
    }

    /// A stream goes on.
    pub(crate) fn wake_stream(&mut self) {
        self.next_flush = None;
    }

    /// Repairs have been sent: whoever needed them may confirm soon.
    pub(crate) fn hasten_flush(&mut self) {
        self.flush_interval = FLUSH_SHORTEST;
    }
}

fn fti_until(now: Timestamp, mode: Mode) -> Timestamp {
    if mode.repeats_fti() { Timestamp::MAX } else { now + FTI_ALWAYS }
}

#[cfg(test)]
mod tests;
