//! Coded symbols: the peer's bytes are ours.

use std::collections::BTreeSet;

use norm_core::fec::{FecId, Layout, Points, RsCode, RsForm, Scheme, encode};
use norm_core::flute::wire::{Fti, Packet, TimeFields, Toi};

use crate::case::{Case, Fec};
use crate::peer::PeerSender;

/// The layout that the information in a packet means, and the code of a block of `k` symbols.
fn read(fti: &Fti) -> (Layout, impl Fn(u32) -> Scheme) {
    let code = |form, k: u32, parity| RsCode::new(form, Points::Rizzo, k as u16, parity).unwrap();
    let rs = |form, size, symbol_size, len: u16, max: u16| {
        let code = code(form, len.into(), max - len);
        Layout::reed_solomon(size, symbol_size, code).unwrap()
    };
    let layout = match *fti {
        Fti::NoCode { size, symbol_size, max_block_len } => {
            Layout::no_code(size, symbol_size, max_block_len).unwrap()
        }
        Fti::Raptor { size, symbol_size, blocks, sub_blocks, alignment } => {
            Layout::raptor(size, symbol_size, blocks, sub_blocks, alignment).unwrap()
        }
        Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment } => {
            Layout::raptorq(size, symbol_size, blocks, sub_blocks, alignment).unwrap()
        }
        Fti::ReedSolomon { size, m, symbol_size, max_block_len, max_symbols, .. } => {
            let form = if m == 16 { RsForm::Id2Bits16Be } else { RsForm::Id2Bits8 };
            rs(form, size, symbol_size, max_block_len, max_symbols)
        }
        Fti::ReedSolomon8 { size, symbol_size, max_block_len, max_symbols } => {
            rs(RsForm::Id5, size, symbol_size, max_block_len.into(), max_symbols.into())
        }
        Fti::SmallBlock { size, symbol_size, max_block_len, max_symbols, .. } => {
            rs(RsForm::Id129, size, symbol_size, max_block_len, max_symbols)
        }
    };
    let scheme = layout.scheme();
    let of_block = move |k| match scheme {
        // A short block has a code of its own length.
        Scheme::ReedSolomon(whole) => Scheme::ReedSolomon(code(whole.form(), k, whole.parity())),
        other => other,
    };
    (layout, of_block)
}

/// Compares all symbols that the peer sends; returns how many were coded.
fn compare(case: &Case) -> usize {
    let content = case.content();
    let mut sender = PeerSender::new(case, &content, false);
    let mut coded = 0;
    let mut lengths = BTreeSet::new();
    while let Some(bytes) = sender.next() {
        let packet = Packet::parse(&bytes, TimeFields::Reserved).unwrap();
        if packet.header.toi.is_none_or(|toi| toi == Toi::FDT) {
            continue;
        }
        assert_eq!(packet.header.codepoint, case.fec.id());
        let fti = packet.extensions.fti(FecId(packet.header.codepoint)).expect("in band");
        let (layout, of_block) = read(&fti);
        let (id, symbol) = packet.symbols(layout.scheme().payload_format()).unwrap();
        let k = layout.block_len(id.block);
        lengths.insert(k);
        assert!(id.block_len == 0 || u32::from(id.block_len) == k, "{id:?}");
        let start = layout.block_offset(id.block) as usize;
        let source = &content[start..][..layout.block_bytes(id.block) as usize];
        let size = layout.symbol_size();
        if id.symbol < k {
            let from = id.symbol as usize * usize::from(size);
            let expected = &source[from..source.len().min(from + usize::from(size))];
            assert_eq!(&symbol[..expected.len()], expected, "{case:?} {id:?}");
            assert!(symbol[expected.len()..].iter().all(|&byte| byte == 0));
        } else {
            let ours = encode(of_block(k), k, size, source, id.symbol, 1).unwrap();
            assert_eq!(symbol, ours, "{case:?} {id:?}");
            coded += 1;
        }
    }
    assert!(case.size < 100_000 || lengths.len() == 2, "blocks of two lengths: {lengths:?}");
    coded
}

#[test]
fn coded_symbols_are_the_same_bytes() {
    for fec in Fec::ALL {
        for size in [5_000, 60_001, 150_000] {
            let mut case = Case::new(fec, size);
            (case.symbol_size, case.block_len) = (100, 64);
            let blocks = size.div_ceil(6_400);
            let expected = if fec == Fec::NoCode { 0 } else { blocks * 16 };
            assert_eq!(compare(&case), expected, "{case:?}");
        }
    }
}

#[test]
fn raptor_symbols_are_the_same_bytes_at_any_length() {
    for k in (4..70).chain([127, 128, 129, 500, 1000, 2000]) {
        let mut case = Case::new(Fec::Raptor, usize::from(k) * 8 - 3);
        (case.symbol_size, case.block_len) = (8, k);
        assert_eq!(compare(&case), 16, "{k}");
    }
}

#[test]
fn small_raptor_objects_have_short_symbols_at_the_peer_too() {
    for size in [16, 17, 100, 1_000, 4_199, 4_200, 4_201] {
        assert_eq!(compare(&Case::new(Fec::Raptor, size)), 16, "{size}");
    }
}
