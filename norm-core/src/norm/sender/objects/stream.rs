//! Streams being sent (NORM_OBJECT_STREAM, RFC 5740 §4.2.1): what applications call, and what of the
//! schedule is different for content that is written while it is sent.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;

use super::table::SendObject;
use crate::base::Timestamp;
use crate::endpoint::{Transmit, TransmitBuf};
use crate::fec::Scheme;
use crate::norm::sender::Sender;
use crate::norm::sender::config::ConfigError;
use crate::norm::stream::{MessageMarks, Place, StreamShape, StreamSource};
use crate::norm::wire::ObjectFlags;

/// Without a word from anybody for so long, nobody is waited for.
const ALONE: Duration = Duration::from_secs(2);

/// A stream to be sent.
#[derive(Clone, Debug)]
pub struct StreamSpec {
    /// Bytes kept for repair, rounded up to whole blocks, two at least. What falls out of it can no
    /// longer be repaired.
    pub buffer: usize,
    /// NORM_INFO: at most one segment of application bytes about the stream.
    pub info: Option<Bytes>,
    /// Which beginnings of messages receivers learn of.
    pub marks: MessageMarks,
}

/// A stream in the session.
#[derive(Debug)]
pub(crate) struct SendStream {
    pub(crate) source: StreamSource,
    shape: StreamShape,
    /// When the last symbol of each whole block that is held was sent first.
    sent: VecDeque<(u64, Timestamp)>,
}

impl SendStream {
    pub(crate) fn new(shape: StreamShape, spec: &StreamSpec) -> Self {
        let blocks = spec.buffer.div_ceil(shape.block_bytes()).max(2);
        let source = StreamSource::new(shape, blocks, spec.marks);
        Self { source, shape, sent: VecDeque::new() }
    }

    /// Bytes of a coded symbol: a segment and the header before it.
    pub(crate) fn symbol_size(&self) -> u16 {
        u16::try_from(self.shape.symbol_size()).unwrap_or(u16::MAX)
    }

    /// Bytes of the buffer, for receivers to know.
    pub(crate) fn size(&self) -> u64 {
        let block = u64::from(self.shape.block_len()) * self.shape.segment_size() as u64;
        block * self.source.blocks() as u64
    }

    /// Symbols of a block that are closed and not dropped.
    pub(crate) fn held(&self, block: u64) -> u32 {
        let end = self.source.end();
        match block {
            _ if block < self.source.first_block() || block > end.block => 0,
            _ if block == end.block => end.symbol,
            _ => self.shape.block_len(),
        }
    }

    /// One past the last block of which something is closed.
    pub(crate) fn blocks(&self) -> u64 {
        let end = self.source.end();
        end.block + u64::from(end.symbol > 0)
    }

    /// The last place that can be named: that of the newest symbol closed before `end`.
    pub(crate) fn before(&self, end: Place) -> Place {
        match (end.symbol, end.block) {
            (0, 0) => end,
            (0, block) => Place::new(block - 1, self.shape.block_len() - 1),
            (symbol, block) => Place::new(block, symbol - 1),
        }
    }
}

impl Sender {
    /// Begins a stream, behind the objects that were enqueued before; returns its key. It ends with
    /// [`Sender::close_stream`]; objects enqueued behind it wait for that.
    ///
    /// # Errors
    /// [`ConfigError::StreamCode`] without a Reed-Solomon code, which streams need, and what
    /// [`Sender::enqueue`] may say.
    pub fn open_stream(&mut self, spec: &StreamSpec) -> Result<u64, ConfigError> {
        let key = self.objects.push_stream(spec, &self.config)?;
        self.members.reopen();
        self.session.reopen();
        self.idle = false;
        Ok(key)
    }

    /// Takes bytes of a stream as far as its buffer has room; returns how many. They leave when a
    /// segment is full or flushed. What was sent long enough ago for receivers to have asked for
    /// repair makes room.
    pub fn write_stream(&mut self, key: u64, bytes: &[u8], now: Timestamp) -> usize {
        let Some(stream) = self.objects.stream_mut(key) else { return 0 };
        let mut taken = stream.source.write(bytes);
        while taken < bytes.len() && self.release_block(key, now) {
            let Some(stream) = self.objects.stream_mut(key) else { break };
            taken += stream.source.write(bytes.get(taken..).unwrap_or_default());
        }
        self.idle = false;
        taken
    }

    /// The next byte written begins a message, which receivers can find.
    pub fn end_message(&mut self, key: u64) {
        if let Some(stream) = self.objects.stream_mut(key) {
            stream.source.end_message();
        }
    }

    /// Lets what was written leave now, though its segment is not full.
    pub fn flush_stream(&mut self, key: u64) {
        if let Some(stream) = self.objects.stream_mut(key) {
            stream.source.flush();
            self.idle = false;
        }
    }

    /// Ends a stream behind what was written.
    pub fn close_stream(&mut self, key: u64, now: Timestamp) {
        let Some(stream) = self.objects.stream_mut(key) else { return };
        stream.source.close();
        while self.objects.stream_mut(key).is_some_and(|s| !s.source.is_ended())
            && self.release_block(key, now)
        {}
        self.idle = false;
    }

    /// True when everything written of a stream was sent once.
    pub fn is_stream_sent(&self, key: u64) -> bool {
        let Some(stream) = self.objects.get(key).and_then(|o| o.stream.as_ref()) else {
            return false;
        };
        self.cursor.key > key
            || (self.cursor.key == key && self.cursor.place() >= stream.source.end())
    }

    /// Drops the oldest block of a stream, if it was sent long enough ago and nobody is being served
    /// with it. False when it must stay.
    fn release_block(&mut self, key: u64, now: Timestamp) -> bool {
        // Three cycles of NACK and repair, because each may be lost.
        let cycle = self.grtt.get() * (2 * u32::from(self.backoff()) + 4) * 3;
        let alone = self.members.announced() == 0 && now >= self.session.began + ALONE;
        let Some(object) = self.objects.get(key) else { return false };
        let Some(stream) = &object.stream else { return false };
        let first = stream.source.first_block();
        let Some(&(block, at)) = stream.sent.front() else { return false };
        let busy = self.repairs.is_busy(object.first_block + first);
        if block != first || busy || (!alone && now < at + cycle) {
            return false;
        }
        let Some(stream) = self.objects.stream_mut(key) else { return false };
        stream.sent.pop_front();
        stream.source.drop_before(first + 1);
        true
    }

    /// Blocks of a stream that closes late, or whose writer waits, are dropped as time passes.
    pub(crate) fn end_streams(&mut self, now: Timestamp) {
        let key = self.cursor.key;
        let waits = |s: &mut SendStream| s.source.is_closed() && !s.source.is_ended();
        while self.objects.stream_mut(key).is_some_and(waits) {
            if !self.release_block(key, now) {
                break;
            }
        }
    }

    /// Sends what is new of the stream at the cursor. `Err` when it is over, and the next object's
    /// turn.
    pub(crate) fn send_stream(
        &mut self,
        now: Timestamp,
        out: &mut TransmitBuf,
    ) -> Result<Option<Transmit>, StreamOver> {
        self.end_streams(now);
        let (key, place) = (self.cursor.key, self.cursor.place());
        let limit = self.batch(out);
        let Some((number, stream)) = self.objects.take_stream(key) else { return Err(StreamOver) };
        let source = &stream.source;
        let end = source.end();
        if place >= end {
            let over = source.is_ended();
            self.objects.put_stream(key, stream);
            if over {
                return Err(StreamOver);
            }
            self.session.rest_stream(now);
            return Ok(None);
        }
        let last = if place.block == end.block { end.symbol } else { stream.shape.block_len() };
        // Equal segments only; a shorter one must come last.
        let full = stream.shape.symbol_size();
        let mut count = 0;
        let symbols: Vec<(u32, &[u8])> = (place.symbol..last)
            .take(limit as usize)
            .map_while(|symbol| Some((symbol, source.symbol(Place::new(place.block, symbol))?)))
            .take_while(|(_, payload)| {
                let more = count == 0;
                count = if payload.len() == full { count } else { 1 };
                more
            })
            .collect();
        let fti = self.session.must_tell_fti(now) || place.symbol == 0;
        let sent = symbols.len() as u32;
        let (number, content) =
            (number + place.block, symbols.iter().map(|s| s.1.len()).sum::<usize>());
        let transmit = self.send_data(number, symbols.into_iter(), ObjectFlags(0), fti, out);
        let whole = place.symbol + sent == stream.shape.block_len();
        self.objects.put_stream(key, stream);
        if transmit.is_none() {
            // It fell out of the buffer before it was sent; that cannot happen, and must not hang.
            return Err(StreamOver);
        }
        self.stats.data_packets += u64::from(sent);
        self.cursor.bytes += content as u64;
        self.cursor.advance(sent);
        self.session.wake_stream();
        if whole {
            if let Some(stream) = self.objects.stream_mut(key) {
                stream.sent.push_back((place.block, now));
            }
            self.cursor.next_block();
            self.prepare_ahead(number);
            self.repairs.release(now, number);
        }
        Ok(transmit)
    }

    /// Sends symbols of a stream's block again, which were sent before.
    pub(crate) fn send_stream_again(
        &mut self,
        now: Timestamp,
        number: u64,
        out: &mut TransmitBuf,
    ) -> Option<Transmit> {
        let limit = self.batch(out) as usize;
        let key = self.objects.by_block(number)?.0.key;
        let (first, stream) = self.objects.take_stream(key)?;
        let full = stream.shape.symbol_size();
        let mut symbols: Vec<(u32, &[u8])> = Vec::with_capacity(limit);
        let mut fti = self.session.must_tell_fti(now);
        if let Some(repair) = self.repairs.get_mut(number) {
            fti |= repair.sent == 0;
            let mut from = 0;
            while symbols.len() < limit
                && let Some(id) = repair.pending.first_set(from)
            {
                repair.pending.remove(id);
                from = id + 1;
                repair.sent += 1;
                let Some(payload) = stream.source.symbol(Place::new(number - first, id)) else {
                    // Only what was sent is asked for, so this cannot happen; and it must not hang.
                    continue;
                };
                symbols.push((id, payload));
                // Equal segments only; a shorter one must come last.
                if payload.len() < full {
                    break;
                }
            }
        }
        self.stats.resent_packets += symbols.len() as u64;
        let transmit = self.send_data(number, symbols.into_iter(), ObjectFlags::REPAIR, fti, out);
        self.objects.put_stream(key, stream);
        if transmit.is_none() {
            self.repairs.forget(number);
        }
        transmit
    }

    /// Symbols of a stream's block that were sent: all that are closed behind the cursor, those before it
    /// in its block.
    pub(crate) fn sent_of_stream(&self, object: &SendObject, block: u32) -> Option<u32> {
        let stream = object.stream.as_ref()?;
        let at = self.cursor.place();
        Some(match u64::from(block) {
            _ if object.key > self.cursor.key => 0,
            block if object.key < self.cursor.key || block < at.block => stream.held(block),
            block if block == at.block => stream.held(block).min(at.symbol),
            _ => 0,
        })
    }

    /// The next block worth looking at, if this one is a stream's and not there: it has fallen out of the
    /// buffer, which is told, or lies behind what is written.
    pub(crate) fn skip_of_stream(&mut self, now: Timestamp, number: u64) -> Option<u64> {
        let (object, index) = self.objects.by_block(number)?;
        let stream = object.stream.as_ref()?;
        let (first, end) = (object.first_block, object.first_block + object.blocks());
        let start = stream.source.first_block();
        if u64::from(index) < start {
            self.squelch(now);
            return Some(first + start);
        }
        let sent = self.sent_of_stream(object, index)?;
        (sent == 0).then_some(end)
    }

    /// Forgets the repair of a stream's block that fell out of the buffer, and says so. True when it
    /// did.
    pub(crate) fn give_up_stream_block(&mut self, now: Timestamp, number: u64) -> bool {
        let Some((object, index)) = self.objects.by_block(number) else { return false };
        let gone =
            object.stream.as_ref().is_some_and(|s| u64::from(index) < s.source.first_block());
        if gone {
            self.repairs.forget(number);
            self.squelch(now);
        }
        gone
    }
}

/// The cursor has come to the end of a stream.
#[derive(Copy, Clone, Debug)]
pub(crate) struct StreamOver;

impl SendObject {
    /// The stream's block with these low bits, as packets carry them, nearest to the cursor's.
    pub(crate) fn stream_block(&self, wire: u32, near: u64, scheme: Scheme) -> u64 {
        let mask = u64::from(scheme.payload_format().max_block());
        crate::norm::stream::unwrap_block(u64::from(wire), near, mask)
    }
}

#[cfg(test)]
mod tests;
