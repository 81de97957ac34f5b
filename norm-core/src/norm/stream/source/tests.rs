use super::*;

fn source(marks: MessageMarks) -> StreamSource {
    StreamSource::new(StreamShape::new(10, 3).unwrap(), 2, marks)
}

fn header(source: &StreamSource, block: u64, symbol: u32) -> SegmentHeader {
    SegmentHeader::parse(source.symbol(Place::new(block, symbol)).unwrap()).unwrap()
}

#[test]
fn segment_can_be_sent_when_full_or_flushed() {
    let mut source = source(MessageMarks::Every);
    assert_eq!(source.write(b"012345678"), 9);
    assert_eq!(source.end(), Place::new(0, 0));
    assert_eq!(source.symbol(Place::new(0, 0)), None);
    assert_eq!(source.write(b"9abc"), 4);
    assert_eq!(source.end(), Place::new(0, 1));
    assert_eq!(source.symbol(Place::new(0, 0)), Some(&b"\0\x0a\0\x01\0\0\0\x000123456789"[..]));
    source.flush();
    source.flush();
    assert_eq!(source.end(), Place::new(0, 2));
    assert_eq!(source.symbol(Place::new(0, 1)), Some(&b"\0\x03\0\0\0\0\0\x0aabc"[..]));
    assert_eq!(source.written(), 13);
}

#[test]
fn source_takes_no_more_than_fits() {
    let mut source = source(MessageMarks::Every);
    assert_eq!(source.room(), 60);
    assert_eq!(source.write(&[7; 25]), 25);
    assert_eq!(source.room(), 35);
    assert_eq!(source.write(&[7; 100]), 35);
    assert_eq!((source.room(), source.write(b"x")), (0, 0));
    assert!(source.is_whole(0) && source.is_whole(1) && !source.is_whole(2));
    source.drop_before(1);
    assert_eq!((source.first_block(), source.room()), (1, 30));
    assert_eq!(source.symbol(Place::new(0, 0)), None);
    assert_eq!(source.write(b"x"), 1);
    source.drop_before(9);
    assert_eq!(source.first_block(), 2, "the block that is begun stays");
    assert_eq!(source.room(), 59);
}

#[test]
fn full_block_pads_short_segments_with_zeros() {
    let mut source = source(MessageMarks::Every);
    for text in [&b"abc"[..], b"defgh", b"i"] {
        assert!(source.block_bytes(0).is_none());
        source.write(text);
        source.flush();
    }
    let expected = [
        &b"\0\x03\0\x01\0\0\0\0abc\0\0\0\0\0\0\0"[..],
        b"\0\x05\0\0\0\0\0\x03defgh\0\0\0\0\0",
        b"\0\x01\0\0\0\0\0\x08i\0\0\0\0\0\0\0\0\0",
    ];
    assert_eq!(source.block_bytes(0).unwrap(), expected.concat());
    assert_eq!(source.longest_payload(0), Some(13));
    assert_eq!(source.longest_payload(1), None);
}

#[test]
fn segment_closes_before_a_second_message_begins() {
    let mut source = source(MessageMarks::Every);
    for text in [&b"abc"[..], b"defg", b"hijklmnopqrs"] {
        source.write(text);
        source.end_message();
        source.end_message();
    }
    source.flush();
    assert_eq!(header(&source, 0, 0), SegmentHeader { len: 3, message_start: Some(0), offset: 0 });
    assert_eq!(header(&source, 0, 1), SegmentHeader { len: 4, message_start: Some(0), offset: 3 });
    assert_eq!(header(&source, 0, 2), SegmentHeader { len: 10, message_start: Some(0), offset: 7 });
    assert_eq!(header(&source, 1, 0), SegmentHeader { len: 2, message_start: None, offset: 17 });
}

#[test]
fn or_only_its_first_message_is_named() {
    let mut source = source(MessageMarks::FirstOfSegment);
    source.write(b"abcdefghijkl");
    for text in [&b"mn"[..], b"op", b"q"] {
        source.end_message();
        source.write(text);
    }
    source.flush();
    assert_eq!(header(&source, 0, 0), SegmentHeader { len: 10, message_start: Some(0), offset: 0 });
    assert_eq!(header(&source, 0, 1), SegmentHeader { len: 7, message_start: Some(2), offset: 10 });
}

#[test]
fn end_of_stream_follows_what_was_written() {
    let mut source = source(MessageMarks::Every);
    source.write(b"abc");
    source.close();
    source.close();
    assert!(source.is_closed() && source.is_ended());
    assert_eq!((source.write(b"x"), source.room()), (0, 0));
    assert_eq!(source.end(), Place::new(0, 2));
    assert_eq!(source.symbol(Place::new(0, 1)), Some(&b"\0\0\0\0\0\0\0\x03"[..]));
}

#[test]
fn end_of_stream_waits_for_room() {
    let mut source = source(MessageMarks::Every);
    assert_eq!(source.write(&[7; 99]), 60);
    source.close();
    assert!(source.is_closed() && !source.is_ended());
    source.drop_before(1);
    assert!(source.is_ended());
    assert_eq!(source.symbol(Place::new(2, 0)), Some(&b"\0\0\0\0\0\0\0\x3c"[..]));
    assert_eq!(source.end(), Place::new(2, 1));
}
