//! All schemes, all widths, and packets with several symbols.

use super::*;
use crate::flute::fdt::gzip;

fn all(size: usize) -> Vec<Fti> {
    let (size, symbol_size) = (size as u64, 100);
    let (max_block_len, max_symbols) = (6, 9);
    vec![
        Fti::NoCode { size, symbol_size, max_block_len: 6 },
        Fti::RaptorQ { size, symbol_size, blocks: 2, sub_blocks: 1, alignment: 4 },
        Fti::ReedSolomon8 { size, symbol_size, max_block_len: 6, max_symbols: 9 },
        Fti::ReedSolomon { size, m: 8, group: 1, symbol_size, max_block_len, max_symbols },
        Fti::ReedSolomon { size, m: 0, group: 0, symbol_size, max_block_len, max_symbols },
        Fti::ReedSolomon { size, m: 16, group: 1, symbol_size, max_block_len, max_symbols },
        Fti::SmallBlock { size, instance: 0, symbol_size, max_block_len, max_symbols },
    ]
}

#[test]
fn object_of_each_scheme_is_received_in_order() {
    for size in [1, 99, 100, 101, 1_950] {
        for fti in all(size).into_iter().filter(|fti| fti.layout().is_ok()) {
            let sent = Sent::new(7, fti, &content(1, size));
            let mut bench = Bench::new();
            bench.hear_all(&Table::new(0, vec![sent.file("a/b")]).packets());
            bench.hear_all(&sent.source());
            assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{fti:?}");
            assert_eq!(bench.name().as_deref(), Some("a/b"));
            assert_eq!((bench.engine.stats().invalid, bench.engine.load().objects), (0, 0));
        }
    }
}

#[test]
fn coded_symbols_stand_in_for_lost_ones() {
    for fti in all(1_950) {
        let sent = Sent::new(7, fti, &content(2, 1_950));
        let layout = fti.layout().unwrap();
        if layout.scheme() == Scheme::NoCode {
            continue;
        }
        let mut bench = Bench::new();
        bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
        for block in 0..layout.blocks() {
            let k = layout.block_len(block);
            // The first two are lost, and one of the coded ones.
            (2..k).for_each(|symbol| bench.hear(&sent.packet(block, symbol, 1)));
            (k + 1..k + 3).for_each(|symbol| bench.hear(&sent.packet(block, symbol, 1)));
        }
        if layout.scheme() == Scheme::RaptorQ {
            (0..2).for_each(|block| bench.hear(&sent.packet(block, 40, 2)));
        }
        assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{fti:?}");
        assert_eq!(bench.engine.stats().decoded, u64::from(layout.blocks()));
    }
}

#[test]
fn packets_may_carry_many_symbols_of_a_block() {
    for fti in all(1_950) {
        let sent = Sent::new(7, fti, &content(3, 1_950));
        let layout = fti.layout().unwrap();
        let mut bench = Bench::new();
        bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
        for block in 0..layout.blocks() {
            bench.hear(&sent.packet(block, 0, layout.block_len(block)));
        }
        assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{fti:?}");
    }
}

#[test]
fn last_symbol_may_be_short_or_padded() {
    for padding in [0, 50] {
        for fti in all(1_950) {
            let sent = Sent::new(7, fti, &content(4, 1_950));
            let mut bench = Bench::new();
            bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
            let mut packets = sent.source();
            packets.last_mut().unwrap().content.extend(vec![0; padding]);
            bench.hear_all(&packets);
            assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{fti:?}");
        }
    }
    let sent = Sent::new(7, no_code(1_950), &content(4, 1_950));
    let mut bench = Bench::new();
    for len in [4, 53, 55, 103, 105, 4 + 200] {
        let mut packet = sent.packet(4, 3, 1);
        packet.content.resize(len, 0);
        bench.hear(&packet);
    }
    assert_eq!((bench.engine.stats().symbols, bench.engine.store().taken), (0, 0));
}

#[test]
fn ids_of_any_width_are_received() {
    for (session, number, half) in [
        (0, 1, true),
        (0xffff, 0xffff_ffff, false),
        ((1 << 48) - 1, (1 << 112) - 1, true),
        (1, 1 << 63, true),
    ] {
        let sent = Sent::new(number, no_code(250), &content(5, 250));
        let mut packets = Table::new(0, vec![sent.file("a")]).packets();
        packets.extend(sent.source());
        let mut bench = Bench::new();
        for mut packet in packets {
            packet.header.tsi = tsi(session);
            packet.header.widths = match half {
                _ if session < 2 && number < 2 => IdWidths::HALF_WORDS,
                true => IdWidths::new(1, 3, true).unwrap(),
                false => IdWidths::new(1, 2, false).unwrap(),
            };
            packet.header.cci_words = 4;
            bench.hear(&packet);
        }
        let [object] = bench.complete[..] else { panic!("{number}") };
        assert_eq!(bench.written[&object], sent.bytes);
        assert_eq!(bench.engine.toi(object), Some(sent.toi));
        assert_eq!(object.key < 1 << 63, number < 1 << 63);
    }
}

#[test]
fn tables_come_in_any_scheme_version_and_encoding() {
    let sent = Sent::new(7, no_code(250), &content(6, 250));
    let plain = Table::new(0xfffff, vec![sent.file("a")]);
    for version in [1, 2] {
        for cenc in [None, Some(Cenc::NULL), Some(Cenc::GZIP), Some(Cenc::DEFLATE)] {
            let mut table = Table { version, cenc, ..plain.clone() };
            if cenc == Some(Cenc::GZIP) {
                table.document = gzip(&plain.document).into_owned();
            }
            let size = table.document.len() as u64;
            let max_block_len = 4;
            for fti in [
                Fti::RaptorQ { size, symbol_size: 60, blocks: 2, sub_blocks: 1, alignment: 4 },
                Fti::ReedSolomon8 { size, symbol_size: 64, max_block_len: 4, max_symbols: 8 },
                Fti::SmallBlock {
                    size,
                    instance: 0,
                    symbol_size: 64,
                    max_block_len,
                    max_symbols: 8,
                },
                Fti::NoCode { size, symbol_size: 1400, max_block_len: 64 },
            ] {
                table.fti = Some(fti);
                let mut bench = Bench::new();
                bench.hear_all(&table.packets());
                bench.hear_all(&sent.source());
                assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{fti:?} {cenc:?}");
            }
        }
    }
}

#[test]
fn table_is_decoded_from_coded_symbols() {
    let files = (1..60).map(|number| Sent::new(number, no_code(250), &[0; 250]).file("name"));
    let table = Table::new(1, files.collect());
    let fti = raptorq(table.document.len(), 1);
    let sent = Sent::new(0, fti, &table.document);
    let k = fti.layout().unwrap().block_len(0);
    let mut bench = Bench::new();
    for symbol in k + 100..2 * k + 104 {
        let mut packet = sent.packet(0, symbol, 1);
        let instance = FdtInstanceId::new(1).unwrap();
        assert!(packet.extensions.push_fdt(ExtFdt { version: 2, instance }));
        bench.hear(&packet);
    }
    assert_eq!((bench.opened.len(), bench.engine.stats().tables), (59, 1));
}
