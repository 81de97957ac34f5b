//! The receiver as a transfer of files sees it.

use core::net::SocketAddr;
use core::ops::Range;

use super::epoch::Epoch;
use super::{Receiver, ReceiverEvent};
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{ObjectRef, SenderId, SymbolStore};
use crate::transfer::{Inbound, InboundNotice, InboundStats, NodeId, ReceiverStatus, SourceView};

impl<S: SymbolStore> Inbound for Receiver<S> {
    type Store = S;

    fn notice(event: ReceiverEvent) -> Option<InboundNotice> {
        Some(match event {
            ReceiverEvent::SenderFound { sender, tsi, address } => {
                let node = NodeId(tsi.get() as u32);
                InboundNotice::SenderFound { sender, node, address }
            }
            ReceiverEvent::ObjectOpened { object, size, meta } => {
                InboundNotice::Opened { object, size, meta }
            }
            ReceiverEvent::ObjectComplete { object } => InboundNotice::Complete { object },
            ReceiverEvent::ObjectAborted { object } => InboundNotice::Aborted { object },
            ReceiverEvent::StoreFailed { object } => InboundNotice::StoreFailed { object },
            ReceiverEvent::SenderSilent { sender } => InboundNotice::Silent { sender },
            ReceiverEvent::SenderEnded { sender } => InboundNotice::Ended { sender },
            ReceiverEvent::TableExpired { .. } => return None,
        })
    }

    fn store(&self) -> &S {
        Self::store(self)
    }

    fn store_mut(&mut self) -> &mut S {
        Self::store_mut(self)
    }

    fn accept(&mut self, object: ObjectRef) {
        Self::accept(self, object);
    }

    fn accept_with(&mut self, object: ObjectRef, held: &RangeSet) {
        Self::accept_with(self, object, held);
    }

    fn note_held(&mut self, object: ObjectRef, range: Range<u64>) {
        Self::note_held(self, object, &range);
    }

    fn note_unwanted(&mut self, object: ObjectRef, range: Range<u64>) {
        Self::note_unwanted(self, object, &range);
    }

    fn ask_up_to(&mut self, _: ObjectRef, _: u64, _: Timestamp) {}

    fn refuse(&mut self, object: ObjectRef) {
        self.give_up(object.sender, object.key..object.key.saturating_add(1));
    }

    fn restart(&mut self, object: ObjectRef) {
        Self::restart(self, object);
    }

    fn want_again(&mut self, object: ObjectRef, wrong: &[Range<u64>]) -> bool {
        Self::want_again(self, object, wrong)
    }

    // A complete object is not kept any more anyway.
    fn confirm(&mut self, _: ObjectRef) {}

    fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        Self::give_up(self, sender, keys);
    }

    fn want(&mut self, _: SenderId, _: u64, _: Timestamp) {}

    fn expect_partial(&mut self, _: SenderId, _: Range<u64>) {}

    fn set_status(&mut self, _: SenderId, _: ReceiverStatus) {}

    fn report_now(&mut self, _: SenderId, _: Timestamp) {}

    fn set_host_drops(&mut self, _: u64) {}

    fn forget(&mut self, sender: SenderId) {
        Self::forget(self, sender);
    }

    fn source(&self, sender: SenderId) -> Option<SourceView> {
        let epoch = self.epoch(sender)?;
        Some(SourceView {
            last_heard: epoch.liveness.last_heard(),
            is_paused: false,
            is_stopped: false,
            has_ended: epoch.liveness.has_ended(),
            loss: epoch.loss.share(),
            position: epoch.position(),
            unheard_since: None,
        })
    }

    fn has_all(&self, sender: SenderId) -> bool {
        self.epoch(sender).is_some_and(Epoch::has_all_known)
    }

    fn has_told_all(&self, sender: SenderId) -> bool {
        Self::has_all(self, sender)
    }

    /// The low 64 bits of the TOI.
    fn number(&self, object: ObjectRef) -> u64 {
        self.toi(object).map_or(object.key, |toi| toi.get() as u64)
    }

    fn other_session(&self) -> Option<(SocketAddr, u64)> {
        self.other_session().map(|(address, tsi)| (address, tsi.get()))
    }

    fn releases(&self) -> bool {
        false
    }

    fn node(&self) -> NodeId {
        NodeId::NONE
    }

    fn stats(&self) -> InboundStats {
        let stats = Self::stats(self);
        InboundStats {
            packets: stats.packets,
            bytes: stats.bytes,
            heard: stats.heard,
            ce_marked: stats.ce_marked,
            duplicates: stats.duplicates,
            no_room: stats.no_room + stats.early_dropped,
            decoded: stats.decoded,
            nacks: 0,
            suppressed: 0,
            malformed: stats.malformed,
        }
    }
}
