//! Objects of which some bytes are on disk, or not wanted.

use std::collections::BTreeSet;

use super::*;
use crate::base::range_set::RangeSet;
use crate::endpoint::{Job, JobDone, ObjectRef, StoreJob, StoreOutcome};
use crate::norm::receiver::event::ReceiverEvent;
use crate::norm::receiver::timeout::TimeoutReason;
use crate::norm::wire::{
    Data, Extensions, Fti, Info, Nack, ObjectFlags, ObjectSize, RepairForm, RepairItem,
    RepairWriter,
};

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

fn ranges<const N: usize>(ranges: [(u64, u64); N]) -> RangeSet {
    let mut set = RangeSet::new();
    ranges.into_iter().for_each(|(start, end)| set.insert(start, end));
    set
}

/// A receiver of one object of eight blocks, of four symbols of 100 bytes each.
struct Held {
    engine: Receiver<Counting>,
    object: ObjectRef,
    now: Timestamp,
}

const FEC: FecId = FecId::REED_SOLOMON_8;

impl Held {
    /// The object is accepted with these bytes in their place, and is due.
    fn new(held: &RangeSet) -> Self {
        let config = ReceiverConfig::new(Identity([3; 16]));
        let mut engine = Receiver::new(config, Counting::default(), 1);
        let size = ObjectSize::new(8 * 100 * 4).unwrap();
        let fti = Fti::ReedSolomon8 { size, symbol_size: 100, max_block_len: 4, parity: 2 };
        let mut extensions = ExtensionBuf::new();
        assert!(extensions.push_fti(&fti));
        let (flags, object) = (ObjectFlags::FILE, ObjectId(0));
        let (extensions, payload) = (extensions.as_extensions(), &b"name"[..]);
        let info = Info { sender: sender(), flags, fec_id: FEC, object, extensions, payload };
        say(&mut engine, START, &Message::Info(info));
        let object = ObjectRef { sender: SENDER_ID, key: key(&mut engine, 0) };
        // It takes the names of symbols.
        state(&mut engine).coding.note_native();
        engine.accept_with(object, held);
        Self { engine, object, now: START }
    }

    fn symbol(&mut self, block: u32, symbol: u32) {
        let id = PayloadId { block, block_len: 0, symbol };
        let data = Data {
            sender: sender(),
            flags: ObjectFlags::FILE.with(ObjectFlags::REPAIR),
            fec_id: FEC,
            object: ObjectId(0),
            payload_id: id.encode(PayloadFormat::Block24Symbol8),
            extensions: Extensions::EMPTY,
            payload: &[7; 100],
        };
        say(&mut self.engine, self.now, &Message::Data(data));
    }

    /// Everything is due.
    fn flush(&mut self) {
        let command = flush(FEC, 0, 7, 3);
        let extensions = Extensions::EMPTY;
        let flush = Message::Cmd(Cmd { sender: sender(), extensions, command });
        say(&mut self.engine, self.now, &flush);
    }

    /// What is asked for: flags, block and symbol of every item.
    fn asked(&mut self) -> Vec<(RepairFlags, u32, u32)> {
        self.flush();
        self.now += SECOND;
        let found = self.asked_now();
        self.now += SECOND;
        self.engine.handle_timeout(self.now);
        found
    }

    /// The same of the NACKs that are due now.
    fn asked_now(&mut self) -> Vec<(RepairFlags, u32, u32)> {
        self.engine.handle_timeout(self.now);
        let mut out = TransmitBuf::new(4);
        let mut found = Vec::new();
        while self.engine.poll_transmit(self.now, &mut out).is_some() {
            let Ok((_, Message::Nack(nack))) = Message::parse(out.as_bytes()) else { continue };
            for request in nack.requests.iter() {
                found.extend(request.items.iter().map(|item| {
                    let id = item.payload_id.decode(PayloadFormat::Block24Symbol8).unwrap();
                    (request.flags, id.block, id.symbol)
                }));
            }
        }
        found
    }

    /// Another receiver asks for a block.
    fn overhear(&mut self, block: u32) {
        let mut writer = RepairWriter::new(1_000);
        let id = PayloadId { block, block_len: 0, symbol: 0 };
        let payload_id = id.encode(PayloadFormat::Block24Symbol8);
        let item = RepairItem { fec_id: FEC, object: ObjectId(0), payload_id };
        writer.push_item(RepairForm::Items, RepairFlags::BLOCK, item);
        let nack = Message::Nack(Nack {
            sender: NodeId(1),
            instance: sender().instance,
            reserved: 0,
            grtt_response: WireTime::ZERO,
            extensions: Extensions::EMPTY,
            requests: writer.as_requests(),
        });
        say_as(&mut self.engine, self.now, NodeId(77), &nack);
    }

    /// Goes on to the end of the backoff.
    fn wait_for_backoff(&mut self) {
        let next = state(&mut self.engine).nack.next();
        let Some((until, TimeoutReason::NackBackoff)) = next else { panic!("{next:?}") };
        self.now = until;
    }

    fn job(&mut self) -> Option<StoreJob> {
        match self.engine.poll_job() {
            Some(Job::Store(job)) => Some(job),
            _ => None,
        }
    }

    fn done(&mut self, job: &StoreJob, outcome: StoreOutcome) {
        self.engine.handle_job(self.now, JobDone::Store { slot: job.slot, outcome });
    }

    fn is_complete(&mut self) -> bool {
        let complete = |event| matches!(event, ReceiverEvent::ObjectComplete { .. });
        core::iter::from_fn(|| self.engine.poll_event()).any(complete)
    }
}

/// Symbols that a job is to read from the disk.
fn on_disk(job: &StoreJob) -> Vec<u32> {
    job.held.iter().cloned().flatten().collect()
}

const SYMBOL: RepairFlags = RepairFlags::SEGMENT;
const BLOCK: RepairFlags = RepairFlags::BLOCK;

#[test]
fn block_that_is_partly_on_disk_asks_for_the_rest() {
    // Of the third block a symbol and a half are missing, of the sixth the last one.
    let mut held = Held::new(&ranges([(0, 1_000), (1_150, 2_300), (2_400, 3_200)]));
    let asked = [(SYMBOL, 2, 2), (SYMBOL, 2, 3), (SYMBOL, 5, 3)];
    assert_eq!(held.asked(), asked);
    held.symbol(2, 3);
    assert_eq!(held.asked(), [(SYMBOL, 2, 2), (SYMBOL, 5, 3)]);
    held.symbol(2, 1);
    assert_eq!(held.engine.stats().duplicates, 1, "it is on disk");
    held.symbol(2, 2);
    let job = held.job().unwrap();
    assert_eq!((job.slot.block, job.decode, on_disk(&job)), (2, false, vec![]));
    held.done(&job, StoreOutcome::Written);
    held.symbol(5, 5);
    let job = held.job().unwrap();
    assert_eq!((job.slot.block, job.decode, on_disk(&job)), (5, true, vec![0, 1, 2]));
    assert!(!held.is_complete());
    held.done(&job, StoreOutcome::Written);
    assert!(held.is_complete() && held.engine.load().blocks == 0);
}

#[test]
fn block_is_asked_for_whole_when_its_symbols_on_disk_cannot_be_read() {
    let mut held = Held::new(&ranges([(0, 300), (400, 3_200)]));
    held.symbol(0, 4);
    let job = held.job().unwrap();
    assert_eq!(on_disk(&job), [0, 1, 2]);
    held.done(&job, StoreOutcome::HeldLost);
    assert_eq!((held.engine.load().blocks, held.engine.store().discarded), (0, 1));
    assert_eq!(held.asked(), [(BLOCK, 0, 0)]);
    (0..4).for_each(|symbol| held.symbol(0, symbol));
    let job = held.job().unwrap();
    assert!(!job.decode);
    held.done(&job, StoreOutcome::Written);
    assert!(held.is_complete());
}

#[test]
fn receiver_asks_only_for_what_was_compared_and_takes_what_passes() {
    let mut held = Held::new(&RangeSet::new());
    held.engine.ask_up_to(held.object, 0, START);
    assert_eq!(held.asked(), []);
    (0..3).for_each(|symbol| held.symbol(7, symbol));
    held.engine.note_held(held.object, 0..500);
    held.engine.ask_up_to(held.object, 900, held.now);
    assert_eq!(held.asked(), [(SYMBOL, 1, 1), (SYMBOL, 1, 3)], "a range");
    held.engine.note_held(held.object, 500..3_150);
    held.engine.ask_up_to(held.object, u64::MAX, held.now);
    assert_eq!(held.asked(), [], "it is for another cycle");
    assert_eq!(held.asked(), [(SYMBOL, 7, 3)]);
    held.engine.note_held(held.object, 3_100..3_200);
    let whole = held.is_complete();
    assert!(whole && held.engine.load().blocks == 0, "without a job");
    assert_eq!(held.engine.store().discarded, 1);
}

#[test]
fn what_is_compared_in_a_backoff_is_for_another_cycle() {
    let second = [(SYMBOL, 1, 0), (SYMBOL, 1, 2), (SYMBOL, 1, 3)];
    for others_ask in [true, false] {
        let mut held = Held::new(&ranges([(500, 600)]));
        held.engine.ask_up_to(held.object, 0, START);
        held.flush();
        held.engine.ask_up_to(held.object, 400, START);
        held.engine.ask_up_to(held.object, 800, START);
        if others_ask {
            held.overhear(0);
        }
        held.wait_for_backoff();
        let first = held.asked_now();
        if !others_ask {
            assert_eq!(first, [&[(BLOCK, 0, 0)], &second[..]].concat(), "a NACK asks for all");
            continue;
        }
        assert_eq!(first, [], "others may ask for the second block");
        held.overhear(0);
        held.wait_for_backoff();
        assert_eq!(held.asked_now(), second);
    }
}

#[test]
fn symbols_may_turn_out_to_be_on_disk_while_a_job_decodes() {
    let mut held = Held::new(&ranges([(400, 3_200)]));
    [0, 1, 4, 5].into_iter().for_each(|symbol| held.symbol(0, symbol));
    let job = held.job().unwrap();
    held.engine.note_held(held.object, 200..400);
    assert!(held.job().is_none() && !held.is_complete());
    held.done(&job, StoreOutcome::NeedMore);
    let job = held.job().unwrap();
    assert!(!job.decode, "all that is not on disk has come");
    held.done(&job, StoreOutcome::Written);
    assert!(held.is_complete());
}

#[test]
fn only_what_is_wrong_of_a_block_is_asked_for_again() {
    let mut held = Held::new(&ranges([(400, 1_200)]));
    (0..4).for_each(|symbol| held.symbol(0, symbol));
    let job = held.job().unwrap();
    let (object, wrong) = (held.object, [150..250, 1_100..1_150]);
    assert!(!held.engine.want_again(object, &wrong), "a job has it");
    held.done(&job, StoreOutcome::Written);
    assert_eq!(held.engine.progress(SENDER_ID), Some((1_200, 0)));
    assert!(held.engine.want_again(object, &wrong));
    assert_eq!(held.engine.progress(SENDER_ID), Some((400, 0)));
    held.engine.ask_up_to(object, 1_200, held.now);
    // Symbols 1 and 2, as a range, and the last one of the third block.
    assert_eq!(held.asked(), [(SYMBOL, 0, 1), (SYMBOL, 0, 2), (SYMBOL, 2, 3)]);
}

#[test]
fn symbols_that_are_dropped_are_asked_for_again() {
    let mut held = Held::new(&ranges([(800, 3_200)]));
    (0..3).for_each(|symbol| held.symbol(0, symbol));
    (0..4).for_each(|symbol| held.symbol(1, symbol));
    let (object, job) = (held.object, held.job().unwrap());
    assert!(!held.engine.drop_symbols(object, &(300..450)), "a job has one of the blocks");
    assert_eq!(held.engine.store().discarded, 0);
    held.done(&job, StoreOutcome::Written);
    assert!(held.engine.drop_symbols(object, &(300..450)));
    assert_eq!((held.engine.store().discarded, held.engine.load().blocks), (1, 0));
    (0..4).for_each(|symbol| held.symbol(0, symbol));
    let job = held.job().unwrap();
    assert_eq!((job.slot.block, job.decode), (0, false), "all of it has come again");
    held.done(&job, StoreOutcome::Written);
    assert!(held.is_complete());
}

#[test]
fn what_is_not_wanted_is_not_asked_for() {
    let mut held = Held::new(&RangeSet::new());
    held.engine.note_unwanted(held.object, 0..1_250);
    held.engine.note_unwanted(held.object, 1_500..3_200);
    assert_eq!(held.asked(), [(SYMBOL, 3, 0), (SYMBOL, 3, 2)], "a range");
    held.symbol(3, 2);
    held.symbol(3, 0);
    held.symbol(3, 1);
    let job = held.job().unwrap();
    assert_eq!((job.slot.block, job.decode), (3, false));
    held.done(&job, StoreOutcome::Written);
    assert!(held.is_complete());
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
    engine.accept_with(first, &ranges([(0, 1_700)]));
    let state = state(&mut engine).interest.object(first.key).unwrap();
    let unwritten: Vec<_> = state.unwritten().collect();
    assert_eq!(unwritten, [(4, 8)], "of the fifth block only a part is present");
    assert_eq!((engine.load().blocks, engine.store().discarded), (1, 1));
    assert_eq!(engine.progress(SENDER_ID), Some((1_600, 0)));

    say(&mut engine, START, &info(1));
    let second = object(&mut engine, 1);
    engine.accept_with(second, &ranges([(0, 3_200)]));
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
