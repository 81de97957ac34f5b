//! The receiver as a transfer of files sees it.

use core::ops::Range;

use bytes::Bytes;

use super::{Progress, Receiver, ReceiverEvent};
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{ObjectRef, SenderId, SymbolStore};
use crate::norm::wire::{ObjectId, SetInfo};
use crate::transfer::{
    Inbound, InboundNotice, InboundStats, NodeId, ObjectMeta, ReceiverStatus, SourceView,
};

impl<S: SymbolStore> Inbound for Receiver<S> {
    type Store = S;

    fn notice(event: ReceiverEvent) -> Option<InboundNotice> {
        Some(match event {
            ReceiverEvent::SenderFound { sender, node, address } => {
                InboundNotice::SenderFound { sender, node, address }
            }
            ReceiverEvent::SenderIgnored { address, name } => {
                InboundNotice::SenderIgnored { address, name }
            }
            ReceiverEvent::ObjectOpened { object, size, info, .. } => {
                InboundNotice::Opened { object, size, meta: meta(transport_id(object), info) }
            }
            ReceiverEvent::StreamOpened { object, .. } => InboundNotice::StreamOpened { object },
            ReceiverEvent::ObjectComplete { object } => InboundNotice::Complete { object },
            ReceiverEvent::ObjectAborted { object } => InboundNotice::Aborted { object },
            ReceiverEvent::EmptyObjectLost { object } => InboundNotice::EmptyLost { object },
            ReceiverEvent::StoreFailed { object } => InboundNotice::StoreFailed { object },
            ReceiverEvent::Released { sender } => InboundNotice::Released { sender },
            ReceiverEvent::SenderMoved { sender, address } => {
                InboundNotice::SenderMoved { sender, address }
            }
            ReceiverEvent::SenderPaused { sender } => InboundNotice::Paused { sender },
            ReceiverEvent::SenderResumed { sender } => InboundNotice::Resumed { sender },
            ReceiverEvent::SenderStopped { sender } => InboundNotice::Stopped { sender },
            ReceiverEvent::SenderSilent { sender } => InboundNotice::Silent { sender },
            ReceiverEvent::SenderEnded { sender } => InboundNotice::Ended { sender },
            ReceiverEvent::Evicted { sender, separate_group } => {
                InboundNotice::Evicted { sender, separate_group }
            }
            ReceiverEvent::ObjectsMoved { sender, first, objects } => {
                InboundNotice::Moved { sender, first, objects: objects.into() }
            }
            ReceiverEvent::Fragmented { sender, bytes } => {
                InboundNotice::Fragmented { sender, bytes }
            }
            ReceiverEvent::ShortPacketsOnly { sender, largest, in_use } => {
                InboundNotice::ShortPacketsOnly { sender, largest, in_use }
            }
            ReceiverEvent::Withdrawn { sender, withdrawal } => {
                InboundNotice::Withdrawn { sender, withdrawal }
            }
            ReceiverEvent::StreamReadable { .. } | ReceiverEvent::Command { .. } => return None,
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
        Self::note_held(self, object, range);
    }

    fn note_unwanted(&mut self, object: ObjectRef, range: Range<u64>) {
        Self::note_unwanted(self, object, range);
    }

    fn ask_up_to(&mut self, object: ObjectRef, end: u64, now: Timestamp) {
        Self::ask_up_to(self, object, end, now);
    }

    fn refuse(&mut self, object: ObjectRef) {
        Self::refuse(self, object);
    }

    fn restart(&mut self, object: ObjectRef) {
        Self::restart(self, object);
    }

    fn want_again(&mut self, object: ObjectRef, wrong: &[Range<u64>]) -> bool {
        Self::want_again(self, object, wrong)
    }

    fn drop_symbols(&mut self, object: ObjectRef, range: &Range<u64>) -> bool {
        Self::drop_symbols(self, object, range)
    }

    fn confirm(&mut self, object: ObjectRef) {
        Self::confirm(self, object);
    }

    fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        Self::give_up(self, sender, keys);
    }

    fn want(&mut self, sender: SenderId, from: u64, now: Timestamp) {
        self.request_from(sender, transport_id(ObjectRef { sender, key: from }), now);
    }

    fn expect_partial(&mut self, sender: SenderId, keys: Range<u64>) {
        Self::expect_partial(self, sender, keys);
    }

    fn set_status(&mut self, sender: SenderId, status: ReceiverStatus) {
        let ReceiverStatus { state, bytes_done, bytes_total, reason } = status;
        self.set_progress(sender, Progress { state, bytes_done, bytes_total, reason });
    }

    fn report_now(&mut self, sender: SenderId, now: Timestamp) {
        Self::report_now(self, sender, now);
    }

    fn set_host_drops(&mut self, packets: u64) {
        Self::set_host_drops(self, packets);
    }

    fn address_changed(&mut self, now: Timestamp) {
        Self::address_changed(self, now);
    }

    fn forget(&mut self, sender: SenderId) {
        Self::forget(self, sender);
    }

    fn source(&self, sender: SenderId) -> Option<SourceView> {
        let (_, loss) = self.progress(sender)?;
        Some(SourceView {
            last_heard: self.last_heard(sender)?,
            is_paused: self.is_paused(sender),
            is_stopped: self.is_stopped(sender),
            has_ended: self.has_ended(sender),
            loss: f64::from(loss) / 65_535.0,
            position: self.position(sender)?,
            unheard_since: self.unheard_since(sender),
        })
    }

    fn has_all(&self, sender: SenderId) -> bool {
        Self::has_all(self, sender)
    }

    fn number(&self, object: ObjectRef) -> u64 {
        transport_id(object).0.into()
    }

    fn node(&self) -> NodeId {
        Self::node(self)
    }

    fn stats(&self) -> InboundStats {
        let stats = Self::stats(self);
        InboundStats {
            packets: stats.packets,
            bytes: stats.bytes,
            heard: stats.heard,
            ce_marked: stats.ce_marked,
            duplicates: stats.duplicates,
            no_room: stats.no_room,
            decoded: stats.decoded,
            nacks: stats.nacks,
            suppressed: stats.suppressed,
            malformed: stats.malformed,
        }
    }
}

/// The low 16 bits of a key are the transport id.
fn transport_id(object: ObjectRef) -> ObjectId {
    ObjectId(object.key as u16)
}

/// What NORM_INFO says of an object: its part of a file set, or else its name (RFC 5740 §4.2.2).
/// INFO of a set that is damaged, or of another version, is no name.
fn meta(object: ObjectId, info: Option<Bytes>) -> ObjectMeta {
    match info.as_deref().map(SetInfo::parse) {
        Some(Ok(set)) => ObjectMeta::SetPart { index: set.index_of(object).into(), part: set.part },
        Some(Err(_)) if info.as_deref().is_some_and(SetInfo::has_magic) => ObjectMeta::Opaque(info),
        _ => ObjectMeta::file(info),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fileset::{ManifestHash, PartKind, SetDescriptor, SetId, SetSummary};

    const SET: SetSummary = SetSummary {
        set: SetId([1; 16]),
        parts: 3,
        list_first: false,
        payload_size: 1000,
        manifest_size: 60,
        list_size: 108,
        manifest: ManifestHash([2; 32]),
        content: None,
    };
    const PART: SetDescriptor = SetDescriptor { kind: PartKind::Manifest, offset: 0, set: SET };

    fn set_info(first_object: u16) -> Bytes {
        let mut bytes = Vec::new();
        SetInfo { first_object: ObjectId(first_object), part: PART }.emit(&mut bytes);
        bytes.into()
    }

    #[test]
    fn info_of_a_set_tells_the_place_of_its_object() {
        let meta = |object| meta(ObjectId(object), Some(set_info(0xffff)));
        assert_eq!(meta(0xffff), ObjectMeta::SetPart { index: 0, part: PART });
        assert_eq!(meta(1), ObjectMeta::SetPart { index: 2, part: PART });
        assert_eq!(
            meta(0xfffe),
            ObjectMeta::SetPart { index: 0xffff, part: PART },
            "not of the set"
        );
    }

    #[test]
    fn other_info_is_a_name_unless_a_set_was_meant() {
        let meta = |info: Option<Bytes>| meta(ObjectId(0), info);
        assert_eq!(meta(None), ObjectMeta::file(None));
        let name = Some(Bytes::from_static(b"a.txt"));
        assert_eq!(meta(name.clone()), ObjectMeta::file(name));
        let damaged = Some(set_info(0).slice(..30));
        assert_eq!(meta(damaged.clone()), ObjectMeta::Opaque(damaged));
    }
}
