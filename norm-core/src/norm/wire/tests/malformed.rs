//! Packets that are no messages, and which error each gets.

use super::*;

fn error(bytes: &[u8]) -> ParseError {
    Message::parse(bytes).expect_err("not a message")
}

fn altered(hex: &str, at: usize, value: u8) -> Vec<u8> {
    let mut bytes = samples::bytes(hex);
    bytes[at] = value;
    bytes
}

#[test]
fn header_that_is_cut_off_is_truncated() {
    for hex in samples::ALL {
        let bytes = samples::bytes(hex);
        let header_len = usize::from(bytes[1]) * 4;
        for len in 0..header_len {
            assert_eq!(error(&bytes[..len]), ParseError::Truncated, "{hex}, {len} bytes");
        }
    }
}

#[test]
fn versions_other_than_1_are_refused() {
    for version in [0, 2, 15] {
        assert_eq!(error(&altered(samples::DATA, 0, version << 4 | 2)), ParseError::Version);
    }
}

#[test]
fn types_outside_the_rfc_are_refused() {
    for kind in [0, 7, 8, 15] {
        assert_eq!(error(&altered(samples::DATA, 0, 0x10 | kind)), ParseError::Type);
    }
    for subtype in [0, 8, 255] {
        assert_eq!(error(&altered(samples::APPLICATION, 12, subtype)), ParseError::Subtype);
    }
}

#[test]
fn header_shorter_than_its_type_is_refused() {
    for hex in samples::ALL {
        let bytes = samples::bytes(hex);
        let (_, message) = Message::parse(&bytes).unwrap();
        let extensions = match message {
            Message::Info(m) => m.extensions,
            Message::Data(m) => m.extensions,
            Message::Cmd(m) => m.extensions,
            Message::Nack(m) => m.extensions,
            Message::Ack(m) => m.extensions,
            Message::Report(m) => m.extensions,
        };
        let base = bytes[1] - (extensions.as_bytes().len() / 4) as u8;
        for words in 0..base {
            assert_eq!(error(&altered(hex, 1, words)), ParseError::HeaderLength, "{hex}");
        }
    }
}

#[test]
fn extension_of_length_zero_is_refused() {
    assert_eq!(error(&altered(samples::INFO, 17, 0)), ParseError::Extension);
    assert_eq!(error(&altered(samples::DATA, 21, 0)), ParseError::Extension);
    assert_eq!(error(&altered(samples::NACK, 25, 0)), ParseError::Extension);
}

#[test]
fn extension_that_leaves_the_header_is_refused() {
    assert_eq!(error(&altered(samples::DATA, 21, 4)), ParseError::Extension);
}

#[test]
fn overlong_header_is_refused() {
    let mut bytes = samples::bytes(samples::NACK);
    bytes.truncate(24);
    bytes.extend([128; 249 * 4]);
    bytes[1] = 255;
    exercise::message(&bytes).unwrap();
    // A report has room for more, but then the area would not fit into another message.
    let mut report = samples::bytes("16fa0003 00000002");
    report.extend([128; 248 * 4]);
    exercise::message(&report).unwrap();
    report[1] = 252;
    report.extend([128; 2 * 4]);
    assert_eq!(error(&report), ParseError::HeaderLength);
}

#[test]
fn unknown_scheme_is_refused_where_a_payload_id_stands() {
    assert_eq!(error(&altered(samples::DATA, 13, 3)), ParseError::FecId);
    assert_eq!(error(&altered(samples::DATA, 13, 1)), ParseError::FecId, "Raptor is for FLUTE");
    assert_eq!(error(&altered(samples::FLUSH, 13, 130)), ParseError::FecId);
    assert_eq!(error(&altered(samples::NACK, 40, 1)), ParseError::FecId);
    let info = altered(samples::INFO, 13, 3);
    assert!(matches!(Message::parse(&info), Ok((_, Message::Info(_)))));
}

#[test]
fn lists_that_are_not_whole_items_are_refused() {
    for hex in [samples::FLUSH_ACKING, samples::CC] {
        let mut bytes = samples::bytes(hex);
        bytes.pop();
        assert_eq!(error(&bytes), ParseError::PayloadLength, "{hex}");
    }
    let eot = samples::bytes("13040001 00000001 12347f40 02000000 00");
    assert_eq!(error(&eot), ParseError::PayloadLength);
    let squelch = samples::bytes("13050001 00000001 12347f40 03060007 03000000 00");
    assert_eq!(error(&squelch), ParseError::PayloadLength);
}

#[test]
fn requests_that_end_early_are_refused() {
    for hex in [samples::NACK, samples::REPAIR_ADV] {
        let mut bytes = samples::bytes(hex);
        bytes.pop();
        assert_eq!(error(&bytes), ParseError::RepairRequest, "{hex}");
    }
}

#[test]
fn flush_acknowledgment_has_exactly_one_position() {
    let payload = samples::bytes("05 00 0000 0000093b");
    assert!(AckFlush::parse(&payload).is_ok());
    assert_eq!(AckFlush::parse(&payload[..7]), Err(ParseError::PayloadLength));
    assert_eq!(AckFlush::parse(&[payload, vec![0]].concat()), Err(ParseError::PayloadLength));
    assert_eq!(AckFlush::parse(&[3; 8]), Err(ParseError::FecId));
    assert_eq!(AckFlush::parse(&[]), Err(ParseError::PayloadLength));
}

#[test]
fn error_table_is_indexed_by_error() {
    for (index, error) in ParseError::ALL.into_iter().enumerate() {
        assert_eq!(error as usize, index);
    }
}
