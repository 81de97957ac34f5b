//! What an application does with objects.

use super::*;

fn set(ranges: &[(u64, u64)]) -> RangeSet {
    let mut set = RangeSet::new();
    ranges.iter().for_each(|&(start, end)| set.insert(start, end));
    set
}

/// An object of three RaptorQ blocks, of 7, 7 and 6 symbols, that is opened and not accepted.
fn opened() -> (Bench, Sent, ObjectRef) {
    let sent = Sent::new(7, raptorq(1_950, 3), &content(1, 1_950));
    let mut bench = Bench::with(ReceiverConfig::new());
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let object = ObjectRef { sender: FIRST, key: 7 };
    assert_eq!(bench.opened[0].0, object);
    (bench, sent, object)
}

#[test]
fn symbols_wait_until_the_object_is_accepted() {
    let (mut bench, sent, object) = opened();
    bench.hear_all(&sent.source());
    bench.hear(&sent.packet(0, 20, 1));
    assert_eq!((bench.written.len(), bench.engine.stats().duplicates), (0, 1));
    bench.engine.accept(object);
    bench.work();
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    bench.hear(&sent.packet(0, 20, 1));
    assert_eq!((bench.engine.stats().duplicates, bench.opened.len()), (2, 1));
}

#[test]
fn bytes_in_their_place_need_not_come() {
    let (mut bench, sent, object) = opened();
    // The first block, and all but two symbols of the second.
    bench.written.insert(object, sent.bytes[..1_250].to_vec());
    bench.engine.accept_with(object, &set(&[(0, 1_250)]));
    assert_eq!(bench.engine.missing(object), Some(set(&[(1_200, 1_950)])));
    bench.hear(&sent.packet(0, 3, 1));
    assert_eq!(bench.engine.stats().duplicates, 1);
    bench.hear(&sent.packet(1, 30, 2));
    assert_eq!(bench.engine.missing(object), Some(set(&[(1_400, 1_950)])));
    bench.hear(&sent.packet(2, 0, 2));
    assert_eq!(bench.engine.missing(object), Some(set(&[(1_600, 1_950)])));
    bench.written.get_mut(&object).unwrap().resize(1_950, 0);
    bench.written.get_mut(&object).unwrap()[1_600..].copy_from_slice(&sent.bytes[1_600..]);
    bench.engine.note_held(object, &(1_600..1_950));
    bench.work();
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    assert_eq!((bench.engine.load().objects, bench.engine.store().blocks.len()), (0, 0));
}

#[test]
fn bytes_that_are_not_wanted_do_not_keep_it_incomplete() {
    let (mut bench, sent, object) = opened();
    bench.engine.note_unwanted(object, &(0..700));
    bench.engine.note_unwanted(object, &(800..1_950));
    bench.engine.accept(object);
    assert!(bench.complete.is_empty());
    bench.hear(&sent.packet(1, 0, 1));
    assert_eq!(bench.complete, [object]);
    assert_eq!(bench.written[&object][700..800], sent.bytes[700..800]);
}

#[test]
fn accepted_with_everything_is_complete() {
    let (mut bench, _, object) = opened();
    bench.engine.accept_with(object, &set(&[(0, 1_950)]));
    bench.work();
    assert_eq!(bench.complete, [object]);
}

#[test]
fn refused_object_is_ignored() {
    use crate::transfer::Inbound;
    let (mut bench, sent, object) = opened();
    bench.hear(&sent.packet(0, 0, 3));
    Inbound::refuse(&mut bench.engine, object);
    bench.hear_all(&sent.source());
    assert_eq!((bench.engine.store().blocks.len(), bench.engine.load().objects), (0, 0));
    assert!(bench.engine.stats().duplicates > 0 && !bench.engine.has_all(FIRST));
    bench.hear_all(&Table::of(1, &Fdt { complete: true, ..Fdt::default() }).packets());
    assert!(bench.engine.has_all(FIRST));
}

#[test]
fn decode_that_fails_is_tried_again_with_more() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    bench.datagram(sent.packet(0, 10, 7).bytes());
    let job = bench.job().unwrap();
    assert!(job.decode && job.held.is_empty());
    bench.datagram(sent.packet(0, 20, 1).bytes());
    assert_eq!(bench.engine.stats().duplicates, 1, "a job has it");
    bench.done(&job, StoreOutcome::NeedMore);
    // What came meanwhile suffices.
    let again = bench.job().unwrap();
    assert!(bench.engine.load().bytes > 0);
    assert_eq!(bench.store(&again), StoreOutcome::Written);
    bench.done(&again, StoreOutcome::Written);
    assert_eq!(bench.written[&object][..700], sent.bytes[..700]);
    assert_eq!(bench.engine.stats().decode_retries, 1);
}

#[test]
fn held_bytes_that_cannot_be_read_come_again() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept_with(object, &set(&[(0, 600), (700, 1_950)]));
    bench.datagram(sent.packet(0, 30, 1).bytes());
    let job = bench.job().unwrap();
    assert_eq!(job.held.iter().cloned().flatten().count(), 6);
    bench.done(&job, StoreOutcome::HeldLost);
    assert_eq!(bench.engine.missing(object), Some(set(&[(0, 700)])));
    bench.hear(&sent.packet(0, 0, 7));
    assert_eq!(bench.complete, [object]);
}

#[test]
fn block_that_cannot_be_written_is_told_and_the_object_restarts() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    bench.datagram(sent.packet(0, 0, 7).bytes());
    let job = bench.job().unwrap();
    bench.engine.store_mut().blocks.remove(&job.slot);
    bench.done(&job, StoreOutcome::Failed);
    bench.work();
    assert_eq!(bench.others[1..], [ReceiverEvent::StoreFailed { object }]);
    bench.engine.restart(object);
    bench.work();
    assert_eq!(bench.opened.len(), 1, "with the next packet");
    bench.hear(&sent.packet(1, 0, 1));
    assert_eq!(bench.opened.len(), 2);
    bench.engine.accept(object);
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7).map(<[u8]>::len), Some(1_950));
}

#[test]
fn job_of_a_forgotten_object_writes_nothing_of_the_next_one() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    bench.datagram(sent.packet(0, 0, 7).bytes());
    let job = bench.job().unwrap();
    // A driver takes blocks out of the store to write them.
    bench.engine.store_mut().blocks.remove(&job.slot);
    bench.engine.restart(object);
    bench.datagram(sent.packet(0, 0, 3).bytes());
    bench.engine.accept(object);
    assert_eq!(bench.engine.stats().no_room, 3, "a job has the block of this name");
    bench.done(&job, StoreOutcome::Written);
    assert_eq!(bench.engine.missing(object), Some(set(&[(0, 1_950)])));
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn wrong_bytes_are_wanted_again() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    bench.hear(&sent.packet(0, 0, 7));
    bench.datagram(sent.packet(1, 0, 7).bytes());
    let job = bench.job().unwrap();
    assert!(!bench.engine.want_again(object, &[150..250, 700..710]), "a job has one");
    let outcome = bench.store(&job);
    bench.done(&job, outcome);
    assert!(bench.engine.want_again(object, &[150..250, 700..710]));
    assert_eq!(bench.engine.missing(object), Some(set(&[(100, 300), (700, 800), (1_400, 1_950)])));
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn restarted_object_that_was_complete_comes_again() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    bench.hear_all(&sent.source());
    assert_eq!(bench.complete, [object]);
    bench.engine.restart(object);
    bench.hear_all(&sent.source());
    assert_eq!(bench.opened.len(), 2);
    bench.engine.accept(object);
    bench.work();
    assert_eq!(bench.complete, [object, object]);
}

#[test]
fn empty_object_is_complete_by_the_table() {
    let empty = Sent::new(9, no_code(0), &[]);
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![empty.file("empty")]).packets());
    assert_eq!(bench.bytes(FIRST, 9), Some(&[][..]));
}

#[test]
fn store_without_room_leaves_no_block_begun() {
    let (mut bench, sent, object) = opened();
    bench.engine.accept(object);
    let before = bench.engine.load().bytes;
    bench.engine.store_mut().is_full = true;
    bench.hear_all(&sent.source());
    assert_eq!((bench.engine.stats().no_room, bench.engine.load().bytes), (20, before));
    bench.engine.store_mut().is_full = false;
    bench.hear_all(&sent.source());
    assert_eq!(bench.complete, [object]);
}

#[test]
fn all_that_an_object_takes_is_given_back() {
    for end in 0..4 {
        let (mut bench, sent, object) = opened();
        bench.hear(&sent.packet(0, 0, 3));
        let listed = bench.engine.load().bytes;
        match end {
            0 => bench.engine.give_up(FIRST, 0..u64::MAX),
            1 => {
                bench.engine.accept(object);
                bench.hear_all(&sent.source());
            }
            2 => bench.engine.restart(object),
            _ => {}
        }
        assert!(end == 3 || bench.engine.load().bytes < listed, "{end}");
        bench.engine.forget(FIRST);
        assert_eq!(bench.engine.load(), super::super::Load::default(), "{end}");
        assert!(bench.engine.store().blocks.is_empty());
    }
}
