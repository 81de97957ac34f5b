use super::super::{BlockBuffer, Scheme, encode};
use super::*;
use crate::Rng;
use proptest::prelude::*;

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.next_u32() as u8).collect()
}

/// Loses each source symbol with probability `loss`, then feeds coded symbols from `first` on until
/// the block is recovered on the schedule. How many symbols that took beyond K.
fn round_trip(k: u32, symbol_size: u16, short: u16, loss: f64, first: u32, seed: u64) -> u32 {
    let full = usize::from(symbol_size);
    let source = noise(seed, k as usize * full - usize::from(short));
    let bytes = u32::try_from(source.len()).unwrap();
    let mut buffer = BlockBuffer::new(Scheme::Raptor, k, symbol_size, bytes).unwrap();
    let mut rng = Rng::new(!seed);
    for (symbol, payload) in (0..).zip(source.chunks(full)) {
        if !rng.chance(loss) {
            assert!(buffer.put(symbol, payload));
            assert!(!buffer.put(symbol, payload), "a duplicate");
        }
    }
    let lost = buffer.missing();
    let room = lost + Scheme::Raptor.extra_symbols();
    let coded = encode(Scheme::Raptor, k, symbol_size, &source, first, room).unwrap();
    for (symbol, payload) in (first..).zip(coded.chunks(full)) {
        if buffer.should_try() && buffer.recover() {
            break;
        }
        assert!(buffer.source().is_empty());
        assert!(buffer.put(symbol, payload));
        assert!(!buffer.put(symbol, payload), "a duplicate");
    }
    let excess = if lost == 0 { 0 } else { buffer.received() - k };
    assert!(buffer.recover(), "K = {k}, {lost} lost");
    assert_eq!(buffer.source(), source);
    excess
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_raptor_block_survives_random_losses(
        k in 4u32..300,
        symbol_size in prop_oneof![(1u16..30).prop_map(|n| 4 * n), 1u16..130],
        short: u16,
        loss in prop_oneof![Just(0.0), Just(0.02), 0.0..1.0, Just(1.0)],
        far: bool,
        seed: u64,
    ) {
        let first = if far { 65_536 - k - 64 } else { k };
        round_trip(k, symbol_size, short % symbol_size, loss, first, seed);
    }

    #[test]
    fn arbitrary_raptor_symbols_never_panic(
        k in 4u32..80,
        symbol_size in 1u16..9,
        short: u16,
        puts in prop::collection::vec((any::<u32>(), 0u16..10, 0u8..4), 0..300),
    ) {
        let size = k * u32::from(symbol_size) - u32::from(short % symbol_size);
        let mut buffer = BlockBuffer::new(Scheme::Raptor, k, symbol_size, size).unwrap();
        for (symbol, len, kind) in puts {
            let symbol = match kind {
                0 => symbol % k,
                1 => symbol % 200,
                2 => symbol >> 15,
                _ => symbol,
            };
            let len = if len < 8 { symbol_size } else { len };
            buffer.put(symbol, &noise(u64::from(symbol), usize::from(len)));
            prop_assert!(buffer.received() <= k + 64);
            if buffer.should_try() && buffer.recover() {
                break;
            }
        }
        let expected = if buffer.is_source_complete() { size as usize } else { 0 };
        prop_assert_eq!(buffer.source().len(), expected);
    }
}

#[test]
fn every_length_of_a_raptor_block_can_be_coded() {
    for k in (4..=200).chain([255, 256, 257, 500, 1000, 1001, 1024]) {
        round_trip(k, 4, (k % 4) as u16, 0.3, k, u64::from(k));
    }
    for k in [2047, 4096, 8191, 8192] {
        round_trip(k, 1, 0, 0.05, k, u64::from(k));
    }
}

#[test]
fn few_symbols_more_than_k_are_needed() {
    let more = |seed: u32| round_trip(200, 1, 0, 1.0, 200 + 300 * seed, seed.into());
    let excess: Vec<u32> = (0..200).map(more).collect();
    // A solve with m symbols more fails with a probability of 0.85 * 0.567^m.
    assert!(excess.iter().sum::<u32>() < 200 * 4, "{excess:?}");
    assert!(excess.iter().filter(|&&n| n > 8).count() <= 10, "{excess:?}");
}

#[test]
fn coded_symbols_do_not_depend_on_how_many_are_asked_for() {
    let source = noise(3, 10 * 16);
    let all = encode_raptor(10, 16, &source, 10, 8).unwrap();
    assert_eq!(all.len(), 8 * 16);
    assert_eq!(encode_raptor(10, 16, &source, 13, 2).unwrap(), all[3 * 16..5 * 16]);
    let zeros = encode_raptor(10, 16, &[], 10, 2).unwrap();
    assert_eq!(zeros, [0; 32]);
}

#[test]
fn short_raptor_source_is_padded_with_zeros() {
    let mut source = vec![7u8; 50];
    let short = encode_raptor(4, 16, &source, 4, 3).unwrap();
    source.resize(64, 0);
    assert_eq!(short, encode_raptor(4, 16, &source, 4, 3).unwrap());
}

#[test]
fn raptor_requests_out_of_range_are_refused() {
    use CodeError as E;
    assert_eq!(encode_raptor(0, 16, &[], 0, 1), Err(E::Empty));
    assert_eq!(encode_raptor(4, 0, &[], 4, 1), Err(E::Empty));
    assert_eq!(encode_raptor(3, 16, &[], 4, 1), Err(E::BlockTooShort));
    assert_eq!(encode_raptor(8193, 1, &[], 9000, 1), Err(E::BlockTooLong));
    assert_eq!(encode_raptor(u32::MAX, 1, &[], 9000, 1), Err(E::BlockTooLong));
    assert_eq!(encode_raptor(8192, 65_535, &[], 9000, 1), Err(E::BlockTooLarge));
    assert_eq!(encode_raptor(4, 16, &[0; 65], 4, 1), Err(E::ContentLength));
    assert_eq!(encode_raptor(4, 16, &[0; 64], 3, 1), Err(E::SymbolRange));
    assert_eq!(encode_raptor(4, 16, &[0; 64], 65_535, 2), Err(E::SymbolRange));
    assert_eq!(encode_raptor(4, 16, &[0; 64], 5, u32::MAX), Err(E::SymbolRange));
    assert_eq!(encode_raptor(4, 16_384, &[0; 64], 4, 8193), Err(E::BlockTooLarge));
    assert_eq!(encode_raptor(4, 16, &[0; 64], 65_535, 1).map(|s| s.len()), Ok(16));
    let new = |k, size, bytes| {
        BlockBuffer::new(Scheme::Raptor, k, size, bytes).map(|buffer| buffer.missing())
    };
    assert_eq!(new(3, 10, 30), Err(E::BlockTooShort));
    assert_eq!(new(8193, 1, 8193), Err(E::BlockTooLong));
    assert_eq!(new(4, 10, 41), Err(E::ContentLength));
    assert_eq!(new(4, 10, 31), Ok(4));
    let mut buffer = BlockBuffer::new(Scheme::Raptor, 4, 1, 4).unwrap();
    assert!(!buffer.put(65_536, &[0]) && buffer.put(65_535, &[0]));
}

#[test]
fn symbols_that_are_always_zero_have_their_length_and_decode() {
    let source: Vec<u8> = (0..80u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let zero = 2_232;
    assert_eq!(encode_raptor(5, 16, &source, zero - 1, 3).unwrap().len(), 48);
    assert_eq!(encode_raptor(5, 16, &source, zero, 1).unwrap(), [0; 16]);
    let mut symbols = vec![(zero, vec![0; 16])];
    symbols.extend((5..17).map(|id| (id, encode_raptor(5, 16, &source, id, 1).unwrap())));
    let symbols = symbols.iter().map(|(id, bytes)| (*id, &bytes[..]));
    assert_eq!(solve_raptor(5, 16, symbols).as_deref(), Some(&source[..]));
}
