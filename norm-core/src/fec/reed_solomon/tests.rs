use norm_gf::{Gf256, Gf65536};
use proptest::prelude::*;

use super::*;
use crate::Rng;

fn rizzo(field: Field, max_block_len: u32, parity: u32) -> ReedSolomon {
    ReedSolomon::new(field, Points::Rizzo, max_block_len, parity).unwrap()
}

fn encode(code: &ReedSolomon, k: u32, size: u16, source: &[u8], first: u32, n: u32) -> Vec<u8> {
    let mut out = Vec::new();
    code.encode(k, size, source, first, n, &mut out).unwrap();
    out
}

/// What parity symbols are of each source symbol, by encoding blocks with a single 1.
fn row(code: &ReedSolomon, parity: u32) -> Vec<u8> {
    let k = code.max_block_len();
    let unit = |j| (0..k).map(|i| u8::from(i == j)).collect::<Vec<u8>>();
    (0..k).flat_map(|j| encode(code, k, 1, &unit(j), parity, 1)).collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    let pairs = digits.chunks(2).map(|pair| std::str::from_utf8(pair).unwrap());
    pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u64() as u8).collect()
}

#[test]
fn four_symbols_are_coded_as_on_the_wire_of_the_nrl() {
    let code = rizzo(Field::Gf256, 4, 2);
    assert_eq!(row(&code, 0), hex("77 40 38 0e"));
    assert_eq!(row(&code, 0), [119, 64, 56, 14], "zfec");
    assert_eq!(row(&code, 1), hex("c7 a7 0d 6c"));
    assert_eq!(encode(&code, 4, 1, &[1, 2, 3, 4], 0, 2), hex("87 2e"));
    assert_eq!(encode(&code, 3, 1, &[1, 2, 3], 0, 2), hex("bf 83"));
}

#[test]
fn twenty_symbols_are_coded_as_on_the_wire_of_the_nrl() {
    let code = rizzo(Field::Gf256, 20, 4);
    let first = "b7ae0b720bcd293f84a0e57303dfd9bad5d02099";
    assert_eq!(row(&code, 0), hex(first));
    let fourth = "2935a7f618146a814899bba890f673b09eb8c62c";
    assert_eq!(row(&code, 3), hex(fourth));
    let source: Vec<u8> = (0..20).flat_map(|i| (0..8).map(move |j| (16 * i + j) as u8)).collect();
    let parity = "89888b8a8d8c8f8e 0001020304050607 0e0f0c0d0a0b0809 f2f3f0f1f6f7f4f5";
    assert_eq!(encode(&code, 20, 8, &source, 0, 4), hex(parity));
    assert_eq!(encode(&code, 1, 5, b"hello", 0, 1), hex("74f4929256"));
}

#[test]
fn sixty_four_symbols_are_coded_as_by_the_nrl() {
    let code = rizzo(Field::Gf256, 64, 8);
    let (first, eighth) = (row(&code, 0), row(&code, 7));
    assert_eq!((&first[..8], &first[60..]), (&hex("45f507e37805ae46")[..], &hex("0f35cac0")[..]));
    assert_eq!((&eighth[..4], &eighth[60..]), (&hex("bcf02670")[..], &hex("b5437c09")[..]));
}

#[test]
fn long_blocks_are_coded_as_by_zfec() {
    // Hashes of all parity symbols that zfec 1.6.0 makes of the same blocks.
    let cases = [
        (100, 40, 48, "3d61748c80c3fb3df5325553f4dd55b5eed86b9850201a25e83a4efb0a4df3a3"),
        (64, 16, 1400, "ff69a5ab8ca4a91898e1c2808462bed5cabb1b7842b64428f9e0fec361e881d6"),
        (170, 85, 7, "c62a072dea06b317de335044dd0793c1e0846fee78c02f5d0a73e16edc643b65"),
    ];
    for (k, parity, size, hash) in cases {
        let source = (0..k)
            .flat_map(|i| (0..u32::from(size)).map(move |j| (i * i * 31 + j * 7 + i * j) as u8));
        let source: Vec<u8> = source.collect();
        let symbols = encode(&rizzo(Field::Gf256, k, parity), k, size, &source, 0, parity);
        assert_eq!(blake3::hash(&symbols).to_hex().as_str(), hash, "{k}");
    }
}

#[test]
fn words_are_coded_as_on_the_wire_of_the_nrl() {
    let code = rizzo(Field::Gf65536, 300, 20);
    let coefficient = |parity, j: usize| {
        let mut source = vec![0; 600];
        source[2 * j] = 1;
        let symbol = encode(&code, 300, 2, &source, parity, 1);
        u16::from_le_bytes([symbol[0], symbol[1]])
    };
    assert_eq!([0, 1, 2, 3].map(|j| coefficient(0, j)), [0x072e, 0x2e95, 0xc137, 0x65df]);
    assert_eq!([0, 1, 2, 3].map(|j| coefficient(19, j)), [0xcdb4, 0x976a, 0xc67d, 0x4393]);
    assert_eq!(encode(&code, 300, 2, &[1], 0, 2), hex("2e07 7ff6"));
}

#[test]
fn words_may_be_big_endian() {
    let code = rizzo(Field::Gf65536Be, 300, 20);
    assert_eq!(encode(&code, 300, 2, &[0, 1], 0, 2), hex("072e f67f"));
    assert_eq!(encode(&code, 300, 4, &[0, 1, 0], 0, 1), hex("072e 0000"));
    let code = rizzo(Field::Gf65536Be, 2, 1);
    let source = [0x12, 0x34, 0x56, 0x78];
    let mut block = [0x12, 0x34, 0, 0];
    let coded = encode(&code, 2, 2, &source, 0, 1);
    code.decode(2, 2, &mut block, |n| n == 0, core::iter::once((0, &coded[..]))).unwrap();
    assert_eq!(block, source);
}

#[test]
fn points_of_rfc_5510_give_its_rows() {
    let code = ReedSolomon::new(Field::Gf256, Points::Rfc5510, 4, 2).unwrap();
    assert_eq!(row(&code, 0), hex("40 78 36 0f"));
    assert_eq!(row(&code, 1), hex("e7 d2 57 63"));
}

/// Coefficients by the definition: the product of (X_p - X_m) / (X_j - X_m) over all m but j.
fn defined<F: norm_gf::Field>(points: Points, k: u32, p: u32, j: u32) -> u32 {
    let point = |r: u32| -> u32 {
        match (points, r) {
            (Points::Rizzo, 0) => 0,
            (Points::Rizzo, r) => F::exp(r - 1).into(),
            (Points::Rfc5510, r) => F::exp(r).into(),
        }
    };
    let difference = |a, b| u32::from(F::tables().log()[(point(a) ^ point(b)) as usize]);
    let terms = (0..k).filter(|m| *m != j);
    let log: u32 = terms.map(|m| difference(p, m) + F::ORDER - difference(j, m)).sum();
    F::exp(log).into()
}

#[test]
fn coefficients_are_those_of_the_definition() {
    for points in [Points::Rizzo, Points::Rfc5510] {
        for (k, parity) in [(1, 1), (1, 254), (2, 3), (3, 1), (17, 40), (128, 127), (254, 1)] {
            let code = ReedSolomon::new(Field::Gf256, points, k, parity).unwrap();
            for i in [0, parity / 2, parity - 1] {
                let defined = (0..k).map(|j| defined::<Gf256>(points, k, k + i, j) as u8);
                assert_eq!(row(&code, i), defined.collect::<Vec<u8>>(), "{points:?} {k} {i}");
            }
        }
        for (k, parity) in [(1, 1), (300, 20), (4096, 4096)] {
            let code = ReedSolomon::new(Field::Gf65536, points, k, parity).unwrap();
            for (i, j) in [(0, 0), (parity - 1, 0), (parity / 2, k / 2), (parity - 1, k - 1)] {
                let mut source = vec![0; 2 * k as usize];
                source[2 * j as usize] = 1;
                let symbol = encode(&code, k, 2, &source, i, 1);
                let defined = defined::<Gf65536>(points, k, k + i, j) as u16;
                assert_eq!(u16::from_le_bytes([symbol[0], symbol[1]]), defined);
            }
        }
    }
}

#[test]
fn requests_out_of_range_are_refused() {
    use CodeError as E;
    let new = |field, k, parity| ReedSolomon::new(field, Points::Rizzo, k, parity).err();
    for field in [Field::Gf256, Field::Gf65536, Field::Gf65536Be] {
        assert_eq!(new(field, 0, 1), Some(E::Empty));
        assert_eq!(new(field, u32::MAX, u32::MAX), Some(E::BlockTooLong));
        assert_eq!(new(field, u32::MAX, 0), Some(E::BlockTooLong));
    }
    assert_eq!(new(Field::Gf256, 255, 0), None);
    assert_eq!(new(Field::Gf256, 200, 56), Some(E::BlockTooLong));
    assert_eq!(new(Field::Gf65536, 4096, 4096), None);
    assert_eq!(new(Field::Gf65536, 4097, 1), Some(E::BlockTooLong));
    assert_eq!(new(Field::Gf65536, 1, 4097), Some(E::BlockTooLong));

    let code = rizzo(Field::Gf256, 10, 5);
    let refused = |k, size, len: usize, first, count| {
        let mut out = vec![1];
        let result = code.encode(k, size, &vec![0; len], first, count, &mut out);
        assert!(result.is_ok() || out == [1]);
        result.err()
    };
    assert_eq!(refused(0, 4, 0, 0, 1), Some(E::Empty));
    assert_eq!(refused(4, 0, 0, 0, 1), Some(E::Empty));
    assert_eq!(refused(11, 4, 4, 0, 1), Some(E::BlockTooLong));
    assert_eq!(refused(4, 4, 17, 0, 1), Some(E::ContentLength));
    assert_eq!(refused(4, 4, 16, 5, 1), Some(E::SymbolRange));
    assert_eq!(refused(4, 4, 16, 1, u32::MAX), Some(E::SymbolRange));
    assert_eq!(refused(4, 4, 16, 5, 0), None);
    assert_eq!(refused(4, 4, 0, 0, 5), None);
    let words = rizzo(Field::Gf65536, 10, 5);
    assert_eq!(words.encode(4, 3, &[], 0, 1, &mut Vec::new()), Err(E::OddSymbolSize));
    let large = rizzo(Field::Gf65536, 4096, 5);
    assert_eq!(large.encode(4096, 65_534, &[], 0, 1, &mut Vec::new()), Err(E::BlockTooLarge));
}

#[test]
fn impossible_parity_is_refused_and_changes_nothing() {
    use CodeError as E;
    let code = rizzo(Field::Gf256, 10, 5);
    let refused = |len: usize, parity: &[(u32, &[u8])]| {
        let mut block = vec![7; len];
        let result = code.decode(6, 2, &mut block, |n| n > 1, parity.iter().copied());
        assert!(block == vec![7; len]);
        result.err()
    };
    let s = &[0u8; 2][..];
    assert_eq!(refused(11, &[(0, s), (1, s)]), Some(E::ContentLength));
    assert_eq!(refused(12, &[]), Some(E::TooFewSymbols));
    assert_eq!(refused(12, &[(0, s)]), Some(E::TooFewSymbols));
    assert_eq!(refused(12, &[(0, s), (0, s)]), Some(E::RepeatedSymbol));
    assert_eq!(refused(12, &[(0, s), (5, s)]), Some(E::SymbolRange));
    assert_eq!(refused(12, &[(u32::MAX, s), (0, s)]), Some(E::SymbolRange));
    assert_eq!(refused(12, &[(0, &s[1..]), (1, s)]), Some(E::SymbolLength));
}

/// A block of a code, and which of its source symbols and parity symbols arrive in what order.
#[derive(Clone, Debug)]
struct Case {
    field: Field,
    points: Points,
    max_block_len: u32,
    parity: u32,
    k: u32,
    size: u16,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let small = (1..=255_u32).prop_flat_map(|n| (Just(Field::Gf256), Just(n), 0..=255 - n));
    let words = prop_oneof![Just(Field::Gf65536), Just(Field::Gf65536Be)];
    let large = (words, 1..=400_u32, 0..=300_u32);
    let points = prop_oneof![Just(Points::Rizzo), Just(Points::Rfc5510)];
    (prop_oneof![small, large], points, 1..=90_u16, any::<u64>()).prop_flat_map(
        |((field, max_block_len, parity), points, size, seed)| {
            let size = if field.has_words() { size * 2 } else { size };
            (1..=max_block_len).prop_map(move |k| Case {
                field,
                points,
                max_block_len,
                parity,
                k,
                size,
                seed,
            })
        },
    )
}

proptest! {
    #[test]
    fn any_k_symbols_recover_the_block(case in case()) {
        let Case { field, points, max_block_len, parity, k, size, seed } = case;
        let code = ReedSolomon::new(field, points, max_block_len, parity).unwrap();
        let symbol = usize::from(size);
        let source = noise(seed, k as usize * symbol);
        let coded = encode(&code, k, size, &source, 0, parity);
        // Any k of all k + parity, in any order.
        let mut rng = Rng::new(seed ^ 1);
        let mut order: Vec<(u64, u32)> = (0..k + parity).map(|n| (rng.next_u64(), n)).collect();
        order.sort_unstable();
        let arrived: Vec<u32> = order[..k as usize].iter().map(|(_, n)| *n).collect();
        let mut block = noise(!seed, source.len());
        for n in arrived.iter().filter(|n| **n < k) {
            let at = *n as usize * symbol;
            block[at..at + symbol].copy_from_slice(&source[at..at + symbol]);
        }
        let given = arrived.iter().filter_map(|n| n.checked_sub(k)).map(|n| {
            (n, &coded[n as usize * symbol..][..symbol])
        });
        code.decode(k, size, &mut block, |n| arrived.contains(&n), given.clone()).unwrap();
        prop_assert_eq!(&block, &source);
        if given.clone().count() > 0 {
            let short = code.decode(k, size, &mut block, |n| arrived.contains(&n), given.skip(1));
            prop_assert_eq!(short, Err(CodeError::TooFewSymbols));
        }
    }

    #[test]
    fn parity_does_not_depend_on_count_or_padding(case in case(), part: u32) {
        let Case { field, points, max_block_len, parity, k, size, seed } = case;
        let code = ReedSolomon::new(field, points, max_block_len, parity).unwrap();
        let mut source = noise(seed, k as usize * usize::from(size));
        source.truncate(part as usize % (source.len() + 1));
        let all = encode(&code, k, size, &source, 0, parity);
        let first = part % (parity + 1);
        let rest = encode(&code, k, size, &source, first, parity - first);
        prop_assert_eq!(&all[first as usize * usize::from(size)..], &rest);
        source.resize(k as usize * usize::from(size), 0);
        prop_assert_eq!(&encode(&code, k, size, &source, 0, parity), &all);
        source.resize(max_block_len as usize * usize::from(size), 0);
        prop_assert_eq!(&encode(&code, max_block_len, size, &source, 0, parity), &all);
    }
}
