//! Objects of which some blocks are present.

use std::collections::BTreeSet;

use super::*;
use crate::endpoint::ObjectRef;
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::wire::{Data, Fti, Info, ObjectFlags, ObjectSize};

/// Keeps everything, and counts what is discarded.
#[derive(Debug, Default)]
struct Counting {
    discarded: usize,
}

impl SymbolStore for Counting {
    fn put(&mut self, _: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        true
    }

    fn room(&mut self) -> u64 {
        u64::MAX
    }

    fn discard(&mut self, _: BlockSlot) {
        self.discarded += 1;
    }
}

#[test]
fn present_blocks_count_as_written() {
    let config = ReceiverConfig::new(Identity([3; 16]));
    let mut engine = Receiver::new(config, Counting::default(), 1);
    // Eight blocks of four symbols.
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    let mut extensions = ExtensionBuf::new();
    assert!(extensions.push_fti(&fti));
    let fec_id = FecId::REED_SOLOMON_8;
    let flags = ObjectFlags::FILE.with(ObjectFlags::INFO);
    let extensions = extensions.as_extensions();
    let data = |object, block| {
        let id = PayloadId { block, block_len: 0, symbol: 1 };
        let payload_id = id.encode(PayloadFormat::Block24Symbol8);
        let (object, payload) = (ObjectId(object), &[7; 100][..]);
        let sender = sender();
        Message::Data(Data { sender, flags, fec_id, object, payload_id, extensions, payload })
    };
    let info = |object| {
        let (sender, object, payload) = (sender(), ObjectId(object), &b"name"[..]);
        Message::Info(Info { sender, flags, fec_id, object, extensions, payload })
    };
    let object =
        |engine: &mut Receiver<Counting>, id| ObjectRef { sender: SENDER_ID, key: key(engine, id) };
    for block in [0, 5] {
        say(&mut engine, START, &data(0, block));
    }
    say(&mut engine, START, &info(0));
    let first = object(&mut engine, 0);
    assert_eq!(engine.load().blocks, 2);
    engine.accept_with(first, |offset, len| offset + u64::from(len) <= 1_700);
    let state = state(&mut engine).interest.object(first.key).unwrap();
    let unwritten: Vec<_> = state.unwritten().collect();
    assert_eq!(unwritten, [(4, 8)], "of the fifth block only a part is present");
    assert_eq!((engine.load().blocks, engine.store().discarded), (1, 1));
    assert_eq!(engine.progress(SENDER_ID), Some((1_600, 0)));

    say(&mut engine, START, &info(1));
    let second = object(&mut engine, 1);
    engine.accept_with(second, |_, _| true);
    let complete =
        |event| matches!(event, ReceiverEvent::ObjectComplete { object } if object == second);
    assert!(core::iter::from_fn(|| engine.poll_event()).any(complete));
    assert!(!engine.has_all(SENDER_ID));
    engine.give_up(SENDER_ID, first.key..first.key + 1);
    assert!(engine.has_all(SENDER_ID));
}

/// Has room for five blocks of four symbols.
#[derive(Debug, Default)]
struct Five {
    blocks: BTreeSet<BlockSlot>,
}

impl SymbolStore for Five {
    fn put(&mut self, slot: BlockSlot, _: &BlockGeometry, _: u32, _: &[u8]) -> bool {
        self.blocks.insert(slot);
        self.blocks.len() <= 5
    }

    fn room(&mut self) -> u64 {
        400 * (5 - self.blocks.len() as u64)
    }

    fn discard(&mut self, slot: BlockSlot) {
        self.blocks.remove(&slot);
    }
}

#[test]
fn object_that_waits_for_the_application_leaves_room_for_others() {
    let config = ReceiverConfig::new(Identity([3; 16]));
    let mut engine = Receiver::new(config, Five::default(), 1);
    let size = ObjectSize::new(8 * 100 * 4).unwrap();
    let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
    let mut extensions = ExtensionBuf::new();
    assert!(extensions.push_fti(&fti));
    let (fec_id, extensions) = (FecId::REED_SOLOMON_8, extensions.as_extensions());
    let flags = ObjectFlags::FILE.with(ObjectFlags::INFO);
    let object = ObjectId(0);
    let payload = &b"name"[..];
    let info = Info { sender: sender(), flags, fec_id, object, extensions, payload };
    say(&mut engine, START, &Message::Info(info));
    let send = |engine: &mut Receiver<Five>, block| {
        let id = PayloadId { block, block_len: 0, symbol: 1 };
        let payload_id = id.encode(PayloadFormat::Block24Symbol8);
        let (sender, payload) = (sender(), &[7; 100][..]);
        let data = Data { sender, flags, fec_id, object, payload_id, extensions, payload };
        say(engine, START, &Message::Data(data));
        engine.load().blocks
    };
    assert_eq!([0, 1, 2].map(|block| send(&mut engine, block)), [1, 2, 2]);
    let key = key(&mut engine, 0);
    engine.accept(ObjectRef { sender: SENDER_ID, key });
    assert_eq!([2, 3, 4].map(|block| send(&mut engine, block)), [3, 4, 5]);
}
