//! What of a stream is sent again when receivers ask.

use super::*;
use crate::fec::{Points, RsCode, RsForm, Scheme};
use crate::norm::sender::StreamSpec;
use crate::norm::sender::repair::{NackNeeds, NackSource};
use crate::norm::stream::MessageMarks;

const FORMAT: PayloadFormat = PayloadFormat::Block24Symbol8;

/// A sender with one receiver, and its stream; blocks have 8 symbols of 64 bytes.
fn streaming() -> (Sender, u64) {
    let code = RsCode::new(RsForm::Id5, Points::Rizzo, 8, 4).unwrap();
    let config = SenderConfig { scheme: Scheme::ReedSolomon(code), ..config() };
    let mut sender = Sender::new(config, 5, START).unwrap();
    announce(&mut sender, START, 2);
    let spec = StreamSpec { buffer: 4096, info: None, marks: MessageMarks::Every };
    let key = sender.open_stream(&spec).unwrap();
    (sender, key)
}

/// The receiver asks for what lies from one symbol to another.
fn nack_span(sender: &mut Sender, now: Timestamp, flags: RepairFlags, span: [(u32, u32); 2]) {
    announce(sender, now, 2);
    let [first, last] = span.map(|(block, symbol)| RepairItem {
        fec_id: FecId::REED_SOLOMON_8,
        object: ObjectId(0),
        payload_id: PayloadId { block, block_len: 0, symbol }.encode(FORMAT),
    });
    let mut writer = RepairWriter::new(1000);
    if first == last {
        writer.push_item(RepairForm::Items, flags, first);
    } else {
        writer.push_range(flags, first, last);
    }
    send_nack(sender, now, 2, &writer);
}

/// Block and symbol of all DATA in `packets` that are sent again.
fn repairs(packets: &[Vec<u8>]) -> Vec<(u32, u32)> {
    let data = packets.iter().filter_map(|packet| match Message::parse(packet).unwrap().1 {
        Message::Data(data) if data.flags.contains(ObjectFlags::REPAIR) => {
            data.payload_id.decode(FORMAT).map(|id| (id.block, id.symbol))
        }
        _ => None,
    });
    data.collect()
}

/// What is sent again within a second because the receiver asks; it asks once more when the answer
/// was sent.
fn ask(
    sender: &mut Sender,
    now: Timestamp,
    flags: RepairFlags,
    span: [(u32, u32); 2],
) -> Vec<(u32, u32)> {
    nack_span(sender, now, flags, span);
    let mut sent = Vec::new();
    for n in 0..=100 {
        let now = now + SECOND / 100 * n;
        sender.handle_timeout(now);
        let more = repairs(&drain(sender, now));
        if sent.is_empty() && !more.is_empty() {
            nack_span(sender, now, flags, span);
        }
        sent.extend(more);
    }
    sent
}

#[test]
fn whole_stream_is_sent_again_as_often_as_it_is_asked_for() {
    let (mut sender, key) = streaming();
    sender.close_stream(key, START);
    sender.finish();
    drain(&mut sender, START);
    for round in 1..6 {
        // Its only symbol is shorter than others, and the rest of its block is never written.
        let now = START + SECOND * 2 * round;
        let sent = ask(&mut sender, now, RepairFlags::OBJECT, [(0, 0); 2]);
        assert_eq!(sent, [(0, 0)], "round {round}");
    }
}

#[test]
fn stream_that_rests_is_sent_again_as_far_as_it_was_sent() {
    let (mut sender, key) = streaming();
    let written = sender.write_stream(key, &[7; 64 * 9], START);
    assert_eq!(written, 64 * 9);
    sender.write_stream(key, b"short", START);
    sender.flush_stream(key);
    drain(&mut sender, START);
    let all: Vec<_> = (0..8).map(|n| (0, n)).chain([(1, 0), (1, 1)]).collect();
    for (round, flags) in (1..).zip([RepairFlags::OBJECT, RepairFlags::BLOCK]) {
        let now = START + SECOND * 2 * round;
        assert_eq!(ask(&mut sender, now, flags, [(0, 0), (1, 0)]), all, "{flags:?}");
    }
    // What is named and not written yet comes when it is; it does not keep the rest from being
    // served.
    for round in 3..5 {
        let now = START + SECOND * 2 * round;
        let sent = ask(&mut sender, now, RepairFlags::SEGMENT, [(1, 1), (1, 7)]);
        assert_eq!(sent, [(1, 1)], "round {round}");
    }
}

#[test]
fn block_that_left_the_buffer_does_not_stop_other_repairs() {
    let (mut sender, key) = streaming();
    let mut now = START;
    let mut left = 64 * 8 * 20;
    while left > 0 {
        left -= sender.write_stream(key, &vec![7; left], now);
        drain(&mut sender, now);
        now += SECOND;
        announce(&mut sender, now, 2);
        sender.handle_timeout(now);
    }
    let first = sender.content.objects().get(key).unwrap().first_kept();
    assert!(first > 0);
    // Asked for while it was there.
    let mut needs = NackNeeds::default();
    needs.full.insert(0, 20);
    let source = NackSource { joined: 0, trusted: true, heard: None };
    sender.repair.take(now, needs, &sender.content, source, Duration::ZERO);
    let sent = repairs(&drain(&mut sender, now));
    let blocks: Vec<u32> = sent.iter().step_by(8).map(|&(block, _)| block).collect();
    assert_eq!(blocks, (first as u32..20).collect::<Vec<_>>());
}
