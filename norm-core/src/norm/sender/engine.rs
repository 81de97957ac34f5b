//! The sender: its parts, and how a driver runs them.

mod application;

use core::time::Duration;

use super::config::{ConfigError, SenderConfig};
use super::emit::{Packet, PacketWriter, PendingAnswers, Sources, max_packet_size};
use super::event::{Events, SenderEvent, SenderStats};
use super::feedback::Feedback;
use super::flow::FlowControl;
use super::lifecycle::Lifecycle;
use super::objects::Content;
use super::path_mtu::{OwnLimit, PathMtu, SizeChange, Verdict};
use super::rate::slow::TransferView;
use super::rate::{RateRecord, SendRate};
use super::receivers::{GroupTiming, Member, Receivers};
use super::repair::Repair;
use super::schedule::{Choice, CommandPoll, ContentPoll, PayloadChoice};
use super::slowest::{Limits, SlowestWatch};
use super::timeout::{TimeoutReason, Timers};
use crate::base::{Rng, Timestamp};
use crate::endpoint::{Datagram, Endpoint, Job, JobDone, Transmit, TransmitBuf};
use crate::norm::congestion::Total;
use crate::norm::moves::{MoveChain, SenderIds};
use crate::norm::wire::{InstanceId, NodeId, Sequence};

/// Sends objects to a group and repairs them until every receiver has them.
///
/// The sender keeps state, not packets: each [`Endpoint::poll_transmit`] asks for the most useful
/// packet now.
#[derive(Debug)]
pub struct Sender {
    config: SenderConfig,
    content: Content,
    repair: Repair,
    receivers: Receivers,
    flow: FlowControl,
    rate: SendRate,
    slowest: SlowestWatch,
    lifecycle: Lifecycle,
    payload: PayloadChoice,
    path: PathMtu,
    answers: PendingAnswers,
    writer: PacketWriter,
    events: Events,
    stats: SenderStats,
    /// When a packet was last sent.
    last_sent: Timestamp,
    /// True when the last poll found nothing to send.
    idle: bool,
}

impl Sender {
    /// A sender that begins with a membership query at `now`.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work.
    pub fn new(config: SenderConfig, seed: u64, now: Timestamp) -> Result<Self, ConfigError> {
        let config = config.checked()?;
        let mut rng = Rng::new(seed);
        let instance = InstanceId((rng.next_u32() >> 16) as u16);
        let sequence = Sequence((rng.next_u32() >> 16) as u16);
        let packet = usize::from(config.segment_size) + super::DATA_OVERHEAD;
        Ok(Self {
            content: Content::new(&config),
            repair: Repair::new(&config, now),
            receivers: Receivers::new(&config, now),
            flow: FlowControl::new(),
            rate: SendRate::new(&config, packet, now),
            slowest: SlowestWatch::new(config.slow.is_none(), now),
            lifecycle: Lifecycle::new(&config, now),
            payload: PayloadChoice::new(config.payload),
            path: PathMtu::new(&config),
            answers: PendingAnswers::new(now),
            writer: PacketWriter::new(&config, instance, sequence),
            events: Events::default(),
            stats: SenderStats::default(),
            last_sent: now,
            idle: false,
            config,
        })
    }

    /// The instance id, which tells this session from an earlier one of the same node.
    pub fn instance(&self) -> InstanceId {
        self.writer.instance()
    }

    /// The advertised group round trip.
    pub fn grtt(&self) -> Duration {
        self.receivers.grtt()
    }

    /// The rate now, in bits per second; `None` without a limit.
    pub fn rate(&self) -> Option<u64> {
        self.rate.get()
    }

    /// Records what the controller of the rate believes, from now on; see
    /// [`take_rate_trace`](Self::take_rate_trace). A fixed rate has nothing to record.
    pub fn start_rate_trace(&mut self) {
        self.rate.start_trace();
    }

    /// What was recorded since the last call; 65,536 records at most.
    pub fn take_rate_trace(&mut self) -> Vec<RateRecord> {
        self.rate.take_trace()
    }

    /// Counters.
    pub fn stats(&self) -> &SenderStats {
        &self.stats
    }

    /// Receivers heard of, in node id order.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.receivers.members().iter()
    }

    /// Names in the roster under which no receiver has come, or one that left before content
    /// flowed; none without a roster.
    pub fn absent(&self) -> impl Iterator<Item = &str> {
        self.receivers.absent()
    }

    /// Content bytes sent once, and content bytes in all.
    pub fn progress(&self) -> (u64, u64) {
        let all = self.content.objects().bytes();
        // The part of a block that was cut anew was sent twice.
        (self.content.position().bytes().min(all), all)
    }

    /// Which pass of a carousel is under way, from 1 on; 0 without a carousel, and after its last
    /// pass.
    pub fn pass(&self) -> u64 {
        self.content.pass()
    }

    /// True when content of files is sent only as far as receivers ask for it: by the settings, or
    /// because all receivers have a part of it.
    pub fn is_on_request(&self) -> bool {
        self.payload.is_on_request()
    }

    /// True when nothing more will be sent.
    pub fn is_finished(&self) -> bool {
        self.lifecycle.is_done()
    }

    /// When the sender wants to wake up, and why; see [`Endpoint::poll_timeout`].
    pub fn timeout_reason(&self) -> Option<(Timestamp, TimeoutReason)> {
        if self.lifecycle.is_done() {
            return None;
        }
        let mut timers = Timers::new(self.rate.next());
        if !self.idle {
            timers.add(Some(self.rate.next()), TimeoutReason::Pacing);
            return timers.next();
        }
        self.lifecycle.add_packet_timers(&mut timers);
        let holds = self.lifecycle.moving().holds();
        if self.lifecycle.is_sending() && !holds {
            timers.add_packet(self.repair.next_activation(), TimeoutReason::Repair);
            timers.add_packet(self.payload.next_look(), TimeoutReason::Payload);
            timers.add_packet(self.content.next_repeat(), TimeoutReason::Repeat);
            let late_joiners = self.receivers.late_joiners().next();
            timers.add_packet(late_joiners, TimeoutReason::LateJoiners);
        }
        if !holds {
            timers.add(self.path.wake(), TimeoutReason::PathMtu);
            timers.add_packet(self.flow.waits_until(), TimeoutReason::FlowControl);
        }
        self.lifecycle.add_check_timer(&mut timers);
        timers.next()
    }

    /// Sets a secret, of random bytes that cannot be guessed, by which receivers believe that the
    /// sender has another address. Without one, and in standard mode, a sender that moves is
    /// another sender to them. To be called before anything is sent.
    pub fn prove_moves(&mut self, secret: [u8; 16]) {
        if self.config.mode.sends_queries() {
            let ids = SenderIds { node: self.config.node, instance: self.writer.instance() };
            let chain = MoveChain::new(ids, secret);
            self.writer.set_proof(chain.proof());
            self.lifecycle.moving_mut().set_chain(chain);
        }
    }

    /// Says that packets leave from another address from now on. For some seconds nothing is sent
    /// then but notices of that, which lets receivers go on with this sender.
    pub fn address_changed(&mut self, now: Timestamp) {
        let (last_sent, grtt) = (self.last_sent, self.receivers.grtt());
        if let Some(proof) = self.lifecycle.moving_mut().begin(now, last_sent, grtt) {
            self.writer.set_proof(proof);
            self.path.note_interruption(now);
        }
        self.idle = false;
    }

    /// Says that nothing could be sent of late: no receiver is given up for not being heard.
    pub fn note_cut_off(&mut self, now: Timestamp) {
        self.lifecycle.note_cut_off(now);
    }

    /// Says that packets of more than `bytes`, all headers included, do not leave this host any
    /// more. Packets become shorter; false if they cannot.
    pub fn limit_packets(&mut self, now: Timestamp, bytes: u32) -> bool {
        self.idle = false;
        match self.path.limit(bytes) {
            Some(OwnLimit::Kept) => true,
            Some(OwnLimit::Change(change)) => self.change_size(now, change),
            None => false,
        }
    }

    fn group(&self) -> GroupTiming {
        self.receivers.group(self.lifecycle.is_counted(), self.content.is_streaming())
    }

    /// Looks at clock and receivers, and moves to the next phase when it is time.
    fn advance(&mut self, now: Timestamp) {
        self.receivers.tick(now);
        if self.lifecycle.take_check(now) {
            self.check(now);
        }
        if self.lifecycle.gather(now, &mut self.receivers, &mut self.path, &mut self.events)
            && let Some((change, verdicts)) = self.path.decide(self.receivers.members())
        {
            self.change_size(now, change);
            verdicts.into_iter().for_each(|verdict| self.act(now, verdict));
        }
        let told = self.rate.has_notices();
        self.lifecycle.advance(now, &mut self.receivers, told, &mut self.events);
    }

    /// Acts on what a receiver gets of packets of the length in use.
    fn act(&mut self, now: Timestamp, verdict: Verdict) {
        match verdict {
            Verdict::Change(change) => {
                let node = change.node();
                if !self.change_size(now, change)
                    && let Some(node) = node
                {
                    self.too_short(node, change.packet());
                }
            }
            Verdict::TooShort { node, largest } => self.too_short(node, largest),
        }
    }

    /// A receiver gets only packets that are shorter than those of the others may be.
    fn too_short(&mut self, node: NodeId, largest: u16) {
        self.path.note_told(node);
        let needed = self.path.needed();
        self.events.push(SenderEvent::PathMtuTooSmall { node, largest, needed });
        let members = self.receivers.members_mut();
        self.rate.evict_short(node, members, &mut self.events);
    }

    /// Makes packets of another length from now on; false when the content cannot be cut so.
    fn change_size(&mut self, now: Timestamp, change: SizeChange) -> bool {
        let segment = change.segment();
        if segment == 0 {
            return true;
        }
        let mut config = self.config.clone();
        config.segment_size = segment;
        if segment != self.config.segment_size {
            let Ok(block_len) = self.content.lay_out(&config) else { return false };
            config.block_len = block_len;
            self.repair = Repair::new(&config, now);
            self.flow.forget_lag();
            self.rate.set_packet(usize::from(segment) + super::DATA_OVERHEAD, segment, now);
            self.writer.set_segment_size(segment);
            self.lifecycle.note_new_layout(now);
            if self.content.objects().moved().layouts > 0 {
                self.answers.moved(now, self.receivers.grtt());
                // Receivers believe it when it is told twice.
                self.lifecycle.press_query(self.receivers.grtt());
            }
            self.config = config;
        }
        self.path.changed(&change);
        self.receivers.members_mut().judge_sizes_anew(self.path.needed());
        self.events.push(SenderEvent::PacketSize {
            packet: change.packet(),
            segment,
            node: change.node(),
        });
        true
    }

    /// Ends what has waited for receivers for too long.
    fn check(&mut self, now: Timestamp) {
        self.repair.purge(now - self.receivers.grtt() * 5);
        let members = self.receivers.members();
        self.path.retain(|node| members.is_active(node));
        if self.path.is_searching() {
            self.lifecycle.press_query(self.receivers.grtt());
        }
        self.lifecycle.expire_acks(now, &mut self.events);
        self.lifecycle.give_up_silent(now, &mut self.receivers, &mut self.events);
        for node in self.rate.take_notices() {
            self.answers.evict(node);
        }
        let holder = self.flow.holder(self.content.position().bytes());
        let sent = self.stats.bytes;
        let view = TransferView::new(now, &self.lifecycle, &self.receivers, holder, sent);
        let members = self.receivers.members_mut();
        self.rate.watch_slow(now, &view, members, &mut self.events);
        let limits = Limits { limiting: self.rate.limiting(), holder, sent };
        self.slowest.look(now, limits, self.receivers.members(), &mut self.events);
        let told = self.rate.has_notices();
        self.lifecycle.close_if_abandoned(now, &self.receivers, told, &mut self.events);
    }

    /// Without its content a session cannot be completed.
    fn read_failed(&mut self, now: Timestamp) {
        if !self.lifecycle.is_closing() {
            self.events.push(SenderEvent::ReadFailed);
            self.lifecycle.close(now);
        }
    }

    /// The most useful packet now, at most `limit` of a batch.
    fn next_packet(&mut self, now: Timestamp, limit: u32) -> Option<Choice> {
        self.flow.begin_poll();
        self.lifecycle.end_hold(now);
        if !self.lifecycle.is_done()
            && let Some(notice) = self.commands(now).move_notice()
        {
            return Some(Choice::plain(notice));
        }
        if self.lifecycle.moving().holds() {
            return None;
        }
        if self.lifecycle.is_closing() {
            return self.commands(now).eot().map(Choice::plain);
        }
        if self.lifecycle.is_paused() {
            return self.commands(now).pause_probe().map(Choice::plain);
        }
        if let Some(command) = self.commands(now).next() {
            return Some(Choice::plain(command));
        }
        if !self.lifecycle.is_sending() {
            return None;
        }
        if let Some(content) = self.content_poll(now, limit).next() {
            return Some(content);
        }
        // Content may have to wait for reports, which are asked for at once.
        let mut commands = self.commands(now);
        commands.next().or_else(|| commands.flush()).map(Choice::plain)
    }

    fn commands(&mut self, now: Timestamp) -> CommandPoll<'_> {
        CommandPoll {
            now,
            config: &self.config,
            content: &self.content,
            receivers: &mut self.receivers,
            flow: &mut self.flow,
            rate: &mut self.rate,
            lifecycle: &mut self.lifecycle,
            path: &mut self.path,
            answers: &mut self.answers,
            total: Total { bytes: self.stats.bytes, packets: self.stats.packets },
        }
    }

    fn content_poll(&mut self, now: Timestamp, limit: u32) -> ContentPoll<'_> {
        ContentPoll {
            now,
            limit,
            written: self.writer.written().count(),
            config: &self.config,
            content: &mut self.content,
            repair: &mut self.repair,
            receivers: &self.receivers,
            flow: &mut self.flow,
            rate: &self.rate,
            lifecycle: &mut self.lifecycle,
            payload: &mut self.payload,
            answers: &mut self.answers,
            events: &mut self.events,
        }
    }

    /// Packets that may leave at once.
    fn batch_limit(&self, now: Timestamp, out: &TransmitBuf) -> u32 {
        // A stream's segments have a header of 8 bytes.
        let packet = max_packet_size(&self.config) + 8;
        let paced = self.rate.batch(now, packet + self.config.packets.overhead.bytes());
        u32::try_from(out.batch_limit(packet).min(paced)).unwrap_or(1)
    }
}

impl Endpoint for Sender {
    type Event = SenderEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        let mut feedback = Feedback {
            now,
            config: &self.config,
            instance: self.writer.instance(),
            written: self.writer.written(),
            content: &mut self.content,
            repair: &mut self.repair,
            receivers: &mut self.receivers,
            flow: &mut self.flow,
            rate: &mut self.rate,
            slowest: &mut self.slowest,
            lifecycle: &mut self.lifecycle,
            path: &mut self.path,
            answers: &mut self.answers,
            stats: &mut self.stats,
            events: &mut self.events,
        };
        if let Some(verdict) = feedback.take(&datagram) {
            self.act(now, verdict);
        }
        self.advance(now);
        self.idle = false;
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
        self.idle = false;
    }

    fn handle_job(&mut self, now: Timestamp, done: JobDone) {
        match done {
            JobDone::Read { block, result } => {
                let failed = result.is_err();
                self.content.block_read(block, result.ok());
                if failed {
                    self.read_failed(now);
                }
            }
            JobDone::Encode { result: Err(_), .. } => self.read_failed(now),
            JobDone::Encode { block, first, result: Ok(symbols) } => {
                self.repair.encoded(&self.content, block, first, symbols);
            }
            JobDone::Store { .. } | JobDone::Recall { .. } => {}
            JobDone::Prepare { .. } | JobDone::Gather { .. } => {
                if !self.content.turn_job_done(done) {
                    self.read_failed(now);
                }
            }
        }
        self.idle = false;
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if !self.rate.is_ready(now) {
            return None;
        }
        out.clear();
        self.idle = true;
        let Choice { packet, share } = self.next_packet(now, self.batch_limit(now, out))?;
        let sources =
            Sources { content: &self.content, repairs: self.repair.table(), group: self.group() };
        let transmit = self.writer.write(&packet, sources, out)?;
        self.idle = false;
        let packets = out.datagrams();
        let is_signed = packet.speaks_for_sender();
        let signatures = if is_signed { packets * self.config.packets.signature } else { 0 };
        let bytes = out.payload_bytes() + signatures;
        packet.count(&mut self.stats);
        self.stats.packets += packets as u64;
        self.stats.bytes += bytes as u64;
        self.repair.count_share(share, bytes);
        self.last_sent = now;
        let bytes = bytes + packets * self.config.packets.overhead.bytes();
        match packet {
            Packet::SizeProbe(_) if self.path.is_in_haste() => {
                self.rate.spent_on_sizes(now, bytes);
            }
            _ => self.rate.spent(now, bytes),
        }
        if let Packet::Data(_) | Packet::Turn(_) = packet {
            self.path.note_content(transmit.segment_size - out.margins().bytes());
        }
        Some(if is_signed { transmit.signed() } else { transmit })
    }

    fn note_own_packet(&mut self, now: Timestamp, bytes: usize) {
        self.rate.spent_around(now, bytes + self.config.packets.overhead.bytes());
    }

    fn poll_job(&mut self) -> Option<Job> {
        if !self.lifecycle.is_closing() {
            self.content.read_ahead();
            if let Some(job) = self.content.next_turn_job() {
                return Some(job);
            }
        }
        self.content.next_job()
    }

    fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.timeout_reason().map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests;
