//! The receiving engine: composes the parts, and is what drivers and applications call.

use core::net::SocketAddr;
use core::ops::Range;

use super::config::ReceiverConfig;
use super::content;
use super::ctx::Ctx;
use super::epoch::Epoch;
use super::event::{ReceiverEvent, ReceiverStats};
use super::intake;
use super::lifecycle;
use super::liveness::Told;
use super::object::Object;
use super::recall;
use super::sessions::Sessions;
use super::timeout::TimeoutReason;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{
    Datagram, Endpoint, Job, JobDone, ObjectRef, RawPacket, SenderId, SymbolStore, Transmit,
    TransmitBuf,
};
use crate::flute::wire::{Toi, Tsi};

/// What is in progress, to be held against the limits of [`ReceiverConfig`].
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Sessions that are followed, those that have ended included.
    pub sessions: usize,
    /// Objects in progress, of all sessions.
    pub objects: usize,
    /// Bytes that packets have made the engine take, of all limits but the 8 MiB for tables that
    /// are known again.
    pub bytes: usize,
}

/// A FLUTE receiver, of any number of sessions.
///
/// Each run of a session, from its first packet to the one that ends it, is a sender of its own to
/// the application.
#[derive(Debug)]
pub struct Receiver<S> {
    ctx: Ctx<S>,
    sessions: Sessions,
}

impl<S: SymbolStore> Receiver<S> {
    /// A receiver that has heard nothing.
    pub fn new(config: ReceiverConfig, store: S) -> Self {
        Self { ctx: Ctx::new(config, store), sessions: Sessions::default() }
    }

    fn with(&mut self, sender: SenderId, act: impl FnOnce(&mut Ctx<S>, &mut Epoch)) {
        if let Some(epoch) = self.sessions.get_mut(sender) {
            act(&mut self.ctx, epoch);
        }
    }

    /// Takes an opened object: its blocks are stored as they become whole.
    pub fn accept(&mut self, object: ObjectRef) {
        self.with(object.sender, |ctx, epoch| lifecycle::accept(ctx, epoch, object.key));
    }

    /// Takes an opened object of which these bytes are in their place already.
    pub fn accept_with(&mut self, object: ObjectRef, held: &RangeSet) {
        self.with(object.sender, |ctx, epoch| {
            lifecycle::accept_with(ctx, epoch, object.key, held);
        });
    }

    /// Notes that some more bytes of an opened object are in their place, from wherever.
    pub fn note_held(&mut self, object: ObjectRef, range: &Range<u64>) {
        self.with(object.sender, |ctx, epoch| {
            lifecycle::note_held(ctx, epoch, object.key, range, true);
        });
    }

    /// Notes that some bytes of an opened object are not wanted.
    pub fn note_unwanted(&mut self, object: ObjectRef, range: &Range<u64>) {
        self.with(object.sender, |ctx, epoch| {
            lifecycle::note_held(ctx, epoch, object.key, range, false);
        });
    }

    /// Stops wanting the objects with these keys: what comes of them is ignored.
    pub fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        self.with(sender, |ctx, epoch| lifecycle::give_up(ctx, epoch, keys));
    }

    /// Wants an object again from the start; it opens again with the next packet of its sender from
    /// which it is known.
    pub fn restart(&mut self, object: ObjectRef) {
        self.with(object.sender, |ctx, epoch| lifecycle::restart(ctx, epoch, object.key));
    }

    /// Wants bytes of an object in progress again, which are in their places and wrong. False when
    /// a job has one of their blocks: nothing has happened then.
    pub fn want_again(&mut self, object: ObjectRef, wrong: &[Range<u64>]) -> bool {
        let epoch = self.sessions.get_mut(object.sender);
        epoch.is_none_or(|epoch| lifecycle::want_again(epoch, object.key, wrong))
    }

    /// Bytes of an object in progress that are neither in their place nor have come as source
    /// symbols; `None` when it is not in progress.
    pub fn missing(&self, object: ObjectRef) -> Option<RangeSet> {
        self.sessions.get(object.sender)?.objects.get(&object.key).map(Object::missing)
    }

    /// Forgets a sender and everything of it that is not stored.
    pub fn forget(&mut self, sender: SenderId) {
        intake::forget(&mut self.ctx, &mut self.sessions, sender);
    }

    /// True when the sender has said what all its objects are, or has ended, and all of them are
    /// written, refused or given up.
    pub fn has_all(&self, sender: SenderId) -> bool {
        self.epoch(sender).is_some_and(Epoch::has_all)
    }

    /// The TOI of an object.
    pub fn toi(&self, object: ObjectRef) -> Option<Toi> {
        self.sessions.get(object.sender)?.keys.toi_of(object.key)
    }

    /// The first session that was heard and is not wanted because it has another number than
    /// [`ReceiverConfig::tsi`].
    pub fn other_session(&self) -> Option<(SocketAddr, Tsi)> {
        self.ctx.other()
    }

    /// What is in progress.
    pub fn load(&self) -> Load {
        Load {
            sessions: self.sessions.iter().count(),
            objects: self.sessions.iter().map(|epoch| epoch.objects.len()).sum(),
            bytes: self.ctx.used(),
        }
    }

    /// Counters.
    pub fn stats(&self) -> &ReceiverStats {
        self.ctx.stats_ref()
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
        let patience = self.ctx.config().patience;
        self.sessions.iter().filter_map(|epoch| epoch.next_timeout(patience)).min()
    }

    /// Packets of an object were read back.
    fn recalled(&mut self, object: ObjectRef, packets: &[RawPacket], is_last: bool) {
        match self.sessions.get_mut(object.sender) {
            Some(epoch) => recall::answered(&mut self.ctx, epoch, object.key, packets, is_last),
            None => {
                self.ctx.store_mut().discard_packets(object);
                self.ctx.recall_is_answered(None);
            }
        }
    }

    /// What is known of a sender.
    pub(super) fn epoch(&self, sender: SenderId) -> Option<&Epoch> {
        self.sessions.get(sender)
    }
}

impl<S: SymbolStore> Endpoint for Receiver<S> {
    type Event = ReceiverEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        intake::take(&mut self.ctx, &mut self.sessions, now, &datagram);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        let patience = self.ctx.config().patience;
        for epoch in self.sessions.iter_mut() {
            let (sender, is_busy) = (epoch.id(), epoch.is_busy());
            match epoch.liveness.check(now, patience, is_busy) {
                Some(Told::Silent) => self.ctx.event(ReceiverEvent::SenderSilent { sender }),
                Some(Told::Ended) => self.ctx.event(ReceiverEvent::SenderEnded { sender }),
                None => {}
            }
        }
    }

    fn handle_job(&mut self, now: Timestamp, done: JobDone) {
        match done {
            JobDone::Store { slot, outcome } => {
                let spares = self.ctx.spares().take(slot);
                self.with(slot.sender, |ctx, epoch| {
                    lifecycle::block_stored(ctx, epoch, slot, outcome);
                    content::take_spares(ctx, epoch, slot, spares);
                });
            }
            JobDone::Recall { object, packets, is_last } => {
                self.recalled(object, &packets, is_last);
            }
            _ => return,
        }
        // The end of a session may have waited for it.
        if self.poll_timeout().is_some_and(|due| due <= now) {
            self.handle_timeout(now);
        }
    }

    fn poll_transmit(&mut self, _now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        None
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.ctx.pop_job()
    }

    fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.ctx.pop_event()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.timeout_reason().map(|(at, _)| at)
    }
}
