//! The receiving engine: what its application calls, and the contract with its driver.

use core::ops::Range;

use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{
    Datagram, Endpoint, Job, JobDone, ObjectRef, SenderId, SymbolStore, Transmit, TransmitBuf,
};
use crate::norm::stream::Read;
use crate::norm::wire::{NodeId, ObjectId};

use super::config::ReceiverConfig;
use super::ctx::Ctx;
use super::event::{ReceiverEvent, ReceiverStats};
use super::feedback::order;
use super::nack::cycle;
use super::objects::lifecycle;
use super::objects::object::RecvObject;
use super::sender_state::SenderState;
use super::sender_state::report::Progress;
use super::senders::Senders;
use super::timeout::TimeoutReason;
use super::{intake, silence};

/// Receivers that a sender soon lists in its probes.
const MAX_LISTED_SOON: u64 = 100;

/// Receives objects from any number of senders in a session.
#[derive(Debug)]
pub struct Receiver<S> {
    ctx: Ctx<S>,
    senders: Senders,
}

/// What a receiver has in progress.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Senders followed.
    pub senders: usize,
    /// Objects of the sender with the most of them.
    pub objects: usize,
    /// Blocks of all senders.
    pub blocks: usize,
}

impl<S: SymbolStore> Receiver<S> {
    /// A receiver whose random choices follow from `seed` and its identity.
    pub fn new(config: ReceiverConfig, store: S, seed: u64) -> Self {
        Self { ctx: Ctx::new(config, store, seed), senders: Senders::default() }
    }

    /// Takes an opened object: each of its blocks is written as soon as it is complete.
    pub fn accept(&mut self, object: ObjectRef) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::accept(&mut self.ctx, sender, object.key);
        }
    }

    /// Takes an opened object as [`accept`](Self::accept) does, of which these bytes are in their
    /// place already: they are never asked for. The object may be complete by that.
    ///
    /// A block of which only a part is in place asks for the rest, and its job may have to read
    /// there ([`StoreJob::held`](crate::endpoint::StoreJob::held)). An object of more than
    /// 1,048,576 blocks is taken as if nothing were there; so is what would be one range too many,
    /// of 65,536.
    pub fn accept_with(&mut self, object: ObjectRef, held: &RangeSet) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::accept_with(&mut self.ctx, sender, object.key, held);
        }
    }

    /// Notes that some more bytes of an opened object are in their place, as
    /// [`accept_with`](Self::accept_with) does.
    pub fn note_held(&mut self, object: ObjectRef, range: Range<u64>) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::note_held(&mut self.ctx, sender, object.key, &range, true);
        }
    }

    /// Notes that some bytes of an opened object are not wanted: they are not asked for, but for
    /// those that are needed to decode others, and do not keep the object from being complete.
    pub fn note_unwanted(&mut self, object: ObjectRef, range: Range<u64>) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::note_held(&mut self.ctx, sender, object.key, &range, false);
        }
    }

    /// Asks only for blocks of an opened object that end before this byte, until it is called with
    /// another one; [`u64::MAX`] for all. What comes of the others is taken.
    pub fn ask_up_to(&mut self, object: ObjectRef, end: u64, now: Timestamp) {
        let Some(sender) = self.senders.get_mut(object.sender) else { return };
        if let Some(object) = sender.interest.object_mut(object.key) {
            object.ask_up_to(end);
            sender.nack.begin_queue(now);
            cycle::check(&mut self.ctx, sender, now);
        }
    }

    /// Declines an object: it counts as done and confirmed, and its packets are ignored.
    pub fn refuse(&mut self, object: ObjectRef) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::close(&mut self.ctx, sender, object.key);
        }
    }

    /// Stops wanting the objects with these keys without confirming them: they are not asked for
    /// any more, and the sender's watermark does not pass for us.
    pub fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        if let Some(sender) = self.senders.get_mut(sender) {
            lifecycle::give_up(&mut self.ctx, sender, keys);
        }
    }

    /// Says that an object is verified and safe, which lets the sender's watermark pass.
    pub fn confirm(&mut self, object: ObjectRef) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            sender.interest.confirm(object.key);
        }
    }

    /// Asks for an object again from the start, because what was written turned out wrong.
    pub fn restart(&mut self, object: ObjectRef) {
        if let Some(sender) = self.senders.get_mut(object.sender) {
            lifecycle::restart(&mut self.ctx, sender, object.key);
        }
    }

    /// Asks again for bytes of an object in progress that were in their places and are wrong. False
    /// when a job has one of their blocks: nothing has happened then, and it is to be tried again
    /// later.
    pub fn want_again(&mut self, object: ObjectRef, wrong: &[Range<u64>]) -> bool {
        let sender = self.senders.get_mut(object.sender);
        sender.is_none_or(|sender| lifecycle::want_again(sender, object.key, wrong))
    }

    /// Forgets the symbols that have come of blocks over these bytes of an object and are not
    /// written: they are asked for again, or come again. False when a job has one of these blocks:
    /// nothing has happened then, and it is to be tried again later.
    pub fn drop_symbols(&mut self, object: ObjectRef, range: &Range<u64>) -> bool {
        let Some(sender) = self.senders.get_mut(object.sender) else { return true };
        lifecycle::drop_symbols(&mut self.ctx, sender, object.key, range)
    }

    /// Asks the sender for objects from this one on, although they were sent before we came.
    pub fn request_from(&mut self, sender: SenderId, first: ObjectId, now: Timestamp) {
        let Some(sender) = self.senders.get_mut(sender) else { return };
        let key = sender.timeline.key_of(first);
        if sender.interest.extend_to(key) {
            cycle::check(&mut self.ctx, sender, now);
        }
    }

    /// Says that of the objects with these keys much may be here, or is not wanted: their INFO is
    /// asked for first, and what is missing of them only when the application has taken them.
    pub fn expect_partial(&mut self, sender: SenderId, keys: Range<u64>) {
        if let Some(sender) = self.senders.get_mut(sender) {
            sender.interest.expect_partial(keys);
        }
    }

    /// Reads from an accepted stream into `buf`. After [`Read::Pending`],
    /// [`ReceiverEvent::StreamReadable`] says when to try again. After [`Read::End`] the stream is
    /// confirmed and forgotten.
    pub fn read_stream(&mut self, object: ObjectRef, buf: &mut [u8]) -> Read {
        let Some(sender) = self.senders.get_mut(object.sender) else { return Read::End };
        let stream = sender.interest.object_mut(object.key).and_then(RecvObject::stream_mut);
        let Some(stream) = stream else { return Read::End };
        let read = stream.read(buf);
        if matches!(read, Read::End) {
            lifecycle::close(&mut self.ctx, sender, object.key);
        }
        read
    }

    /// Leaves out what remains of a message that is begun: the next byte read is the first one of a
    /// message.
    pub fn skip_to_message(&mut self, object: ObjectRef) {
        let sender = self.senders.get_mut(object.sender);
        let object = sender.and_then(|sender| sender.interest.object_mut(object.key));
        if let Some(stream) = object.and_then(RecvObject::stream_mut) {
            stream.skip_to_message();
        }
    }

    /// Sets what reports say about our progress with a sender.
    pub fn set_progress(&mut self, sender: SenderId, progress: Progress) {
        if let Some(sender) = self.senders.get_mut(sender) {
            sender.report.set_progress(progress);
        }
    }

    /// Reports to a sender now rather than at its next membership query.
    pub fn report_now(&mut self, sender: SenderId, now: Timestamp) {
        if let Some(sender) = self.senders.get_mut(sender) {
            sender.report.schedule(now);
        }
    }

    /// Says that packets leave from another address from now on: senders hear of it soon, and count
    /// this receiver as the one that it was.
    pub fn address_changed(&mut self, now: Timestamp) {
        for sender in self.senders.iter_mut() {
            sender.report.schedule(now);
        }
    }

    /// Forgets a sender and everything in progress of it.
    pub fn forget(&mut self, sender: SenderId) {
        intake::forget(&mut self.ctx, &mut self.senders, sender);
    }

    /// Sets how many packets this host has dropped so far before they could be handed in. Reports
    /// state it, apart from what the network lost.
    pub fn set_host_drops(&mut self, packets: u64) {
        self.ctx.set_host_drops(packets);
    }

    /// Our node id at present.
    pub fn node(&self) -> NodeId {
        self.ctx.node()
    }

    /// What is in progress, to be held against the limits of [`ReceiverConfig`].
    pub fn load(&self) -> Load {
        let objects = self.senders.iter().map(|sender| sender.interest.objects().len()).max();
        Load {
            senders: self.senders.len(),
            objects: objects.unwrap_or(0),
            blocks: self.ctx.blocks(),
        }
    }

    /// Counters.
    pub fn stats(&self) -> &ReceiverStats {
        self.ctx.stats_ref()
    }

    /// Content bytes written from a sender, and the loss seen as a fraction of 65,535.
    pub fn progress(&self, sender: SenderId) -> Option<(u64, u16)> {
        let sender = self.senders.get(sender)?;
        Some((sender.interest.bytes_done(), sender.path.loss_fraction()))
    }

    /// How far a sender has come: key and block that it sends for the first time, as far as was
    /// heard.
    pub fn position(&self, sender: SenderId) -> Option<(u64, u32)> {
        let position = self.senders.get(sender)?.timeline.position();
        Some((position.key, position.block))
    }

    /// When a sender was last heard.
    pub fn last_heard(&self, sender: SenderId) -> Option<Timestamp> {
        Some(self.senders.get(sender)?.liveness.last_heard())
    }

    /// True when a sender has said that it sends nothing for now, and still says so.
    pub fn is_paused(&self, sender: SenderId) -> bool {
        self.senders.get(sender).is_some_and(|sender| sender.liveness.is_paused())
    }

    /// True when a sender has said that it sends no more content, and that another one may.
    pub fn is_stopped(&self, sender: SenderId) -> bool {
        self.senders.get(sender).is_some_and(|sender| sender.liveness.is_stopped())
    }

    /// Since when nothing that we send arrives at a sender: it has heard of no receiver at all,
    /// although it has asked and we have answered, or lists other receivers only.
    pub fn unheard_since(&self, sender: SenderId) -> Option<Timestamp> {
        let SenderState { report, path, .. } = self.senders.get(sender)?;
        // In a large group it may take long until each receiver is listed.
        let is_listed_soon = path.timing().group_size <= MAX_LISTED_SOON;
        let left_out = || path.unheard_since().or_else(|| report.left_out_since());
        report.unlisted_since().or_else(|| left_out().filter(|_| is_listed_soon))
    }

    /// True when everything that a sender is known to have is here, refused or given up. Something
    /// of an object may be written and not confirmed yet.
    pub fn has_all(&self, sender: SenderId) -> bool {
        self.senders.get(sender).is_some_and(SenderState::has_all)
    }

    /// True when the last that was heard of a sender is that it ends the session (CMD(EOT)).
    pub fn has_ended(&self, sender: SenderId) -> bool {
        self.senders.get(sender).is_some_and(|sender| sender.liveness.has_ended())
    }

    /// The store that keeps symbols.
    pub fn store(&self) -> &S {
        self.ctx.store()
    }

    /// The store that keeps symbols. The driver takes complete blocks out of it to write them.
    pub fn store_mut(&mut self) -> &mut S {
        self.ctx.store_mut()
    }

    /// When the engine is to be called next, and which timer that is: for logs and support.
    pub fn timeout_reason(&self) -> Option<(Timestamp, TimeoutReason)> {
        self.senders.next_timeout()
    }
}

#[cfg(test)]
impl<S> Receiver<S> {
    pub(super) fn senders(&mut self) -> &mut Senders {
        &mut self.senders
    }
}

impl<S: SymbolStore> Endpoint for Receiver<S> {
    type Event = ReceiverEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        intake::take(&mut self.ctx, &mut self.senders, now, &datagram);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        for sender in self.senders.iter_mut() {
            if sender.nack.take_expired(now) {
                cycle::check(&mut self.ctx, sender, now);
            }
            silence::check(&mut self.ctx, sender, now);
            if let Some(key) = sender.timeline.take_lost_empty() {
                lifecycle::lose_empty(&mut self.ctx, sender, key);
            }
        }
    }

    fn handle_job(&mut self, _now: Timestamp, done: JobDone) {
        let JobDone::Store { slot, outcome } = done else { return };
        if let Some(sender) = self.senders.get_mut(slot.sender) {
            lifecycle::block_stored(&mut self.ctx, sender, slot, outcome);
        }
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        order::send_next(&mut self.ctx, &mut self.senders, now, out)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.ctx.pop_job()
    }

    fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.ctx.pop_event()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.senders.next_timeout().map(|(at, _)| at)
    }
}
