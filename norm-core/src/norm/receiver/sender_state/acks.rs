//! Acknowledgments that a sender waits for (RFC 5740 §4.3.2, §5.5.3).

use crate::base::Timestamp;
use crate::norm::wire::{ACK_FLUSH, FecId, ObjectId, RawPayloadId, ReceiveWindow};

/// The place that a FLUSH names.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watermark {
    pub(crate) fec_id: FecId,
    pub(crate) object: ObjectId,
    pub(crate) payload_id: RawPayloadId,
}

/// An acknowledgment to be sent.
#[derive(Copy, Clone, Debug)]
pub(crate) struct AckDue {
    pub(crate) at: Timestamp,
    pub(crate) ack_type: u8,
    pub(crate) ack_id: u8,
    /// The watermark, echoed exactly (RFC 5740 §5.5.3).
    pub(crate) watermark: Option<Watermark>,
}

/// The answer to a sender that asks for our receive window.
#[derive(Copy, Clone, Debug)]
pub(crate) struct WindowDue {
    pub(crate) at: Timestamp,
    pub(crate) ack_id: u8,
    pub(crate) window: ReceiveWindow,
}

/// A FLUSH of a watermark that we can confirm.
#[derive(Copy, Clone, Debug)]
pub(crate) struct FlushHeard {
    pub(crate) watermark: Watermark,
    /// We are in its acking list.
    pub(crate) is_listed: bool,
    /// Its acking list shows that we are no longer waited for.
    pub(crate) passes_over: bool,
    /// When to acknowledge it; `None` when we send nothing.
    pub(crate) ack_at: Option<Timestamp>,
}

/// What we acknowledge to one sender.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    due: Option<AckDue>,
    window: Option<WindowDue>,
    /// The watermark that we have acknowledged last.
    acked: Option<Watermark>,
    /// The application knows that the sender has our acknowledgment.
    released: bool,
    /// How often in a row the sender has asked for what we have acknowledged.
    repeats: u32,
}

impl Acks {
    /// When an acknowledgment is due.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.due.map(|due| due.at)
    }

    /// When a report of the receive window is due.
    pub(super) fn window_due(&self) -> Option<Timestamp> {
        self.window.map(|due| due.at)
    }

    /// The application or flow control of the sender asks for an acknowledgment.
    pub(crate) fn request(&mut self, at: Timestamp, ack_type: u8, ack_id: u8) {
        self.due.get_or_insert(AckDue { at, ack_type, ack_id, watermark: None });
    }

    /// The sender asks for our receive window.
    pub(crate) fn request_window(&mut self, due: WindowDue) {
        self.window = Some(due);
    }

    /// Takes the acknowledgment that is due. Its watermark counts as acknowledged.
    pub(crate) fn take_due(&mut self, now: Timestamp) -> Option<AckDue> {
        let due = self.due.take_if(|due| due.at <= now)?;
        if due.watermark.is_some() {
            self.released &= self.acked == due.watermark;
            self.acked = due.watermark;
        }
        Some(due)
    }

    /// Takes the report of the receive window that was asked for.
    pub(crate) fn take_window(&mut self) -> Option<WindowDue> {
        self.window.take()
    }

    /// Notes a FLUSH. True when it shows for the first time that the sender has our acknowledgment.
    pub(crate) fn note_flush(&mut self, flush: FlushHeard) -> bool {
        let watermark = Some(flush.watermark);
        if let Some(at) = flush.ack_at.filter(|_| flush.is_listed) {
            let ack = AckDue { at, ack_type: ACK_FLUSH, ack_id: 0, watermark };
            self.due.get_or_insert(ack);
        }
        let acked = self.acked == watermark;
        let heard = acked && !flush.is_listed && flush.passes_over;
        if acked && flush.is_listed {
            self.repeats = self.repeats.saturating_add(1);
        } else if !acked || heard {
            self.repeats = 0;
        }
        heard && !core::mem::replace(&mut self.released, true)
    }

    /// The sender ends the session. True when that shows for the first time that it has our
    /// acknowledgment: it will not ask for it again.
    pub(crate) fn note_end(&mut self) -> bool {
        self.acked.is_some() && !core::mem::replace(&mut self.released, true)
    }

    /// The sender has our reports that we are complete, and asks for no acknowledgment. True the
    /// first time.
    pub(crate) fn note_reported(&mut self) -> bool {
        !core::mem::replace(&mut self.released, true)
    }

    /// How often in a row the sender has asked for what we have acknowledged.
    pub(crate) fn repeats(&self) -> u32 {
        self.repeats
    }

    /// Our node id has changed: what was acknowledged may count for nothing.
    pub(crate) fn renew(&mut self) {
        let due = self.due.filter(|due| due.watermark.is_none());
        *self = Self { due, window: self.window, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::wire::{PayloadFormat, PayloadId};

    fn watermark(object: u16) -> Watermark {
        let payload_id = PayloadId { block: 0, block_len: 0, symbol: 0 };
        let payload_id = payload_id.encode(PayloadFormat::Block24Symbol8);
        Watermark { fec_id: FecId::REED_SOLOMON_8, object: ObjectId(object), payload_id }
    }

    fn flush(object: u16, is_listed: bool) -> FlushHeard {
        let ack_at = Some(Timestamp::ZERO);
        FlushHeard { watermark: watermark(object), is_listed, passes_over: !is_listed, ack_at }
    }

    #[test]
    fn sender_releases_a_receiver_that_it_no_longer_lists() {
        let mut acks = Acks::default();
        assert!(!acks.note_flush(flush(1, false)), "nothing is acknowledged");
        assert!(!acks.note_flush(flush(1, true)) && acks.repeats() == 0);
        let due = acks.take_due(Timestamp::ZERO).unwrap();
        assert_eq!(due.watermark, Some(watermark(1)));
        assert!(!acks.note_flush(flush(1, true)) && acks.repeats() == 1, "it was not heard");
        assert!(!acks.note_flush(flush(2, false)), "another watermark");
        assert!(acks.note_flush(flush(1, false)) && acks.repeats() == 0);
        assert!(!acks.note_flush(flush(1, false)) && !acks.note_end(), "once");
    }

    #[test]
    fn new_node_id_has_acknowledged_nothing() {
        let mut acks = Acks::default();
        acks.note_flush(flush(1, true));
        acks.take_due(Timestamp::ZERO);
        acks.note_flush(flush(2, true));
        acks.renew();
        assert!(acks.next().is_none() && !acks.note_end());
        assert!(!acks.note_flush(flush(1, false)));
    }
}
