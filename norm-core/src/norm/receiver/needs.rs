//! What a receiver lacks, and when it may ask for it (RFC 5740 §5.3); `need_writer` says so in a NACK.

use crate::base::Timestamp;
use crate::base::bits::Bits;
use crate::fec::{Layout, Scheme};
use crate::norm::wire::{ObjectId, PayloadId, RepairItem};

use super::need_writer::NeedWriter;
use super::object::RecvObject;
use super::remote::Remote;

/// Something that is missing.
#[derive(Copy, Clone, Debug)]
pub(super) enum Need<'a> {
    /// Objects of which nothing usable is known; `first..=last`.
    Objects { first: u64, last: u64 },
    /// NORM_INFO of an object.
    Info { key: u64 },
    /// Blocks of which nothing is here; `first..=last` of one object.
    Blocks { key: u64, first: u32, last: u32, stream: bool },
    /// `count` more symbols of a block; `have` are the source symbols here, `parity` the others.
    Symbols {
        key: u64,
        block: u32,
        count: u32,
        have: &'a Bits,
        parity: &'a [u32],
        scheme: Scheme,
        asked: Option<Timestamp>,
    },
    /// Symbols of a stream's block: those of `span` that are not in `have`, `missing` of them; or,
    /// when the block can have been coded, any `coded` ones.
    Stream {
        key: u64,
        block: u32,
        span: (u32, u32),
        have: &'a Bits,
        missing: u32,
        coded: Option<u32>,
        parity: &'a [u32],
    },
}

impl Need<'_> {
    /// The part of it that lies before `bound`, if any does.
    pub(super) fn before(self, bound: DueBound) -> Option<Self> {
        let (key, block) = self.place();
        if (DueBound { key, block }) >= bound {
            return None;
        }
        Some(match self {
            Self::Objects { first, last } => {
                let end = bound.key + u64::from(bound.block > 0);
                Self::Objects { first, last: last.min(end - 1) }
            }
            Self::Blocks { key, first, last, stream } if key == bound.key => {
                Self::Blocks { key, first, last: last.min(bound.block - 1), stream }
            }
            other => other,
        })
    }

    /// True when whole objects or blocks are missing rather than some of their symbols. Those of
    /// streams are asked for like symbols: there is no time to lose.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Objects { .. } | Self::Blocks { stream: false, .. })
    }

    /// Key and block of its beginning.
    pub(super) fn place(&self) -> (u64, u32) {
        match *self {
            Self::Objects { first, .. } => (first, 0),
            Self::Info { key } => (key, 0),
            Self::Blocks { key, first, .. } => (key, first),
            Self::Symbols { key, block, .. } | Self::Stream { key, block, .. } => (key, block),
        }
    }
}

/// Exclusive upper bound of what is due: everything before this object and block was sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DueBound {
    pub(super) key: u64,
    pub(super) block: u32,
}

/// Objects before the newest one that an id can name: half of all ids.
const FARTHEST_BACK: u64 = 0x7fff;
/// Objects under way, with those whose INFO is asked for because much of them may be here.
const PARTIAL_AT_ONCE: usize = 64;

impl Remote {
    /// Calls `visit` for everything that is due and missing, ascending, until it returns false.
    pub(super) fn visit_needs(&self, visit: &mut dyn FnMut(Need<'_>) -> bool) {
        let Some(from) = self.want_from else { return };
        // An id further back would be read as one of the future.
        let from = from.max(self.newest.saturating_sub(FARTHEST_BACK));
        let end = self.due.key + u64::from(self.due.block > 0);
        for (start, stop) in self.done.gaps(from, end) {
            let mut unseen = start;
            for (&key, _) in self.objects.range(start..stop) {
                if !self.visit_unseen(unseen, key, visit) {
                    return;
                }
                unseen = key + 1;
                if !self.visit_object(key, visit) {
                    return;
                }
            }
            if !self.visit_unseen(unseen, stop, visit) {
                return;
            }
        }
    }

    /// Objects of which nothing is known, from `start` to before `end`.
    fn visit_unseen(&self, start: u64, end: u64, visit: &mut dyn FnMut(Need<'_>) -> bool) -> bool {
        let mut at = start;
        while at < end {
            let partial = self.partial.first_from(at).map_or(end, |first| first.min(end));
            if at < partial && !visit(Need::Objects { first: at, last: partial - 1 }) {
                return false;
            }
            let whole = self.partial.gaps(partial, end).next().map_or(end, |(from, _)| from);
            // Those that have no room yet are asked for later.
            let room = PARTIAL_AT_ONCE.saturating_sub(self.objects.len());
            for key in (partial..whole).take(room) {
                if !visit(Need::Info { key }) {
                    return false;
                }
            }
            at = whole;
        }
        true
    }

    fn visit_object(&self, key: u64, visit: &mut dyn FnMut(Need<'_>) -> bool) -> bool {
        let Some(object) = self.objects.get(&key) else { return true };
        if object.layout().is_none() {
            return visit(match self.partial.contains(key) {
                true => Need::Info { key },
                false => Need::Objects { first: key, last: key },
            });
        }
        if object.needs_info() && !visit(Need::Info { key }) {
            return false;
        }
        if object.is_stream {
            return object.stream.as_ref().is_none_or(|stream| stream.visit_needs(key, visit));
        }
        let Some(scheme) = object.layout().map(Layout::scheme) else { return true };
        let limit = if key < self.due.key { u32::MAX } else { self.due.block };
        for (start, end) in object.unwritten() {
            let end = end.min(limit);
            let mut untouched = start;
            for (&number, block) in object.blocks.range(start..end.max(start)) {
                if untouched < number {
                    let last = number - 1;
                    if !visit(Need::Blocks { key, first: untouched, last, stream: false }) {
                        return false;
                    }
                }
                untouched = number + 1;
                let count = block.missing();
                let (have, parity, asked) = (&block.have, block.coded(), block.asked);
                let need = Need::Symbols { key, block: number, count, have, parity, scheme, asked };
                if count > 0 && !visit(need) {
                    return false;
                }
            }
            let last = end.saturating_sub(1);
            if untouched < end
                && !visit(Need::Blocks { key, first: untouched, last, stream: false })
            {
                return false;
            }
        }
        true
    }

    /// When something that is due and missing may be asked for: `now`, or later when all of it was
    /// asked for. `None` when nothing is missing.
    pub(super) fn next_request(&self, now: Timestamp) -> Option<Timestamp> {
        let mut first: Option<Timestamp> = None;
        self.visit_needs(&mut |need| {
            let at = self.due_again(&need).map_or(now, |at| at.max(now));
            first = Some(first.map_or(at, |first| first.min(at)));
            at > now
        });
        first
    }

    /// When something that was asked for may be asked for again. Only where we are alone each block
    /// has a hold-off of its own; otherwise there is one for all, the timer's, and this is `None`.
    pub(super) fn due_again(&self, need: &Need<'_>) -> Option<Timestamp> {
        if !self.timing.is_alone() {
            return None;
        }
        let after = |asked: &Option<Timestamp>| asked.map(|asked| asked + self.pause_from(asked));
        match need {
            Need::Symbols { asked, .. } => after(asked),
            _ if need.is_whole() => after(&self.asked_rest).max(Some(self.whole_from)),
            _ => after(&self.asked_rest),
        }
    }

    /// Writes what is missing; stops at the writer's limit: the rest follows in the next NACK.
    pub(super) fn write_needs(&self, now: Timestamp, writer: &mut NeedWriter, whole: bool) {
        self.visit_needs(&mut |need| {
            let rests = self.due_again(&need).is_some_and(|at| at > now);
            (need.is_whole() && !whole) || rests || writer.push(self, &need)
        });
    }

    /// Notes what a NACK asks for.
    pub(super) fn note_requests(&mut self, now: Timestamp, writer: &NeedWriter) {
        for (key, block) in &writer.asked {
            let object = self.objects.get_mut(key);
            if let Some(block) = object.and_then(|object| object.blocks.get_mut(block)) {
                block.asked = Some(now);
            }
        }
        if writer.asked_rest {
            self.asked_rest = Some(now);
        }
    }

    /// Coded symbols that a Reed-Solomon coded object has of each block.
    pub(super) fn parity_of(&self, key: u64) -> u32 {
        match self.objects.get(&key).and_then(RecvObject::layout).map(Layout::scheme) {
            Some(Scheme::ReedSolomon(code)) => code.parity().into(),
            _ => 0,
        }
    }

    /// Names a symbol in a repair request.
    pub(super) fn item(&self, key: u64, block: u32, symbol: u32) -> RepairItem {
        let object = self.objects.get(&key);
        let block_len = object.map_or(0, |object| object.block_len(block) as u16);
        let stream = object.and_then(|object| object.stream.as_deref());
        let block = stream.map_or(block, |stream| stream.wire_block(block.into()));
        RepairItem {
            fec_id: self.fec_id,
            object: ObjectId(key as u16),
            payload_id: PayloadId { block, block_len, symbol }.encode(self.format),
        }
    }
}
