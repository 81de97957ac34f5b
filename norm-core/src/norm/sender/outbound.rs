//! A NORM sender as a transfer sees it.

use core::fmt;
use core::ops::Range;

use bytes::Bytes;

use super::{ConfigError, MemberStatus, ObjectSpec, RateRecord, Sender};
use crate::base::Timestamp;
use crate::fileset::{PartKind, SetDescriptor};
use crate::norm::SenderEvent;
use crate::norm::wire::{ObjectId, SetInfo};
use crate::transfer::{
    ObjectMeta, ObjectSpec as TransferObject, Outbound, OutboundNotice, OutboundProgress,
    OutboundStats, ReceiverNotice, ReceiverStanding, ReceiverView,
};

impl Outbound for Sender {
    type Error = ConfigError;

    fn enqueue(&mut self, object: TransferObject) -> Result<u64, ConfigError> {
        let TransferObject { size, meta } = object;
        let (info, file) = match meta {
            ObjectMeta::SetPart { index, part } => {
                let first = self.next_key().wrapping_sub(index.into());
                (Some(set_info(first, part)), part.kind == PartKind::Payload)
            }
            ObjectMeta::File { name, .. } => (name, true),
            ObjectMeta::Opaque(info) => (info, false),
        };
        Self::enqueue(self, ObjectSpec { size, info, file })
    }

    fn finish(&mut self) {
        Self::finish(self);
    }

    fn abort(&mut self, now: Timestamp) {
        Self::abort(self, now);
    }

    fn leave(&mut self, now: Timestamp) {
        Self::leave(self, now);
    }

    fn is_finished(&self) -> bool {
        Self::is_finished(self)
    }

    fn keep_open(&mut self, open: bool) {
        Self::keep_open(self, open);
    }

    fn set_rate_limit(&mut self, bits: Option<u64>, now: Timestamp) {
        Self::set_rate_limit(self, bits, now);
    }

    fn address_changed(&mut self, now: Timestamp) {
        Self::address_changed(self, now);
    }

    fn note_cut_off(&mut self, now: Timestamp) {
        Self::note_cut_off(self, now);
    }

    fn limit_packets(&mut self, now: Timestamp, bytes: u32) -> bool {
        Self::limit_packets(self, now, bytes)
    }

    fn withdraw(&mut self, notices: Vec<Bytes>, now: Timestamp) {
        // They are shorter than any segment of a set.
        let _ = self.announce(notices, now);
    }

    fn content_changed(&mut self, key: u64, bytes: Range<u64>) {
        Self::content_changed(self, key, bytes);
    }

    fn progress(&self) -> OutboundProgress {
        let (bytes_sent, bytes_total) = Self::progress(self);
        let (on_request, pass) = (self.is_on_request(), self.pass());
        OutboundProgress { bytes_sent, bytes_total, on_request, pass }
    }

    fn stats(&self) -> OutboundStats {
        let stats = Self::stats(self);
        OutboundStats {
            packets: stats.packets,
            bytes: stats.bytes,
            data_packets: stats.data_packets,
            resent_packets: stats.resent_packets,
            coded_packets: stats.coded_packets,
            nacks: stats.nacks,
        }
    }

    fn receivers(&self) -> impl Iterator<Item = ReceiverView> {
        self.members().map(|(node, member)| ReceiverView {
            node,
            standing: match member.status {
                MemberStatus::Active => ReceiverStanding::Active,
                MemberStatus::Confirmed => ReceiverStanding::Confirmed,
                MemberStatus::Failed => ReceiverStanding::Failed,
                MemberStatus::Lost => ReceiverStanding::Lost,
                MemberStatus::Evicted => ReceiverStanding::Evicted,
            },
            bytes_done: member.bytes_done,
            loss: member.loss,
            key: member.key(),
        })
    }

    fn absent(&self) -> impl Iterator<Item = &str> {
        Self::absent(self)
    }

    fn start_rate_trace(&mut self) -> Option<&'static str> {
        Self::start_rate_trace(self);
        Some(RateRecord::COLUMNS)
    }

    fn take_rate_trace(&mut self, line: &mut dyn FnMut(&dyn fmt::Display)) {
        Self::take_rate_trace(self).iter().for_each(|record| line(record));
    }

    fn notice(event: SenderEvent) -> Option<OutboundNotice> {
        Some(match event {
            SenderEvent::ReceiverFound { node, name, address } => {
                OutboundNotice::ReceiverFound { node, name, address }
            }
            SenderEvent::ReceiverIgnored { node, name, address, reason } => {
                OutboundNotice::ReceiverIgnored { node, name, address, reason }
            }
            SenderEvent::ReceiverMoved { from, to } => OutboundNotice::ReceiverMoved { from, to },
            SenderEvent::ReceiverReport {
                node,
                name,
                address,
                state,
                bytes_done,
                bytes_total,
                loss,
                drops,
                ce_marked,
            } => OutboundNotice::ReceiverReport(ReceiverNotice {
                node,
                name,
                address,
                state,
                bytes_done,
                bytes_total,
                loss,
                drops,
                ce_marked,
            }),
            SenderEvent::ReceiverConfirmed { node } => OutboundNotice::ReceiverConfirmed { node },
            SenderEvent::ReceiverFailed { node, reason } => {
                OutboundNotice::ReceiverFailed { node, reason }
            }
            SenderEvent::ReceiverLost { node } => OutboundNotice::ReceiverLost { node },
            SenderEvent::ReceiverEvicted { node } => OutboundNotice::ReceiverEvicted { node },
            SenderEvent::ReceiverSlow { node, cause } => {
                OutboundNotice::ReceiverSlow { node, cause }
            }
            SenderEvent::PacketSize { packet, segment, node } => {
                OutboundNotice::PacketSize { packet, segment, node }
            }
            SenderEvent::PathMtuTooSmall { node, largest, needed } => {
                OutboundNotice::PathMtuTooSmall { node, largest, needed }
            }
            SenderEvent::Started => OutboundNotice::Started,
            SenderEvent::StartTimedOut { receivers } => OutboundNotice::StartTimedOut { receivers },
            SenderEvent::Abandoned => OutboundNotice::Abandoned,
            SenderEvent::OnRequest { receivers, bytes_done } => {
                OutboundNotice::OnRequest { receivers, bytes_done }
            }
            SenderEvent::AllSent => OutboundNotice::AllSent,
            SenderEvent::ReadFailed => OutboundNotice::ReadFailed,
            SenderEvent::Acknowledged { .. } | SenderEvent::Finished => return None,
        })
    }
}

/// NORM_INFO of a part of the file set whose first object has this key.
fn set_info(first: u64, part: SetDescriptor) -> Bytes {
    let mut info = Vec::with_capacity(SetInfo::LEN);
    // The low 16 bits of a key are the transport id.
    SetInfo { first_object: ObjectId(first as u16), part }.emit(&mut info);
    info.into()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::endpoint::{Endpoint, TransmitBuf};
    use crate::fileset::{ManifestHash, SetId, SetSummary};
    use crate::norm::SenderConfig;
    use crate::norm::wire::{Message, NodeId};

    #[test]
    fn parts_of_a_set_name_its_first_object() {
        let (first, rate) = (65_535, None);
        let config = SenderConfig { first_object: first, rate, ..SenderConfig::new(NodeId(7)) };
        let mut now = Timestamp::since_epoch(Duration::from_secs(1));
        let mut sender = Sender::new(config, 1, now).unwrap();
        // Parts without content: their INFO is all that is sent.
        for (index, kind) in (0..).zip([PartKind::Manifest, PartKind::DigestList]) {
            let set = SetSummary {
                set: SetId([1; 16]),
                parts: 2,
                list_first: false,
                payload_size: 0,
                manifest_size: 0,
                list_size: 76,
                manifest: ManifestHash([2; 32]),
                content: None,
            };
            let part = SetDescriptor { kind, offset: 0, set };
            let meta = ObjectMeta::SetPart { index, part };
            let key = Outbound::enqueue(&mut sender, TransferObject { size: 0, meta });
            assert_eq!(key, Ok(first + u64::from(index)));
        }
        let mut out = TransmitBuf::new(1);
        let mut sent = Vec::new();
        while sent.len() < 2 {
            if sender.poll_transmit(now, &mut out).is_none() {
                now = sender.poll_timeout().unwrap();
                sender.handle_timeout(now);
            } else if let Ok((_, Message::Info(info))) = Message::parse(out.as_bytes()) {
                sent.push((info.object, SetInfo::parse(info.payload).unwrap().first_object));
            }
        }
        let first = ObjectId(65_535);
        assert_eq!(sent, [(first, first), (ObjectId(0), first)]);
    }
}
