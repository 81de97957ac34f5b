//! The course of a session: its phase, and everything that is sent by the clock.

mod course;

use core::time::Duration;

use bytes::Bytes;

use super::ack_request::AckRequests;
use super::command::CommandSchedule;
use super::flush::FlushSchedule;
use super::moving::Moving;
use super::notices::Notices;
use super::pause::Pause;
use super::phase::PhaseMachine;
use super::probe::ProbeSchedule;
use super::query::QuerySchedule;
use super::rules::Rules;
use crate::base::Timestamp;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::event::Events;
use crate::norm::sender::path_mtu::Opening;
use crate::norm::sender::receivers::Receivers;
use crate::norm::sender::timeout::{TimeoutReason, Timers};

/// Time between two looks at phase and receivers.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);

/// Phase and schedules of a session.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phases: PhaseMachine,
    pause: Pause,
    query: QuerySchedule,
    probe: ProbeSchedule,
    flush: FlushSchedule,
    ack_requests: AckRequests,
    command: CommandSchedule,
    notices: Notices,
    moving: Moving,
    /// What queries say of the sender's name.
    sender_name: String,
    next_check: Timestamp,
    /// EXT_FTI goes on every DATA message until then.
    fti_until: Timestamp,
    rules: Rules,
}

impl Lifecycle {
    pub(crate) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        let rules = Rules::new(config);
        Self {
            phases: PhaseMachine::new(config, now),
            pause: Pause::new(now),
            query: QuerySchedule::new(config, now),
            probe: ProbeSchedule::new(config.mode, now),
            flush: FlushSchedule::new(),
            ack_requests: AckRequests::new(),
            command: CommandSchedule::default(),
            notices: Notices::default(),
            moving: Moving::default(),
            sender_name: String::new(),
            next_check: now + CHECK_INTERVAL,
            fti_until: rules.fti_until(now),
            rules,
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.phases.is_done()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.phases.is_closing()
    }

    /// Receivers are being waited for.
    pub(crate) fn is_gathering(&self) -> bool {
        self.phases.is_gathering()
    }

    /// Nothing is sent, because the application wants it so.
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_on()
    }

    /// Content may flow.
    pub(crate) fn is_sending(&self) -> bool {
        self.phases.has_begun() && !self.pause.is_on()
    }

    /// Everything was sent once.
    pub(crate) fn is_all_sent(&self) -> bool {
        self.phases.all_sent().is_some()
    }

    /// When the session began.
    pub(crate) fn began(&self) -> Timestamp {
        self.phases.began()
    }

    /// Queries find no new receivers.
    pub(crate) fn is_counted(&self) -> bool {
        self.query.is_counted()
    }

    /// EXT_FTI goes on every DATA message.
    pub(crate) fn repeats_fti(&self, now: Timestamp) -> bool {
        now < self.fti_until
    }

    pub(crate) fn probe_mut(&mut self) -> &mut ProbeSchedule {
        &mut self.probe
    }

    pub(crate) fn flush_mut(&mut self) -> &mut FlushSchedule {
        &mut self.flush
    }

    pub(crate) fn ack_requests_mut(&mut self) -> &mut AckRequests {
        &mut self.ack_requests
    }

    pub(crate) fn command_mut(&mut self) -> &mut CommandSchedule {
        &mut self.command
    }

    pub(crate) fn notices_mut(&mut self) -> &mut Notices {
        &mut self.notices
    }

    pub(crate) fn moving(&self) -> &Moving {
        &self.moving
    }

    pub(crate) fn moving_mut(&mut self) -> &mut Moving {
        &mut self.moving
    }

    /// Until now nothing could be sent, so no receiver could be heard.
    pub(crate) fn note_cut_off(&mut self, now: Timestamp) {
        self.pause.note_cut_off(now);
    }

    /// No more objects will come.
    pub(crate) fn finish(&mut self) {
        self.phases.finish();
    }

    /// While `open`, the session does not end by itself.
    pub(crate) fn keep_open(&mut self, open: bool) {
        self.phases.keep_open(open);
    }

    pub(crate) fn close(&mut self, now: Timestamp) {
        self.phases.close(now);
    }

    /// There are new objects.
    pub(crate) fn reopen(&mut self) {
        self.phases.reopen();
        self.flush.stop();
    }

    /// Begins a pause; false if there is one.
    pub(crate) fn pause(&mut self, now: Timestamp) -> bool {
        let begins = self.pause.begin(now);
        if begins {
            self.probe.schedule(now);
        }
        begins
    }

    /// Sends nothing more but probes which say so, until the session is closed.
    pub(crate) fn stop(&mut self, now: Timestamp) {
        self.pause.stop(now);
        self.probe.schedule(now);
    }

    /// Nothing more is sent, and the session is not closed.
    pub(crate) fn is_stopped(&self) -> bool {
        self.pause.is_stopped()
    }

    /// Ends a pause, if there is one: what waits has waited no time. False without one.
    pub(crate) fn resume(&mut self, now: Timestamp) -> bool {
        let Some(time) = self.pause.end(now) else { return false };
        self.phases.postpone(time);
        self.go_on(now);
        true
    }

    /// Ends the time after a move in which nothing is sent but notices of it, if it is over.
    pub(crate) fn end_hold(&mut self, now: Timestamp) {
        if self.moving.end_hold(now) {
            self.pause.note_cut_off(now);
            self.go_on(now);
        }
    }

    /// After a time in which nothing was sent, all that tells of the sender is due.
    fn go_on(&mut self, now: Timestamp) {
        self.probe.schedule(now);
        self.query.hurry(now);
        self.flush.hurry(now);
    }

    /// Sends an application's command `times` times.
    pub(crate) fn send_command(&mut self, content: Bytes, times: u32, now: Timestamp) {
        self.command.set(content, times, now);
    }

    /// Sends these commands again and again, instead of earlier ones.
    pub(crate) fn announce(&mut self, notices: Vec<Bytes>, now: Timestamp) {
        self.notices.set(notices, now);
    }

    /// Asks all receivers to acknowledge; returns the id of the request.
    pub(crate) fn request_ack(
        &mut self,
        ack_type: u8,
        receivers: &Receivers,
        now: Timestamp,
    ) -> u8 {
        let pending = receivers.members().iter().map(|(node, _)| node).collect();
        self.ack_requests.begin(ack_type, pending, self.rules.robust, now)
    }

    /// A receiver has announced itself.
    pub(crate) fn note_newcomer(&mut self, now: Timestamp, grtt: Duration) {
        self.query.note_newcomer(now);
        if self.phases.is_gathering() {
            self.query.note_gathered(grtt);
        }
        self.probe.note_newcomer(now);
    }

    /// An unannounced receiver speaks.
    pub(crate) fn note_unannounced(&mut self, now: Timestamp) {
        self.query.note_unannounced(now, !self.rules.trusts_unannounced);
    }

    /// Everything was sent once; false if that was so before.
    pub(crate) fn note_all_sent(&mut self, now: Timestamp) -> bool {
        let first = self.phases.note_all_sent(now);
        if first {
            self.flush.begin(now);
            self.query.note_all_sent(now);
            self.notices.hurry(now);
        }
        first
    }

    /// True when a membership query is due.
    pub(crate) fn is_query_due(&self, now: Timestamp) -> bool {
        self.query.is_due(now)
    }

    /// Has receivers report now; returns the number of the last query before that.
    pub(crate) fn ask_for_reports(&mut self, now: Timestamp) -> u16 {
        self.query.hurry(now);
        self.query.round()
    }

    /// Until when receivers answer the query after this one; `None` until it is sent.
    pub(crate) fn answer_by(&self, after: u16) -> Option<Timestamp> {
        self.query.answer_by(after)
    }

    /// The sender's name.
    pub(crate) fn sender_name(&self) -> &str {
        &self.sender_name
    }

    /// Sets the sender's name.
    pub(crate) fn set_sender_name(&mut self, name: &str) {
        name.clone_into(&mut self.sender_name);
    }

    /// Receivers are to be asked again soon.
    pub(crate) fn press_query(&mut self, grtt: Duration) {
        self.query.press(grtt);
    }

    /// What the start waits for before it is known how long packets may be.
    pub(crate) fn opening(&self) -> Opening {
        Opening { expects_receivers: self.rules.min_receivers > 0, spread: self.query.spread() }
    }

    /// Receivers that are expected before content flows.
    pub(crate) fn expected(&self) -> usize {
        self.rules.min_receivers
    }

    /// The objects were laid out anew.
    pub(crate) fn note_new_layout(&mut self, now: Timestamp) {
        self.reopen();
        self.fti_until = self.rules.fti_until(now);
    }

    /// A membership query is sent.
    pub(crate) fn query(&mut self, now: Timestamp, receivers: &Receivers) -> QuerySent {
        let (listed, flowing) = (receivers.members().len(), self.phases.sends_new());
        let spread = self.query.sent(now, receivers.grtt(), listed, flowing);
        QuerySent { round: self.query.round(), spread }
    }

    /// A probe of a pause is due; returns its number.
    pub(crate) fn pause_probe(&mut self, now: Timestamp) -> Option<u16> {
        let due = self.probe.is_due(now);
        due.then(|| {
            let sequence = self.probe.sent(now);
            self.probe.sent_in_pause(now, self.pause.is_stopped());
            sequence
        })
    }

    /// True when an EOT is to be sent now; counts it. More are sent where receivers lose packets.
    pub(crate) fn take_eot(
        &mut self,
        now: Timestamp,
        grtt: Duration,
        is_lossy: impl FnOnce() -> bool,
    ) -> bool {
        self.phases.take_eot(now, grtt, is_lossy)
    }

    /// Adds the timers of packets.
    pub(crate) fn add_packet_timers(&self, timers: &mut Timers) {
        timers.add_packet(self.moving.next(), TimeoutReason::Move);
        if self.moving.holds() {
            return;
        }
        if self.phases.is_closing() {
            timers.add_packet(self.phases.next_eot(), TimeoutReason::Eot);
            return;
        }
        timers.add_packet(Some(self.probe.next()), TimeoutReason::Probe);
        if !self.pause.is_on() {
            timers.add_packet(self.query.next(), TimeoutReason::Query);
            timers.add_packet(self.flush.next(), TimeoutReason::Flush);
            timers.add_packet(self.ack_requests.next(), TimeoutReason::AckRequest);
            timers.add_packet(self.command.next(), TimeoutReason::Command);
            timers.add_packet(self.notices.next(), TimeoutReason::Notice);
        }
    }

    /// Adds the timer of the next look at phase and receivers.
    pub(crate) fn add_check_timer(&self, timers: &mut Timers) {
        if !self.phases.is_closing() {
            timers.add(Some(self.next_check), TimeoutReason::Check);
        }
    }

    /// True when receivers are to be looked at; not in a pause.
    pub(crate) fn take_check(&mut self, now: Timestamp) -> bool {
        let due = now >= self.next_check;
        if due {
            self.next_check = now + CHECK_INTERVAL;
        }
        due && !self.pause.is_on()
    }

    /// Ends an acknowledgment request that is over.
    pub(crate) fn expire_acks(&mut self, now: Timestamp, events: &mut Events) {
        if let Some(event) = self.ack_requests.expire(now) {
            events.push(event);
        }
    }
}

/// A membership query that is sent.
#[derive(Copy, Clone, Debug)]
pub(crate) struct QuerySent {
    pub(crate) round: u16,
    /// Time over which receivers spread their answers.
    pub(crate) spread: Duration,
}
