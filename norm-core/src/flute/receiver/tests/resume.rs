//! A carousel that takes a day, and a receiver that is restarted meanwhile.

use super::*;

/// Symbols of 256 MiB in 1,376 bytes each, which are shorter here.
const SYMBOLS: usize = 195_084;
const SYMBOL_SIZE: u16 = 16;
/// As the program of another implementation sends them, one block after the other.
const BLOCK_LEN: u32 = 64;
const PASS: Duration = Duration::from_secs(12 * 3600);
const GAP: Duration = Duration::from_secs(300);
/// Gaps in a pass.
const GAPS: usize = 24;

/// A receiver that begins with what another one has written.
fn restarted(old: &Bench) -> Bench {
    let mut bench = Bench::with(ReceiverConfig::new());
    bench.now = old.now;
    bench.written.clone_from(&old.written);
    bench
}

/// What is on the disk: the blocks of which nothing is missing.
fn held(old: &Bench, object: ObjectRef, fti: Fti) -> RangeSet {
    let layout = fti.layout().unwrap();
    let missing: Vec<(u64, u64)> = old.engine.missing(object).unwrap().iter().collect();
    let mut held = RangeSet::new();
    for block in 0..layout.blocks() {
        let start = layout.block_offset(block);
        let end = start + u64::from(layout.block_bytes(block));
        if !missing.iter().any(|&(from, to)| from < end && to > start) {
            held.insert(start, end);
        }
    }
    held
}

#[test]
fn carousel_of_a_day_with_pauses_is_resumed_after_restarts() {
    let size = SYMBOLS * usize::from(SYMBOL_SIZE);
    let (symbol_size, max_block_len) = (SYMBOL_SIZE, BLOCK_LEN);
    let fti = Fti::NoCode { size: size as u64, symbol_size, max_block_len };
    let sent = Sent::new(7, fti, &content(1, size));
    let object = ObjectRef { sender: FIRST, key: 7 };
    let (table, packets) = (Table::new(0, vec![sent.file("a")]).packets(), sent.source());
    let mut rng = Rng::new(3);
    let restarts = [1, 2, 3].map(|n| n * SYMBOLS / 3 - 1 - rng.below(60_000) as usize);
    let between = (PASS - GAPS as u32 * GAP) / SYMBOLS as u32;
    let (mut bench, mut kept) = (Bench::with(ReceiverConfig::new()), 0);
    bench.hear_all(&table);
    bench.engine.accept(object);
    // It comes in the middle of a pass.
    for at in 0..2 * SYMBOLS {
        if restarts.contains(&at) {
            kept += bench.engine.stats().symbols;
            let held = held(&bench, object, fti);
            bench = restarted(&bench);
            bench.hear_all(&table);
            bench.engine.accept_with(object, &held);
        }
        if at % (SYMBOLS / GAPS) == 0 {
            bench.wait(GAP);
            bench.hear_all(&table);
        }
        bench.now += between;
        bench.hear(&packets[(SYMBOLS / 2 + at) % SYMBOLS]);
        if !bench.complete.is_empty() {
            break;
        }
    }
    kept += bench.engine.stats().symbols;
    assert!(bench.bytes(FIRST, 7) == Some(&sent.bytes[..]), "complete, byte for byte");
    assert!(bench.now.saturating_since(START) <= 2 * PASS);
    let again = kept - SYMBOLS as u64;
    assert!(again > 0, "what was not written comes again");
    assert!(again * 100 <= SYMBOLS as u64, "{again} symbols came again");
}
