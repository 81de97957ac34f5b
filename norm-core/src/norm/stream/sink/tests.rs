use super::*;
use crate::norm::stream::exercise::{xor_decode, xor_parity};
use crate::norm::stream::{MessageMarks, Read, needs::StreamNeed, source::StreamSource};

/// Segments of 4 bytes, blocks of 3.
fn shape() -> StreamShape {
    StreamShape::new(4, 3).unwrap()
}

fn sink(overflow: Overflow, resume: Resume) -> StreamSink {
    StreamSink::new(SinkConfig { shape: shape(), parity: 1, blocks: 2, overflow, resume })
}

fn refusing() -> StreamSink {
    sink(Overflow::Refuse, Resume::AtMessage)
}

/// Everything that a stream of these messages consists of, each message in segments of its own.
fn sent(messages: &[&[u8]]) -> StreamSource {
    let mut source = StreamSource::new(shape(), 100, MessageMarks::Every);
    for message in messages {
        source.end_message();
        assert_eq!(source.write(message), message.len());
        source.flush();
    }
    source.close();
    source
}

fn feed(sink: &mut StreamSink, source: &StreamSource, block: u64, symbol: u32) -> Inserted {
    sink.insert(block, symbol, source.symbol(Place::new(block, symbol)).unwrap())
}

fn parity(source: &StreamSource, block: u64) -> Vec<u8> {
    xor_parity(&source.block_bytes(block).unwrap(), shape().symbol_size())
}

fn data(sink: &mut StreamSink) -> Option<(Vec<u8>, bool, bool)> {
    let mut buf = [0; 100];
    match sink.read(&mut buf) {
        Read::Data { len, begins_message, ends_message } => {
            Some((buf[..len].to_vec(), begins_message, ends_message))
        }
        _ => None,
    }
}

fn other(sink: &mut StreamSink) -> Read {
    sink.read(&mut [0; 100])
}

fn needs(sink: &StreamSink, bound: Place) -> Vec<String> {
    let mut all = Vec::new();
    sink.needs(bound, |need| {
        all.push(match need {
            StreamNeed::Blocks { first, last } => format!("blocks {first}-{last}"),
            StreamNeed::Symbols { block, from, before, missing, coded, .. } => {
                format!("{missing} of {block}:{from}-{before}, coded {coded:?}")
            }
        });
        true
    });
    all
}

#[test]
fn segment_is_read_as_soon_as_it_is_next() {
    let source = sent(&[b"abcdef", b"gh"]);
    let mut sink = refusing();
    assert_eq!(feed(&mut sink, &source, 0, 1), Inserted::Kept);
    assert_eq!(other(&mut sink), Read::Pending);
    assert_eq!(feed(&mut sink, &source, 0, 0), Inserted::Kept);
    let border_unknown = (b"abcdef".to_vec(), true, false);
    assert_eq!(data(&mut sink), Some(border_unknown));
    assert_eq!(other(&mut sink), Read::Pending);
    assert_eq!(feed(&mut sink, &source, 0, 2), Inserted::Kept);
    assert_eq!(data(&mut sink), Some((b"gh".to_vec(), true, false)));
    assert_eq!(feed(&mut sink, &source, 1, 0), Inserted::Kept, "the end");
    assert_eq!(other(&mut sink), Read::End);
    assert_eq!(other(&mut sink), Read::End);
    assert!(sink.has_read(Place::new(1, 0)));
    assert_eq!(sink.memory(), 0);
}

#[test]
fn reads_stop_where_messages_begin() {
    let mut source = StreamSource::new(shape(), 9, MessageMarks::FirstOfSegment);
    source.write(b"abcde");
    source.end_message();
    source.write(b"fgh");
    source.close();
    let mut sink = refusing();
    for symbol in 0..3 {
        feed(&mut sink, &source, 0, symbol);
    }
    assert_eq!((sink.begins_message(), sink.message_left()), (Some(true), Some(5)));
    let mut buf = [0; 2];
    let read = Read::Data { len: 2, begins_message: true, ends_message: false };
    assert_eq!(sink.read(&mut buf), read);
    assert_eq!((sink.begins_message(), sink.message_left()), (Some(false), Some(3)));
    assert_eq!(data(&mut sink), Some((b"cde".to_vec(), false, true)));
    assert_eq!(data(&mut sink), Some((b"fgh".to_vec(), true, true)));
    assert_eq!((sink.begins_message(), sink.message_left()), (None, None));
    assert_eq!(other(&mut sink), Read::End);
}

#[test]
fn remaining_message_can_be_skipped() {
    let source = sent(&[b"abcdefghij", b"kl"]);
    let mut sink = refusing();
    sink.skip_to_message();
    feed(&mut sink, &source, 0, 0);
    assert_eq!(
        sink.read(&mut [0; 1]),
        Read::Data { len: 1, begins_message: true, ends_message: false }
    );
    sink.skip_to_message();
    assert_eq!(other(&mut sink), Read::Pending);
    for (block, symbol) in [(0, 1), (0, 2), (1, 0), (1, 1)] {
        assert_eq!(feed(&mut sink, &source, block, symbol), Inserted::Kept);
    }
    assert_eq!(data(&mut sink), Some((b"kl".to_vec(), true, true)));
    assert_eq!(other(&mut sink), Read::End);
}

#[test]
fn lost_segments_are_decoded_from_coded_ones() {
    let source = sent(&[b"abcdef", b"gh"]);
    let mut sink = refusing();
    feed(&mut sink, &source, 0, 0);
    assert_eq!(sink.insert(0, 3, &parity(&source, 0)), Inserted::Kept);
    assert_eq!(sink.insert(0, 3, &parity(&source, 0)), Inserted::Duplicate);
    assert_eq!(sink.recover(xor_decode), 0, "two of three");
    feed(&mut sink, &source, 0, 2);
    assert_eq!(sink.recover(xor_decode), 1);
    assert_eq!(sink.message_left(), Some(6));
    assert_eq!(data(&mut sink), Some((b"abcdef".to_vec(), true, true)));
    assert_eq!(data(&mut sink), Some((b"gh".to_vec(), true, false)));
    assert_eq!(sink.insert(0, 3, &parity(&source, 0)), Inserted::Old);
}

#[test]
fn coded_symbols_are_kept_up_to_the_missing_ones() {
    let mut sink = StreamSink::new(SinkConfig { parity: 9, ..refusing().config });
    for symbol in 3..6 {
        assert!(!sink.has_all_before(Place::new(1, 0)));
        assert_eq!(sink.insert(0, symbol, &[9; 12]), Inserted::Kept);
    }
    assert_eq!(sink.insert(0, 6, &[9; 12]), Inserted::Duplicate);
    assert_eq!(sink.memory(), 2 * shape().block_bytes());
    assert!(sink.has_all_before(Place::new(1, 0)));
}

#[test]
fn failed_decodes_count_and_keep_the_source() {
    let source = sent(&[b"abcdef", b"gh"]);
    let mut sink = refusing();
    feed(&mut sink, &source, 0, 0);
    feed(&mut sink, &source, 0, 2);
    sink.insert(0, 3, &parity(&source, 0));
    let spoil = |block: &mut [u8], _: &Bits, _: &Parity| {
        block[12..24].fill(0xee);
        false
    };
    assert_eq!((sink.recover(spoil), sink.undecodable()), (0, 1));
    assert_eq!(sink.insert(0, 3, &parity(&source, 0)), Inserted::Kept);
    assert_eq!(sink.recover(xor_decode), 1);
    assert_eq!(data(&mut sink), Some((b"abcdef".to_vec(), true, true)));
}

#[test]
fn decoded_nonsense_is_a_gap() {
    let source = sent(&[b"abcd", b"efgh", b"ijkl", b"mn"]);
    let mut sink = refusing();
    feed(&mut sink, &source, 0, 0);
    feed(&mut sink, &source, 0, 2);
    feed(&mut sink, &source, 1, 0);
    assert_eq!(sink.insert(0, 3, &[0xff; 12]), Inserted::Kept);
    assert_eq!(sink.recover(xor_decode), 1);
    assert_eq!(data(&mut sink), Some((b"abcd".to_vec(), true, false)));
    assert_eq!((other(&mut sink), sink.broken()), (Read::Gap { bytes: Some(4) }, 1));
    assert_eq!(data(&mut sink), Some((b"ijkl".to_vec(), true, true)));
}

#[test]
fn impossible_symbols_are_bad_and_change_nothing() {
    let mut sink = refusing();
    let good = b"\0\x04\0\x01\0\0\0\0abcd";
    assert_eq!(sink.insert(0, 0, &[]), Inserted::Bad);
    assert_eq!(sink.insert(0, 0, &good[..11]), Inserted::Bad, "shorter than it says");
    assert_eq!(sink.insert(0, 0, b"\0\x04\0\x01\0\0\0\0abcde"), Inserted::Bad, "too long");
    assert_eq!(sink.insert(0, 0, b"\0\0\0\x01\0\0\0\0"), Inserted::Bad, "unknown control code");
    assert_eq!(sink.insert(0, 4, &[0; 12]), Inserted::Bad, "no such coded symbol");
    assert_eq!(sink.insert(0, u32::MAX, good), Inserted::Bad);
    assert_eq!(sink.insert(0, 3, &[0; 7]), Inserted::Bad, "shorter than a header");
    assert_eq!(sink.insert(u64::MAX, 0, good), Inserted::Bad);
    assert_eq!((sink.memory(), sink.read(&mut [0; 9])), (0, Read::Pending));
    assert_eq!(sink.insert(0, 0, good), Inserted::Kept);
    assert_eq!(sink.insert(0, 0, b"\0\x04\0\x01\0\0\0\0ABCD"), Inserted::Duplicate);
    assert_eq!(data(&mut sink), Some((b"abcd".to_vec(), true, false)));
}

#[test]
fn segment_after_the_window_waits_for_room() {
    let source = sent(&[&[7; 12 * 4]]);
    let mut sink = refusing();
    assert_eq!(feed(&mut sink, &source, 1, 0), Inserted::Kept);
    assert_eq!(feed(&mut sink, &source, 2, 0), Inserted::TooNew);
    for symbol in 0..3 {
        feed(&mut sink, &source, 0, symbol);
    }
    assert_eq!(feed(&mut sink, &source, 2, 0), Inserted::TooNew, "nothing was read");
    assert_eq!(data(&mut sink).unwrap().0.len(), 16);
    assert_eq!(feed(&mut sink, &source, 2, 0), Inserted::Kept);
}

#[test]
fn or_the_oldest_make_room_for_it() {
    let source = sent(&[b"abcdefghijkl", b"mnopqr", b"stuv", b"wxyz"]);
    let mut sink = sink(Overflow::DropOldest, Resume::AtMessage);
    feed(&mut sink, &source, 0, 0);
    assert_eq!(data(&mut sink), Some((b"abcd".to_vec(), true, false)));
    feed(&mut sink, &source, 1, 1);
    feed(&mut sink, &source, 1, 2);
    assert_eq!(feed(&mut sink, &source, 2, 0), Inserted::Kept);
    assert_eq!(sink.position(), Place::new(1, 0));
    assert_eq!(other(&mut sink), Read::Pending, "the first of the window can still come");
    sink.give_up_before(2);
    assert_eq!(other(&mut sink), Read::Gap { bytes: Some(14) });
    assert_eq!(data(&mut sink), Some((b"stuv".to_vec(), true, true)));
    assert_eq!(data(&mut sink), Some((b"wxyz".to_vec(), true, false)));
}

#[test]
fn reading_resumes_after_a_gap_as_configured() {
    let at_message = (Resume::AtMessage, 8, (b"mn".to_vec(), true, true));
    let at_byte = (Resume::AtByte, 4, (b"ijkl".to_vec(), false, true));
    for (resume, lost, next) in [at_message, at_byte] {
        let source = sent(&[b"abcdefghijkl", b"mn"]);
        let mut sink = sink(Overflow::Refuse, resume);
        for (block, symbol) in [(0, 0), (0, 2), (1, 0), (1, 1)] {
            feed(&mut sink, &source, block, symbol);
        }
        sink.give_up_before(1);
        assert_eq!(data(&mut sink), Some((b"abcd".to_vec(), true, false)), "what is held is read");
        assert_eq!(other(&mut sink), Read::Gap { bytes: Some(lost) });
        assert_eq!(data(&mut sink), Some(next));
    }
}

#[test]
fn losses_in_a_row_are_one_gap() {
    let source = sent(&[&[7; 12 * 3]]);
    let mut sink = refusing();
    feed(&mut sink, &source, 0, 0);
    assert_eq!(data(&mut sink).unwrap().0.len(), 4);
    sink.give_up_before(1);
    sink.give_up_before(2);
    assert_eq!(other(&mut sink), Read::Pending);
    sink.give_up_before(3);
    assert_eq!(feed(&mut sink, &source, 2, 2), Inserted::Old);
    assert_eq!(feed(&mut sink, &source, 3, 0), Inserted::Kept);
    assert_eq!(other(&mut sink), Read::Gap { bytes: Some(32) });
    assert_eq!(other(&mut sink), Read::End);
}

#[test]
fn gap_before_the_first_byte_has_no_size() {
    let source = sent(&[b"abcdefghijkl", b"mn"]);
    let mut sink = refusing();
    sink.give_up_before(1);
    feed(&mut sink, &source, 1, 0);
    assert_eq!(other(&mut sink), Read::Gap { bytes: None });
    assert_eq!(data(&mut sink), Some((b"mn".to_vec(), true, false)));
}

#[test]
fn late_joiner_begins_with_a_message_and_no_gap() {
    let source = sent(&[b"abcdefghijklmn", b"op", b"q"]);
    let mut sink = refusing();
    sink.sync(Place::new(1, 0));
    assert_eq!(feed(&mut sink, &source, 0, 0), Inserted::Old);
    for symbol in 0..3 {
        feed(&mut sink, &source, 1, symbol);
    }
    assert_eq!(data(&mut sink), Some((b"op".to_vec(), true, true)));
    assert_eq!(data(&mut sink), Some((b"q".to_vec(), true, false)));
    sink.sync(Place::new(2, 0));
    feed(&mut sink, &source, 2, 0);
    assert_eq!(other(&mut sink), Read::Gap { bytes: Some(0) });
    assert_eq!(other(&mut sink), Read::End);
}

#[test]
fn needs_name_blocks_and_symbols_up_to_the_bound() {
    let source = sent(&[&[7; 12 * 6]]);
    let shape = shape();
    let mut sink = StreamSink::new(SinkConfig { shape, blocks: 4, ..refusing().config });
    assert_eq!(needs(&sink, Place::new(0, 0)), [""; 0]);
    assert_eq!(needs(&sink, Place::new(0, 2)), ["2 of 0:0-2, coded None"]);
    assert_eq!(needs(&sink, Place::new(1, 1)), ["blocks 0-0", "1 of 1:0-1, coded None"]);
    feed(&mut sink, &source, 2, 1);
    sink.insert(2, 3, &parity(&source, 2));
    let all = ["blocks 0-1", "2 of 2:0-3, coded Some(1)", "blocks 3-3"];
    assert_eq!(needs(&sink, Place::new(99, 0)), all, "no farther than the window");
    assert_eq!(needs(&sink, Place::new(2, 2)), ["blocks 0-1", "1 of 2:0-2, coded None"]);
    feed(&mut sink, &source, 0, 0);
    data(&mut sink).unwrap();
    assert_eq!(needs(&sink, Place::new(0, 3)), ["2 of 0:1-3, coded Some(2)"]);
    sink.give_up_before(1);
    assert_eq!(needs(&sink, Place::new(1, 3)), ["blocks 1-1"]);
    assert!(!sink.has_all_before(Place::new(2, 0)) && sink.has_all_before(Place::new(1, 0)));
}

#[test]
fn needs_end_at_the_stream_end_and_begin_at_the_join() {
    let source = sent(&[&[7; 12]]);
    let mut sink = refusing();
    sink.sync(Place::new(0, 2));
    assert_eq!(needs(&sink, Place::new(2, 0)), ["1 of 0:2-3, coded Some(3)", "blocks 1-1"]);
    feed(&mut sink, &source, 1, 0);
    assert_eq!(needs(&sink, Place::new(2, 0)), ["1 of 0:2-3, coded Some(3)"]);
    assert_eq!(sink.insert(9, 0, b"\0\x01\0\0\0\0\0\0x"), Inserted::Old, "after the end");
    feed(&mut sink, &source, 0, 2);
    assert!(sink.has_all_before(Place::new(2, 0)));
}
