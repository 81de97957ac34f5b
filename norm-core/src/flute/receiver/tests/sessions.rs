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

/// Packets of sixteen sessions with other numbers come; they tell of an object, or are a part of
/// it.
fn hear_made_up(bench: &mut Bench, with_table: bool) {
    let forged = Sent::new(9, raptorq(50_000, 3), &[7; 50_000]);
    let table = Table::new(0, vec![forged.file("forged")]).packets();
    for session in 100..116 {
        let packets = [forged.packet(0, 0, 1), forged.packet(1, 3, 1)];
        let table = table.iter().filter(|_| with_table);
        for packet in packets.iter().chain(table) {
            let mut packet = packet.clone();
            packet.header.tsi = tsi(session);
            bench.hear(&packet);
        }
    }
}

/// Packets come from a port, of the session with this number.
fn say(bench: &mut Bench, (host, port): (u8, u16), session: u64, packets: &[Made]) {
    (bench.host, bench.port) = (host, port);
    for packet in packets {
        let mut packet = packet.clone();
        packet.header.tsi = tsi(session);
        bench.hear(&packet);
    }
}

/// Which of the first sessions are followed.
fn followed(bench: &Bench, count: u32) -> Vec<u32> {
    (0..count).filter(|&id| bench.engine.epoch(SenderId(id)).is_some()).collect()
}

/// Room for this many sessions.
fn small_config(max_sessions: usize) -> ReceiverConfig {
    ReceiverConfig { auto_accept: true, max_sessions, ..ReceiverConfig::new() }
}

#[test]
fn made_up_sessions_do_not_keep_the_real_one_out() {
    let sent = Sent::new(7, raptorq(19_500, 3), &content(1, 19_500));
    let table = Table::new(0, vec![sent.file("a")]).packets();
    let packets = sent.source();
    for (with_table, seconds) in [(false, 5), (true, 30)] {
        let mut bench = Bench::new();
        for second in 0..seconds {
            hear_made_up(&mut bench, with_table);
            bench.hear_all(&table);
            assert!(bench.opened.iter().all(|(.., meta)| !is_named(meta, "a")), "{second}");
            bench.wait(SECOND);
        }
        // It finds a place, and keeps it while something comes of it.
        for packet in &packets {
            hear_made_up(&mut bench, with_table);
            bench.hear_all(&table);
            bench.hear(packet);
            bench.wait(SECOND);
        }
        assert!(packets.len() > 100);
        assert_eq!((bench.complete.len(), bench.engine.load().sessions), (1, 16));
        assert_eq!(bench.written[&bench.complete[0]], sent.bytes);
    }
}

fn is_named(meta: &ObjectMeta, wanted: &str) -> bool {
    matches!(meta, ObjectMeta::File { name: Some(name), .. } if name == wanted.as_bytes())
}

#[test]
fn long_transfer_keeps_its_place_among_tables_of_other_sessions() {
    let sent = Sent::new(7, raptorq(19_500, 3), &content(1, 19_500));
    let forged = Sent::new(9, raptorq(50_000, 3), &[7; 50_000]);
    let (real, table) = (sent.source(), Table::new(0, vec![forged.file("forged")]).packets());
    for host in [1, 2] {
        let mut bench = Bench::new();
        say(&mut bench, (1, 1), 1, &Table::new(0, vec![sent.file("a")]).packets());
        for (second, packet) in (0..).zip(&real) {
            say(&mut bench, (1, 1), 1, std::slice::from_ref(packet));
            // Each 20 s, fifteen tables and one more: none of them is old.
            if second % 20 == 19 {
                for number in 0..16 {
                    say(&mut bench, (host, 2), 100 * second + number, &table);
                }
            }
            bench.wait(SECOND);
        }
        assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{host}");
        assert!(bench.engine.stats().no_room > 0);
    }
}

#[test]
fn complete_object_keeps_a_place_for_thirty_seconds() {
    let mut bench = Bench::with(small_config(2));
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    let table = Table::new(0, vec![sent.file("a")]).packets();
    for host in [1, 2] {
        say(&mut bench, (host, 1), 1, &table);
        say(&mut bench, (host, 1), 1, &sent.source());
    }
    assert_eq!(bench.complete.len(), 2);
    for _ in 0..30 {
        (1..4).for_each(|host| say(&mut bench, (host, 1), 1, &table));
        assert_eq!(followed(&bench, 3), [0, 1]);
        bench.wait(SECOND);
    }
    say(&mut bench, (3, 1), 1, &table);
    assert_eq!(followed(&bench, 3), [1, 2]);
}

#[test]
fn session_in_which_content_came_last_the_longest_ago_gives_way() {
    let mut bench = Bench::with(small_config(2));
    let sent = Sent::new(7, raptorq(50_000, 3), &[7; 50_000]);
    let table = Table::new(0, vec![sent.file("a")]).packets();
    (1..3).for_each(|host| say(&mut bench, (host, 1), 1, &table));
    for second in 0..60 {
        // The second one brings much in the beginning, and the same again and again after that.
        let new = [sent.packet(0, second, 1)];
        say(&mut bench, (1, 1), 1, &new);
        let most = if second < 29 { second } else { 29 };
        let many = [0, 1, 2].map(|block| sent.packet(block, most, 1));
        say(&mut bench, (2, 1), 1, &many);
        if second < 59 {
            say(&mut bench, (3, 1), 1, &table);
            assert_eq!(followed(&bench, 3), [0, 1], "{second}");
        }
        bench.wait(SECOND);
    }
    say(&mut bench, (3, 1), 1, &table);
    assert_eq!(followed(&bench, 3), [0, 2]);
}

#[test]
fn source_with_many_sessions_makes_room_for_others() {
    let mut bench = Bench::with(small_config(6));
    let sent = Sent::new(7, raptorq(50_000, 3), &[7; 50_000]);
    let table = Table::new(0, vec![sent.file("a")]).packets();
    let content = |bench: &mut Bench, symbol| {
        for session in [0, 3, 4, 5] {
            say(bench, (1, 1), session, &[sent.packet(0, symbol, 1)]);
        }
    };
    (0..6).for_each(|session| say(&mut bench, (1, 1), session, &table));
    bench.wait(SECOND);
    content(&mut bench, 0);
    // No further one of it, but two of another source; then both have their share.
    say(&mut bench, (1, 1), 6, &table);
    assert_eq!(bench.engine.stats().no_room, 1);
    (0..3).for_each(|session| say(&mut bench, (2, 1), session, &table));
    assert_eq!(bench.engine.stats().no_room, 2);
    assert_eq!(followed(&bench, 10), [0, 3, 4, 5, 6, 7]);
    // What others were given is not taken back as soon as they rest, but a third source gets it.
    bench.wait(3 * SECOND);
    content(&mut bench, 1);
    bench.wait(2 * SECOND);
    say(&mut bench, (1, 1), 9, &table);
    assert_eq!(bench.engine.stats().no_room, 3);
    say(&mut bench, (3, 1), 1, &table);
    assert_eq!(followed(&bench, 10), [0, 3, 4, 5, 7, 8]);
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
