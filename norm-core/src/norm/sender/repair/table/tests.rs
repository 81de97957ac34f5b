use super::super::block::Plan;
use super::*;

const MS: Duration = Duration::from_millis(1);

fn count(n: u32) -> BlockNeed {
    BlockNeed { counted: n, ..BlockNeed::default() }
}

fn named(ids: &[u32]) -> BlockNeed {
    BlockNeed { named: ids.iter().map(|&i| i..i + 1).collect(), ..BlockNeed::default() }
}

fn hold(repair: Duration, proactive: Duration) -> HoldOff {
    HoldOff { repair, proactive, last: 0 }
}

/// Makes `count` coded symbols of a block, and sends them.
fn send_coded(table: &mut RepairTable, block: u64, count: u32) {
    table.encoded(block, 100, Bytes::from(vec![0; count as usize]), 1);
    let run = table.get_mut(block).and_then(|repair| repair.take_coded(count)).unwrap();
    assert_eq!(run.count, count);
}

fn at(ms: u64) -> Timestamp {
    Timestamp::ZERO + MS * u32::try_from(ms).unwrap()
}

#[test]
fn neediest_receiver_decides_and_a_cycle_ends_in_a_hold_off() {
    let mut table = RepairTable::default();
    assert!(table.request(at(0), 7, 100, &count(3), MS * 10));
    assert!(table.request(at(1), 7, 100, &count(5), MS * 10));
    table.activate(at(9), |_| u32::MAX, |_, need| need);
    assert_eq!(table.active(0..100).count(), 0);
    table.activate(at(10), |_| u32::MAX, |_, need| need);
    assert_eq!(table.active(0..100).collect::<Vec<_>>(), [7]);
    let repair = table.get_mut(7).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 5));
    send_coded(&mut table, 7, 5);
    assert!(table.finish(at(20), 7, true, &hold(MS * 10, MS)));
    assert!(!table.request(at(20), 7, 100, &count(1), MS));
    assert!(table.request(at(30), 7, 100, &count(1), MS));
}

#[test]
fn request_after_timely_proactive_parity_is_not_held_off() {
    for (sent_at, heard) in [(22, true), (23, false)] {
        let mut table = RepairTable::default();
        assert!(table.prepare(7, 100, 3) && !table.prepare(7, 100, 3));
        assert_eq!(table.active(0..100).count(), 0, "the block is not over");
        assert!(table.release(at(20), 7) && !table.release(at(20), 8));
        assert_eq!(table.active(0..100).collect::<Vec<_>>(), [7]);
        let repair = table.get_mut(7).unwrap();
        assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
        send_coded(&mut table, 7, 3);
        assert!(table.finish(at(sent_at), 7, true, &hold(MS * 12, MS * 3)));
        let need = BlockNeed { trusted: true, ..count(2) };
        assert_eq!(table.request(at(24), 7, 100, &need, MS), heard);
        let mut learned = Vec::new();
        table.request(at(60), 7, 100, &need, MS);
        table.activate(
            at(61),
            |_| u32::MAX,
            |need_of_trusted, need| {
                learned.extend(need_of_trusted);
                need
            },
        );
        assert_eq!(learned, [5]);
    }
}

#[test]
fn only_trusted_needs_are_learned_from() {
    let mut table = RepairTable::default();
    let mut learned = Vec::new();
    table.request(at(0), 1, 64, &count(9), MS);
    table.request(at(0), 1, 64, &BlockNeed { trusted: true, ..count(3) }, MS);
    table.request(at(0), 2, 64, &count(9), MS);
    table.activate(
        at(1),
        |_| u32::MAX,
        |need_of_trusted, need| {
            learned.extend(need_of_trusted);
            need
        },
    );
    assert_eq!(learned, [3]);
    assert_eq!(
        table.get_mut(1).unwrap().remaining(),
        9,
        "an unannounced receiver is served all the same"
    );
}

#[test]
fn few_named_symbols_are_resent_and_many_are_coded() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[3, 9]), MS);
    table.request(at(0), 1, 64, &named(&[3]), MS);
    table.request(at(0), 2, 64, &named(&[1, 2, 3, 4]), MS);
    table.request(at(0), 2, 64, &named(&[11, 12, 13, 14]), MS);
    table.activate(at(1), |_| u32::MAX, |_, need| need);
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.pending().count()), (Plan::Resend, 2));
    let repair = table.get_mut(2).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 4));
}

#[test]
fn count_above_the_named_symbols_is_topped_up_with_coded() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[3]), MS);
    table.activate(at(1), |_| u32::MAX, |_, need| need);
    table.request(at(1), 1, 64, &count(4), MS);
    let repair = table.get_mut(1).unwrap();
    assert_eq!(repair.take_named(), Some(3));
    assert!(!table.finish(at(5), 1, true, &hold(MS * 4, MS)));
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
}

#[test]
fn named_parity_is_coded_although_few_symbols_are_fresh() {
    let mut table = RepairTable::default();
    let lost = BlockNeed { parity: vec![2..3, 6..7, 9..10], ..count(3) };
    table.request(at(0), 1, 63, &lost, MS);
    table.activate(at(1), |_| 2, |_, need| need);
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
    assert_eq!(repair.take_parity(3), Some(2..3));
}

#[test]
fn named_symbols_are_resent_without_a_code() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[1, 2, 3, 4, 5]), MS);
    table.request(at(0), 1, 64, &named(&[21, 22, 23, 24, 25]), MS);
    table.activate(at(1), |_| 0, |_, need| need);
    assert_eq!(table.get_mut(1).unwrap().pending().count(), 10);
}

#[test]
fn full_repairs_are_kept_as_ranges_and_held_off_when_sent() {
    let mut table = RepairTable::default();
    assert!(table.request_full(at(0), 5..1_000_000, None));
    assert_eq!(table.first_full(), Some(5));
    table.begin_full(5, 10, 10);
    assert_eq!(table.first_full(), Some(6));
    let repair = table.get_mut(5).unwrap();
    assert_eq!(core::iter::from_fn(|| repair.take_named()).count(), 10);
    assert!(table.finish(at(5), 5, true, &hold(MS * 15, MS)));
    assert!(table.request_full(at(10), 5..1_000_000, None));
    assert_eq!(table.first_full(), Some(6), "block 5 is held off");
    table.purge(at(100));
    assert!(table.request_full(at(100), 5..1_000_000, None));
    assert_eq!(table.first_full(), Some(5));
}

#[test]
fn request_of_a_receiver_that_has_not_heard_the_repair_yet_is_ignored() {
    let mut table = RepairTable::default();
    table.request(at(0), 7, 100, &named(&[1, 2]), MS);
    table.activate(at(1), |_| u32::MAX, |_, need| need);
    while table.get_mut(7).unwrap().take_named().is_some() {}
    // The repair ends with the 50th packet.
    assert!(table.finish(at(2), 7, true, &HoldOff { last: 50, ..hold(MS, MS) }));
    let after = |heard| BlockNeed { heard, ..named(&[1]) };
    assert!(!table.request(at(40), 7, 100, &after(Some(49)), MS), "it is in a queue");
    assert!(!table.request_full(at(40), 7..8, Some(49)) || table.first_full().is_none());
    assert!(table.request(at(40), 7, 100, &after(Some(50)), MS), "it is lost");

    // A receiver that says nothing, and one that has heard nothing for long, are believed.
    for (time, heard) in [(40, None), (600, Some(49))] {
        let mut table = RepairTable::default();
        table.begin_full(7, 100, 100);
        while table.get_mut(7).unwrap().take_named().is_some() {}
        assert!(table.finish(at(2), 7, true, &HoldOff { last: 50, ..hold(MS, MS) }));
        assert!(table.request(at(time), 7, 100, &after(heard), MS));
    }
}
