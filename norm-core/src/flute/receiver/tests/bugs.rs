//! Bugs that were reported of other receivers, or that senders have made known: a test for each.
//! The numbers are ours.

use super::*;
use crate::transfer::FileContent;

fn sent(number: u128, seed: u64) -> Sent {
    Sent::new(number, no_code(1_950), &content(seed, 1_950))
}

#[test]
fn bug_1_block_number_that_cannot_be_takes_no_memory() {
    let sent = sent(7, 1);
    let mut bench = Bench::new();
    for block in [5, 255, 65_535] {
        let mut packet = sent.packet(0, 0, 1);
        packet.content[..2].copy_from_slice(&u16::to_be_bytes(block));
        bench.hear(&packet);
    }
    assert_eq!((bench.engine.stats().invalid, bench.engine.store().taken), (3, 0));
}

#[test]
fn bug_2_impossible_information_is_refused() {
    let (size, blocks, sub_blocks, alignment) = (1_000, 1, 1, 4);
    let mut bench = Bench::new();
    for fti in [
        Fti::RaptorQ { size, symbol_size: 0, blocks, sub_blocks, alignment },
        Fti::RaptorQ { size, symbol_size: 100, blocks: 0, sub_blocks, alignment },
        Fti::RaptorQ { size, symbol_size: 100, blocks, sub_blocks: 0, alignment },
        Fti::RaptorQ { size, symbol_size: 100, blocks, sub_blocks: 999, alignment },
        Fti::RaptorQ { size, symbol_size: 100, blocks, sub_blocks, alignment: 0 },
        Fti::RaptorQ { size: (1 << 40) - 1, symbol_size: 1, blocks, sub_blocks, alignment: 1 },
        Fti::Raptor { size, symbol_size: 0, blocks: 1, sub_blocks: 1, alignment: 0 },
        Fti::NoCode { size, symbol_size: 0, max_block_len: u32::MAX },
        Fti::NoCode { size, symbol_size: 100, max_block_len: 0 },
    ] {
        let mut packet = sent(7, 1).packet(0, 0, 1);
        packet.extensions = ExtensionBuf::new();
        assert!(packet.extensions.push_fti(&fti));
        packet.header.codepoint = fti.fec_id().0;
        bench.hear(&packet);
        // As a table, too.
        packet.header.toi = Some(Toi::FDT);
        let instance = FdtInstanceId::default();
        assert!(packet.extensions.push_fdt(ExtFdt { version: 2, instance }));
        bench.hear(&packet);
    }
    assert_eq!((bench.engine.stats().invalid, bench.engine.load().objects), (18, 0));
    assert_eq!((bench.engine.store().taken, bench.engine.load().bytes), (0, 0));
}

#[test]
fn bug_3_second_transfer_after_a_close_is_received() {
    let mut bench = Bench::new();
    // The sender begins with such a packet, too.
    bench.hear(&close());
    assert!(bench.others.is_empty());
    for (run, seed) in [(0, 1), (1, 2)] {
        let sent = sent(1, seed);
        bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
        bench.hear_all(&sent.source());
        bench.hear(&close());
        assert_eq!(bench.bytes(SenderId(run), 1), Some(&sent.bytes[..]));
    }
}

#[test]
fn bug_4_and_7_table_that_has_expired_is_used_and_told_once() {
    let unix_start = Some(Duration::from_secs(1_800_000_000));
    let sent = sent(7, 1);
    let expired =
        |seconds: u64| crate::flute::wire::NtpTime::from_unix(Duration::from_secs(seconds));
    for clock in [None, unix_start] {
        for time in [None, Some(expired(1_800_000_500))] {
            let config = ReceiverConfig { unix_start: clock, ..ReceiverConfig::new() };
            let mut bench = Bench::with(ReceiverConfig { auto_accept: true, ..config });
            let expires = expired(1_799_999_000).seconds;
            let fdt = Fdt { expires, files: vec![sent.file("a")], ..Fdt::default() };
            let mut table = Table::of(0, &fdt);
            table.time = time.map(|sent| ExtTime { sent: Some(sent), ..ExtTime::default() });
            bench.hear_all(&table.packets());
            (table.id, table.document) = (1, [&table.document[..], b"\n"].concat());
            bench.hear_all(&table.packets());
            bench.hear_all(&sent.source());
            assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
            let is_told = clock.is_some() || time.is_some();
            assert_eq!(bench.others.len(), 1 + usize::from(is_told), "{clock:?} {time:?}");
            assert_eq!(bench.engine.stats().expired_tables, 2 * u64::from(is_told));
        }
    }
    // Just after the seconds of NTP have begun anew, in 2036.
    let unix_start = Some(Duration::from_secs(2_085_978_490));
    let mut bench = Bench::with(ReceiverConfig { unix_start, ..ReceiverConfig::new() });
    let fdt = Fdt { expires: 60, files: vec![sent.file("a")], ..Fdt::default() };
    bench.hear_all(&Table::of(0, &fdt).packets());
    assert_eq!((bench.engine.stats().expired_tables, bench.opened.len()), (0, 1));
}

#[test]
fn bug_5_null_is_no_encoding() {
    for (name, is_encoded) in [("null", false), ("", false), ("identity", false), ("gzip", true)] {
        let sent = sent(7, 1);
        let mut file = sent.file("a");
        file.attributes.content_encoding = Some(name.to_owned());
        let mut bench = Bench::new();
        bench.hear_all(&Table::new(0, vec![file]).packets());
        let ObjectMeta::File { content, .. } = &bench.opened[0].2 else { panic!("{name}") };
        assert_eq!(*content, FileContent { is_encoded, ..FileContent::default() });
    }
}

#[test]
fn bug_8_new_content_under_the_same_number_is_received() {
    let mut bench = Bench::new();
    for (id, seed) in [(0, 1), (1, 2)] {
        let sent = sent(1, seed);
        let mut file = sent.file("manifest");
        file.attributes.content_md5 = Some([seed as u8; 16]);
        bench.hear_all(&Table::new(id, vec![file]).packets());
        bench.hear_all(&sent.source());
        assert_eq!(bench.bytes(FIRST, 1), Some(&sent.bytes[..]));
    }
    assert_eq!(bench.complete.len(), 2);
}

#[test]
fn bug_9_and_17_packets_from_before_the_table_are_kept() {
    for in_band in [true, false] {
        let mut sent = sent(7, 1);
        sent.in_band = in_band;
        let mut bench = Bench::new();
        bench.hear_all(&sent.source());
        assert!(bench.opened.is_empty());
        assert_eq!(bench.engine.stats().early, if in_band { 0 } else { 20 });
        let mut file = sent.file("a");
        file.attributes.content_encoding = Some("gzip".to_owned());
        bench.hear_all(&Table::new(0, vec![file]).packets());
        assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]), "{in_band}");
        let ObjectMeta::File { content, .. } = &bench.opened[0].2 else { panic!() };
        assert!(content.is_encoded);
    }
}

#[test]
fn bug_9_packets_from_before_the_table_are_bounded() {
    let mut sent = Sent::new(7, no_code(4 << 20), &vec![1; 4 << 20]);
    sent.in_band = false;
    let config = ReceiverConfig {
        max_early: 100_000,
        max_early_of_source: 60_000,
        auto_accept: true,
        ..ReceiverConfig::new()
    };
    let mut bench = Bench::with(config);
    for port in [1, 2] {
        (bench.port, bench.host) = (port, port as u8);
        bench.hear_all(&sent.source()[..1_000]);
        assert!(bench.engine.load().bytes <= 60_000 * usize::from(port));
    }
    assert!(bench.engine.load().bytes <= 100_000);
    let stats = *bench.engine.stats();
    assert_eq!((stats.early, stats.early + stats.early_dropped), (100_000 / 200, 2_000));
}

#[test]
fn bug_10_other_length_under_the_same_number_is_not_mixed_in() {
    let (first, second) = (sent(7, 1), Sent::new(7, no_code(1_900), &content(2, 1_900)));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![first.file("a")]).packets());
    bench.hear_all(&first.source()[..10]);
    bench.hear_all(&second.source());
    assert_eq!(bench.engine.stats().invalid, 19);
    bench.hear_all(&Table::new(1, vec![second.file("a")]).packets());
    let object = ObjectRef { sender: FIRST, key: 7 };
    assert_eq!(bench.others[1..], [ReceiverEvent::ObjectAborted { object }]);
    bench.hear_all(&second.source());
    assert_eq!(bench.bytes(FIRST, 7).map(|bytes| &bytes[..1_900]), Some(&second.bytes[..]));
    assert_eq!(bench.opened.len(), 2);
}

#[test]
fn bug_11_and_20_ids_are_neither_signed_nor_cut() {
    let mut bench = Bench::new();
    let sent = sent(0xffff_ffff, 1);
    for session in [0x1_0001, 1] {
        for mut packet in Table::new(0, vec![sent.file("a")]).packets() {
            packet.header.tsi = tsi(session);
            packet.header.widths = IdWidths::WORDS;
            bench.hear(&packet);
        }
    }
    assert_eq!((bench.engine.load().sessions, bench.opened[0].0.key), (2, 0xffff_ffff));
}

#[test]
fn bug_20_instance_ids_wrap() {
    let mut bench = Bench::new();
    let renamed = |id, name: &str| Table::new(id, vec![sent(7, 1).file(name)]).packets();
    bench.hear_all(&renamed(0xfffff, "old"));
    bench.hear_all(&renamed(0, "new"));
    bench.hear_all(&renamed(0xfffff, "old"));
    bench.hear_all(&renamed(0xffffe, "older"));
    let meta = bench.engine.epoch(FIRST).unwrap().table.get(7).unwrap().meta().clone();
    let ObjectMeta::File { name, .. } = meta else { panic!() };
    assert_eq!(name.as_deref(), Some(&b"new"[..]));
}

#[test]
fn bug_14_table_without_files_keeps_a_session_alive() {
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, Vec::new()).packets());
    bench.wait(4 * SECOND);
    bench.hear_all(&Table::new(1, Vec::new()).packets());
    bench.wait(4 * SECOND);
    assert_eq!(bench.others.len(), 1, "it is not silent");
    assert!(!bench.engine.has_all(FIRST));
}

#[test]
fn bug_15_table_that_repeats_an_object_does_not_grow() {
    let mut bench = Bench::new();
    let mut used = Vec::new();
    for id in 0..50 {
        let files = vec![sent(7, 1).file("a"), sent(8, 1).file("b")];
        bench.hear_all(&Table::new(id, files).packets());
        used.push(bench.engine.load().bytes);
    }
    assert_eq!((used[0], bench.opened.len()), (used[49], 2));
}

#[test]
fn bug_16_other_bytes_under_the_same_instance_id_are_taken() {
    let mut bench = Bench::new();
    let first = Table::new(3, vec![sent(7, 1).file("a")]);
    let second = Table::new(3, vec![sent(7, 1).file("a"), sent(8, 1).file("b")]);
    let mut third = second.clone();
    let at = third.document.len() - 30;
    third.document[at..].fill(b' ');
    let third = Table::new(3, vec![sent(7, 1).file("a"), sent(9, 1).file("c")]);
    assert_eq!(second.document.len(), third.document.len());
    for (table, count) in [(&first, 1), (&first, 1), (&second, 2), (&second, 2), (&third, 3)] {
        bench.hear_all(&table.packets());
        assert_eq!(bench.opened.len(), count);
    }
    let stats = *bench.engine.stats();
    assert_eq!((stats.tables, stats.changed_tables, stats.bad_tables), (3, 2, 0));
}

#[test]
fn bug_18_headers_that_lie_are_dropped() {
    let good = sent(7, 1).packet(0, 0, 1).bytes();
    let mut bench = Bench::new();
    for (at, byte) in [(0, 0x20), (2, 200), (2, 2), (13, 0)] {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bench.datagram(bytes);
    }
    (0..good.len()).for_each(|len| bench.datagram(good[..len].to_vec()));
    let stats = *bench.engine.stats();
    assert_eq!(stats.malformed, 4 + 28, "every cut within the header");
    assert_eq!((bench.engine.store().taken, stats.symbols), (0, 0));
}

#[test]
fn bug_18_times_of_version_1_are_no_extensions() {
    // The words after the ids are times in version 1, and look like extensions.
    let with_times = |packet: &Made| {
        let mut bytes = packet.bytes();
        bytes[1] |= 0x0c;
        bytes[2] += 2;
        bytes.splice(12..12, [0xee, 0, 0, 0, 0x40, 0, 0, 0]);
        bytes
    };
    let sent = sent(7, 1);
    let mut bench = Bench::new();
    let table = Table { version: 1, ..Table::new(0, vec![sent.file("a")]) };
    table.packets().iter().for_each(|packet| bench.datagram(with_times(packet)));
    sent.source().iter().for_each(|packet| bench.datagram(with_times(packet)));
    bench.work();
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    // In version 2 the bits mean nothing.
    let mut bench = Bench::new();
    let packets = Table::new(0, vec![sent.file("a")]).packets();
    for packet in packets.iter().chain(&sent.source()) {
        let mut bytes = packet.bytes();
        bytes[1] |= 0x0c;
        bench.datagram(bytes);
    }
    bench.work();
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn bug_19_symbol_length_0_in_a_table_is_no_layout() {
    let mut bench = Bench::new();
    for (symbol_size, max_block_len) in [(0, 64), (100, 0)] {
        let mut sent = sent(7, 1);
        let mut file = sent.file("a");
        file.attributes.oti.symbol_size = Some(symbol_size);
        file.attributes.oti.max_block_len = Some(max_block_len);
        bench.hear_all(&Table::new(0, vec![file]).packets());
        sent.in_band = false;
        bench.hear_all(&sent.source());
    }
    assert_eq!((bench.opened.len(), bench.engine.stats().early), (0, 40));
    // A packet that tells it opens the object, and what came before counts.
    bench.hear(&sent(7, 1).packet(0, 0, 1));
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent(7, 1).bytes[..]));
}

#[test]
fn bug_22_length_of_an_encoded_object_is_not_that_of_its_file() {
    let sent = sent(7, 1);
    let mut file = sent.file("a");
    file.attributes.transfer_length = None;
    file.attributes.content_length = Some(9_999);
    file.attributes.content_encoding = Some("gzip".to_owned());
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![file]).packets());
    assert!(bench.opened.is_empty());
    bench.hear_all(&sent.source());
    assert_eq!((bench.opened[0].1, bench.bytes(FIRST, 7)), (1_950, Some(&sent.bytes[..])));
    let ObjectMeta::File { content, .. } = &bench.opened[0].2 else { panic!() };
    assert_eq!(content.len, Some(9_999));
}

#[test]
fn bug_27_what_is_not_known_is_left_aside() {
    let sent = sent(7, 1);
    let table = b"<FDT-Instance Expires='1'><File TOI='7' Content-Location='a' X='1'/><Y/>\
                  </FDT-Instance>";
    let mut bench = Bench::new();
    let packets = Table::text(0, table).packets();
    for packet in packets.iter().chain(&sent.source()) {
        // An extension of each kind that is not known, before the others.
        let mut bytes = packet.bytes();
        bytes[2] += 3;
        bytes.splice(12..12, [0x7f, 2, 1, 2, 3, 4, 5, 6, 0xc8, 0, 0, 9]);
        bench.datagram(bytes);
    }
    bench.work();
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn bug_28_namespaces_codepoints_and_long_cci_do_no_harm() {
    let sent = sent(7, 1);
    for namespace in [Namespace::Ietf2005, Namespace::Rfc6726, Namespace::Mbms] {
        let fdt = Fdt { files: vec![sent.file("a")], ..Fdt::default() };
        let mut bench = Bench::new();
        bench.hear_all(&Table::text(0, &fdt.emit(namespace)).packets());
        for codepoint in 0..=255 {
            let mut packet = sent.packet(0, 0, 1);
            packet.header.codepoint = codepoint;
            packet.header.cci_words = 4;
            packet.header.cci = u128::MAX;
            bench.hear(&packet);
        }
        assert_eq!((bench.engine.stats().symbols, bench.engine.stats().malformed), (1, 0));
    }
}

#[test]
fn bug_29_table_of_more_than_64_kib_is_received() {
    let files = (1..1_000).map(|number| sent(number, 1).file("a name that is rather long"));
    let table = Table::new(0, files.collect());
    assert!(table.document.len() > 100_000);
    let mut bench = Bench::with(ReceiverConfig::new());
    let mut packets = table.packets();
    // Its last packets come first, and all of them twice.
    packets.reverse();
    bench.hear_all(&[packets.clone(), packets].concat());
    assert_eq!((bench.opened.len(), bench.engine.stats().tables), (999, 1));
}

#[test]
fn bug_21_ends_of_objects_and_sessions_are_seen() {
    let sent = sent(7, 1);
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    bench.hear_all(&sent.source());
    bench.hear(&close());
    bench.wait(SECOND);
    assert!(bench.engine.has_all(FIRST));
    assert!(bench.others.contains(&ReceiverEvent::SenderEnded { sender: FIRST }));
}

#[test]
fn bug_23_raw_deflate_and_zlib_are_told_apart_by_their_bytes() {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use std::io::Write;
    let plain = Table::new(0, vec![sent(7, 1).file("a")]).document;
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&plain).unwrap();
    raw.write_all(&plain).unwrap();
    for bytes in [zlib.finish().unwrap(), raw.finish().unwrap()] {
        // Whatever the packet says.
        for cenc in [None, Some(Cenc::ZLIB), Some(Cenc::DEFLATE), Some(Cenc::GZIP)] {
            let mut bench = Bench::new();
            bench.hear_all(&Table { cenc, ..Table::text(0, &bytes) }.packets());
            assert_eq!(bench.opened.len(), 1);
        }
    }
}

#[test]
fn packets_count_more_than_a_table_that_is_wrong() {
    let sent = sent(7, 1);
    let mut file = sent.file("a");
    file.attributes.oti.max_block_len = Some(1_400);
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![file]).packets());
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn packets_count_more_than_a_table_although_something_is_held() {
    let sent = sent(7, 1);
    let mut file = sent.file("a");
    file.attributes.oti.max_block_len = Some(1_400);
    let mut bench = Bench::with(ReceiverConfig::new());
    bench.hear_all(&Table::new(0, vec![file]).packets());
    let object = ObjectRef { sender: FIRST, key: 7 };
    bench.written.insert(object, sent.bytes[..1_000].to_vec());
    let mut held = RangeSet::new();
    held.insert(0, 1_000);
    bench.engine.accept_with(object, &held);
    bench.hear_all(&sent.source()[10..]);
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    // Once something has come it is too late.
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let mut packet = sent.packet(0, 0, 1);
    packet.extensions = ExtensionBuf::new();
    bench.hear(&packet);
    let fti = Fti::NoCode { size: 1_950, symbol_size: 100, max_block_len: 20 };
    bench.hear_all(&Sent::new(7, fti, &sent.bytes).source());
    assert_eq!((bench.engine.stats().invalid, bench.engine.stats().symbols), (20, 1));
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    // What a table says of another length is not replaced.
    let other = Sent::new(7, no_code(900), &content(2, 900));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    bench.hear_all(&other.source());
    assert_eq!((bench.engine.stats().invalid, bench.engine.stats().symbols), (9, 0));
}
