//! A FLUTE sender as a transfer sees it.

use super::engine::Sender;
use super::error::SenderError;
use super::event::SenderEvent;
use crate::base::Timestamp;
use crate::transfer::{
    ObjectSpec, Outbound, OutboundNotice, OutboundProgress, OutboundStats, ReceiverView,
};

impl Outbound for Sender {
    type Error = SenderError;

    fn enqueue(&mut self, object: ObjectSpec) -> Result<u64, SenderError> {
        self.add(&object)
    }

    fn finish(&mut self) {
        self.set_finishing();
    }

    fn abort(&mut self, now: Timestamp) {
        if self.is_paused() {
            self.set_limit(None, now);
        }
        self.end(0);
    }

    fn is_finished(&self) -> bool {
        self.has_finished()
    }

    fn keep_open(&mut self, open: bool) {
        self.set_open(open);
    }

    fn set_rate_limit(&mut self, bits: Option<u64>, now: Timestamp) {
        self.set_limit(bits, now);
    }

    fn progress(&self) -> OutboundProgress {
        self.progress_now()
    }

    fn stats(&self) -> OutboundStats {
        self.stats_now()
    }

    fn receivers(&self) -> impl Iterator<Item = ReceiverView> {
        core::iter::empty()
    }

    fn notice(event: SenderEvent) -> Option<OutboundNotice> {
        Some(match event {
            SenderEvent::Started => OutboundNotice::Started,
            SenderEvent::AllSent => OutboundNotice::AllSent,
            SenderEvent::ReadFailed => OutboundNotice::ReadFailed,
            SenderEvent::Finished => return None,
        })
    }
}
