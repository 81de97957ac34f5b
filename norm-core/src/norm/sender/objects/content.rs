//! What a sender sends: objects, the position of first transmission, and content in memory.

use core::ops::Range;
use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use super::cache::BlockCache;
use super::object::SendObject;
use super::parity::ParityCursors;
use super::position::Position;
use super::stream::{SendStream, StreamSpec};
use super::table::{ObjectSpec, ObjectTable, SentSoFar};
use super::turns::{Turn, Turns};
use crate::base::Timestamp;
use crate::carousel::Symbol;
use crate::endpoint::{EncodeJob, Job, JobDone, ReadJob};
use crate::fec::Scheme;
use crate::norm::sender::config::{ConfigError, SenderConfig};
use crate::norm::wire::{ObjectId, PayloadId, RawPayloadId, RepairItem};

/// Bytes of the blocks that are read ahead of the position, its own block included.
const READ_AHEAD_BYTES: u64 = 4 << 20;
/// Fewest blocks that are read ahead; the cache may be too small for them.
const MIN_READ_AHEAD: u64 = 4;

/// Objects, position, and content in memory.
#[derive(Debug)]
pub(crate) struct Content {
    objects: ObjectTable,
    position: Position,
    cache: BlockCache,
    parity: ParityCursors,
    jobs: VecDeque<Job>,
    /// Passes, if content is sent in them.
    turns: Option<Box<Turns>>,
    scheme: Scheme,
    block_len: u32,
    segment_size: u16,
}

impl Content {
    pub(crate) fn new(config: &SenderConfig) -> Self {
        Self {
            objects: ObjectTable::new(config.first_object),
            position: Position::new(config.first_object),
            cache: BlockCache::new(config.cache.bytes),
            parity: ParityCursors::default(),
            jobs: VecDeque::new(),
            turns: Turns::of(config).map(Box::new),
            scheme: config.scheme,
            block_len: config.block_len,
            segment_size: config.segment_size,
        }
    }

    pub(crate) fn objects(&self) -> &ObjectTable {
        &self.objects
    }

    pub(crate) fn position(&self) -> &Position {
        &self.position
    }

    pub(crate) fn position_mut(&mut self) -> &mut Position {
        &mut self.position
    }

    /// A NACK has arrived: sent blocks stay in memory for a while.
    pub(crate) fn note_nack(&mut self, now: Timestamp) {
        self.cache.note_nack(now);
    }

    /// All of a block was sent, and it need not stay in memory.
    pub(crate) fn block_sent(&mut self, now: Timestamp, number: u64) {
        self.cache.sent(now, number);
    }

    /// Drops a block that will hardly be needed again.
    pub(crate) fn drop_block(&mut self, number: u64) {
        self.cache.drop_block(number);
    }

    /// The blocks with these bytes of the object that Read jobs give this key.
    pub(crate) fn blocks_over(&self, source_key: u64, bytes: Range<u64>) -> Range<u64> {
        self.objects.by_source(source_key).map_or(0..0, |object| object.blocks_over(bytes))
    }

    /// Forgets those of these blocks that were sent to their end, and the coded symbols of all of
    /// them that were made ahead for passes.
    pub(crate) fn drop_changed(&mut self, blocks: Range<u64>) {
        if let Some(turns) = &mut self.turns {
            turns.content_changed(blocks.clone());
        }
        let end = blocks.end.min(self.current_block());
        self.cache.drop_blocks(blocks.start..end);
    }

    /// A block was read, or could not be.
    pub(crate) fn block_read(&mut self, number: u64, content: Option<Bytes>) {
        match content {
            // It may be of a layout that was given up meanwhile.
            Some(_) if number < self.objects.first_block() => {}
            Some(content) => self.cache.insert(number, content),
            None => self.cache.failed(number),
        }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Bytes of content per packet.
    pub(crate) fn segment_size(&self) -> u16 {
        self.segment_size
    }

    /// There is a code: fresh symbols can be made for repair.
    pub(crate) fn is_coded(&self) -> bool {
        self.scheme.parity(self.block_len) > 0
    }

    /// Adds an object; returns its key.
    pub(crate) fn enqueue(
        &mut self,
        spec: ObjectSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        self.objects.push(spec, config)
    }

    /// Cuts all objects anew, by other settings; returns the symbols in the longest block aimed at.
    /// Once something was sent, the objects get new keys, and what was sent for the first time is
    /// sent again only when it is asked for.
    ///
    /// # Errors
    /// When the objects do not fit these settings; nothing has changed then.
    pub(crate) fn lay_out(&mut self, config: &SenderConfig) -> Result<u32, ConfigError> {
        let position = &self.position;
        let sent = position.has_moved(self.objects.first_key()).then(|| SentSoFar {
            key: position.key(),
            bytes: self.current().map_or(0, |o| o.offset(position.block(), position.symbol())),
        });
        let block_len = self.objects.lay_out(config, sent)?;
        self.position.restart(self.objects.first_key());
        self.cache = BlockCache::new(config.cache.bytes);
        self.parity = ParityCursors::default();
        self.jobs.clear();
        self.block_len = block_len;
        self.segment_size = config.segment_size;
        Ok(block_len)
    }

    /// The object at the position.
    pub(crate) fn current(&self) -> Option<&SendObject> {
        self.objects.get(self.position.key())
    }

    /// The running number of the block at the position.
    pub(crate) fn current_block(&self) -> u64 {
        self.current().map_or(self.objects.end_block(), |object| {
            object.first_block() + u64::from(self.position.block())
        })
    }

    /// A stream is being sent.
    pub(crate) fn is_streaming(&self) -> bool {
        self.current().is_some_and(SendObject::is_transient)
    }

    /// One past the last block of which nothing more will be sent for now: the blocks before the
    /// position, and that of a stream that rests.
    pub(crate) fn sent_blocks(&self) -> u64 {
        let rests = self.current().is_some_and(|object| object.rests_at(self.position.place()));
        self.current_block() + u64::from(rests)
    }

    /// Bytes of a complete block.
    fn block_bytes(&self) -> u64 {
        u64::from(self.block_len) * u64::from(self.segment_size)
    }

    /// Blocks that the cache holds.
    pub(crate) fn cached_blocks(&self) -> u64 {
        self.cache.budget() as u64 / self.block_bytes().max(1)
    }

    /// First block of the repair window. Blocks before it have left the cache, or soon will: their
    /// repair is late-join repair.
    pub(crate) fn repair_window(&self) -> u64 {
        self.current_block().saturating_sub(self.cached_blocks() / 2)
    }

    /// Has the blocks read that the position will reach soon.
    pub(crate) fn read_ahead(&mut self) {
        if self.is_in_passes() {
            return;
        }
        let first = self.current_block();
        let ahead = (READ_AHEAD_BYTES / self.block_bytes().max(1)).max(MIN_READ_AHEAD);
        let ahead = ahead.min(self.cached_blocks()).max(1);
        let end = (first + ahead).min(self.objects.end_block());
        for number in self.cache.first_absent(first)..end {
            if !self.read(number) {
                break;
            }
            self.cache.note_present(number);
        }
    }

    /// Has a block read, if it is not in memory and there is room. False when there is none.
    pub(crate) fn read(&mut self, number: u64) -> bool {
        let Some((object, block)) = self.objects.by_block(number) else { return true };
        if object.is_transient() {
            return true;
        }
        let geometry = object.geometry(block);
        if !self.cache.want(number, geometry.len as usize) {
            return self.cache.is_present(number);
        }
        self.jobs.push_back(Job::Read(ReadJob {
            object: object.source_key(),
            block: number,
            offset: geometry.offset,
            len: geometry.len,
        }));
        true
    }

    /// Content of a block, if it is in memory.
    pub(crate) fn cached_block(&mut self, number: u64) -> Option<Bytes> {
        self.cache.get(number).cloned()
    }

    /// Content of a block, if it is in memory; otherwise it is read.
    pub(crate) fn block(&mut self, number: u64) -> Option<Bytes> {
        let (object, index) = self.objects.by_block(number)?;
        let content = match object.stream() {
            Some(stream) => stream.block_bytes(index.into()),
            None => self.cache.get(number).cloned(),
        };
        if content.is_none() {
            self.read(number);
        }
        content
    }

    /// Coded symbols of a block that were never sent.
    pub(crate) fn fresh_parity(&self, number: u64) -> u32 {
        match self.objects.by_block(number) {
            Some((object, block)) if !object.can_be_coded(block) => 0,
            _ => self.parity.fresh(number, self.scheme.parity(self.block_len)),
        }
    }

    pub(crate) fn parity(&self) -> &ParityCursors {
        &self.parity
    }

    pub(crate) fn parity_mut(&mut self) -> &mut ParityCursors {
        &mut self.parity
    }

    /// Has coded symbols made of a block's content, counted from its first coded symbol.
    pub(crate) fn encode(&mut self, number: u64, source: Bytes, parity: Range<u32>) {
        let Some((object, block)) = self.objects.by_block(number) else { return };
        let geometry = object.geometry(block);
        self.jobs.push_back(Job::Encode(EncodeJob {
            block: number,
            symbols: geometry.symbols,
            symbol_size: geometry.symbol_size,
            source,
            scheme: geometry.scheme,
            first: geometry.symbols + parity.start,
            count: parity.end - parity.start,
        }));
    }

    pub(crate) fn next_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    /// The next job for passes.
    pub(crate) fn next_turn_job(&mut self) -> Option<Job> {
        let turns = self.turns.as_mut()?;
        turns.follow(&self.objects, self.segment_size);
        turns.next_job()
    }

    /// Takes back a job for passes; false if it has failed.
    pub(crate) fn turn_job_done(&mut self, done: JobDone) -> bool {
        self.turns.as_mut().is_none_or(|turns| turns.take(done))
    }

    /// True when passes have sent each object once, for the first time that this is asked then.
    pub(crate) fn take_passed_once(&mut self) -> bool {
        self.turns.as_mut().is_some_and(|turns| turns.take_sent_all())
    }

    /// True when it was told that passes have sent each object once.
    pub(crate) fn was_told_passed(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.was_told())
    }

    /// Which pass is under way, from 1 on; 0 without passes, and when they are over.
    pub(crate) fn pass(&self) -> u64 {
        self.turns.as_ref().map_or(0, |turns| turns.pass())
    }

    /// True while passes are sent.
    pub(crate) fn is_in_passes(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| !turns.is_over())
    }

    /// True while there are passes to come after the one that is sent.
    pub(crate) fn is_turning(&self) -> bool {
        self.turns.as_ref().is_some_and(|turns| turns.is_turning())
    }

    /// When INFO and lists are to be repeated beside the passes.
    pub(crate) fn next_repeat(&self) -> Option<Timestamp> {
        self.turns.as_ref()?.next_repeat()
    }

    /// What comes next in the passes. When they are over, all was sent.
    pub(crate) fn next_turn(
        &mut self,
        now: Timestamp,
        rate: Option<u64>,
        limit: u32,
    ) -> Option<Turn> {
        let turns = self.turns.as_mut()?;
        turns.follow(&self.objects, self.segment_size);
        let was_over = turns.is_over();
        let turn = turns.next(now, rate, limit);
        if turns.is_over() && !was_over {
            // Fresh symbols come after those of all passes.
            self.parity.note_used_before(self.objects.end_block(), turns.coded(self.block_len));
            self.position.pass_to(self.objects.end_key());
        } else if let Some(Turn::Symbols(symbols)) = &turn {
            self.position.take_info();
            let is_first = |symbol: &&Symbol| symbol.is_first_pass && symbol.is_source();
            let bytes = symbols.iter().filter(is_first).map(|symbol| symbol.payload.len() as u64);
            self.position.advance(0, bytes.sum());
        }
        turn
    }

    /// Names a symbol of a block of an object; the block's length travels with FEC id 129 only.
    pub(crate) fn payload_id(&self, object: &SendObject, block: u32, symbol: u32) -> RawPayloadId {
        let format = self.scheme.payload_format();
        let block_len = object.block_len(block) as u16;
        // A stream's block numbers wrap.
        PayloadId { block: block & format.max_block(), block_len, symbol }.encode(format)
    }

    /// Names a symbol of a block by its running number, as repair requests do.
    pub(crate) fn repair_item(&self, number: u64, symbol: u32) -> Option<RepairItem> {
        let (object, block) = self.objects.by_block(number)?;
        let payload_id = self.payload_id(object, block, symbol);
        Some(RepairItem { fec_id: self.scheme.fec_id(), object: object.id(), payload_id })
    }

    /// The last symbol that was sent of a stream at the position, or the last of the last object:
    /// what receivers confirm (RFC 5740 §5.5.3).
    pub(crate) fn watermark(&self) -> Option<(ObjectId, RawPayloadId)> {
        let streaming = self.current().filter(|object| object.is_transient());
        let (object, place) = match streaming {
            Some(object) => (object, object.last_place(Some(self.position.place()))),
            None => self.objects.last().map(|object| (object, object.last_place(None)))?,
        };
        Some((object.id(), self.payload_id(object, place.block as u32, place.symbol)))
    }

    /// The first block of the object at the position has gone by, and receivers that come now must
    /// be told that the object is meant for them.
    pub(crate) fn is_late_to_join(&self) -> bool {
        let lists = self.current().is_some_and(SendObject::lists_late_joiners);
        lists && self.position.block() > 0
    }

    /// The newest symbol that was sent of an object that is late to join.
    pub(crate) fn newest_sent(&self) -> Option<(ObjectId, RawPayloadId)> {
        let object = self.current().filter(|_| self.is_late_to_join())?;
        let begins_block = self.position.symbol() == 0;
        let block = self.position.block() - u32::from(begins_block);
        let end = if begins_block { object.block_len(block) } else { self.position.symbol() };
        Some((object.id(), self.payload_id(object, block, end - 1)))
    }

    /// The oldest symbol that can be repaired, for SQUELCH (RFC 5740 §5.4.3). A stream that has
    /// dropped blocks takes the objects before it with them.
    pub(crate) fn oldest_kept(&self) -> Option<(ObjectId, RawPayloadId)> {
        let first = self.objects.get(self.objects.first_key());
        let object = self.current().filter(|object| object.first_kept() > 0).or(first)?;
        Some((object.id(), self.payload_id(object, object.first_kept() as u32, 0)))
    }

    /// True when everything written of a stream was sent once.
    pub(crate) fn is_stream_sent(&self, key: u64) -> bool {
        let Some(stream) = self.objects.get(key).and_then(SendObject::stream) else { return false };
        let position = &self.position;
        position.key() > key || (position.key() == key && position.place() >= stream.end())
    }

    pub(crate) fn open_stream(
        &mut self,
        spec: &StreamSpec,
        config: &SenderConfig,
    ) -> Result<u64, ConfigError> {
        self.objects.push_stream(spec, config)
    }

    /// Takes bytes of a stream as far as its buffer has room; returns how many. Blocks that can go
    /// make room.
    pub(crate) fn write_stream(
        &mut self,
        key: u64,
        bytes: &[u8],
        now: Timestamp,
        retention: &Retention<'_>,
    ) -> usize {
        let Some(stream) = self.objects.stream_mut(key) else { return 0 };
        let mut taken = stream.write(bytes);
        while taken < bytes.len() && self.release_block(key, now, retention) {
            let Some(stream) = self.objects.stream_mut(key) else { break };
            taken += stream.write(bytes.get(taken..).unwrap_or_default());
        }
        taken
    }

    pub(crate) fn end_message(&mut self, key: u64) {
        if let Some(stream) = self.objects.stream_mut(key) {
            stream.end_message();
        }
    }

    /// False without such a stream.
    pub(crate) fn flush_stream(&mut self, key: u64) -> bool {
        let stream = self.objects.stream_mut(key);
        stream.map(SendStream::flush).is_some()
    }

    /// False without such a stream.
    pub(crate) fn close_stream(
        &mut self,
        key: u64,
        now: Timestamp,
        retention: &Retention<'_>,
    ) -> bool {
        let Some(stream) = self.objects.stream_mut(key) else { return false };
        stream.close();
        self.end_stream(key, now, retention);
        true
    }

    /// Drops blocks of a stream that is closing until there is room for its end.
    pub(crate) fn end_stream(&mut self, key: u64, now: Timestamp, retention: &Retention<'_>) {
        while self.objects.stream_mut(key).is_some_and(|stream| stream.is_closing())
            && self.release_block(key, now, retention)
        {}
    }

    /// All of a stream's block at the position was sent once.
    pub(crate) fn note_stream_block_sent(&mut self, now: Timestamp) {
        let block = self.position.place().block;
        if let Some(stream) = self.objects.stream_mut(self.position.key()) {
            stream.note_sent(now, block);
        }
    }

    fn release_block(&mut self, key: u64, now: Timestamp, retention: &Retention<'_>) -> bool {
        let Some(first) = self.objects.get(key).map(SendObject::first_block) else { return false };
        let Some(stream) = self.objects.stream_mut(key) else { return false };
        let is_in_repair = |block| (retention.is_in_repair)(first + block);
        stream.release(now, retention.keep, is_in_repair)
    }
}

/// When a stream's block may be dropped.
pub(crate) struct Retention<'a> {
    /// Time from its first transmission on in which it stays.
    pub(crate) keep: Duration,
    /// Whether the block with this running number is in repair.
    pub(crate) is_in_repair: &'a dyn Fn(u64) -> bool,
}
