//! Content that is here before a sender sends it.

use core::ops::Range;

use super::Receiver;
use crate::endpoint::{BlockSlot, ObjectRef, SenderId, SymbolStore};

/// Of an object in more blocks nothing is looked for: that would take long, and hardly anybody makes such.
const MOST_BLOCKS: u32 = 1 << 20;

impl<S: SymbolStore> Receiver<S> {
    /// Takes an opened object, as [`accept`](Self::accept) does, of which some bytes are in their place
    /// already: `here` tells of a block's place in the object and its length, both in bytes, whether all of it is.
    /// Such blocks count as written and are never asked for.
    ///
    /// The object may be complete by that. One of more than 1,048,576 blocks is taken as if nothing were there.
    pub fn accept_with(&mut self, object: ObjectRef, here: impl Fn(u64, u32) -> bool) {
        let Some(state) = self.object_mut(object).filter(|state| !state.is_stream) else {
            return self.accept(object);
        };
        let blocks = state.layout().map_or(0, crate::fec::Layout::blocks);
        if blocks > MOST_BLOCKS {
            return self.accept(object);
        }
        let mut dropped = Vec::new();
        let mut bytes = 0;
        for block in 0..blocks {
            let Some(geometry) = state.geometry(block) else { break };
            // What a job has in hand is written by that.
            let busy = state.blocks.get(&block).is_some_and(|b| b.busy);
            if busy || !here(geometry.offset, geometry.len) {
                continue;
            }
            if state.blocks.contains_key(&block) {
                dropped.push(block);
            }
            if state.set_written(block) {
                bytes += u64::from(geometry.len);
            }
        }
        self.blocks -= dropped.len();
        for block in dropped {
            self.store.discard(BlockSlot { sender: object.sender, object: object.key, block });
        }
        self.with_remote(object.sender, |_, remote| remote.bytes_done += bytes);
        self.accept(object);
    }

    /// Says that of the objects with these keys much may be here: of those of which nothing is known, INFO
    /// is asked for, and then what is missing, rather than the whole object.
    pub fn expect_partial(&mut self, sender: SenderId, keys: Range<u64>) {
        self.with_remote(sender, |_, remote| remote.partial.insert(keys.start, keys.end));
    }
}
