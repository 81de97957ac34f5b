//! Streams on their way from the engine to their readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use crossbeam_channel::{Sender as Channel, bounded};
use norm_core::endpoint::ObjectRef;
use norm_core::norm::Receiver;
use norm_core::norm::stream::Read;

use super::reader::{ITEM, ITEMS, StreamItem, StreamReader};
use crate::objects::signal::Signal;
use crate::transfer::receive::store::BlockStore;

/// The session's end of a stream.
#[derive(Debug)]
pub(super) struct Feed {
    items: Channel<StreamItem>,
    blocked: Arc<AtomicBool>,
}

/// What is to be done with a feed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// More will come.
    Open,
    /// The reader has, or will have, everything.
    Ended,
    /// There is no reader any more.
    Unwanted,
}

impl Feed {
    pub(super) fn new(signal: &Signal) -> (Self, StreamReader) {
        let (sender, items) = bounded(ITEMS);
        let blocked = Arc::new(AtomicBool::new(false));
        let reader = StreamReader::new(items, Arc::clone(&blocked), signal.clone());
        (Self { items: sender, blocked }, reader)
    }

    /// Moves what can be read to the reader, as far as there is room.
    ///
    /// Asks the engine every time, which costs nothing when there is nothing: a stream that cannot
    /// be repaired moves on without a word.
    pub(super) fn pump(
        &self,
        engine: &mut Receiver<BlockStore>,
        object: ObjectRef,
        buf: &mut [u8; ITEM],
    ) -> Fed {
        loop {
            if self.items.is_full() {
                self.blocked.store(true, Ordering::Release);
                // The reader may have made room before it could see that.
                if self.items.is_full() {
                    return Fed::Open;
                }
            }
            let item = match engine.read_stream(object, buf) {
                Read::Data { len, begins_message, ends_message } => {
                    let bytes = buf.get(..len).unwrap_or_default();
                    let bytes = Bytes::copy_from_slice(bytes);
                    StreamItem::Bytes { bytes, begins_message, ends_message }
                }
                Read::Gap { bytes } => StreamItem::Gap { bytes },
                Read::Pending => return Fed::Open,
                Read::End => StreamItem::End,
            };
            let ended = item == StreamItem::End;
            // There is room, so this fails only when the reader is gone.
            let sent = self.items.try_send(item).is_ok();
            if ended {
                return Fed::Ended;
            }
            if !sent {
                return Fed::Unwanted;
            }
        }
    }
}
