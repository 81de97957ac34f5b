//! What a receiver asks for.

use super::*;
use crate::base::range_set::RangeSet;
use crate::endpoint::ObjectRef;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::receiver::nack::need::Position;
use crate::norm::wire::{
    Data, Extensions, Fti, Info, Nack, ObjectFlags, ObjectSize, RepairItem, RepairWriter,
};

#[test]
fn empty_object_is_asked_for_info_only_and_not_forever() {
    let nothing = [
        (FecId::REED_SOLOMON_8, 0x00ff_ffff, 0xff),
        (FecId::REED_SOLOMON, 0xffff, 0xffff),
        (FecId::SMALL_BLOCK, u32::MAX, 0xffff),
    ];
    for (fec_id, block, symbol) in nothing {
        let mut engine = receiver();
        let mut asked = Vec::new();
        for n in 0..40 {
            let now = START + SECOND * n;
            hear(&mut engine, now, flush(fec_id, 0, block, symbol), false);
            asked.extend(requests(&mut engine, now + SECOND / 2));
        }
        assert_eq!(asked, [(RepairFlags::INFO, 0); 20], "{fec_id:?}");
        let lost = core::iter::from_fn(|| engine.poll_event()).filter(|event| {
            matches!(event, ReceiverEvent::EmptyObjectLost { object } if object.key as u16 == 0)
        });
        assert_eq!(lost.count(), 1, "{fec_id:?}");
        assert!(engine.has_all(SENDER_ID), "nothing is waited for");
    }
}

#[test]
fn interop_peer_is_not_asked_for_unknown_objects_whole() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::REED_SOLOMON_8, 2, 0, 2), false);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let both = RepairFlags::INFO.with(RepairFlags::BLOCK);
    assert_eq!(requests(&mut engine, START + SECOND), [(both, 0), (both, 1), (both, 2)]);
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 2, 0, 2), false);
    assert_eq!(
        requests(&mut engine, START + SECOND),
        [(RepairFlags::OBJECT, 2)],
        "a native one can"
    );
}

#[test]
fn flush_makes_only_blocks_due_that_were_sent_whole() {
    let mut engine = receiver();
    let mut extensions = ExtensionBuf::new();
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    assert!(extensions.push_fti(&fti));
    let (fec_id, object) = (FecId::REED_SOLOMON_8, ObjectId(0));
    let (flags, extensions) = (ObjectFlags::FILE, extensions.as_extensions());
    let info = Info { sender: sender(), flags, fec_id, object, extensions, payload: b"name" };
    say(&mut engine, START, &Message::Info(info));
    let blocks = |engine: &mut Receiver<NoStore>, at| {
        hear(engine, at, flush(fec_id, 0, 3, 2), false);
        requests(engine, at + SECOND)
    };
    // One block is asked for although there is room for none.
    let key = key(&mut engine, 0);
    engine.accept(ObjectRef { sender: SENDER_ID, key });
    assert_eq!(blocks(&mut engine, START), [(RepairFlags::BLOCK, 0)]);
    let due = state(&mut engine).timeline.due();
    assert_eq!(due, Position::new(key, 3), "the fourth is being sent");
    hear(&mut engine, START + SECOND, flush(fec_id, 0, 7, 3), false);
    let due = state(&mut engine).timeline.due();
    assert_eq!(due, Position::new(key + 1, 0), "that was the last one");
}

#[test]
fn other_requests_do_not_count_for_an_empty_object() {
    let mut engine = receiver();
    let mut extensions = ExtensionBuf::new();
    let fec_id = FecId::REED_SOLOMON_8;
    let size = ObjectSize::new(1).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    assert!(extensions.push_fti(&fti));
    let payload_id = PayloadId { block: 0, block_len: 0, symbol: 0 };
    let data = Message::Data(Data {
        sender: sender(),
        flags: ObjectFlags::FILE.with(ObjectFlags::INFO),
        fec_id,
        object: ObjectId(0),
        payload_id: payload_id.encode(PayloadFormat::Block24Symbol8),
        extensions: extensions.as_extensions(),
        payload: b"x",
    });
    say(&mut engine, START, &data);
    state(&mut engine).nack.pause_full_until(START + SECOND * 100);
    let asked = |engine: &mut Receiver<NoStore>, now| {
        hear(engine, now, flush(fec_id, 1, 0x00ff_ffff, 0xff), false);
        let asked = requests(engine, now + SECOND / 2);
        // The next cycle begins.
        assert_eq!(requests(engine, now + SECOND * 3 / 4), []);
        asked
    };
    for n in 1..60 {
        assert_eq!(asked(&mut engine, START + SECOND * n), [(RepairFlags::INFO, 0)]);
    }
    let lost = |event| matches!(event, ReceiverEvent::EmptyObjectLost { .. });
    assert!(!core::iter::from_fn(|| engine.poll_event()).any(lost), "it was not asked for");
}

#[test]
fn partial_objects_are_asked_for_info_first() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 4, 0, 2), false);
    let first = key(&mut engine, 0);
    engine.expect_partial(SENDER_ID, first + 1..first + 3);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let (full, info) = (RepairFlags::OBJECT, RepairFlags::INFO);
    let asked = requests(&mut engine, START + SECOND);
    assert_eq!(asked, [(full, 0), (info, 1), (info, 2)], "and one object without room for it");
}

/// An object of eight blocks of four symbols of 100 bytes, some of which may be on disk.
struct Partial {
    fec_id: FecId,
    extensions: ExtensionBuf,
}

impl Partial {
    fn new() -> Self {
        let mut extensions = ExtensionBuf::new();
        let size = ObjectSize::new(8 * 100 * 4).unwrap();
        let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
        assert!(extensions.push_fti(&fti));
        Self { fec_id: FecId::REED_SOLOMON_8, extensions }
    }

    fn info(&self) -> Message<'_> {
        let (fec_id, object) = (self.fec_id, ObjectId(0));
        let extensions = self.extensions.as_extensions();
        let flags = ObjectFlags::FILE.with(ObjectFlags::INFO);
        Message::Info(Info { sender: sender(), flags, fec_id, object, extensions, payload: b"n" })
    }

    fn symbol_of_block(&self, block: u32, flags: ObjectFlags) -> Message<'_> {
        let payload_id =
            PayloadId { block, block_len: 0, symbol: 0 }.encode(PayloadFormat::Block24Symbol8);
        Message::Data(Data {
            sender: sender(),
            flags: ObjectFlags::FILE.with(ObjectFlags::INFO).with(flags),
            fec_id: self.fec_id,
            object: ObjectId(0),
            payload_id,
            extensions: self.extensions.as_extensions(),
            payload: &[7; 100],
        })
    }

    /// What is asked for within half a second of a FLUSH of all of it.
    fn asked(&self, engine: &mut Receiver<NoStore>, now: Timestamp) -> Vec<(RepairFlags, u16)> {
        hear(engine, now, flush(self.fec_id, 0, 7, 3), false);
        requests(engine, now + SECOND / 2)
    }
}

/// All but the first block is on disk.
fn hold_all_but_one(engine: &mut Receiver<NoStore>) {
    let mut held = RangeSet::new();
    held.insert(400, 8 * 400);
    let key = key(engine, 0);
    engine.accept_with(ObjectRef { sender: SENDER_ID, key }, &held);
}

#[test]
fn content_of_a_partial_object_is_asked_for_when_the_application_has_taken_it() {
    let (mut engine, object) = (receiver(), Partial::new());
    say(&mut engine, START, &object.symbol_of_block(5, ObjectFlags::NONE));
    let key = key(&mut engine, 0);
    engine.expect_partial(SENDER_ID, key..key + 1);
    let asked = object.asked(&mut engine, START);
    assert_eq!(asked, [(RepairFlags::INFO, 0)], "its layout is known");
    say(&mut engine, START + SECOND, &object.info());
    assert_eq!(object.asked(&mut engine, START + SECOND * 2), []);
    hold_all_but_one(&mut engine);
    assert_eq!(object.asked(&mut engine, START + SECOND * 3), [(RepairFlags::BLOCK, 0)]);
}

#[test]
fn forged_requests_do_not_silence_a_receiver_that_has_a_part() {
    let (mut engine, object) = (receiver(), Partial::new());
    say(&mut engine, START, &object.info());
    hold_all_but_one(&mut engine);
    let mut writer = RepairWriter::new(1_000);
    let format = PayloadFormat::Block24Symbol8;
    let block = |block| PayloadId { block, block_len: 0, symbol: 0 }.encode(format);
    let at = |n| RepairItem { fec_id: object.fec_id, object: ObjectId(0), payload_id: block(n) };
    writer.push_range(RepairFlags::BLOCK, at(0), at(7));
    let forged = Message::Nack(Nack {
        sender: NodeId(1),
        instance: sender().instance,
        reserved: 0,
        grtt_response: WireTime::ZERO,
        extensions: Extensions::EMPTY,
        requests: writer.as_requests(),
    });
    hear(&mut engine, START, flush(object.fec_id, 0, 7, 3), false);
    let mut asked = Vec::new();
    for n in 0..1_000 {
        let now = START + Duration::from_millis(20 * n);
        say_as(&mut engine, now, NodeId(77), &forged);
        say(&mut engine, now, &object.symbol_of_block(5, ObjectFlags::REPAIR));
        asked.extend(requests(&mut engine, now));
    }
    // Every two seconds and the time of some suppressed cycles.
    assert!((4..=20).contains(&asked.len()), "{asked:?}");
    assert!(asked.iter().all(|&request| request == (RepairFlags::BLOCK, 0)), "{asked:?}");
}

#[test]
fn info_of_many_objects_is_asked_for_a_few_at_a_time() {
    let mut engine = receiver();
    hear(&mut engine, START, flush(FecId::RAPTORQ, 999, 0, 2), false);
    let first = key(&mut engine, 0);
    engine.expect_partial(SENDER_ID, first..first + 1000);
    engine.request_from(SENDER_ID, ObjectId(0), START);
    let mut asked = Vec::new();
    for n in 1..10 {
        asked.extend(requests(&mut engine, START + SECOND * n));
    }
    assert!(asked.contains(&(RepairFlags::INFO, 0)));
    assert!(asked.iter().all(|&(flags, id)| flags == RepairFlags::INFO && id < 64), "{asked:?}");
}

#[test]
fn silent_sender_is_asked_less_and_less() {
    for (backoff, part) in [0, 4].into_iter().flat_map(|k| (0..5).map(move |part| (k, part))) {
        let mut engine = receiver();
        let sender = SenderFields { backoff, ..sender() };
        let command = flush(FecId::RAPTORQ, 0, 0, 2);
        let flush = Message::Cmd(Cmd { sender, extensions: Extensions::EMPTY, command });
        let mut now = START;
        let mut asked = |engine: &mut Receiver<NoStore>, time: Duration| {
            let end = now + time;
            let mut times = 0;
            while now < end {
                times += usize::from(!requests(engine, now).is_empty());
                now += Duration::from_millis(1);
            }
            times
        };
        say(&mut engine, START, &flush);
        let first = asked(&mut engine, SECOND);
        assert!((3..40).contains(&first), "{backoff}: {first}");
        let silence = SECOND * 60 + SECOND / 5 * part;
        let later = asked(&mut engine, silence);
        assert!((50..70).contains(&later), "{backoff}: {later}");
        // It is back, and asked within the pause between requests for full repair.
        say(&mut engine, START + SECOND + silence, &flush);
        let again = asked(&mut engine, SECOND * 6 / 10);
        assert!((1..20).contains(&again), "{backoff} {part}: {again}");
    }
}
