//! The bytes of every scheme.

use super::*;

fn size() -> ObjectSize {
    ObjectSize::new(0x0102_0304_0506).unwrap()
}

/// Each scheme with distinct values, and the extension that they make.
fn samples() -> [(Fti, Vec<u8>); 5] {
    let head = |hel| vec![64, hel, 1, 2, 3, 4, 5, 6];
    let with = |hel, tail: &[u8]| [head(hel), tail.to_vec()].concat();
    let (size, symbol_size) = (size(), 0x1112);
    let max_block_len = 0x2122;
    [
        (
            Fti::NoCode { size, symbol_size, max_block_len: 0x2122_2324 },
            with(4, &[0, 0, 0x11, 0x12, 0x21, 0x22, 0x23, 0x24]),
        ),
        (
            Fti::RaptorQ { size, symbol_size, blocks: 0x31, sub_blocks: 0x4142, alignment: 8 },
            with(4, &[0x11, 0x12, 0x31, 0x41, 0x42, 8, 0, 0]),
        ),
        (
            Fti::ReedSolomon8 { size, symbol_size, max_block_len: 64, parity: 8 },
            with(3, &[0x11, 0x12, 64, 8]),
        ),
        (
            Fti::ReedSolomon { size, m: 16, group: 1, symbol_size, max_block_len, parity: 0x3132 },
            with(4, &[16, 1, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32]),
        ),
        (
            Fti::SmallBlock { size, instance: 0x5152, symbol_size, max_block_len, parity: 0x3132 },
            with(4, &[0x51, 0x52, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32]),
        ),
    ]
}

#[test]
fn schemes_have_the_layout_of_their_rfc() {
    for (fti, bytes) in samples() {
        let mut out = vec![0xa5];
        fti.emit(&mut out);
        assert_eq!(out[0], 0xa5);
        assert_eq!(out[1..], bytes, "{fti:?}");
        assert_eq!(Fti::parse(fti.fec_id(), &bytes[2..]), Some(fti));
        assert_eq!((fti.size(), fti.symbol_size()), (size(), 0x1112));
    }
}

#[test]
fn bodies_of_other_lengths_are_refused() {
    for (fti, bytes) in samples() {
        let body = &bytes[2..];
        for len in 0..body.len() {
            assert_eq!(Fti::parse(fti.fec_id(), &body[..len]), None, "{fti:?}");
        }
        let longer = [body, &[0; 4]].concat();
        assert_eq!(Fti::parse(fti.fec_id(), &longer), None, "{fti:?}");
        assert_eq!(Fti::parse(FecId(3), body), None);
    }
}

#[test]
fn reserved_bits_are_ignored() {
    let (fti, mut bytes) = samples()[0].clone();
    bytes[8] = 0xff;
    assert_eq!(Fti::parse(FecId::NO_CODE, &bytes[2..]), Some(fti));
    let (fti, mut bytes) = samples()[1].clone();
    bytes[15] = 0xff;
    assert_eq!(Fti::parse(FecId::RAPTORQ, &bytes[2..]), Some(fti));
}
