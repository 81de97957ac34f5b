use super::*;

const MS: Duration = Duration::from_millis(1);

fn count(n: u32) -> BlockNeed {
    BlockNeed { counted: n, ..BlockNeed::default() }
}

fn named(ids: &[u32]) -> BlockNeed {
    BlockNeed { named: ids.iter().map(|&i| i..i + 1).collect(), ..BlockNeed::default() }
}

fn at(ms: u64) -> Timestamp {
    Timestamp::ZERO + MS * u32::try_from(ms).unwrap()
}

#[test]
fn the_neediest_receiver_decides_and_a_cycle_ends_in_a_hold_off() {
    let mut table = RepairTable::default();
    assert!(table.request(at(0), 7, 100, &count(3), MS * 10));
    assert!(table.request(at(1), 7, 100, &count(5), MS * 10));
    table.activate(at(9), |_| u32::MAX, |_, need| need);
    assert_eq!(table.active(0..100).count(), 0);
    table.activate(at(10), |_| u32::MAX, |_, need| need);
    assert_eq!(table.active(0..100).collect::<Vec<_>>(), [7]);
    let repair = table.get_mut(7).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 5));
    repair.sent += 5;
    assert!(table.finish(at(20), 7, true, (MS * 10, MS)));
    assert!(!table.request(at(20), 7, 100, &count(1), MS));
    assert!(table.request(at(30), 7, 100, &count(1), MS));
}

#[test]
fn who_asks_for_more_than_what_was_sent_ahead_has_seen_it_if_it_came_at_once() {
    for (sent_at, heard) in [(22, true), (23, false)] {
        let mut table = RepairTable::default();
        assert!(table.prepare(7, 100, 3) && !table.prepare(7, 100, 3));
        assert_eq!(table.active(0..100).count(), 0, "the block is not over");
        assert!(table.release(at(20), 7) && !table.release(at(20), 8));
        assert_eq!(table.active(0..100).collect::<Vec<_>>(), [7]);
        let repair = table.get_mut(7).unwrap();
        assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
        repair.sent += 3;
        assert!(table.finish(at(sent_at), 7, true, (MS * 12, MS * 3)));
        let need = BlockNeed { teaches: true, ..count(2) };
        assert_eq!(table.request(at(24), 7, 100, &need, MS), heard);
        let mut learned = Vec::new();
        table.request(at(60), 7, 100, &need, MS);
        table.activate(
            at(61),
            |_| u32::MAX,
            |taught, need| {
                learned.extend(taught);
                need
            },
        );
        assert_eq!(learned, [5]);
    }
}

#[test]
fn only_those_who_teach_are_learned_from() {
    let mut table = RepairTable::default();
    let mut learned = Vec::new();
    table.request(at(0), 1, 64, &count(9), MS);
    table.request(at(0), 1, 64, &BlockNeed { teaches: true, ..count(3) }, MS);
    table.request(at(0), 2, 64, &count(9), MS);
    table.activate(
        at(1),
        |_| u32::MAX,
        |taught, need| {
            learned.extend(taught);
            need
        },
    );
    assert_eq!(learned, [3]);
    assert_eq!(
        table.get_mut(1).unwrap().remaining(),
        9,
        "who is a stranger is served all the same"
    );
}

#[test]
fn few_named_symbols_are_sent_again_and_many_different_ones_are_coded() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[3, 9]), MS);
    table.request(at(0), 1, 64, &named(&[3]), MS);
    table.request(at(0), 2, 64, &named(&[1, 2, 3, 4]), MS);
    table.request(at(0), 2, 64, &named(&[11, 12, 13, 14]), MS);
    table.activate(at(1), |_| u32::MAX, |_, need| need);
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.pending.count()), (Plan::Resend, 2));
    let repair = table.get_mut(2).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 4));
}

#[test]
fn a_count_above_the_named_symbols_is_topped_up_with_coded_ones() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[3]), MS);
    table.activate(at(1), |_| u32::MAX, |_, need| need);
    table.request(at(1), 1, 64, &count(4), MS);
    let repair = table.get_mut(1).unwrap();
    assert!(repair.pending.remove(3));
    repair.sent += 1;
    assert!(!table.finish(at(5), 1, true, (MS * 4, MS)));
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
}

#[test]
fn parity_asked_for_by_name_is_coded_although_there_are_too_few_fresh_symbols() {
    let mut table = RepairTable::default();
    let lost = BlockNeed { parity: vec![2..3, 6..7, 9..10], ..count(3) };
    table.request(at(0), 1, 63, &lost, MS);
    table.activate(at(1), |_| 2, |_, need| need);
    let repair = table.get_mut(1).unwrap();
    assert_eq!((repair.plan(), repair.remaining()), (Plan::Code, 3));
    assert_eq!(repair.take_parity(3), Some(2..3));
}

#[test]
fn without_a_code_everything_named_is_sent_again() {
    let mut table = RepairTable::default();
    table.request(at(0), 1, 64, &named(&[1, 2, 3, 4, 5]), MS);
    table.request(at(0), 1, 64, &named(&[21, 22, 23, 24, 25]), MS);
    table.activate(at(1), |_| 0, |_, need| need);
    assert_eq!(table.get_mut(1).unwrap().pending.count(), 10);
}

#[test]
fn whole_blocks_are_remembered_as_ranges_and_rest_after_they_were_sent() {
    let mut table = RepairTable::default();
    assert!(table.request_whole(at(0), 5..1_000_000));
    assert_eq!(table.first_whole(), Some(5));
    table.begin_whole(5, 10, 10);
    assert_eq!(table.first_whole(), Some(6));
    let repair = table.get_mut(5).unwrap();
    assert_eq!(repair.pending.count(), 10);
    repair.pending = Bits::new(10);
    repair.sent = 10;
    assert!(table.finish(at(5), 5, true, (MS * 15, MS)));
    assert!(table.request_whole(at(10), 5..1_000_000));
    assert_eq!(table.first_whole(), Some(6), "block 5 rests");
    table.purge(at(100));
    assert!(table.request_whole(at(100), 5..1_000_000));
    assert_eq!(table.first_whole(), Some(5));
}
