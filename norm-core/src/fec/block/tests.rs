use super::super::{encode, encode_repair};
use super::*;
use crate::Rng;
use proptest::prelude::*;

fn content(bytes: usize, seed: u64) -> Vec<u8> {
    let mut rng = Rng::new(seed);
    (0..bytes).map(|_| rng.next_u32() as u8).collect()
}

fn raptorq(k: u32, symbol_size: u16, bytes: usize) -> BlockBuffer {
    BlockBuffer::new(Scheme::RaptorQ, k, symbol_size, u32::try_from(bytes).unwrap()).unwrap()
}

/// Loses each source symbol with probability `loss`, feeds repair symbols from `first` on until the
/// block is recovered on the schedule, and returns how many symbols that took beyond K.
fn round_trip(k: u32, symbol_size: u16, short: u16, loss: f64, first: u32, seed: u64) -> u32 {
    let full = usize::from(symbol_size);
    let source = content(k as usize * full - usize::from(short), seed);
    let mut buffer = raptorq(k, symbol_size, source.len());
    let mut rng = Rng::new(!seed);
    let mut order: Vec<(u32, &[u8])> = (0..).zip(source.chunks(full)).collect();
    order.retain(|_| !rng.chance(loss));
    for i in (1..order.len()).rev() {
        order.swap(i, rng.below(i as u64 + 1) as usize);
    }
    for (symbol, payload) in &order {
        assert!(buffer.put(*symbol, payload));
        assert!(!buffer.put(*symbol, payload), "a duplicate");
    }
    let missing = k - u32::try_from(order.len()).unwrap();
    assert_eq!((buffer.missing(), buffer.received()), (missing, k - missing));
    let room = missing + EXTRA_SYMBOLS;
    let repair = encode_repair(k, symbol_size, &source, first, room).unwrap();
    for (symbol, payload) in (first..).zip(repair.chunks(full)) {
        if buffer.should_try() && buffer.recover() {
            break;
        }
        assert!(buffer.source().is_empty());
        assert!(buffer.put(symbol, payload));
        assert!(!buffer.put(symbol, payload), "a duplicate");
    }
    let excess = if missing == 0 { 0 } else { buffer.received().saturating_sub(k) };
    assert!(buffer.recover());
    assert!(buffer.is_source_complete() && buffer.source() == source);
    assert_eq!(buffer.received(), k);
    excess
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_block_survives_random_losses(
        k in 1u32..300,
        symbol_size in prop_oneof![
            (1u16..30).prop_map(|n| 4 * n),
            (1u16..5).prop_map(|n| 64 * n),
            (0u16..60).prop_map(|n| 2 * n + 1),
        ],
        short: u16,
        loss in prop_oneof![Just(0.0), Just(0.02), 0.0..1.0, Just(1.0)],
        far: bool,
        seed: u64,
    ) {
        let first = if far { (1 << 24) - 2 * k - 20 } else { k };
        round_trip(k, symbol_size, short % symbol_size, loss, first, seed);
    }

    #[test]
    fn arbitrary_symbols_never_panic(
        k in 1u32..80,
        symbol_size in 1u16..9,
        short: u16,
        puts in prop::collection::vec((any::<u32>(), 0u16..10, 0u8..4), 0..200),
    ) {
        let size = k * u32::from(symbol_size) - u32::from(short % symbol_size);
        let mut buffer = raptorq(k, symbol_size, size as usize);
        for (symbol, len, kind) in puts {
            let symbol = match kind {
                0 => symbol % k,
                1 => symbol % 100,
                2 => symbol >> 7,
                _ => symbol,
            };
            let len = if len < 8 { symbol_size } else { len };
            let before = buffer.received();
            let stored = buffer.put(symbol, &content(usize::from(len), u64::from(symbol)));
            if stored && !buffer.is_source_complete() {
                prop_assert_eq!(buffer.received(), before + 1);
            }
            prop_assert!(buffer.repair_ids.len() as u32 <= k + EXTRA_SYMBOLS);
            if buffer.should_try() && buffer.recover() {
                break;
            }
        }
        let expected = if buffer.is_source_complete() { size as usize } else { 0 };
        prop_assert_eq!(buffer.source().len(), expected);
    }
}

#[test]
fn large_blocks_survive_losses() {
    round_trip(1000, 64, 1, 0.1, 1000, 1);
    round_trip(1002, 4, 0, 0.5, 1 << 20, 2);
    // With debug assertions the crate checks its matrices so thoroughly that these take many
    // minutes.
    if !cfg!(debug_assertions) {
        round_trip(10_000, 4, 3, 0.02, 1 << 20, 3);
        round_trip(56_403, 1, 0, 0.01, 56_403, 4);
    }
}

#[test]
fn solves_at_k_symbols_rarely_fail() {
    let excess: Vec<u32> = (0..300).map(|seed| round_trip(20, 4, 0, 1.0, 20, seed)).collect();
    assert!(excess.iter().filter(|&&n| n > 0).count() <= 12, "{excess:?}");
    // The same symbols every time: what counts is which ids are used, so vary them too.
    let excess: Vec<u32> =
        (0..300).map(|seed| round_trip(20, 4, 0, 1.0, 20 + 40 * seed as u32, seed)).collect();
    assert!(excess.iter().filter(|&&n| n > 0).count() <= 12, "{excess:?}");
    assert!(excess.iter().all(|&n| n <= 4), "{excess:?}");
}

#[test]
fn solves_are_tried_at_k_and_at_widening_steps_beyond() {
    let tried: Vec<u32> = (0..200).filter(|&n| should_try(100, n)).collect();
    assert_eq!(tried, [100, 101, 102, 104, 108, 116, 132, 164]);
    let mut received = 0;
    for expected in tried {
        received = next_try(100, received);
        assert_eq!(received, expected);
    }
    assert_eq!((next_try(100, 105), next_try(100, 99)), (108, 100));
    assert!(next_try(u32::MAX, u32::MAX - 1) == u32::MAX);
}

#[test]
fn last_symbol_may_be_short_or_padded() {
    let mut buffer = raptorq(3, 10, 24);
    for (symbol, len) in [(0, 9), (0, 11), (0, 0), (0, 4), (1, 4), (2, 3), (2, 5), (3, 4)] {
        assert!(!buffer.put(symbol, &[1; 11][..len]), "symbol {symbol} with {len} bytes");
    }
    assert_eq!(buffer.received(), 0);
    assert!(buffer.put(2, &[3; 10]));
    assert!(buffer.put(0, &[1; 10]) && buffer.put(1, &[2; 10]));
    assert_eq!(buffer.source(), [[1; 10].as_slice(), &[2; 10], &[3; 4]].concat());
}

#[test]
fn junk_in_the_padding_does_not_reach_the_solve() {
    let source = content(24, 5);
    let mut buffer = raptorq(3, 10, 24);
    let mut padded = source[20..].to_vec();
    padded.resize(10, 0xee);
    assert!(buffer.put(2, &padded) && buffer.put(0, &source[..10]));
    for (symbol, payload) in (3..).zip(encode_repair(3, 10, &source, 3, 4).unwrap().chunks(10)) {
        buffer.put(symbol, payload);
    }
    assert!(buffer.recover());
    assert_eq!(buffer.source(), source);
}

#[test]
fn ids_beyond_24_bits_are_refused() {
    let mut buffer = raptorq(3, 10, 30);
    assert!(!buffer.put(1 << 24, &[0; 10]) && !buffer.put(u32::MAX, &[0; 10]));
    assert!(buffer.put((1 << 24) - 1, &[0; 10]));
}

#[test]
fn repair_symbols_out_of_order_are_known_as_duplicates() {
    let mut buffer = raptorq(10, 4, 40);
    for symbol in [50, 20, 30, 60] {
        assert!(buffer.put(symbol, &[0; 4]));
    }
    for symbol in [20, 30, 50, 60] {
        assert!(!buffer.put(symbol, &[0; 4]));
    }
    assert_eq!(buffer.received(), 4);
}

#[test]
fn useless_repair_symbols_are_not_kept() {
    let mut buffer = raptorq(4, 100, 400);
    assert!(buffer.put(0, &[0; 100]));
    let stored = (4..1000).filter(|&symbol| buffer.put(symbol, &[0; 100])).count();
    assert_eq!(stored as u32, 3 + EXTRA_SYMBOLS);
    assert!(buffer.repair.capacity() <= stored * 100);
    assert!(buffer.put(1, &[0; 100]) && buffer.put(2, &[0; 100]) && buffer.put(3, &[0; 100]));
    assert_eq!((buffer.received(), buffer.repair.capacity()), (4, 0));
    assert!(!buffer.put(5000, &[0; 100]), "a complete block needs no repair");
}

#[test]
fn reused_buffer_has_no_traces_of_the_last_block() {
    let mut buffer = raptorq(5, 8, 40);
    // Symbol 3 leaves junk where the next block has its padding.
    for symbol in [0, 1, 3, 7, 8] {
        buffer.put(symbol, &[0xff; 8]);
    }
    let source = content(29, 9);
    buffer.reset(Scheme::RaptorQ, 4, 8, 29).unwrap();
    assert_eq!((buffer.received(), buffer.missing()), (0, 4));
    assert!(!buffer.recover() && buffer.source().is_empty());
    for (symbol, payload) in (0..).zip(source.chunks(8)).skip(1) {
        assert!(buffer.put(symbol, payload));
    }
    for (symbol, payload) in (4..).zip(encode_repair(4, 8, &source, 4, 3).unwrap().chunks(8)) {
        buffer.put(symbol, payload);
    }
    assert!(buffer.recover());
    assert_eq!(buffer.source(), source);
}

#[test]
fn source_symbols_alone_count_without_a_code() {
    let layout = Layout::no_code(25, 10, 2).unwrap();
    let mut buffer = BlockBuffer::for_block(&layout, 0).unwrap();
    assert!(!buffer.put(2, &[0; 10]) && !buffer.recover() && !buffer.should_try());
    assert!(buffer.put(1, &[2; 10]) && !buffer.recover());
    assert!(buffer.put(0, &[1; 10]) && buffer.should_try() && buffer.recover());
    buffer.reset_for_block(&layout, 1).unwrap();
    assert!(buffer.put(0, &[3; 5]) && buffer.recover());
    assert_eq!(buffer.source(), [3; 5]);
    assert_eq!(buffer.reset_for_block(&layout, 2), Err(CodeError::Empty));
    assert_eq!(buffer.source(), [3; 5], "a failed reset changes nothing");
}

#[test]
fn blocks_out_of_range_are_refused() {
    use CodeError as E;
    let new = |k, symbol_size, bytes| {
        BlockBuffer::new(Scheme::RaptorQ, k, symbol_size, bytes).map(|b| b.missing())
    };
    assert_eq!(new(0, 10, 0), Err(E::Empty));
    assert_eq!(new(1, 0, 0), Err(E::Empty));
    assert_eq!(new(56_404, 1, 56_404), Err(E::BlockTooLong));
    assert_eq!(new(56_403, u16::MAX, u32::MAX), Err(E::BlockTooLarge));
    assert_eq!(new(3, 10, 31), Err(E::ContentLength));
    assert_eq!(new(3, 10, 20), Err(E::ContentLength));
    assert_eq!(new(3, 10, 21), Ok(3));
    let no_code = |k| BlockBuffer::new(Scheme::NoCode, k, 1, k).map(|b| b.missing());
    assert_eq!((no_code(65_536), no_code(65_537)), (Ok(65_536), Err(E::BlockTooLong)));
}

#[test]
fn raptor_goes_on_where_it_has_failed() {
    let (k, size) = (60, 16);
    let mut failures = 0;
    for seed in 0..30 {
        let source = content(k as usize * size, seed);
        let repair = encode(Scheme::Raptor, k, size as u16, &source, k, 40).unwrap();
        let all = source.chunks(size).chain(repair.chunks(size));
        let mut symbols: Vec<(u32, &[u8])> = (0..).zip(all).collect();
        let mut rng = Rng::new(seed);
        for i in (1..symbols.len()).rev() {
            symbols.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let forgets = seed % 3 == 0;
        let mut buffer =
            BlockBuffer::new(Scheme::Raptor, k, size as u16, source.len() as u32).unwrap();
        for (symbol, payload) in symbols {
            buffer.put(symbol, payload);
            if buffer.recover() {
                break;
            }
            let has_failed = buffer.received() >= k;
            failures += u32::from(has_failed);
            assert!(forgets || (buffer.attempt_bytes() > 0) == has_failed);
            if forgets {
                buffer.forget_attempt();
            }
        }
        assert_eq!((buffer.source(), buffer.attempt_bytes()), (&source[..], 0), "{seed}");
    }
    assert!(failures > 10, "{failures}");
}
