//! Packets that were made to do harm.

use super::*;

/// A packet with some bits changed, or bytes cut or added.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.next_u32() % 4 {
        if bytes.is_empty() {
            return;
        }
        let at = rng.next_u32() as usize % bytes.len();
        match rng.next_u32() % 8 {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.next_u32() as u8),
            2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][rng.next_u32() as usize % 5],
            // Most fields are in the first bytes.
            3 | 4 => {
                let at = at % 40.min(bytes.len());
                bytes[at] = rng.next_u32() as u8;
            }
            _ => bytes[at] ^= 1 << (rng.next_u32() % 8),
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let bytes = content(1, 1_950);
    let (size, symbol_size) = (1_950, 100);
    let (max_block_len, max_symbols) = (6, 9);
    let mut packets = vec![close()];
    for (number, fti) in (1..).zip([
        no_code(1_950),
        raptorq(1_950, 2),
        Fti::ReedSolomon8 { size, symbol_size, max_block_len: 6, max_symbols: 9 },
        Fti::ReedSolomon { size, m: 16, group: 1, symbol_size, max_block_len, max_symbols },
        Fti::SmallBlock { size, instance: 0, symbol_size, max_block_len, max_symbols },
    ]) {
        let sent = Sent::new(number, fti, &bytes);
        packets.extend(sent.source());
        let table = Table::new(number as u32, vec![sent.file("a"), sent.file("../b")]);
        packets.extend(table.packets());
        let mut early = sent.clone();
        (early.in_band, early.toi) = (false, toi(number + 100));
        packets.extend(early.source());
    }
    packets.iter().map(Made::bytes).collect()
}

#[test]
fn mutated_packets_do_no_harm() {
    let seeds = seeds();
    let config = ReceiverConfig {
        auto_accept: true,
        max_bookkeeping: 1 << 20,
        max_early: 200_000,
        max_early_of_source: 100_000,
        max_objects: 100,
        ..ReceiverConfig::new()
    };
    let mut bench = Bench::with(config);
    let mut rng = Rng::new(7);
    for round in 0..100_000_u32 {
        let mut bytes = seeds[rng.next_u32() as usize % seeds.len()].clone();
        mutate(&mut rng, &mut bytes);
        bench.port = (rng.next_u32() % 20) as u16 + 1;
        bench.datagram(bytes);
        if round % 16 == 0 {
            bench.wait(Duration::from_millis(1));
        }
        if round % 1_000 == 0 {
            assert!(bench.engine.load().bytes <= (1 << 20) + 200_000 + (24 << 20));
            assert!(bench.engine.load().sessions <= 16);
        }
    }
    bench.work();
    assert!(!bench.complete.is_empty() && bench.engine.stats().malformed > 1_000);
    (0..u32::MAX).take(100_000).for_each(|id| bench.engine.forget(SenderId(id)));
    assert_eq!(bench.engine.load(), super::super::Load::default(), "all is given back");
    assert!(bench.engine.store().blocks.is_empty());
}

#[test]
fn information_takes_memory_only_within_the_limits() {
    let config = ReceiverConfig { max_bookkeeping: 1 << 20, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    // As many blocks as a size of 48 bits can have, with a bit for each.
    let (instance, symbol_size, max_block_len) = (0, 1, 1);
    for size in [(1 << 32) - 2, 1 << 24, 1 << 20, 1 << 19] {
        for number in 1..100 {
            let fti =
                Fti::SmallBlock { size, instance, symbol_size, max_block_len, max_symbols: 1 };
            let mut packet = Sent::new(number, no_code(100), &[0; 100]).packet(0, 0, 1);
            packet.header.codepoint = 129;
            packet.extensions = ExtensionBuf::new();
            assert!(packet.extensions.push_fti(&fti));
            bench.hear(&packet);
        }
        assert!(bench.engine.load().bytes <= 1 << 20);
    }
    assert!(bench.engine.stats().no_room > 100 && bench.engine.stats().invalid >= 198);
}

#[test]
fn tables_that_never_become_whole_are_bounded() {
    let mut bench = Bench::new();
    let size = 1 << 20;
    let fti = Fti::NoCode { size, symbol_size: 1400, max_block_len: 64 };
    let sent = Sent::new(0, fti, &vec![b' '; size as usize]);
    for session in 0..16 {
        for id in 0..10 {
            for block in 0..11 {
                let mut packet = sent.packet(block, 0, 1);
                packet.header.tsi = tsi(session);
                let instance = FdtInstanceId::new(id).unwrap();
                assert!(packet.extensions.push_fdt(ExtFdt { version: 2, instance }));
                bench.hear(&packet);
            }
        }
    }
    assert!(bench.engine.load().bytes <= 16 << 20);
    assert!(bench.engine.stats().no_room > 0);
}

#[test]
fn tables_that_take_long_to_decode_are_refused() {
    let (size, group, max_block_len, max_symbols) = (32_000, 1, 4_000, 5_000);
    for fti in [
        Fti::RaptorQ { size: 50_000, symbol_size: 1, blocks: 1, sub_blocks: 1, alignment: 1 },
        Fti::Raptor { size, symbol_size: 4, blocks: 1, sub_blocks: 1, alignment: 4 },
        Fti::ReedSolomon { size, m: 16, group, symbol_size: 8, max_block_len, max_symbols },
    ] {
        let mut bench = Bench::new();
        let mut packet = Sent::new(0, no_code(100), &[0; 100]).packet(0, 0, 1);
        packet.header.codepoint = fti.fec_id().0;
        packet.extensions = ExtensionBuf::new();
        assert!(packet.extensions.push_fti(&fti));
        let instance = FdtInstanceId::default();
        assert!(packet.extensions.push_fdt(ExtFdt { version: 2, instance }));
        bench.hear(&packet);
        assert_eq!((bench.engine.stats().invalid, bench.engine.load().bytes), (1, 0), "{fti:?}");
    }
}

#[test]
fn table_that_is_a_bomb_is_not_read() {
    let mut bench = Bench::new();
    let bomb = crate::flute::fdt::gzip(&vec![b' '; 64 << 20]).into_owned();
    bench.hear_all(&Table { cenc: Some(Cenc::GZIP), ..Table::text(0, &bomb) }.packets());
    assert_eq!(bench.engine.stats().bad_tables, 1);
    let attributes: String = (0..1_000).map(|n| format!(" a{n}='1'")).collect();
    for text in [
        "<!DOCTYPE x [<!ENTITY a 'aaaa'>]><FDT-Instance Expires='1'/>".to_owned(),
        format!("<FDT-Instance Expires='1'{attributes}/>"),
        "<FDT-Instance Expires='1'>".to_owned(),
    ] {
        bench.hear_all(&Table::text(1, text.as_bytes()).packets());
    }
    assert_eq!((bench.engine.stats().bad_tables, bench.engine.stats().tables), (4, 0));
}

#[test]
fn entries_of_tables_are_bounded() {
    let config =
        ReceiverConfig { max_objects: 50, max_bookkeeping: 40_000, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    let name = "x".repeat(4_000);
    let files = (1..100).map(|number| Sent::new(number, no_code(0), &[]).file(&name));
    bench.hear_all(&Table::new(0, files.collect()).packets());
    assert!(bench.engine.load().bytes <= 40_000);
    assert!((5..12).contains(&bench.opened.len()), "{}", bench.opened.len());
    assert!(bench.engine.stats().no_room > 80);
}

#[test]
fn numbers_of_objects_are_bounded() {
    let config = ReceiverConfig { max_objects: 50, ..ReceiverConfig::new() };
    let mut bench = Bench::with(config);
    for number in 1..200 {
        for wide in [0, 1 << 100] {
            bench.hear(&Sent::new(number | wide, no_code(100), &[0; 100]).packet(0, 0, 1));
        }
    }
    assert_eq!(bench.engine.load().objects, 50);
    assert_eq!(bench.engine.stats().no_room, 2 * 199 - 50);
}

#[test]
fn forged_end_of_nothing_is_no_session() {
    let mut bench = Bench::new();
    for port in 0..1_000 {
        bench.port = port;
        bench.hear(&close());
    }
    assert_eq!((bench.engine.load().sessions, bench.engine.stats().unrelated), (0, 1_000));
    // Extensions alone say nothing either.
    let mut packet = close();
    packet.header.close_session = false;
    packet.extensions = ExtensionBuf::new();
    bench.hear(&packet);
    assert_eq!(bench.engine.load().sessions, 0);
}

/// A source block of an object of 64 MiB in large symbols.
fn large(number: u128) -> Sent {
    let size = 64 << 20;
    let fti = Fti::NoCode { size, symbol_size: 32_768, max_block_len: 64 };
    Sent::new(number, fti, &vec![7; size as usize])
}

#[test]
fn symbols_of_objects_in_no_table_are_bounded() {
    let mut bench = Bench::new();
    let sent = large(7);
    for packet in sent.source() {
        bench.datagram(packet.bytes());
    }
    let of_source = (16 << 20) / 32_768;
    let stats = bench.engine.stats();
    assert_eq!((stats.symbols, stats.no_room), (of_source, 3 * of_source));
    // A table that tells of it makes room for the rest.
    bench.hear_all(&Table::new(1, vec![sent.file("a")]).packets());
    bench.datagram(sent.packet(31, 63, 1).bytes());
    assert_eq!(bench.engine.stats().symbols, of_source + 1);
}

#[test]
fn symbols_of_objects_in_no_table_are_bounded_for_all_sources() {
    let mut bench = Bench::new();
    let sent = large(7);
    let packets: Vec<Vec<u8>> = sent.source().iter().map(Made::bytes).collect();
    for host in 1..=6 {
        bench.host = host;
        packets[..600].iter().for_each(|packet| bench.datagram(packet.clone()));
    }
    let stats = bench.engine.stats();
    assert_eq!(stats.symbols, (64 << 20) / 32_768, "of four sources");
    assert_eq!(stats.no_room, 6 * 600 - stats.symbols);
    // When a session is forgotten there is room for others.
    bench.engine.forget(FIRST);
    bench.host = 9;
    bench.datagram(packets[0].clone());
    assert_eq!(bench.engine.stats().symbols, (64 << 20) / 32_768 + 1);
}

#[test]
fn mere_claims_take_little_memory() {
    let mut bench = Bench::new();
    let (symbol_size, sub_blocks, alignment) = (2_000, 1, 4);
    let fti = |n: u64| match n % 3 {
        // As large as blocks can be.
        0 => Fti::RaptorQ {
            size: 56_000 * 2_000 * 20,
            symbol_size,
            blocks: 20,
            sub_blocks,
            alignment,
        },
        1 => Fti::NoCode { size: (1 << 40) - 1, symbol_size: 1_024, max_block_len: 65_535 },
        _ => {
            let (size, symbol_size) = (1 << 20, 1);
            let (instance, max_block_len, max_symbols) = (0, 1, 1);
            Fti::SmallBlock { size, instance, symbol_size, max_block_len, max_symbols }
        }
    };
    let mut most = 0;
    for n in 0..10_000_u64 {
        bench.host = (n % 3) as u8 + 1;
        let fti = fti(n);
        let mut packet =
            Sent::new(u128::from(n) << 70 | 1, no_code(100), &[0; 100]).packet(0, 0, 1);
        packet.header.codepoint = fti.fec_id().0;
        packet.extensions = ExtensionBuf::new();
        assert!(packet.extensions.push_fti(&fti));
        let format = fti.layout().unwrap().scheme().payload_format();
        let id = PayloadId { block: (n % 20) as u32, block_len: 1, symbol: 0 };
        let size = usize::from(fti.layout().unwrap().symbol_size());
        packet.content = id.encode(format).as_bytes().to_vec();
        packet.content.resize(packet.content.len() + size, 7);
        let before = bench.engine.load().bytes;
        bench.hear(&packet);
        let taken = bench.engine.load().bytes - before;
        most = most.max(taken);
    }
    assert!(most <= 1 << 20, "{most} for one claim");
    let load = bench.engine.load();
    assert!(load.bytes <= 8 << 20, "{load:?}");
    assert!(load.objects > 20 && bench.engine.stats().no_room > 9_000, "{load:?}");
    // What is known of an honest sender's objects is not in their way.
    bench.host = 200;
    let sent = Sent::new(7, raptorq(1_950, 3), &content(1, 1_950));
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    bench.hear_all(&sent.source());
    assert_eq!(bench.complete.len(), 1);
    (0..u32::MAX).take(100).for_each(|id| bench.engine.forget(SenderId(id)));
    assert_eq!(bench.engine.load(), super::super::Load::default(), "all is given back");
}
