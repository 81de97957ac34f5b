//! Which symbols are sent, and that they are the content.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::flute::sender::{FecChoice, Passes, Profile};

const RS: [(RsForm, u16); 4] =
    [(RsForm::Id5, 6), (RsForm::Id2Bits8, 6), (RsForm::Id2Bits16Be, 6), (RsForm::Id129, 6)];

fn choices() -> Vec<FecChoice> {
    let rs = RS.map(|(form, parity)| FecChoice::ReedSolomon { form, parity });
    [&[FecChoice::NoCode, FecChoice::Raptor, FecChoice::RaptorQ][..], &rs].concat()
}

/// The layout of the first object with content, from EXT_FTI.
fn layout(sent: &[Sent]) -> Layout {
    let mut of_objects = sent.iter().filter(|sent| sent.fdt().is_none());
    of_objects.find_map(Sent::fti).unwrap().layout().unwrap()
}

#[test]
fn each_scheme_sends_the_content_once_and_what_was_asked_for_on_top() {
    for fec in choices() {
        let passes = Passes::Once { overhead: 25 };
        let mut rig = Rig::new(&SenderConfig { fec, passes, ..config() });
        let key = rig.add_file("a", 64 * 110 - 37);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let layout = layout(&sent);
        assert_eq!((layout.blocks(), layout.size()), (6, 64 * 110 - 37), "{fec:?}");
        let mut seen: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut count = 0;
        let mut decoder = Decoder::new(key, layout);
        for sent in &sent {
            let format = layout.scheme().payload_format();
            let Some((_, id, _)) = sent.symbol(format) else { continue };
            assert_eq!(sent.header().codepoint, fec.fec_id().0);
            seen.entry(id.block).or_default().insert(id.symbol);
            count += 1;
            decoder.take(sent);
        }
        for (&block, ids) in &seen {
            let k = layout.block_len(block);
            let parity = layout.scheme().parity(k);
            let all: BTreeSet<u32> = (0..k + parity.min(k.div_ceil(4))).collect();
            assert_eq!(*ids, all, "{fec:?}");
        }
        assert_eq!(seen.values().map(BTreeSet::len).sum::<usize>(), count, "none is sent twice");
        assert_eq!(decoder.content().as_ref(), Some(&rig.content[&key]), "{fec:?}");
        assert!(rig.sender.is_finished());
    }
}

#[test]
fn lost_symbols_are_made_from_coded_ones_of_each_scheme() {
    for fec in choices() {
        if fec == FecChoice::NoCode {
            continue;
        }
        // Raptor needs a few symbols more than K.
        let overhead = if fec == FecChoice::Raptor { 80 } else { 30 };
        let passes = Passes::Once { overhead };
        let mut rig = Rig::new(&SenderConfig { fec, passes, ..config() });
        let key = rig.add_file("a", 64 * 110 - 37);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let mut decoder = Decoder::new(key, layout(&sent));
        // Every tenth is lost, and the last of the object.
        let lossy = sent.iter().enumerate().filter(|(at, _)| at % 10 != 3);
        let kept = lossy.filter(|(_, sent)| !sent.header().close_object);
        kept.for_each(|(_, sent)| decoder.take(sent));
        assert_eq!(decoder.content().as_ref(), Some(&rig.content[&key]), "{fec:?}");
    }
}

#[test]
fn carousel_of_reed_solomon_sends_all_symbols_in_turn() {
    let fec = FecChoice::ReedSolomon { form: RsForm::Id5, parity: 6 };
    let passes = Passes::Times(13);
    let mut rig = Rig::new(&SenderConfig { fec, passes, block_len: 10, ..config() });
    let key = rig.add_file("a", 64 * 10);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let ids = sent.iter().filter_map(|sent| sent.symbol(PayloadFormat::Block24Symbol8));
    let ids: Vec<u32> = ids.map(|(toi, id, _)| (id.symbol, assert_eq!(toi, key)).0).collect();
    assert_eq!(ids, (0..130).map(|at| at % 16).collect::<Vec<u32>>());
    assert_eq!(rig.prepares, 1, "parity is made once");
    let symbols = encode(
        Scheme::ReedSolomon(RsCode::new(RsForm::Id5, Points::Rizzo, 10, 6).unwrap()),
        10,
        64,
        &rig.content[&key],
        10,
        6,
    );
    let symbols = symbols.unwrap();
    for sent in &sent {
        if let Some((_, id, bytes)) = sent.symbol(PayloadFormat::Block24Symbol8)
            && id.symbol >= 10
        {
            assert_eq!(bytes, &symbols[(id.symbol as usize - 10) * 64..][..64]);
        }
    }
}

#[test]
fn passes_of_raptorq_have_fresh_symbols() {
    let mut rig = Rig::new(&SenderConfig { passes: Passes::Times(40), ..config() });
    let key = rig.add_file("a", 64 * 45);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let mut seen = BTreeSet::new();
    let mut decoder = Decoder::new(key, layout(&sent));
    for (at, sent) in sent.iter().enumerate() {
        if let Some((_, id, _)) = sent.symbol(PayloadFormat::Block8Symbol24) {
            assert!(seen.insert((id.block, id.symbol)), "{id:?} is sent twice");
            if at > 1500 {
                decoder.take(sent);
            }
        }
    }
    assert_eq!(seen.len(), 45 * 40);
    assert_eq!(decoder.content().as_ref(), Some(&rig.content[&key]), "of the last ones alone");
    assert_eq!(rig.prepares, 3, "symbols of several short passes are made at once");
}

#[test]
fn short_last_symbol_is_short_without_code_and_padded_with() {
    for (fec, len) in [(FecChoice::NoCode, 5), (FecChoice::RaptorQ, 64)] {
        let mut rig = Rig::new(&SenderConfig { fec, ..config() });
        rig.add_file("a", 64 * 3 + 5);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let format = layout(&sent).scheme().payload_format();
        let last = sent.iter().filter_map(|sent| sent.symbol(format)).find(|one| one.1.symbol == 3);
        let (_, _, bytes) = last.unwrap();
        assert_eq!(bytes.len(), len);
        assert!(bytes[5..].iter().all(|&byte| byte == 0));
    }
}

#[test]
fn only_the_very_last_symbol_of_an_object_closes_it() {
    for passes in [Passes::Once { overhead: 10 }, Passes::Times(3), Passes::Forever] {
        let mut rig = Rig::new(&SenderConfig { passes, interleave: Some(2000), ..config() });
        let keys = [rig.add_file("a", 64 * 70), rig.add_file("b", 64), rig.add_file("c", 64 * 31)];
        rig.sender.finish();
        let sent = rig.run(5000);
        for key in keys {
            let of_object: Vec<&Sent> =
                sent.iter().filter(|sent| sent.header().toi == Toi::new(key.into())).collect();
            let closing: Vec<usize> =
                (0..of_object.len()).filter(|&at| of_object[at].header().close_object).collect();
            let last = if passes == Passes::Forever { vec![] } else { vec![of_object.len() - 1] };
            assert_eq!(closing, last, "{passes:?}");
        }
    }
}

#[test]
fn sections_keep_few_blocks_open() {
    let interleave = Some(64 * 20 * 3);
    for passes in [Passes::Once { overhead: 20 }, Passes::Times(2)] {
        let mut rig = Rig::new(&SenderConfig { passes, interleave, ..config() });
        rig.add_file("a", 64 * 20 * 12);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let blocks: Vec<u32> = sent
            .iter()
            .filter_map(|sent| Some(sent.symbol(PayloadFormat::Block8Symbol24)?.1.block))
            .collect();
        let a_section = blocks.len() / if passes == Passes::Times(2) { 8 } else { 4 };
        for (at, section) in blocks.chunks(a_section).enumerate() {
            let expected = at as u32 % 4 * 3..at as u32 % 4 * 3 + 3;
            let seen: BTreeSet<u32> = section.iter().copied().collect();
            assert_eq!(seen, expected.collect(), "{passes:?}");
            assert!(section.windows(2).all(|two| two[0] != two[1]), "they take turns");
        }
    }
}

#[test]
fn objects_that_come_later_are_sent_as_often_as_others() {
    let passes = Passes::Times(3);
    let mut rig = Rig::new(&SenderConfig { passes, ..config() });
    rig.add_file("a", 64 * 100);
    let mut sent = rig.run(150);
    let late = rig.add_file("b", 64 * 30);
    let before = sent.len();
    sent.extend(rig.run(700));
    let first = sent.iter().position(|sent| {
        sent.symbol(PayloadFormat::Block8Symbol24).is_some_and(|(toi, ..)| toi == late)
    });
    let table = (before..sent.len()).find(|&at| sent[at].fdt().is_some()).unwrap();
    assert!(table < first.unwrap(), "its description comes first");
    rig.sender.finish();
    sent.extend(rig.run(usize::MAX));
    assert!(rig.sender.is_finished());
    let count = |key| {
        let of = sent.iter().filter_map(|sent| sent.symbol(PayloadFormat::Block8Symbol24));
        of.filter(|(toi, ..)| *toi == key).count()
    };
    assert_eq!((count(late - 1), count(late)), (300, 90));
}

#[test]
fn profiles_without_information_in_band_send_it_with_the_table_only() {
    for (profile, in_band) in [(Profile::Own, true), (Profile::Mbms, false)] {
        let fec = FecChoice::NoCode;
        let mut rig = Rig::new(&SenderConfig { profile, fec, ..config() });
        rig.add_file("a", 1000);
        rig.sender.finish();
        for sent in rig.run(usize::MAX) {
            let has = sent.packet().extensions.has_fti();
            let bare = sent.header().toi.is_none();
            assert_eq!(has, !bare && (in_band || sent.fdt().is_some()));
        }
    }
}
