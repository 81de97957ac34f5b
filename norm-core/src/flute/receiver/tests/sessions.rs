//! Sessions, their runs, and their ends.

use super::*;

#[test]
fn sender_is_found_falls_silent_and_goes_on() {
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    let mut bench = Bench::new();
    bench.hear(&sent.packet(0, 0, 1));
    let address = ([10, 0, 0, 1], 1).into();
    let found = ReceiverEvent::SenderFound { sender: FIRST, tsi: tsi(1), address };
    assert_eq!(bench.others, [found]);
    assert_eq!(bench.engine.poll_timeout(), Some(START + 5 * SECOND));
    bench.wait(5 * SECOND);
    assert_eq!(bench.others[1..], [ReceiverEvent::SenderSilent { sender: FIRST }]);
    assert_eq!(bench.engine.poll_timeout(), None);
    bench.hear(&sent.packet(0, 1, 1));
    bench.wait(5 * SECOND);
    assert_eq!(bench.others.len(), 3, "silent again");
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn end_is_told_when_what_came_is_written() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    sent.source().iter().for_each(|packet| bench.datagram(packet.bytes()));
    let job = bench.job().unwrap();
    bench.datagram(close().bytes());
    bench.engine.handle_timeout(bench.now + SECOND);
    bench.events();
    assert_eq!((bench.others.len(), bench.engine.poll_timeout()), (1, None));
    assert!(!bench.engine.has_all(FIRST));
    let outcome = bench.store(&job);
    bench.done(&job, outcome);
    bench.wait(SECOND);
    assert_eq!(bench.others[1..], [ReceiverEvent::SenderEnded { sender: FIRST }]);
    assert!(bench.engine.has_all(FIRST));
    bench.wait(100 * SECOND);
    assert_eq!(bench.others.len(), 2);
}

#[test]
fn all_is_here_when_the_sender_says_that_it_was_all() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let fdt = |complete| Fdt { complete, files: vec![sent.file("a")], ..Fdt::default() };
    let mut bench = Bench::new();
    bench.hear_all(&Table::of(0, &fdt(false)).packets());
    bench.hear_all(&sent.source());
    assert!(!bench.engine.has_all(FIRST));
    bench.hear_all(&Table::of(1, &fdt(true)).packets());
    assert!(bench.engine.has_all(FIRST));
    // Unless there is more than it has said.
    for in_band in [false, true] {
        let mut other = Sent::new(8, no_code(250), &[0; 250]);
        other.in_band = in_band;
        bench.hear(&other.packet(0, 0, 1));
        assert!(!bench.engine.has_all(FIRST));
        bench.engine.give_up(FIRST, 8..9);
        assert!(bench.engine.has_all(FIRST));
        bench.engine.restart(ObjectRef { sender: FIRST, key: 8 });
    }
}

#[test]
fn closed_objects_are_all_that_was_sent() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let mut packets = sent.source();
    packets.last_mut().unwrap().header.close_object = true;
    // On an object of which something is missing it changes nothing.
    bench.hear_all(&packets[1..]);
    assert!(!bench.engine.has_all(FIRST));
    bench.hear(&packets[0]);
    assert!(bench.engine.has_all(FIRST));
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn late_packets_of_a_run_do_not_begin_another_one() {
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let packets = sent.source();
    bench.hear_all(&packets[1..]);
    bench.hear(&close());
    bench.hear(&packets[0]);
    bench.hear(&close());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    assert_eq!(bench.engine.load().sessions, 1);
    bench.wait(SECOND);
    bench.hear(&packets[0]);
    assert_eq!(bench.engine.load().sessions, 2);
}

#[test]
fn only_the_session_that_is_wanted_is_received() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    for (session, source, is_wanted) in [
        (None, None, true),
        (Some(tsi(1)), Some([10, 0, 0, 1].into()), true),
        (Some(tsi(2)), None, false),
        (None, Some([10, 0, 0, 2].into()), false),
    ] {
        let config = ReceiverConfig { tsi: session, source, ..ReceiverConfig::new() };
        let mut bench = Bench::with(config);
        bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
        assert_eq!(bench.opened.len(), usize::from(is_wanted));
        assert_eq!(bench.engine.stats().unrelated, u64::from(!is_wanted));
        let other = (session == Some(tsi(2))).then_some((([10, 0, 0, 1], 1).into(), tsi(1)));
        assert_eq!(bench.engine.other_session(), other);
    }
}

#[test]
fn sessions_of_other_hosts_and_ids_are_apart() {
    let mut bench = Bench::new();
    let mut sent = Vec::new();
    for (port, session) in [(1, 1), (2, 1), (1, 2)] {
        let object = Sent::new(7, no_code(250), &content(u64::from(port) << 8 | session, 250));
        bench.port = port;
        for mut packet in Table::new(0, vec![object.file("a")]).packets() {
            packet.header.tsi = tsi(session);
            bench.hear(&packet);
        }
        sent.push((port, session, object));
    }
    for symbol in 0..3 {
        for (port, session, object) in &sent {
            bench.port = *port;
            let mut packet = object.packet(0, symbol, 1);
            packet.header.tsi = tsi(*session);
            bench.hear(&packet);
        }
    }
    for (sender, (.., object)) in (0..).zip(&sent) {
        assert_eq!(bench.bytes(SenderId(sender), 7), Some(&object.bytes[..]));
    }
}

#[test]
fn further_sessions_take_the_place_of_those_that_are_over() {
    let config = ReceiverConfig { max_sessions: 3, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let say = |bench: &mut Bench, port, packet: &Made| {
        bench.port = port;
        bench.hear(packet);
    };
    let table = &Table::new(0, vec![sent.file("a")]).packets()[0];
    (1..4).for_each(|port| say(&mut bench, port, table));
    say(&mut bench, 4, table);
    assert_eq!((bench.engine.load().sessions, bench.engine.stats().no_room), (3, 1));
    say(&mut bench, 2, &close());
    say(&mut bench, 4, table);
    let held = |bench: &Bench| {
        (0..5).filter(|&id| bench.engine.epoch(SenderId(id)).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(held(&bench), [0, 2, 3]);
    bench.wait(5 * SECOND);
    say(&mut bench, 1, table);
    say(&mut bench, 5, table);
    assert_eq!(held(&bench), [0, 3, 4]);
}

#[test]
fn made_up_sessions_do_not_keep_the_real_one_out() {
    let mut bench = Bench::new();
    let forged = Sent::new(9, raptorq(50_000, 3), &[7; 50_000]);
    let table = Table::new(0, vec![forged.file("forged")]).packets();
    let forge = |bench: &mut Bench, with_table| {
        for session in 100..116 {
            let packets = [forged.packet(0, 0, 1), forged.packet(1, 3, 1)];
            let table = table.iter().filter(|_| with_table);
            for packet in packets.iter().chain(table) {
                let mut packet = packet.clone();
                packet.header.tsi = tsi(session);
                bench.hear(&packet);
            }
        }
    };
    let sent = Sent::new(7, raptorq(1_950, 3), &content(1, 1_950));
    let packets: Vec<Made> =
        Table::new(0, vec![sent.file("a")]).packets().into_iter().chain(sent.source()).collect();
    for (with_table, seconds) in [(false, 5), (true, 30)] {
        for second in 0..seconds {
            forge(&mut bench, with_table);
            let before = bench.complete.len();
            bench.hear_all(&packets);
            assert_eq!(bench.complete.len(), before, "no place yet: {second}");
            bench.wait(SECOND);
        }
        forge(&mut bench, with_table);
        bench.hear_all(&packets);
        assert_eq!(bench.complete.len(), 1);
        // It has brought an object, and stays.
        for _ in 0..100 {
            forge(&mut bench, with_table);
            bench.hear(&packets[0]);
            bench.wait(SECOND);
        }
        bench.hear_all(&packets);
        assert_eq!((bench.complete.len(), bench.engine.load().sessions), (1, 16));
        bench = Bench::new();
    }
}

#[test]
fn session_with_the_least_content_gives_way() {
    let config = ReceiverConfig { auto_accept: true, max_sessions: 2, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    let sent = Sent::new(7, raptorq(50_000, 3), &[7; 50_000]);
    let table = Table::new(0, vec![sent.file("a")]).packets();
    let say = |bench: &mut Bench, port, packets: &[Made]| {
        bench.port = port;
        bench.hear_all(packets);
    };
    for port in [1, 2] {
        say(&mut bench, port, &table);
    }
    for second in 0..31 {
        say(&mut bench, 1, &[sent.packet(0, second, 1), sent.packet(1, second, 1)]);
        say(&mut bench, 2, &[sent.packet(0, second, 1)]);
        bench.wait(SECOND);
    }
    say(&mut bench, 3, &table);
    let followed = |id| bench.engine.epoch(SenderId(id)).is_some();
    assert_eq!([0, 1, 2].map(followed), [true, false, true]);
}

#[test]
fn forgotten_sender_leaves_nothing_in_the_store() {
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    sent.source()[..6].iter().for_each(|packet| bench.datagram(packet.bytes()));
    assert_eq!(bench.engine.store().blocks.len(), 2);
    let job = bench.job().unwrap();
    bench.engine.forget(FIRST);
    assert!(bench.engine.store().blocks.is_empty());
    bench.done(&job, StoreOutcome::Written);
    bench.work();
    assert_eq!(bench.engine.load(), super::super::Load::default());
}

#[test]
fn object_that_had_no_room_begins_when_there_is_some() {
    let new = |number: u128| Sent::new(number, no_code(250), &content(number as u64, 250));
    let table = Table::new(0, (1..4).map(|number| new(number).file("a")).collect()).packets();
    let mut roomy = Bench::new();
    roomy.hear_all(&table);
    let max_bookkeeping = roomy.engine.load().bytes - 1;
    let config = ReceiverConfig { max_bookkeeping, ..ReceiverConfig::new() };
    let mut bench = Bench::with(ReceiverConfig { auto_accept: true, ..config });
    bench.hear_all(&table);
    assert_eq!(bench.opened.len(), 2, "{}", bench.engine.load().bytes);
    let mut third = new(3);
    third.in_band = false;
    bench.hear_all(&third.source());
    assert_eq!(bench.opened.len(), 2);
    bench.engine.give_up(FIRST, 1..3);
    bench.hear_all(&third.source());
    assert_eq!(bench.bytes(FIRST, 3), Some(&third.bytes[..]));
}
