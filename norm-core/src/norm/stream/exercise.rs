//! A stream under arbitrary operations: shared by the fuzz target and the test that replays its
//! corpus. Not part of the API.

use super::block::Parity;
use super::header::SegmentHeader;
use super::needs::StreamNeed;
use super::shape::{Place, StreamShape};
use super::sink::{SinkConfig, StreamSink};
use super::source::StreamSource;
use super::{MessageMarks, Overflow, Read, Resume};
use crate::base::bits::Bits;

/// The one coded symbol of a toy code: the sum of all others.
pub(super) fn xor_parity(block: &[u8], symbol_size: usize) -> Vec<u8> {
    let mut sum = vec![0; symbol_size];
    for symbol in block.chunks_exact(symbol_size) {
        sum.iter_mut().zip(symbol).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

/// Recovers the one symbol that is missing. As a real decoder, it relies on zeros in its place.
pub(super) fn xor_decode(block: &mut [u8], held: &Bits, parity: &Parity) -> bool {
    let Some((_, parity)) = parity.iter().next() else { return false };
    let Some(missing) = held.first_clear(0).filter(|_| held.count() + 1 == held.len()) else {
        return false;
    };
    let mut symbol = xor_parity(block, parity.len());
    symbol.iter_mut().zip(parity).for_each(|(byte, parity)| *byte ^= parity);
    let start = missing as usize * symbol.len();
    block[start..start + symbol.len()].copy_from_slice(&symbol);
    true
}

/// Takes decisions from the fuzzer's bytes.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn byte(&mut self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// Fewer bytes than `below`.
    fn bytes(&mut self, below: usize) -> &'a [u8] {
        let len = usize::from(self.byte()) % below;
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A block around `near`, or rarely anywhere.
    fn block(&mut self, near: u64) -> u64 {
        match self.byte() {
            255 => u64::MAX,
            254 => u64::from_be_bytes([self.byte(); 8]),
            delta => (near + u64::from(delta % 16)).saturating_sub(4),
        }
    }
}

/// A sink, a source that feeds it, and what must hold of both.
struct Bench {
    source: StreamSource,
    sink: StreamSink,
    shape: StreamShape,
    blocks: u64,
    /// Only what the source made, and the toy code's symbols, went into the sink.
    honest: bool,
    /// The last byte read. Content counts up, so that it says what comes next.
    last: Option<u8>,
    /// The reader has left something out by itself.
    skipped: bool,
}

/// Arbitrary operations on a sink and a source: nothing panics, memory stays within its bound,
/// and while no forged symbol came, bytes are those written and gaps as large as they say.
pub fn stream(input: &[u8]) {
    let mut input = Input(input);
    let (sizes, habits) = (input.byte(), input.byte());
    let (segment_size, block_len) = (u16::from(sizes % 16) + 1, u16::from(sizes / 16 % 8) + 1);
    let blocks = u64::from(habits % 4) + 1;
    let flag = |bit: u8| habits & bit != 0;
    let marks = if flag(4) { MessageMarks::Every } else { MessageMarks::FirstOfSegment };
    let shape = StreamShape::new(segment_size, block_len).expect("small sizes fit");
    let config = SinkConfig {
        shape,
        parity: 1 + u16::from(flag(32)),
        blocks,
        overflow: if flag(8) { Overflow::Refuse } else { Overflow::DropOldest },
        resume: if flag(16) { Resume::AtMessage } else { Resume::AtByte },
    };
    let mut bench = Bench {
        source: StreamSource::new(shape, 6, marks),
        sink: StreamSink::new(config),
        shape,
        blocks,
        honest: true,
        last: None,
        skipped: false,
    };
    while let Some(operation) = input.next() {
        bench.operate(operation, &mut input);
        bench.check();
    }
}

impl Bench {
    fn operate(&mut self, operation: u8, input: &mut Input<'_>) {
        let position = self.sink.position();
        match operation % 16 {
            0..=2 => self.write(usize::from(input.byte())),
            3 => self.source.end_message(),
            4 => self.source.flush(),
            5 if input.byte() == 0 => self.source.close(),
            5 => self.source.drop_before(position.block),
            6..=8 => self.send(position.block + u64::from(input.byte() % 8), input.byte()),
            9 => self.forge(input),
            10 => {
                let (block, symbol) = (input.block(position.block), u32::from(input.byte()));
                self.honest = false;
                self.insert(block, symbol, input.bytes(64));
            }
            11 => self.sink.give_up_before(input.block(position.block)),
            12 if input.byte() < 64 => self.sink.drop_before(input.block(position.block)),
            12 if input.byte() < 128 => {
                let place = Place::new(input.block(position.block), u32::from(input.byte() % 8));
                self.sink.sync(place);
            }
            12 => {
                self.sink.skip_to_message();
                self.skipped = true;
            }
            _ => self.read(usize::from(input.byte())),
        }
    }

    fn write(&mut self, len: usize) {
        let first = self.source.written();
        let bytes: Vec<u8> = (first..first + len as u64).map(|n| n as u8).collect();
        let room = self.source.room();
        let taken = self.source.write(&bytes);
        assert!(taken <= room && taken <= len);
        assert_eq!(self.source.written(), first + taken as u64);
        assert!(!(self.source.is_closed() && taken > 0));
    }

    /// A symbol of the source, or the coded one, goes into the sink.
    fn send(&mut self, block: u64, symbol: u8) {
        let symbol = u32::from(symbol) % (self.shape.block_len() + 1);
        if symbol < self.shape.block_len() {
            let place = Place::new(block, symbol);
            let payload = self.source.symbol(place).map(<[u8]>::to_vec);
            let held = place < self.source.end() && block >= self.source.first_block();
            assert_eq!(payload.is_some(), held);
            if let Some(payload) = payload {
                self.insert(block, symbol, &payload);
            }
        } else if let Some(bytes) = self.source.block_bytes(block) {
            assert!(self.source.is_whole(block));
            let mut parity = xor_parity(&bytes, self.shape.symbol_size());
            parity.truncate(self.source.longest_payload(block).expect("it is whole"));
            self.insert(block, symbol, &parity);
        }
    }

    /// A symbol with a header that may be right, of a length that may be.
    fn forge(&mut self, input: &mut Input<'_>) {
        let header = SegmentHeader {
            len: u16::from(input.byte() % 18),
            message_start: (input.byte() < 128).then(|| u16::from(input.byte() % 18)),
            offset: u32::from_be_bytes([input.byte(); 4]),
        };
        let mut payload = header.emit().to_vec();
        payload.extend_from_slice(input.bytes(18));
        let (block, symbol) = (input.block(self.sink.position().block), input.byte() % 12);
        self.honest = false;
        self.insert(block, u32::from(symbol), &payload);
    }

    fn insert(&mut self, block: u64, symbol: u32, payload: &[u8]) {
        let _ = self.sink.insert(block, symbol, payload);
        let (size, honest) = (self.shape.symbol_size(), self.honest);
        let before = self.sink.undecodable();
        let recovered = self.sink.recover(|block, held, parity| {
            assert_eq!(block.len(), size * held.len() as usize);
            assert!(parity.iter().all(|(id, symbol)| id >= held.len() && symbol.len() == size));
            xor_decode(block, held, parity)
        });
        assert!(!honest || self.sink.undecodable() == before);
        assert!(recovered <= 1);
    }

    fn read(&mut self, len: usize) {
        let mut buf = vec![0xa5; len];
        let left = self.sink.message_left();
        let begins = self.sink.begins_message();
        match self.sink.read(&mut buf) {
            Read::Data { len: read, begins_message, ends_message } => {
                assert!(read > 0 || len == 0);
                assert_eq!(begins, Some(begins_message));
                if let Some(left) = left {
                    assert_eq!(ends_message, read as u64 == left, "{read} of {left}");
                }
                self.follow(&buf[..read]);
            }
            Read::Gap { bytes } => {
                self.last = self.last.zip(bytes).map(|(last, n)| last.wrapping_add(n as u8));
            }
            Read::Pending => assert_eq!(begins, None),
            Read::End => assert_eq!(left, None),
        }
    }

    /// Bytes follow the last one.
    fn follow(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let expected = self.last.filter(|_| self.honest && !self.skipped);
            assert!(expected.is_none_or(|last| last.wrapping_add(1) == byte));
            self.last = Some(byte);
            self.skipped = false;
        }
    }

    fn check(&mut self) {
        let window = self.blocks as usize * self.shape.block_bytes();
        assert!(self.sink.memory() <= 2 * window, "{} bytes held", self.sink.memory());
        assert!(!self.honest || self.sink.broken() == 0);
        let position = self.sink.position();
        let bound = Place::new(position.block + 3, u32::from(self.shape.block_len() > 1));
        let mut next = position.block;
        let mut anything = false;
        self.sink.needs(bound, |need| {
            anything = true;
            let (first, last) = match need {
                StreamNeed::Blocks { first, last } => (first, last),
                StreamNeed::Symbols { block, from, before, held, missing, coded, parity } => {
                    let clear = (from..before).filter(|&symbol| !held.contains(symbol));
                    assert!(missing > 0 && clear.count() as u32 == missing);
                    assert!(coded.is_none_or(|coded| coded > 0 && before == held.len()));
                    assert!(parity.iter().all(|(id, _)| parity.contains(id)));
                    (block, block)
                }
            };
            assert!(next <= first && first <= last && last < self.sink.window_end());
            next = last + 1;
            true
        });
        assert_eq!(self.sink.has_all_before(bound), !anything);
        assert!(!anything || !self.sink.has_read(Place::new(next - 1, u32::MAX)));
        if let Some(end) = self.sink.end() {
            assert!(!anything || next <= end.block + 1);
        }
        if self.source.is_ended() {
            let last = self.source.end();
            assert!(self.source.is_closed() && last > Place::default());
        }
    }
}
