//! Packets from before it is known how their objects are cut: some in memory, the others kept aside
//! by the store.

use super::*;
use crate::flute::receiver::Load;

/// Bytes of payload id and symbol.
const PACKET: usize = 104;
/// Bytes that a packet in memory counts.
const IN_MEMORY: usize = 200;

/// A receiver with memory for five such packets of a source, and a store for 40, or 60 in all.
fn bench() -> Bench {
    let mut bench = Bench::with(ReceiverConfig {
        max_early: 8 * IN_MEMORY,
        max_early_of_source: 5 * IN_MEMORY,
        max_nameless: 60 * PACKET,
        max_nameless_of_source: 40 * PACKET,
        auto_accept: true,
        ..ReceiverConfig::new()
    });
    bench.engine.store_mut().aside = Some(BTreeMap::new());
    bench
}

/// An object of some symbols of which only a table says how it is cut.
fn sent(number: u128, symbols: usize) -> Sent {
    let mut sent =
        Sent::new(number, no_code(symbols * 100), &content(number as u64, symbols * 100));
    sent.in_band = false;
    sent
}

/// Packets that the store has.
fn aside(bench: &Bench) -> usize {
    let store = bench.engine.store().aside.as_ref().unwrap();
    store.values().map(Vec::len).sum()
}

/// Stores blocks up to the next object of which packets are to be read, which are not.
fn next_recall(bench: &mut Bench) -> Option<u64> {
    loop {
        match bench.engine.poll_job()? {
            Job::Recall(object) => return Some(object.key),
            Job::Store(job) => {
                let outcome = bench.store(&job);
                bench.done(&job, outcome);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn packets_that_find_no_room_in_memory_are_kept_aside_until_the_table_comes() {
    let (mut bench, one, other) = (bench(), sent(7, 24), sent(8, 16));
    bench.hear_all(&one.source());
    bench.hear_all(&other.source());
    assert_eq!((bench.engine.stats().early, aside(&bench)), (40, 35));
    bench.hear_all(&Table::new(0, vec![one.file("a")]).packets());
    assert_eq!(bench.bytes(FIRST, 7), Some(&one.bytes[..]));
    assert_eq!((aside(&bench), bench.bytes(FIRST, 8)), (16, None), "the other one waits");
    bench.hear_all(&Table::new(1, vec![one.file("a"), other.file("b")]).packets());
    assert_eq!(bench.bytes(FIRST, 8), Some(&other.bytes[..]));
    assert_eq!((bench.engine.stats().early_dropped, aside(&bench)), (0, 0));
}

#[test]
fn packets_kept_aside_are_bounded_for_each_source_and_in_all() {
    let (mut bench, sent) = (bench(), sent(7, 60));
    let mut kept = Vec::new();
    for host in [1, 2, 3] {
        bench.host = host;
        bench.hear_all(&sent.source());
        kept.push((bench.engine.stats().early, aside(&bench)));
    }
    // In memory five of the first one and three of the second.
    assert_eq!(kept, [(45, 40), (68, 60), (68, 60)]);
    // What is complete, or forgotten, makes room for others.
    bench.host = 1;
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    assert_eq!(aside(&bench), 20);
    assert_eq!(bench.engine.stats().symbols, 45);
    bench.engine.forget(SenderId(1));
    assert_eq!(aside(&bench), 0);
    bench.host = 3;
    bench.hear_all(&sent.source());
    assert_eq!(aside(&bench), 40);
    (0..3).for_each(|id| bench.engine.forget(SenderId(id)));
    assert_eq!((bench.engine.load(), aside(&bench)), (Load::default(), 0), "all is given back");
}

#[test]
fn packets_of_a_run_that_was_forgotten_are_not_of_the_next_one() {
    let (mut bench, old) = (bench(), sent(7, 30));
    bench.hear_all(&old.source());
    bench.hear(&close());
    bench.wait(2 * SECOND);
    let mut new = old.clone();
    new.bytes.reverse();
    bench.hear_all(&Table::new(0, vec![new.file("a")]).packets());
    assert_eq!(bench.opened.len(), 1, "{:?}", bench.others);
    assert_eq!(bench.opened[0].0.sender, SenderId(1));
    bench.engine.forget(FIRST);
    assert_eq!((bench.engine.stats().symbols, aside(&bench)), (0, 0));
    bench.hear_all(&new.source());
    assert_eq!(bench.bytes(SenderId(1), 7), Some(&new.bytes[..]));
}

#[test]
fn packets_that_are_being_read_are_not_taken_for_content_that_came_meanwhile() {
    for ends in [false, true] {
        let (mut bench, old) = (bench(), sent(7, 30));
        bench.hear_all(&old.source());
        for packet in Table::new(0, vec![old.file("a")]).packets() {
            bench.datagram(packet.bytes());
        }
        assert_eq!(next_recall(&mut bench), Some(7));
        let mut new = sent(7, 29);
        new.bytes.reverse();
        if ends {
            bench.engine.forget(FIRST);
        } else {
            for packet in Table::new(1, vec![new.file("a")]).packets() {
                bench.datagram(packet.bytes());
            }
        }
        bench.recall(ObjectRef { sender: FIRST, key: 7 });
        bench.work();
        assert_eq!((bench.engine.stats().symbols, aside(&bench)), (5, 0), "those in memory");
        bench.hear_all(&Table::new(1, vec![new.file("a")]).packets());
        bench.hear_all(&new.source());
        let sender = SenderId(u32::from(ends));
        assert_eq!(bench.bytes(sender, 7), Some(&new.bytes[..]));
        bench.engine.forget(sender);
        assert_eq!(bench.engine.load(), Load::default());
    }
}

#[test]
fn objects_are_read_one_after_the_other_and_what_is_given_up_is_not_read() {
    let (mut bench, all) = (bench(), [sent(7, 10), sent(8, 10), sent(9, 10)]);
    all.iter().for_each(|sent| bench.hear_all(&sent.source()));
    let files = all.iter().map(|sent| sent.file("a")).collect();
    for packet in Table::new(0, files).packets() {
        bench.datagram(packet.bytes());
    }
    assert_eq!(next_recall(&mut bench), Some(7));
    assert_eq!(next_recall(&mut bench), None, "one at a time");
    bench.engine.give_up(FIRST, 8..9);
    bench.recall(ObjectRef { sender: FIRST, key: 7 });
    bench.work();
    let keys: Vec<u64> = bench.complete.iter().map(|object| object.key).collect();
    assert_eq!((keys, aside(&bench)), (vec![7, 9], 0));
    bench.engine.forget(FIRST);
    assert_eq!(bench.engine.load(), Load::default());
}
