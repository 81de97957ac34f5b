//! Captures of libnorm 1.5.9, both its sides, for each kind of object and each FEC encoding id.
//!
//! `captures/<kind>-<FEC id>.hex` has messages in hex, indented; before each stands what a decoder
//! that shares nothing with this crate has read from it: what it is, who it is from, its sequence
//! number, and its fields. Places are `block:symbol`, and `block/length:symbol` for FEC id 129.

use super::*;

const FILES: [(&str, &str); 10] = [
    ("file-5", include_str!("captures/file-5.hex")),
    ("file-2", include_str!("captures/file-2.hex")),
    ("file-129", include_str!("captures/file-129.hex")),
    ("data-5", include_str!("captures/data-5.hex")),
    ("data-2", include_str!("captures/data-2.hex")),
    ("data-129", include_str!("captures/data-129.hex")),
    ("stream-5", include_str!("captures/stream-5.hex")),
    ("stream-2", include_str!("captures/stream-2.hex")),
    ("stream-129", include_str!("captures/stream-129.hex")),
    ("empty", include_str!("captures/empty.hex")),
];

/// The messages of a file, each with its description.
fn entries(text: &str) -> Vec<(&str, Vec<u8>)> {
    let mut entries: Vec<(&str, Vec<u8>)> = Vec::new();
    for line in text.lines() {
        match entries.last_mut().filter(|_| line.starts_with(' ')) {
            Some((_, bytes)) => bytes.extend(samples::bytes(line)),
            None => entries.push((line, Vec::new())),
        }
    }
    entries
}

fn describe(bytes: &[u8]) -> String {
    let (header, message) = Message::parse(bytes).unwrap();
    let from = format!("from {} #{}", header.source.0, header.sequence.0);
    let text = match message {
        Message::Info(m) => {
            let object = object(m.object, m.flags, m.fec_id);
            let shape = shape(m.extensions, m.fec_id);
            format!("INFO {from} {object}{shape} payload {}", m.payload.len())
        }
        Message::Data(m) => {
            let object = object(m.object, m.flags, m.fec_id);
            let (at, shape) = (place(m.fec_id, m.payload_id), shape(m.extensions, m.fec_id));
            format!("DATA {from} {object} at {at}{shape} payload {}", m.payload.len())
        }
        Message::Cmd(m) => command(&from, &m.command),
        Message::Nack(m) => {
            assert!(m.extensions.cc_feedback().is_some());
            format!("NACK {from} to {} {}", m.sender.0, requests(m.requests))
        }
        Message::Ack(m) => {
            assert!(m.extensions.cc_feedback().is_some());
            let confirmed = AckFlush::parse(m.payload).map_or(String::new(), |flush| {
                let at = place(flush.fec_id, flush.payload_id);
                format!(" object {} fec {} at {at}", flush.object.0, flush.fec_id.0)
            });
            format!("ACK {from} to {} type {}{confirmed}", m.sender.0, m.ack_type)
        }
        Message::Report(_) => "REPORT".to_owned(),
    };
    text.trim_end().to_owned()
}

fn object(object: ObjectId, flags: ObjectFlags, fec_id: FecId) -> String {
    format!("object {} flags {} fec {}", object.0, flags.0, fec_id.0)
}

fn shape(extensions: Extensions<'_>, fec_id: FecId) -> String {
    let Some(fti) = extensions.fti(fec_id) else { return String::new() };
    let (block, parity) = match fti {
        Fti::ReedSolomon8 { max_block_len, parity, .. } => {
            (u16::from(max_block_len), u16::from(parity))
        }
        Fti::ReedSolomon { m: 16, max_block_len, parity, .. }
        | Fti::SmallBlock { max_block_len, parity, .. } => (max_block_len, parity),
        _ => panic!("{fti:?}"),
    };
    let (size, symbol) = (fti.size().get(), fti.symbol_size());
    format!(" size {size} symbol {symbol} block {block} parity {parity}")
}

fn place(fec_id: FecId, payload_id: RawPayloadId) -> String {
    let format = PayloadFormat::for_fec(fec_id).unwrap();
    let PayloadId { block, block_len, symbol } = payload_id.decode(format).unwrap();
    if fec_id == FecId::SMALL_BLOCK {
        format!("{block}/{block_len}:{symbol}")
    } else {
        format!("{block}:{symbol}")
    }
}

fn command(from: &str, command: &Command<'_>) -> String {
    match command {
        Command::Flush(flush) => {
            let listed: Vec<u32> = flush.acking.iter().map(|node| node.0).collect();
            let at = place(flush.fec_id, flush.payload_id);
            let start =
                format!("FLUSH {from} object {} fec {} at {at}", flush.object.0, flush.fec_id.0);
            format!("{start} acking {}", spaced(&listed))
        }
        Command::Squelch(squelch) => {
            let invalid: Vec<u16> = squelch.invalid.iter().map(|id| id.0).collect();
            let at = place(squelch.fec_id, squelch.payload_id);
            let (object, fec) = (squelch.object.0, squelch.fec_id.0);
            let start = format!("SQUELCH {from} object {object} fec {fec} at {at}");
            format!("{start} invalid {}", spaced(&invalid))
        }
        Command::Cc(cc) => format!("CC {from} probe {} nodes {}", cc.cc_sequence, cc.nodes.len()),
        Command::RepairAdv(adv) => format!("REPAIR_ADV {from} {}", requests(adv.requests)),
        other => panic!("{other:?}"),
    }
}

fn requests(requests: RepairRequests<'_>) -> String {
    let form = |form| match form {
        RepairForm::Items => "items",
        RepairForm::Ranges => "ranges",
        other => panic!("{other:?}"),
    };
    let item =
        |item: RepairItem| format!("{}@{}", item.object.0, place(item.fec_id, item.payload_id));
    let request = |request: RepairRequest<'_>| {
        let items: Vec<String> = request.items.iter().map(item).collect();
        format!("{} {} {}", form(request.form), request.flags.0, items.join(" "))
    };
    requests.iter().map(request).collect::<Vec<_>>().join(", ")
}

fn spaced<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn captures_match_another_decoder_and_survive() {
    let mut count = 0;
    for (file, text) in FILES {
        for (description, bytes) in entries(text) {
            assert_eq!(describe(&bytes), description, "{file}");
            let (header, message) = Message::parse(&bytes).unwrap();
            assert_eq!(emitted(header, &message), bytes, "{file}: {description}");
            count += 1;
        }
    }
    assert_eq!(count, 117);
}

#[test]
fn capture_files_have_a_message_of_each_sort() {
    let sorts = ["INFO", "DATA", "FLUSH", "NACK", "ACK", "SQUELCH", "REPAIR_ADV", "CC"];
    for (file, text) in FILES.iter().filter(|(file, _)| *file != "empty") {
        let found = |sort: &&str| text.lines().any(|line| line.split(' ').next() == Some(*sort));
        let missing: Vec<_> = sorts.iter().filter(|sort| !found(sort)).collect();
        assert!(missing.is_empty(), "{file}: {missing:?}");
    }
}

#[test]
fn flushes_of_empty_objects_name_nothing_and_others_do() {
    for (file, text) in FILES {
        for (description, bytes) in entries(text) {
            if let (_, Message::Cmd(Cmd { command: Command::Flush(flush), .. })) =
                Message::parse(&bytes).unwrap()
            {
                let format = PayloadFormat::for_fec(flush.fec_id).unwrap();
                let nothing = flush.payload_id.is_before_first(format);
                assert_eq!(nothing, file == "empty", "{description}");
            }
        }
    }
}
