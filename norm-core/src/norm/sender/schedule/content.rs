//! Which packet with content is the most useful one now?
//!
//! While content is sent in passes, what comes next in them. Otherwise, in order: repair of the
//! repair window; late-join repair within its share; new data; the rest of the late-join repair.

use core::ops::Range;
use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::SenderConfig;
use crate::norm::sender::emit::{InfoPacket, Packet, PendingAnswers};
use crate::norm::sender::event::{Events, SenderEvent};
use crate::norm::sender::flow::{FlowControl, FlowPosition};
use crate::norm::sender::lifecycle::Lifecycle;
use crate::norm::sender::objects::{Content, DataBatch, Retention, SendObject, Symbols, Turn};
use crate::norm::sender::rate::SendRate;
use crate::norm::sender::receivers::{GroupTiming, Receivers};
use crate::norm::sender::repair::{Repair, RepairSchedule, Share};
use crate::norm::wire::ObjectFlags;

use super::payload::{PayloadChoice, Progress, Unasked};

/// Time without an announced receiver after which a stream's blocks wait for none.
const ALONE_AFTER: Duration = Duration::from_secs(2);
/// Proactive parity of a block is made while the last part of it is sent, its n-th.
const PREPARE_PART: u32 = 4;

/// A poll for a packet with content.
#[derive(Debug)]
pub(crate) struct ContentPoll<'a> {
    pub(crate) now: Timestamp,
    /// Most packets that may leave at once.
    pub(crate) limit: u32,
    /// Packets written so far.
    pub(crate) written: u64,
    pub(crate) config: &'a SenderConfig,
    pub(crate) content: &'a mut Content,
    pub(crate) repair: &'a mut Repair,
    pub(crate) receivers: &'a Receivers,
    pub(crate) flow: &'a mut FlowControl,
    pub(crate) rate: &'a SendRate,
    pub(crate) lifecycle: &'a mut Lifecycle,
    pub(crate) payload: &'a mut PayloadChoice,
    pub(crate) answers: &'a mut PendingAnswers,
    pub(crate) events: &'a mut Events,
}

/// A packet, and how it counts for the share of late-join repair.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) packet: Packet,
    pub(crate) share: Share,
}

impl Choice {
    /// A packet that does not count.
    pub(crate) fn plain(packet: Packet) -> Self {
        Self { packet, share: Share::None }
    }
}

/// The position has come to the end of a stream.
#[derive(Copy, Clone, Debug)]
struct StreamOver;

impl ContentPoll<'_> {
    /// The most useful packet with content.
    pub(crate) fn next(&mut self) -> Option<Choice> {
        if self.content.is_in_passes() {
            if let Some(packet) = self.turn() {
                return Some(Choice::plain(packet));
            }
            if self.content.is_in_passes() {
                return None;
            }
        }
        self.repair.activate(self.now, self.content, self.group());
        if let Some(key) = self.repair.take_info(self.now, self.receivers.grtt()) {
            return Some(Choice::plain(Packet::Info(InfoPacket {
                key,
                repair: true,
                turning: false,
            })));
        }
        let window = self.content.repair_window();
        let choice = |batch, share| Choice { packet: Packet::Data(batch), share };
        if let Some(batch) = self.repair_of(window..u64::MAX) {
            return Some(choice(batch, Share::Earns));
        }
        if self.repair.has_late_share()
            && let Some(batch) = self.late_repair(window)
        {
            return Some(choice(batch, Share::Spends));
        }
        if let Some(packet) = self.new_data() {
            return Some(Choice { packet, share: Share::Earns });
        }
        self.late_repair(window).map(|batch| choice(batch, Share::Spends))
    }

    /// What comes next in the passes.
    fn turn(&mut self) -> Option<Packet> {
        let turn = self.content.next_turn(self.now, self.rate.get(), self.limit);
        if self.content.take_passed_once() {
            self.events.push(SenderEvent::AllSent);
        }
        match turn? {
            Turn::Info { object } => {
                let key = self.content.objects().at(object)?.key();
                let turning = self.content.is_turning();
                Some(Packet::Info(InfoPacket { key, repair: true, turning }))
            }
            Turn::Symbols(symbols) => Some(Packet::Turn(symbols)),
        }
    }

    fn group(&self) -> GroupTiming {
        self.receivers.group(self.lifecycle.is_counted(), self.content.is_streaming())
    }

    /// Repair in part that is due, of blocks in `range`.
    fn repair_of(&mut self, range: Range<u64>) -> Option<DataBatch> {
        self.with_repairs(|repairs| repairs.next(range))
    }

    /// Repair of blocks before the repair window, and full repair.
    fn late_repair(&mut self, window: u64) -> Option<DataBatch> {
        self.with_repairs(|repairs| repairs.next(0..window).or_else(|| repairs.next_full()))
    }

    fn with_repairs(
        &mut self,
        choose: impl FnOnce(&mut RepairSchedule<'_>) -> Option<DataBatch>,
    ) -> Option<DataBatch> {
        let mut repairs = RepairSchedule {
            now: self.now,
            group: self.group(),
            limit: self.limit,
            written: self.written,
            fti: self.lifecycle.repeats_fti(self.now),
            repair: self.repair,
            content: self.content,
            lag: self.flow.lag_mut(),
            squelch: false,
        };
        let batch = choose(&mut repairs);
        if repairs.squelch {
            self.answers.squelch(self.now, self.receivers.grtt());
        }
        if batch.is_some() {
            self.lifecycle.flush_mut().hasten();
        }
        batch
    }

    /// New data must wait for a receiver.
    fn must_wait(&mut self) -> bool {
        let block = self.content.current_block();
        if block >= self.content.objects().end_block() {
            return false;
        }
        let current = self.content.current();
        let at = FlowPosition {
            bytes: self.content.position().bytes(),
            block,
            window: self.content.cached_blocks(),
            has_windows: self.config.mode.has_receive_windows()
                && current.is_some_and(SendObject::has_flow_control),
        };
        let (members, rate) = (self.receivers.members(), self.rate);
        let heeded = |node| members.is_active(node) && !rate.leaves_out(node);
        self.flow.must_wait(self.now, at, self.receivers.grtt(), heeded)
    }

    fn new_data(&mut self) -> Option<Packet> {
        let chooses = self.payload.next_look().is_some();
        if (chooses && self.unasked() == Unasked::Wait) || self.must_wait() {
            return None;
        }
        loop {
            let Some(object) = self.content.current() else {
                self.note_all_sent();
                return None;
            };
            let (key, has_info) = (object.key(), object.info().is_some());
            let is_file = object.flags().contains(ObjectFlags::FILE);
            let (blocks, is_stream) = (object.blocks(), object.stream().is_some());
            let sent_before = object.sent_before();
            if self.content.position_mut().take_info() {
                if has_info {
                    return Some(Packet::Info(InfoPacket { key, repair: false, turning: false }));
                }
                continue;
            }
            if is_stream {
                match self.stream_data() {
                    Ok(batch) => return batch.map(Packet::Data),
                    Err(StreamOver) => self.content.position_mut().next_object(),
                }
                continue;
            }
            self.content.position_mut().skip_to(sent_before);
            let is_over = u64::from(self.content.position().block()) >= blocks;
            let unasked = if is_file && !is_over { self.unasked() } else { Unasked::Send };
            if is_over || unasked == Unasked::Skip {
                self.content.position_mut().next_object();
                continue;
            }
            if unasked == Unasked::Wait {
                return None;
            }
            return self.block_data().map(Packet::Data);
        }
    }

    /// Whether the content of a file that is next is sent unasked.
    fn unasked(&mut self) -> Unasked {
        let sent = self.content.position().bytes();
        let content = Progress { sent, total: self.content.objects().bytes() };
        let members = self.receivers.members();
        self.payload.unasked(self.now, members, content, self.lifecycle, self.events)
    }

    /// New symbols of the block at the position, if it is in memory.
    fn block_data(&mut self) -> Option<DataBatch> {
        let number = self.content.current_block();
        let (first, block) = (self.content.position().symbol(), self.content.position().block());
        let geometry = self.content.current()?.geometry(block);
        let content = self.content.cached_block(number)?;
        let end = first + self.limit.min(geometry.symbols - first);
        let bytes_before = |symbol: u32| {
            (u64::from(symbol) * u64::from(geometry.symbol_size)).min(geometry.len.into())
        };
        let bytes = bytes_before(end) - bytes_before(first);
        self.content.position_mut().advance(end - first, bytes);
        let prepare_at = geometry.symbols - geometry.symbols / PREPARE_PART;
        if first < prepare_at && end >= prepare_at {
            self.repair.prepare(self.content, number, self.group());
        }
        if end == geometry.symbols {
            self.content.position_mut().next_block();
            if !self.repair.release(self.now, number) && !self.config.cache.keep_sent {
                self.content.block_sent(self.now, number);
            }
        }
        let fti = first == 0 || self.lifecycle.repeats_fti(self.now);
        let symbols = Symbols::Run { ids: first..end, content };
        Some(DataBatch { block: number, symbols, repair: false, fti })
    }

    /// New symbols of the stream at the position. `Err` when it is over.
    fn stream_data(&mut self) -> Result<Option<DataBatch>, StreamOver> {
        self.release_stream_blocks();
        let number = self.content.current_block();
        let stream = self.content.current().and_then(SendObject::stream).ok_or(StreamOver)?;
        let (place, end) = (self.content.position().place(), stream.end());
        if place >= end {
            if stream.is_ended() {
                return Err(StreamOver);
            }
            self.lifecycle.flush_mut().note_stream_rests(self.now);
            return Ok(None);
        }
        let last = if place.block == end.block { end.symbol } else { stream.block_len() };
        let mut symbols = place.symbol..last;
        let batch = stream.batch(place.block, self.limit as usize, || symbols.next());
        let sent = batch.symbols.len() as u32;
        if sent == 0 {
            // It left the buffer before it was sent; that cannot happen, and must not hang.
            return Err(StreamOver);
        }
        let whole = place.symbol + sent == stream.block_len();
        self.content.position_mut().advance(sent, batch.bytes as u64);
        self.lifecycle.flush_mut().stop();
        if whole {
            self.content.note_stream_block_sent(self.now);
            self.content.position_mut().next_block();
            self.repair.prepare(self.content, number, self.group());
            self.repair.release(self.now, number);
        }
        let fti = place.symbol == 0 || self.lifecycle.repeats_fti(self.now);
        let symbols = Symbols::Stream { ids: batch.symbols };
        Ok(Some(DataBatch { block: number, symbols, repair: false, fti }))
    }

    /// Blocks of a stream that closes late, or whose writer waits, are dropped as time passes.
    fn release_stream_blocks(&mut self) {
        let keep = stream_retention(self.now, self.group(), self.receivers, self.lifecycle);
        let repair = &*self.repair;
        let retention = Retention { keep, is_in_repair: &|block| repair.is_busy(block) };
        self.content.end_stream(self.content.position().key(), self.now, &retention);
    }

    fn note_all_sent(&mut self) {
        let is_new = !self.content.objects().is_empty() && self.lifecycle.note_all_sent(self.now);
        if is_new && !self.content.was_told_passed() {
            self.events.push(SenderEvent::AllSent);
        }
    }
}

/// How long a stream's block stays after its first transmission: three cycles of NACK and repair,
/// because each may be lost.
pub(crate) fn stream_retention(
    now: Timestamp,
    group: GroupTiming,
    receivers: &Receivers,
    lifecycle: &Lifecycle,
) -> Duration {
    let alone = receivers.members().announced() == 0 && now >= lifecycle.began() + ALONE_AFTER;
    if alone { Duration::ZERO } else { group.nack_cycle() * 3 }
}
