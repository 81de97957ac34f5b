//! The sending side of a NORM session (RFC 5740 §5.1, §5.4, §5.5).
//!
//! The sender keeps state, not packets: each [`Endpoint::poll_transmit`] asks for the most useful
//! packet now. Files: `session` decides what phase the session is in, `schedule` which packet is
//! most useful, `compose` writes it, `feedback` takes what receivers say; the rest are parts that
//! know nothing of each other.

mod config;
mod emit;
mod event;
mod feedback;
mod flow;
mod lifecycle;
mod mode;
mod objects;
mod outbound;
mod rate;
mod receivers;
mod repair;
mod schedule;

use std::collections::VecDeque;

use crate::base::Rng;
use crate::base::Timestamp;
use crate::base::pacer::Pacer;
use crate::endpoint::{Datagram, Endpoint, Job, JobDone, ReadJob, Transmit, TransmitBuf};
use crate::fec::{Layout, Scheme};
use crate::norm::wire::{InstanceId, NodeId, Sequence};

pub use config::{CacheOptions, ConfigError, GrttOptions, RateControl, SenderConfig};
pub use emit::compose::DATA_OVERHEAD;
pub use event::{SenderEvent, SenderStats};
pub use mode::Mode;
pub use objects::stream::StreamSpec;
pub use objects::table::ObjectSpec;
pub use rate::slow::SlowPolicy;
pub use receivers::member::{Member, MemberStatus};

use emit::compose::Urgent;
use flow::lag::Lag;
use flow::window::Window;
use lifecycle::session::{AppCommand, Session};
use objects::cache::BlockCache;
use objects::parity::ParityCursors;
use objects::table::ObjectTable;
use rate::arbiter::Turns;
use rate::clr::Steering;
use rate::slow::Slow;
use receivers::grtt::Grtt;
use receivers::late_joiners::Welcome;
use receivers::rtt_notices::Untold;
use receivers::table::Members;
use repair::budget::Allowance;
use repair::proactive::Foresight;
use repair::table::RepairTable;
use schedule::Cursor;

/// Sends objects to a group and repairs them until every receiver has them.
#[derive(Debug)]
pub struct Sender {
    config: SenderConfig,
    /// The highest rate now; at first that of the settings.
    limit: Option<u64>,
    instance: InstanceId,
    sequence: Sequence,
    objects: ObjectTable,
    cursor: Cursor,
    cache: BlockCache,
    repairs: RepairTable,
    parity: ParityCursors,
    members: Members,
    lag: Lag,
    window: Window,
    foresight: Foresight,
    strangers: Allowance,
    grtt: Grtt,
    pacer: Pacer,
    /// Unless the rate is fixed.
    steering: Option<Steering>,
    turns: Option<Turns>,
    /// Who was asked last by a probe, while nobody said anything.
    asked: NodeId,
    /// Unless everybody is waited for.
    slow: Option<Slow>,
    session: Session,
    urgent: VecDeque<Urgent>,
    welcome: Welcome,
    untold: Untold,
    /// Bytes that history repair may send while there is other work.
    history_credit: i64,
    /// Until when new data wait for a receiver, if they did at the last poll.
    stalled: Option<Timestamp>,
    /// True when the last poll found nothing to send.
    idle: bool,
    jobs: VecDeque<Job>,
    events: VecDeque<SenderEvent>,
    stats: SenderStats,
}

/// Events kept for an application that does not fetch them; reports beyond are dropped.
const MAX_EVENTS: usize = 8_192;

impl Sender {
    /// A sender that begins with a roll call at `now`.
    ///
    /// # Errors
    /// [`ConfigError`] when the settings cannot work.
    pub fn new(config: SenderConfig, seed: u64, now: Timestamp) -> Result<Self, ConfigError> {
        if config.node == NodeId::NONE || config.node == NodeId::ANY {
            return Err(ConfigError::ReservedNode);
        }
        if !(64..=65_000).contains(&config.segment_size) {
            return Err(ConfigError::SegmentSize);
        }
        if !(1..=56_403).contains(&config.block_len) {
            return Err(ConfigError::BlockLength);
        }
        let mut config = config;
        if let Scheme::ReedSolomon(code) = config.scheme {
            config.block_len = code.block_len().into();
            if Layout::reed_solomon(1, config.segment_size, code).is_err() {
                return Err(ConfigError::SegmentSize);
            }
        }
        let mut rng = Rng::new(seed);
        let instance = InstanceId((rng.next_u32() >> 16) as u16);
        let packet = usize::from(config.segment_size) + DATA_OVERHEAD;
        let steering = Steering::new(&config, packet, now);
        let rate = steering.as_ref().map(Steering::rate).or(config.rate);
        Ok(Self {
            limit: config.rate,
            instance,
            sequence: Sequence((rng.next_u32() >> 16) as u16),
            objects: ObjectTable::new(config.first_object),
            cursor: Cursor::new(config.first_object),
            cache: BlockCache::new(config.cache.bytes),
            repairs: RepairTable::default(),
            parity: ParityCursors::default(),
            members: Members::new(config.max_receivers, config.mode.lists_all_heard()),
            lag: Lag::new(),
            window: Window::new(),
            foresight: Foresight::default(),
            strangers: Allowance::new(now),
            grtt: Grtt::new(config.grtt.initial, config.grtt.min, now),
            pacer: Pacer::new(rate, now),
            steering,
            turns: Turns::new(&config, packet, now),
            asked: NodeId::NONE,
            slow: config.slow.map(Slow::new),
            session: Session::new(&config, now),
            urgent: VecDeque::new(),
            welcome: Welcome::default(),
            untold: Untold::default(),
            history_credit: 0,
            stalled: None,
            idle: false,
            jobs: VecDeque::new(),
            events: VecDeque::new(),
            stats: SenderStats::default(),
            config,
        })
    }

    /// Adds an object; returns its key, which Read jobs name.
    ///
    /// # Errors
    /// [`ConfigError`] when the object does not fit the session.
    pub fn enqueue(&mut self, spec: ObjectSpec) -> Result<u64, ConfigError> {
        let key = self.objects.push(spec, &self.config)?;
        self.members.reopen();
        self.session.reopen();
        self.idle = false;
        Ok(key)
    }

    /// No more objects will come: the session ends when everybody has confirmed.
    pub fn finish(&mut self) {
        self.session.finish();
        self.idle = false;
    }

    /// Sends bytes of the application's own to all receivers (CMD(APPLICATION), RFC 5740 §4.2.3.7),
    /// `times` times, two round trips apart. One that is still being sent is replaced.
    ///
    /// # Errors
    /// [`ConfigError::CommandTooLong`] when they exceed one segment.
    pub fn send_command(
        &mut self,
        content: bytes::Bytes,
        times: u32,
        now: Timestamp,
    ) -> Result<(), ConfigError> {
        if content.len() > usize::from(self.config.segment_size) {
            return Err(ConfigError::CommandTooLong);
        }
        self.session.command = Some(AppCommand { content, left: times, next: now });
        self.idle = false;
        Ok(())
    }

    /// Ends the session now: says so to the receivers and stops.
    pub fn abort(&mut self, now: Timestamp) {
        self.session.close(now);
        self.idle = false;
    }

    /// The instance id, which tells this session from an earlier one of the same node.
    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The advertised group round trip.
    pub fn grtt(&self) -> core::time::Duration {
        self.grtt.get()
    }

    /// The rate now, in bits per second; `None` without a limit.
    pub fn rate(&self) -> Option<u64> {
        self.steering.as_ref().map(Steering::rate).or(self.limit)
    }

    /// Counters.
    pub fn stats(&self) -> &SenderStats {
        &self.stats
    }

    /// Receivers heard of, in node id order.
    pub fn members(&self) -> impl Iterator<Item = (NodeId, &Member)> {
        self.members.iter()
    }

    /// Content bytes sent once, and content bytes in all.
    pub fn progress(&self) -> (u64, u64) {
        (self.cursor.bytes, self.objects.bytes())
    }

    /// True when nothing more will be sent.
    pub fn is_finished(&self) -> bool {
        self.session.is_done()
    }

    fn event(&mut self, event: SenderEvent) {
        self.events.push_back(event);
    }

    /// Without its content a session cannot be completed.
    fn source_failed(&mut self, now: Timestamp) {
        if !self.session.is_closing() {
            self.event(SenderEvent::ReadFailed);
            self.session.close(now);
        }
    }

    fn coded(&self) -> bool {
        self.config.scheme.parity(self.config.block_len) > 0
    }

    fn want_block(&mut self, number: u64) {
        if let Some((object, block)) = self.objects.by_block(number)
            && object.stream.is_none()
        {
            let geometry = object.geometry(block);
            if !self.cache.want(number, geometry.len as usize) {
                return;
            }
            self.jobs.push_back(Job::Read(ReadJob {
                object: object.key,
                block: number,
                offset: geometry.offset,
                len: geometry.len,
            }));
        }
    }
}

impl Endpoint for Sender {
    type Event = SenderEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.take_feedback(now, &datagram);
        self.advance(now);
        self.idle = false;
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        self.advance(now);
        self.idle = false;
    }

    fn handle_job(&mut self, now: Timestamp, done: JobDone) {
        match done {
            JobDone::Read { block, result: Ok(bytes) } => self.cache.insert(block, bytes),
            JobDone::Read { block, result: Err(_) } => {
                self.cache.failed(block);
                self.source_failed(now);
            }
            JobDone::Encode { result: Err(_), .. } => self.source_failed(now),
            JobDone::Encode { block, first, result: Ok(symbols) } => {
                self.take_encoded(block, first, symbols);
            }
            JobDone::Store { .. } => {}
        }
        self.idle = false;
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        if !self.pacer.ready(now) {
            return None;
        }
        out.clear();
        let transmit = self.next_packets(now, out);
        self.idle = transmit.is_none();
        if transmit.is_some() {
            let bytes = out.payload_bytes();
            self.stats.packets += out.datagrams() as u64;
            self.stats.bytes += bytes as u64;
            let overhead = out.datagrams() * self.config.packet_overhead.bytes();
            self.pacer.spent(now, bytes + overhead);
        }
        transmit
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.read_ahead();
        self.jobs.pop_front()
    }

    fn poll_event(&mut self) -> Option<SenderEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        if self.session.is_done() {
            return None;
        }
        let pacer = self.pacer.next();
        if !self.idle {
            return Some(pacer);
        }
        let packets = self.session.next_packet().into_iter();
        let activation = self.repairs.next_activation().filter(|_| self.session.is_sending());
        let welcome = self.welcome.next().filter(|_| self.session.is_sending());
        let packets = packets.chain(activation).chain(self.stalled).chain(welcome);
        packets.map(|t| t.max(pacer)).chain(self.session.next_check()).min()
    }
}

#[cfg(test)]
mod tests;
