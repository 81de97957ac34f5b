//! More bugs that were reported, of layouts and content: when an object counts as received, and
//! what is not of it. The numbers are those of the table in `docs/flute.md`.

use super::*;
use crate::fec::{Points, RsCode, RsForm};

#[test]
fn bug_6_raptor_information_of_an_older_layout_is_refused() {
    let (size, symbol_size) = (1_950, 100);
    let fti = Fti::Raptor { size, symbol_size, blocks: 1, sub_blocks: 1, alignment: 4 };
    let sent = Sent::new(7, fti, &content(1, 1_950));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let bare = Sent { in_band: false, ..sent.clone() };
    for packet in bare.source() {
        // The length in 40 bits, as RaptorQ has it, and all after it at another place.
        let mut bytes = packet.bytes();
        bytes[2] += 4;
        bytes.splice(12..12, [64, 4, 0, 0, 0, 7, 0x9e, 0, 0, 100, 0, 1, 1, 4, 0, 0]);
        bench.datagram(bytes);
    }
    bench.work();
    assert_eq!((bench.engine.stats().invalid, bench.engine.stats().symbols), (20, 0));
    bench.hear_all(&sent.source());
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
}

#[test]
fn bug_6_reed_solomon_of_gf_256_is_the_code_of_other_libraries() {
    let source: Vec<u8> = (0..8_u16).map(|at| (at * 31 + at / 7) as u8).collect();
    for form in [RsForm::Id5, RsForm::Id129, RsForm::Id2Bits8] {
        let code = RsCode::new(form, Points::Rizzo, 4, 3).unwrap();
        let coded = encode(Scheme::ReedSolomon(code), 4, 2, &source, 4, 3).unwrap();
        // What zfec and OpenFEC compute.
        assert_eq!(coded, [0x56, 0x21, 0x1d, 0xc3, 0x96, 0xed], "{form:?}");
    }
}

#[test]
fn bug_6_end_of_a_session_is_known_in_each_of_its_forms() {
    let sent = Sent::new(7, no_code(250), &content(1, 250));
    // With the table's number and information, and without an instance.
    let mut old = close();
    old.header.toi = Some(Toi::FDT);
    old.header.widths = IdWidths::HALF_WORDS;
    assert!(old.extensions.push_fti(&no_code(0)));
    for end in [close(), old] {
        let mut bench = Bench::new();
        bench.hear(&end);
        assert!(bench.others.is_empty(), "it begins no session");
        bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
        bench.hear_all(&sent.source());
        bench.hear(&end);
        bench.wait(SECOND);
        assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
        assert!(bench.others.contains(&ReceiverEvent::SenderEnded { sender: FIRST }));
        assert_eq!(bench.engine.stats().invalid, 0);
    }
}

#[test]
fn bug_12_object_is_complete_with_its_last_byte_and_not_with_its_first_range() {
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    let object = ObjectRef { sender: FIRST, key: 7 };
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    let packets = sent.source();
    let (last, others) = packets.split_last().unwrap();
    for packet in others {
        bench.hear(packet);
        assert!(bench.complete.is_empty());
    }
    let missing = bench.engine.missing(object).unwrap();
    assert_eq!(missing.iter().collect::<Vec<_>>(), [(1_900, 1_950)], "what a repair has to bring");
    bench.hear(last);
    assert_eq!(bench.complete, [object]);
}

#[test]
fn bug_13_file_is_named_alike_by_a_relative_location_and_with_a_base() {
    for location in ["v/1.m4s", "http://h/v/1.m4s", "https://h:8080/v/1.m4s?x=1", "/v/1.m4s"] {
        let sent = Sent::new(7, no_code(250), &content(1, 250));
        let mut bench = Bench::new();
        bench.hear_all(&Table::new(0, vec![sent.file(location)]).packets());
        assert_eq!(bench.name().as_deref(), Some("v/1.m4s"), "{location}");
    }
}

#[test]
fn bug_26_packets_of_another_host_or_port_add_nothing_to_an_object() {
    let sent = Sent::new(7, no_code(1_950), &content(1, 1_950));
    let forged = Sent::new(7, no_code(1_950), &content(2, 1_950));
    let mut bench = Bench::new();
    bench.hear_all(&Table::new(0, vec![sent.file("a")]).packets());
    bench.hear_all(&sent.source()[..10]);
    bench.port = 2;
    bench.hear_all(&forged.source()[10..]);
    assert!(bench.complete.is_empty());
    bench.port = 1;
    bench.hear_all(&sent.source()[10..]);
    assert_eq!(bench.bytes(FIRST, 7), Some(&sent.bytes[..]));
    // Where one host alone is to be heard, nothing is kept of others.
    let source = Some([10, 0, 0, 2].into());
    let mut bench = Bench::with(ReceiverConfig { source, ..ReceiverConfig::new() });
    bench.hear_all(&forged.source());
    assert_eq!((bench.engine.stats().unrelated, bench.engine.load().bytes), (20, 0));
}
