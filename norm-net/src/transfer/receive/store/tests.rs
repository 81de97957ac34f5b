use super::*;
use norm_core::endpoint::SenderId;
use norm_core::fec::{Scheme, encode_repair};

const T: u16 = 64;

fn geometry(symbols: u32) -> BlockGeometry {
    let len = symbols * u32::from(T);
    BlockGeometry { scheme: Scheme::RaptorQ, symbols, symbol_size: T, offset: 0, len }
}

fn slot(block: u32) -> BlockSlot {
    BlockSlot { sender: SenderId(0), object: 0, block }
}

/// Bytes of a block of 10 symbols.
const TEN: usize = 10 * T as usize;

fn put(store: &mut BlockStore, block: u32, symbol: u32) -> bool {
    store.put(slot(block), &geometry(10), symbol, &[block as u8; T as usize])
}

#[test]
fn budget_bounds_blocks_and_released_buffers_serve_again() {
    let mut store = BlockStore::new(3 * TEN);
    for block in 0..3 {
        assert!(put(&mut store, block, 0));
    }
    assert!(!put(&mut store, 3, 0), "full");
    assert!(put(&mut store, 2, 1), "known blocks go on");
    for symbol in 1..10 {
        assert!(put(&mut store, 0, symbol));
    }
    let held = store.lend(slot(0)).unwrap();
    assert_eq!(held.buffer.source(), &[0; TEN]);
    assert!(!put(&mut store, 3, 0), "a lent buffer still counts");
    assert!(!put(&mut store, 0, 0), "its block is with a worker");
    store.returns().release(slot(0), held);
    assert!(put(&mut store, 3, 0));
    assert_eq!((store.used, store.free.len()), (3 * TEN, 0));
}

#[test]
fn block_that_needs_more_symbols_keeps_those_it_has() {
    let mut store = BlockStore::new(2 * TEN);
    let content: Vec<u8> = (0..TEN).map(|n| n as u8).collect();
    for symbol in 1..9 {
        let at = symbol as usize * T as usize;
        assert!(store.put(slot(0), &geometry(10), symbol, &content[at..at + T as usize]));
    }
    let mut held = store.lend(slot(0)).unwrap();
    assert!(!held.buffer.recover());
    store.returns().keep(slot(0), held);
    let repair = encode_repair(10, T, &content, 10, 4).unwrap();
    for (symbol, bytes) in (10..).zip(repair.chunks(T.into())) {
        assert!(store.put(slot(0), &geometry(10), symbol, bytes));
    }
    assert_eq!(store.used, TEN + 4 * usize::from(T), "repair symbols count");
    let mut held = store.lend(slot(0)).unwrap();
    assert!(held.buffer.recover());
    assert_eq!(held.buffer.source(), content);
    store.returns().release(slot(0), held);
    store.take_back();
    assert_eq!((store.used, store.free.len()), (TEN, 1));
}

#[test]
fn discarded_block_does_not_come_back() {
    let mut store = BlockStore::new(2 * TEN);
    assert!(put(&mut store, 0, 0) && put(&mut store, 1, 0));
    let held = store.lend(slot(0)).unwrap();
    store.discard(slot(0));
    store.returns().keep(slot(0), held);
    store.discard(slot(1));
    assert!(put(&mut store, 2, 0));
    assert!(store.lend(slot(0)).is_none());
    assert_eq!((store.blocks.len(), store.free.len(), store.used), (1, 1, 2 * TEN));
}

#[test]
fn one_block_is_taken_however_small_the_budget() {
    let mut store = BlockStore::new(1);
    assert!(put(&mut store, 0, 0));
    assert!(!put(&mut store, 1, 0));
}

#[test]
fn buffers_too_small_make_way_for_larger_blocks() {
    let mut store = BlockStore::new(4 * TEN);
    for block in 0..4 {
        assert!((0..10).all(|symbol| put(&mut store, block, symbol)));
    }
    for block in 0..4 {
        let held = store.lend(slot(block)).unwrap();
        store.returns().release(slot(block), held);
    }
    assert!(store.put(slot(9), &geometry(40), 0, &[0; T as usize]));
    assert_eq!((store.used, store.free.len()), (4 * TEN, 0));
}

#[test]
fn symbols_of_the_wrong_shape_are_not_kept() {
    let mut store = BlockStore::new(4 * TEN);
    assert!(!store.put(slot(0), &geometry(10), 0, &[0; 63]));
    assert!(!store.put(slot(0), &geometry(10), 1 << 24, &[0; 64]));
    assert!(!store.put(slot(1), &geometry(0), 0, &[0; 64]));
    assert!(put(&mut store, 0, 3));
    assert!(!put(&mut store, 0, 3), "twice");
}
