//! One sender as a receiver sees it.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use super::heard::HeardNeeds;
use super::hush::Hush;
use super::identity::Name;
use super::nack_timer::{NackTimer, Timing};
use super::needs::DueBound;
use super::object::RecvObject;
use super::probes::Probes;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::SenderId;
use crate::norm::wire::{
    FecId, InstanceId, MemberState, NodeId, ObjectId, PayloadFormat, PayloadId, RawPayloadId,
    ReceiveWindow, SenderFields, Sequence, WireTime,
};

/// The place that a FLUSH names.
pub(super) type Watermark = (FecId, ObjectId, RawPayloadId);

/// A confirmation to be sent: what it answers, and when it is due.
#[derive(Copy, Clone, Debug)]
pub(super) struct AckDue {
    pub(super) at: Timestamp,
    pub(super) ack_type: u8,
    pub(super) ack_id: u8,
    /// The watermark, echoed exactly (RFC 5740 §5.5.3).
    pub(super) watermark: Option<Watermark>,
}

/// An object without blocks, of which only a FLUSH was heard.
#[derive(Copy, Clone, Debug)]
pub(super) struct Empty {
    pub(super) key: u64,
    /// NACKs that asked for its INFO.
    asked: u32,
}

/// What the application says about its progress with a sender's content.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The state to report.
    pub state: MemberState,
    /// Content bytes expected; 0 when not known.
    pub bytes_total: u64,
    /// Why it failed; empty otherwise. Cut at 255 bytes.
    pub reason: String,
}

/// Loss by sequence numbers, halved as it ages.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct LossMeter {
    last: Option<Sequence>,
    expected: u32,
    received: u32,
}

impl LossMeter {
    pub(super) fn note(&mut self, sequence: Sequence) {
        let Some(last) = self.last else {
            self.last = Some(sequence);
            (self.expected, self.received) = (1, 1);
            return;
        };
        let ahead = sequence.distance_from(last);
        if ahead > 0 && ahead < 0x8000 {
            self.expected += u32::from(ahead);
            self.last = Some(sequence);
        }
        self.received += 1;
        if self.expected > 1 << 16 {
            self.expected /= 2;
            self.received /= 2;
        }
    }

    /// Fraction lost, of 65,535.
    pub(super) fn fraction(&self) -> u16 {
        let lost = self.expected.saturating_sub(self.received);
        u16::try_from(u64::from(lost) * 65_535 / u64::from(self.expected.max(1))).unwrap_or(0)
    }
}

/// One sender.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) index: SenderId,
    pub(super) node: NodeId,
    pub(super) instance: InstanceId,
    pub(super) address: SocketAddr,
    fields: SenderFields,
    pub(super) timing: Timing,
    pub(super) fec_id: FecId,
    /// How its payload ids are read.
    pub(super) format: PayloadFormat,
    /// Bytes per symbol of the object heard last: the most that a NACK may carry.
    pub(super) segment_size: u16,
    /// The first object that is wanted; `None` before synchronisation (RFC 5740 §5.2).
    pub(super) want_from: Option<u64>,
    /// The greatest object key heard of; ids are extended to keys near it.
    pub(super) newest: u64,
    /// Everything before was sent: what of it is missing may be asked for.
    pub(super) due: DueBound,
    /// The greatest place of first transmission heard.
    pub(super) position: DueBound,
    pub(super) objects: BTreeMap<u64, RecvObject>,
    /// The object that a FLUSH says is empty: INFO is all there is of it, if there is one.
    pub(super) empty: Option<Empty>,
    pub(super) done: RangeSet,
    pub(super) confirmed: RangeSet,
    /// Objects of which much may be here, before anything of them was heard.
    pub(super) partial: RangeSet,
    pub(super) bytes_done: u64,
    /// Symbols kept: what tells a sender from somebody who copies a packet now and then.
    pub(super) kept: u64,
    pub(super) nack: NackTimer,
    /// When anything but symbols of a block was asked for last.
    pub(super) asked_rest: Option<Timestamp>,
    /// What was due when the NACK cycle began: what others ask for is compared with needs before.
    pub(super) cycle_bound: DueBound,
    pub(super) heard: HeardNeeds,
    pub(super) hush: Hush,
    heard_at: Timestamp,
    /// Whole blocks and objects are not asked for again before.
    pub(super) whole_from: Timestamp,
    pub(super) whole_pause: Duration,
    probe: Option<(WireTime, Timestamp)>,
    /// Only when it wants to know what arrives.
    pub(super) probes: Option<Box<Probes>>,
    pub(super) ack: Option<AckDue>,
    /// It wants to know how much we can take: since when, by which question, and the answer.
    pub(super) credit: Option<(Timestamp, u8, ReceiveWindow)>,
    /// The watermark that we have acknowledged last.
    pub(super) acked: Option<Watermark>,
    pub(super) released: bool,
    /// Who we are to it.
    pub(super) name: Name,
    pub(super) report: Option<(Timestamp, u16)>,
    pub(super) answered_round: Option<u16>,
    /// When we first reported.
    pub(super) reported: Option<Timestamp>,
    /// It looks like another make's, unless it is known to be one of ours.
    pub(super) foreign: bool,
    /// It sends file sets, which only ours do.
    pub(super) native: bool,
    /// It does not hear what we send to it alone.
    pub(super) unheard: bool,
    pub(super) loss: LossMeter,
    /// Packets of it that were marked on the way.
    pub(super) marked: u64,
    pub(super) last_heard: Timestamp,
    pub(super) next_check: Timestamp,
    pub(super) silent: bool,
    /// It sends nothing until further notice, by its own word.
    pub(super) paused: bool,
    pub(super) said_goodbye: bool,
    pub(super) progress: Progress,
}

/// Bounds of a round trip that is believed: a forged one must not set our rate of feedback.
const GRTT_MIN: Duration = Duration::from_millis(1);
const GRTT_MAX: Duration = Duration::from_secs(15);
/// An empty object's INFO is asked for so often, the RFC's factor for robust things; then there is
/// none.
const EMPTY_TRIES: u32 = 20;
/// Keys start here, so that objects before the first one heard still have keys.
const KEY_BASE: u64 = 1 << 16;
/// A sender that has gone silent is asked so often at least.
const SILENT_PAUSE_LONGEST: Duration = Duration::from_secs(1);
/// Whole blocks and objects are asked for again after this, then twice this, ...
const WHOLE_PAUSE: Duration = Duration::from_millis(20);
const WHOLE_PAUSE_LONGEST: Duration = Duration::from_millis(500);

impl Remote {
    pub(super) fn new(
        now: Timestamp,
        index: SenderId,
        node: NodeId,
        sender: &SenderFields,
        address: SocketAddr,
    ) -> Self {
        let start = DueBound { key: 0, block: 0 };
        Self {
            index,
            node,
            instance: sender.instance,
            address,
            fields: *sender,
            timing: timing(sender),
            fec_id: FecId::RAPTORQ,
            format: PayloadFormat::Block8Symbol24,
            segment_size: 512,
            want_from: None,
            newest: KEY_BASE,
            due: start,
            position: start,
            objects: BTreeMap::new(),
            empty: None,
            done: RangeSet::new(),
            confirmed: RangeSet::new(),
            partial: RangeSet::new(),
            bytes_done: 0,
            kept: 0,
            nack: NackTimer::new(),
            asked_rest: None,
            cycle_bound: start,
            heard: HeardNeeds::default(),
            hush: Hush::default(),
            heard_at: now,
            whole_from: now,
            whole_pause: WHOLE_PAUSE,
            probe: None,
            probes: None,
            ack: None,
            credit: None,
            acked: None,
            name: Name::default(),
            released: false,
            report: None,
            answered_round: None,
            reported: None,
            foreign: false,
            native: false,
            unheard: false,
            loss: LossMeter::default(),
            marked: 0,
            last_heard: now,
            next_check: now,
            silent: false,
            paused: false,
            said_goodbye: false,
            progress: Progress {
                state: MemberState::Joined,
                bytes_total: 0,
                reason: String::new(),
            },
        }
    }

    /// True of a sender of another make. Those call no roll and know no sets; the code alone does not
    /// tell, for ours sends sets under Reed-Solomon codes, too.
    pub(super) fn is_foreign(&self) -> bool {
        self.foreign && !self.native && self.answered_round.is_none()
    }

    /// Notes that the sender lives.
    pub(super) fn touch(&mut self, now: Timestamp, sender: &SenderFields) {
        if now > self.last_heard + self.timing.cycle() {
            self.nack.shorten(now, self.timing);
        }
        self.last_heard = now;
        self.silent = false;
        self.said_goodbye = false;
        // Most packets repeat what the one before them said.
        if *sender == self.fields {
            return;
        }
        self.fields = *sender;
        let old = core::mem::replace(&mut self.timing, timing(sender));
        self.nack.rescale(now, old, self.timing);
        if let Some((at, 0)) = &mut self.report
            && self.timing.grtt < old.grtt
        {
            let ratio = self.timing.grtt.as_secs_f64() / old.grtt.as_secs_f64();
            *at = now + at.saturating_since(now).mul_f64(ratio);
        }
    }

    /// The key nearest to the newest one with these low 16 bits. Before the first object is heard
    /// the nearest key is one above the base.
    pub(super) fn key_of(&self, id: ObjectId) -> u64 {
        if self.want_from.is_none() && self.newest == KEY_BASE {
            return KEY_BASE + u64::from(id.0);
        }
        let ahead = id.0.wrapping_sub(self.newest as u16);
        if ahead < 0x8000 {
            self.newest + u64::from(ahead)
        } else {
            self.newest.saturating_sub(u64::from(ahead.wrapping_neg()))
        }
    }

    /// Notes a place of first transmission. True when earlier content has become due.
    pub(super) fn reach(&mut self, key: u64, block: u32) -> bool {
        self.newest = self.newest.max(key);
        let here = DueBound { key, block };
        if here <= self.position {
            return false;
        }
        self.position = here;
        self.make_due(here)
    }

    /// Everything before `bound` is due. True if that is news.
    pub(super) fn make_due(&mut self, bound: DueBound) -> bool {
        let news = bound > self.due;
        self.due = self.due.max(bound);
        news
    }

    /// What a FLUSH of an object's symbol makes due: blocks that were sent whole. Of an object of which
    /// nothing is known that is all of it.
    pub(super) fn flushed(&self, key: u64, at: Option<PayloadId>) -> DueBound {
        let object = self.objects.get(&key);
        let layout = object.and_then(RecvObject::layout);
        if let Some((layout, at)) = layout.zip(at)
            && at.block < layout.blocks()
        {
            let whole = at.symbol.saturating_add(1) >= layout.block_len(at.block);
            let block = at.block + u32::from(whole);
            if block < layout.blocks() {
                return DueBound { key, block };
            }
        }
        DueBound { key: key + 1, block: 0 }
    }

    /// A FLUSH says that this object is empty.
    pub(super) fn note_empty(&mut self, key: u64) {
        if self.empty.is_none_or(|empty| empty.key != key) {
            self.empty = Some(Empty { key, asked: 0 });
        }
    }

    /// Notes that a NACK asks for the empty object's INFO.
    pub(super) fn note_asked(&mut self) {
        if let Some(empty) = &mut self.empty {
            empty.asked += 1;
        }
    }

    /// Returns the empty object if its INFO was asked for in vain for too long.
    pub(super) fn take_hopeless(&mut self) -> Option<u64> {
        self.empty.take_if(|empty| empty.asked >= EMPTY_TRIES).map(|empty| empty.key)
    }

    /// Notes the send time of a probe, to be echoed (RFC 5740 §5.5.1).
    pub(super) fn note_probe(&mut self, now: Timestamp, send_time: WireTime) {
        self.probe = Some((send_time, now));
    }

    /// The last probe's send time plus the time it was held here; zero when there was none.
    pub(super) fn grtt_response(&self, now: Timestamp) -> WireTime {
        self.probe.map_or(WireTime::ZERO, |(sent, at)| {
            let held = now.saturating_since(at).as_nanos() as u64;
            WireTime::from_nanos(sent.to_nanos().saturating_add(held))
        })
    }

    /// How long to leave a sender alone that was asked at `asked`: a cycle, and longer each time when it
    /// has not been heard for long, for it may be gone.
    pub(super) fn pause_from(&self, asked: Timestamp) -> Duration {
        let silence = asked.saturating_since(self.last_heard);
        (silence / 2).min(SILENT_PAUSE_LONGEST).max(self.timing.cycle())
    }

    /// The overheard requests of this cycle; old ones are forgotten first.
    pub(super) fn heard_now(&mut self, now: Timestamp) -> &mut HeardNeeds {
        let cycle = self.timing.grtt * (u32::from(self.timing.backoff) + 2);
        if self.nack.is_idle() && now > self.heard_at + cycle {
            self.heard.clear();
        }
        self.heard_at = now;
        &mut self.heard
    }

    /// Whole blocks were asked for; ask again later and later, because old ones are repaired with
    /// a share of the rate only.
    pub(super) fn pause_whole(&mut self, now: Timestamp) {
        self.whole_from = now + self.whole_pause;
        self.whole_pause = (self.whole_pause * 2).min(WHOLE_PAUSE_LONGEST);
    }

    /// Nothing whole is missing any more.
    pub(super) fn reset_whole_pause(&mut self) {
        self.whole_pause = WHOLE_PAUSE;
    }

    /// Bytes that a block of an object takes in memory.
    pub(super) fn block_bytes(&self, key: u64) -> u64 {
        let geometry = self.objects.get(&key).and_then(|object| object.geometry(0));
        geometry.map_or(0, |g| u64::from(g.symbols) * u64::from(g.symbol_size))
    }

    /// True when a block's need is exactly its missing source symbols.
    pub(super) fn is_nameable(&self, key: u64, block: u32) -> bool {
        let block = self.objects.get(&key).and_then(|o| o.blocks.get(&block));
        block.is_some_and(super::object::RecvBlock::is_nameable)
    }

    /// True when everything through `key` is confirmed by the application.
    pub(super) fn confirmed_through(&self, key: u64) -> bool {
        self.want_from.is_some_and(|from| from <= key && self.confirmed.covers(from, key + 1))
    }

    /// True when everything before `key` is confirmed by the application.
    pub(super) fn confirmed_before(&self, key: u64) -> bool {
        self.want_from.is_some_and(|from| from >= key || self.confirmed.covers(from, key))
    }

    /// True when every object heard of is done with.
    pub(super) fn has_all(&self) -> bool {
        let last = self.newest.max(self.position.key);
        self.want_from.is_some_and(|from| from > last || self.done.covers(from, last + 1))
    }

    /// When the next thing of this sender is due.
    pub(super) fn next_timeout(&self) -> Option<Timestamp> {
        let feedback = [
            self.nack.next(),
            self.ack.map(|ack| ack.at),
            self.credit.map(|(at, ..)| at),
            self.report.map(|(at, _)| at),
            self.probes.as_ref().and_then(|probes| probes.next()),
            Some(self.next_check),
        ];
        feedback.into_iter().flatten().min()
    }
}

fn timing(sender: &SenderFields) -> Timing {
    Timing {
        grtt: sender.grtt.to_duration().clamp(GRTT_MIN, GRTT_MAX),
        backoff: sender.backoff,
        group_size: sender.group_size.to_count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_counts_gaps_and_forgives_reordering() {
        let mut meter = LossMeter::default();
        for n in [65_534u16, 65_535, 1, 0, 2, 4, 5, 6] {
            meter.note(Sequence(n));
        }
        // 65534..=6 are nine packets, one (3) never came.
        assert_eq!(meter.fraction(), (65_535u32 / 9) as u16);
    }
}
