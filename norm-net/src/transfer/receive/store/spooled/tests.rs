use std::fs::File;

use norm_core::endpoint::{SenderId, SymbolStore};
use norm_core::fec::{Scheme, encode_repair};

use super::*;
use crate::transfer::receive::store::BlockStore;

const T: u16 = 64;
const K: u32 = 20;
/// Bytes of a block.
const BLOCK: usize = K as usize * T as usize;

fn geometry() -> BlockGeometry {
    let len = BLOCK as u32 - 3;
    BlockGeometry { scheme: Scheme::RaptorQ, symbols: K, symbol_size: T, offset: 0, len }
}

fn slot(block: u32) -> BlockSlot {
    BlockSlot { sender: SenderId(0), object: 7, block }
}

/// The content of a block, with the padding.
fn content(block: u32) -> Vec<u8> {
    let mut content: Vec<u8> = (0..BLOCK).map(|n| (n as u32 * 31 + block * 7) as u8).collect();
    content[BLOCK - 3..].fill(0);
    content
}

/// Symbols of a block, the first one with the id `first`.
fn symbols(block: u32, first: u32, count: u32) -> Vec<(u32, Vec<u8>)> {
    let content = content(block);
    let repair = encode_repair(K, T, &content, K, 64).unwrap();
    let all: Vec<u8> = content.into_iter().chain(repair).collect();
    let symbols = all.chunks(T.into()).map(<[u8]>::to_vec);
    (0..).zip(symbols).skip(first as usize).take(count as usize).collect()
}

/// Puts one symbol of each block after the other, as a carousel sends them.
fn put_all(store: &mut BlockStore, blocks: u32, first: u32, count: u32) -> u32 {
    let all: Vec<_> = (0..blocks).map(|block| symbols(block, first, count)).collect();
    let mut refused = 0;
    for n in 0..count as usize {
        for (block, symbols) in (0..).zip(&all) {
            let (id, bytes) = &symbols[n];
            refused += u32::from(!store.put(slot(block), &geometry(), *id, bytes));
        }
    }
    refused
}

/// Waits until nothing is on its way to the disk.
fn settle(store: &BlockStore) {
    while store.spooled.as_ref().unwrap().writing() > 0 {
        std::thread::yield_now();
    }
}

/// Has the symbols put with pauses, so that the writer keeps up.
fn put_slowly(store: &mut BlockStore, blocks: u32, first: u32, count: u32) {
    for n in 0..count {
        for block in 0..blocks {
            let (id, bytes) = symbols(block, first + n, 1).remove(0);
            if !store.put(slot(block), &geometry(), id, &bytes) {
                settle(store);
                assert!(store.put(slot(block), &geometry(), id, &bytes), "{block} {id}");
            }
        }
    }
}

fn bytes_in_memory(store: &BlockStore) -> usize {
    let spooled = store.spooled.as_ref().unwrap();
    store.used + spooled.collected + spooled.writing()
}

fn full_disk() -> SpoolFile {
    SpoolFile::of(File::options().read(true).write(true).open("/dev/full").unwrap())
}

#[test]
fn many_times_more_blocks_than_the_memory_holds_are_kept_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let budget = 8 * BLOCK;
    let file = SpoolFile::new(dir.path().to_owned());
    let mut store = BlockStore::with_spool(budget, file).unwrap();
    // Ids 5 to 24: five source symbols are missing.
    put_slowly(&mut store, 60, 5, K);
    assert!(bytes_in_memory(&store) <= budget + 2 * BLOCK, "{}", bytes_in_memory(&store));
    assert_eq!(store.blocks.len(), 2, "half of half of the budget: there are repair symbols, too");
    assert_eq!(store.waiting(SenderId(0)), 60 * BLOCK as u64);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "the file has no name");
    for block in (0..60).rev() {
        let mut held = store.lend(slot(block)).unwrap();
        assert!(!store.put(slot(block), &geometry(), 40, &[0; 64]), "a worker has it");
        assert_eq!(held.is_spooled(), block >= 2);
        held.load().unwrap();
        assert_eq!(held.buffer.received(), K);
        assert!(held.buffer.recover(), "{block}");
        assert_eq!(held.buffer.source(), &content(block)[..BLOCK - 3]);
        store.returns().release(slot(block), held);
    }
    store.take_back();
    assert_eq!(store.waiting(SenderId(0)), 0);
    let spooled = store.spooled.as_mut().unwrap();
    assert_eq!((spooled.blocks.len(), spooled.collected), (0, 0));
    assert_eq!(spooled.regions.take(1).start, 0, "the file is empty again");
    assert_eq!(store.symbols(SenderId(0)), 60 * u64::from(K));
}

#[test]
fn block_that_needs_more_keeps_what_it_has_wherever_that_is() {
    let file = SpoolFile::new(std::env::temp_dir());
    let mut store = BlockStore::with_spool(8 * BLOCK, file).unwrap();
    put_slowly(&mut store, 30, 1, K - 3);
    for block in 4..30 {
        let mut held = store.lend(slot(block)).unwrap();
        held.load().unwrap();
        assert!(!held.buffer.recover());
        store.returns().keep(slot(block), held);
    }
    put_slowly(&mut store, 30, 30, 4);
    for block in 4..30 {
        let mut held = store.lend(slot(block)).unwrap();
        held.load().unwrap();
        assert_eq!(held.buffer.received(), K + 1);
        assert!(held.buffer.recover());
        assert_eq!(held.buffer.source(), &content(block)[..BLOCK - 3]);
        store.returns().release(slot(block), held);
    }
}

#[test]
fn discarded_blocks_make_room_and_do_not_come_back() {
    let file = SpoolFile::new(std::env::temp_dir());
    let mut store = BlockStore::with_spool(8 * BLOCK, file).unwrap();
    put_slowly(&mut store, 30, 0, 10);
    let end = 30 * u64::from(K);
    for round in 0..20 {
        let lent = store.lend(slot(20)).unwrap();
        for block in 0..30 {
            store.discard(slot(block));
        }
        store.returns().keep(slot(20), lent);
        store.take_back();
        assert_eq!(store.waiting(SenderId(0)), 0);
        put_slowly(&mut store, 30, round % 5, 10);
        assert!(store.spooled.as_ref().unwrap().order.len() <= 64 + 2 * 30);
    }
    // No more regions than there were blocks at once, of a step each.
    let spooled = store.spooled.as_mut().unwrap();
    assert!(spooled.regions.take(1 << 20).start <= end * 4_096);
    for block in 4..30 {
        let mut held = store.lend(slot(block)).unwrap();
        held.load().unwrap();
        assert_eq!(held.buffer.received(), 10);
        let (first, bytes) = symbols(block, 4, 1).remove(0);
        assert!(held.buffer.holds(first));
        assert!(held.buffer.runs().any(|(at, run)| at == 4 * 64 && run.starts_with(&bytes)));
    }
}

#[test]
fn small_transfer_stays_in_memory() {
    let file = SpoolFile::new(std::path::PathBuf::from("/nowhere/at/all"));
    let mut store = BlockStore::with_spool(40 * BLOCK, file).unwrap();
    assert_eq!(put_all(&mut store, 16, 0, K), 0);
    assert_eq!((store.blocks.len(), store.spooled.as_ref().unwrap().blocks.len()), (10, 6));
    assert!(store.take_spool_failure().is_none());
}

#[test]
#[cfg(target_os = "linux")]
fn what_a_full_disk_does_not_take_is_lost_and_its_block_is_to_come_again() {
    let mut store = BlockStore::with_spool(8 * BLOCK, full_disk()).unwrap();
    put_all(&mut store, 30, 0, 3);
    let mut refused = 0;
    for n in 3..K {
        refused += put_all(&mut store, 30, n, 1);
        settle(&store);
    }
    assert!(refused > 0, "the memory is full");
    assert!(bytes_in_memory(&store) <= 10 * BLOCK);
    assert_eq!(store.take_spool_failure().unwrap().kind(), io::ErrorKind::StorageFull);
    let mut lost = 0;
    for block in 0..30 {
        let Some(mut held) = store.lend(slot(block)) else { continue };
        match held.load() {
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::StorageFull);
                lost += 1;
            }
            Ok(()) => assert!(
                held.buffer
                    .runs()
                    .all(|(at, run)| { content(block)[at as usize..].starts_with(run) })
            ),
        }
        store.returns().release(slot(block), held);
    }
    assert!(lost > 0);
    store.take_back();
    assert_eq!(store.spooled.as_ref().unwrap().blocks.len(), 0);
    assert_eq!(put_all(&mut store, 4, 0, K), 0, "what is in memory goes on");
}

#[test]
fn symbols_of_the_wrong_shape_are_not_kept() {
    let file = SpoolFile::new(std::env::temp_dir());
    let mut spooled = Spooled::new(file, 1 << 20).unwrap();
    let mut put = |id, len| spooled.put(slot(0), &geometry(), id, &vec![0; len], true);
    assert!(!put(0, 63) && !put(0, 65) && !put(K, 61) && !put(1 << 24, 64) && !put(K - 1, 60));
    assert!(put(0, 64) && put(K - 1, 61) && put(K - 1, 64) && put((1 << 24) - 1, 64));
    let held = spooled.lend(slot(0)).unwrap();
    assert_eq!(held.load().unwrap().received(), 3, "one came twice");
    let nothing = BlockGeometry { symbols: 0, ..geometry() };
    assert!(!spooled.put(slot(1), &nothing, 0, &[], true));
}

#[test]
fn symbols_of_unknown_objects_take_little_memory() {
    let dir = tempfile::tempdir().unwrap();
    let file = SpoolFile::new(dir.path().to_owned());
    let mut store = BlockStore::with_spool(64 << 20, file).unwrap();
    // Blocks of 60 MiB each, of which one symbol has come.
    let (symbols, symbol_size) = (1_000, 60_000);
    let len = symbols * u32::from(symbol_size);
    let geometry = BlockGeometry { scheme: Scheme::RaptorQ, symbols, symbol_size, offset: 0, len };
    let payload = vec![7; symbol_size.into()];
    let mut kept = Vec::new();
    for block in 0..300 {
        if !store.put_unknown(slot(block), &geometry, 5, &payload) {
            settle(&store);
            assert!(store.put_unknown(slot(block), &geometry, 5, &payload), "{block}");
        }
        kept.push(slot(block));
        let in_memory = bytes_in_memory(&store);
        assert!(in_memory <= UNKNOWN + 2 * 60_004, "{in_memory} at {block}");
    }
    assert_eq!((store.blocks.len(), store.used), (0, 0));
    // When one of them is known, the others are not in its way.
    let known = slot(7);
    for symbol in 6..300 {
        assert!(store.put(known, &geometry, symbol, &payload), "{symbol}");
    }
    let mut held = store.lend(known).unwrap();
    settle(&store);
    held.load().unwrap();
    assert_eq!(held.buffer.received(), 295);
    store.returns().release(known, held);
    store.take_back();
    kept.retain(|slot| *slot != known);
    kept.into_iter().for_each(|slot| store.discard(slot));
    let spooled = store.spooled.as_ref().unwrap();
    assert_eq!((spooled.collected, spooled.unknown, spooled.blocks.len()), (0, 0, 0));
}
