//! The receiving side of a NORM session (RFC 5740 §5.2, §5.3).
//!
//! The receiver keeps which symbols are here; a [`SymbolStore`] keeps their bytes. Files: `intake`
//! takes messages, `needs` says what is missing, `feedback` says it to the sender, `probes` what the
//! path carries; `resume` takes what was here before; `remote` and `object` are the state of one sender
//! and one object; the rest are parts.

mod commands;
mod config;
mod event;
mod feedback;
mod heard;
mod hush;
mod identity;
mod inbound;
mod intake;
mod nack_timer;
mod need_writer;
mod needs;
mod object;
mod overhear;
mod probes;
mod remote;
mod resume;
mod stream;

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::base::Rng;
use crate::base::Timestamp;
use crate::endpoint::{
    BlockSlot, Datagram, Endpoint, Job, JobDone, ObjectRef, SenderId, StoreJob, StoreOutcome,
    SymbolStore, Transmit, TransmitBuf,
};
use crate::norm::wire::{NodeId, ObjectId, Sequence};

pub use config::{Feedback, JoinPolicy, ReceiverConfig};
pub use event::{ReceiverEvent, ReceiverStats};
pub use remote::Progress;

use needs::DueBound;
use object::RecvObject;
use remote::Remote;

/// Receives objects from any number of senders in a session.
#[derive(Debug)]
pub struct Receiver<S> {
    config: ReceiverConfig,
    node: NodeId,
    rng: Rng,
    store: S,
    sequence: Sequence,
    remotes: BTreeMap<SenderId, Remote>,
    /// By node id, instance id and address.
    by_source: BTreeMap<(NodeId, u16, SocketAddr), SenderId>,
    next_remote: SenderId,
    /// No other node id is taken before.
    redraw_from: Timestamp,
    /// Blocks under way, of all senders.
    blocks: usize,
    /// Packets that came to this host and never to us.
    host_drops: u64,
    jobs: VecDeque<Job>,
    events: VecDeque<ReceiverEvent>,
    stats: ReceiverStats,
}

/// What a receiver has under way.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Senders followed.
    pub senders: usize,
    /// Objects of the sender with the most of them.
    pub objects: usize,
    /// Blocks of all senders.
    pub blocks: usize,
}

/// Silence after which a receiver looks for itself whether something is missing, at least.
const SHORTEST_CHECK: Duration = Duration::from_secs(1);
/// A sender that has said that it ends the session, and then nothing for this long, is gone.
const GONE: Duration = Duration::from_secs(1);
/// Anybody may claim that our node id is taken.
const REDRAW_PAUSE: Duration = Duration::from_millis(500);
/// Senders followed at one address at most: somebody who makes up senders must not push out others.
const SENDERS_PER_ADDRESS: usize = 4;

impl<S: SymbolStore> Receiver<S> {
    /// A receiver whose random choices follow from `seed` and its identity.
    pub fn new(config: ReceiverConfig, store: S, seed: u64) -> Self {
        let identity = u128::from_be_bytes(config.identity.0);
        let mut rng = Rng::new(seed ^ (identity as u64) ^ (identity >> 64) as u64);
        let node = config.node.unwrap_or_else(|| NodeId::draw(&mut rng));
        Self {
            config,
            node,
            rng,
            store,
            sequence: Sequence(0),
            remotes: BTreeMap::new(),
            by_source: BTreeMap::new(),
            next_remote: SenderId(0),
            redraw_from: Timestamp::ZERO,
            blocks: 0,
            host_drops: 0,
            jobs: VecDeque::new(),
            events: VecDeque::new(),
            stats: ReceiverStats::default(),
        }
    }

    /// Takes an opened object: its blocks will be written as they become whole.
    pub fn accept(&mut self, object: ObjectRef) {
        let Some(state) = self.object_mut(object) else { return };
        if state.is_stream {
            if !self.accept_stream(object) {
                self.refuse(object);
            }
            return;
        }
        state.accepted = true;
        let ready: Vec<u32> =
            state.blocks.iter().filter(|(_, b)| b.is_ready()).map(|(&number, _)| number).collect();
        for block in ready {
            self.store_block(object, block);
        }
        self.complete_if_done(object);
    }

    /// Declines an object: it counts as done and confirmed, and its packets are ignored.
    pub fn refuse(&mut self, object: ObjectRef) {
        self.drop_object(object);
        self.confirm(object);
    }

    /// Stops wanting these objects without confirming them: they are not asked for any more, and the
    /// sender's watermark does not pass for us.
    pub fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        let Some(state) = self.remotes.get_mut(&sender) else { return };
        state.done.insert(keys.start, keys.end);
        let known: Vec<u64> = state.objects.range(keys).map(|(&key, _)| key).collect();
        for key in known {
            self.drop_object(ObjectRef { sender, key });
        }
    }

    /// Says that an object is verified and safe, which lets the sender's watermark pass.
    pub fn confirm(&mut self, object: ObjectRef) {
        self.with_remote(object.sender, |_, remote| {
            remote.done.insert(object.key, object.key + 1);
            remote.confirmed.insert(object.key, object.key + 1);
        });
    }

    /// Asks for an object again from the start, because what was written turned out wrong.
    pub fn restart(&mut self, object: ObjectRef) {
        self.drop_object(object);
        self.with_remote(object.sender, |_, remote| {
            remote.done.remove(object.key, object.key + 1);
            remote.confirmed.remove(object.key, object.key + 1);
        });
    }

    /// Asks the sender for objects from this one on, although they were sent before we came.
    pub fn request_from(&mut self, sender: SenderId, first: ObjectId, now: Timestamp) {
        self.with_remote(sender, |this, remote| {
            let key = remote.key_of(first);
            if let Some(from) = remote.want_from {
                remote.want_from = Some(from.min(key));
                this.check_repairs(now, remote);
            }
        });
    }

    /// Sets what reports say about our progress with a sender.
    pub fn set_progress(&mut self, sender: SenderId, progress: Progress) {
        self.with_remote(sender, |_, remote| remote.progress = progress);
    }

    /// Reports to a sender now rather than at its next roll call.
    pub fn report_now(&mut self, sender: SenderId, now: Timestamp) {
        self.with_remote(sender, |_, remote| {
            let round = remote.answered_round.unwrap_or(0);
            remote.report = Some((now, round));
        });
    }

    /// Forgets a sender and everything under way from it.
    pub fn forget(&mut self, sender: SenderId) {
        let Some(gone) = self.remotes.remove(&sender) else { return };
        self.by_source.remove(&(gone.node, gone.instance.0, gone.address));
        for (&key, object) in &gone.objects {
            self.blocks -= object.blocks.len();
            for &block in object.blocks.keys() {
                self.store.discard(BlockSlot { sender, object: key, block });
            }
        }
    }

    /// Says how many packets this host has dropped so far before they could be handed in; reports tell it,
    /// apart from what the network lost.
    pub fn set_host_drops(&mut self, packets: u64) {
        self.host_drops = packets;
    }

    /// Our node id at present.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// What is under way, to be held against the limits of [`ReceiverConfig`].
    pub fn load(&self) -> Load {
        let objects = self.remotes.values().map(|remote| remote.objects.len()).max();
        Load { senders: self.remotes.len(), objects: objects.unwrap_or(0), blocks: self.blocks }
    }

    /// Counters.
    pub fn stats(&self) -> &ReceiverStats {
        &self.stats
    }

    /// Content bytes written from a sender, and the loss seen as a fraction of 65,535.
    pub fn progress(&self, sender: SenderId) -> Option<(u64, u16)> {
        self.remotes.get(&sender).map(|r| (r.bytes_done, r.loss.fraction()))
    }

    /// How far a sender has come: key and block that it sends for the first time, as far as was heard.
    pub fn position(&self, sender: SenderId) -> Option<(u64, u32)> {
        self.remotes.get(&sender).map(|r| (r.position.key, r.position.block))
    }

    /// When a sender was last heard.
    pub fn last_heard(&self, sender: SenderId) -> Option<Timestamp> {
        self.remotes.get(&sender).map(|remote| remote.last_heard)
    }

    /// True when a sender has said that it sends nothing for now, and still says so.
    pub fn is_paused(&self, sender: SenderId) -> bool {
        self.remotes.get(&sender).is_some_and(|remote| remote.paused)
    }

    /// True when everything that a sender is known to have is here, refused or given up. Something of
    /// an object may be written and not confirmed yet.
    pub fn has_all(&self, sender: SenderId) -> bool {
        self.remotes.get(&sender).is_some_and(Remote::has_all)
    }

    /// True when the last that was heard of a sender is that it ends the session (CMD(EOT)).
    pub fn has_ended(&self, sender: SenderId) -> bool {
        self.remotes.get(&sender).is_some_and(|remote| remote.said_goodbye)
    }

    /// The bytes' keeper.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The bytes' keeper; the driver takes whole blocks out of it to store them.
    pub fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    fn event(&mut self, event: ReceiverEvent) {
        self.events.push_back(event);
    }

    /// Runs `f` on a sender's state, with the receiver's own beside it.
    fn with_remote(&mut self, index: SenderId, f: impl FnOnce(&mut Self, &mut Remote)) {
        if let Some(mut remote) = self.remotes.remove(&index) {
            f(self, &mut remote);
            self.remotes.insert(index, remote);
        }
    }

    fn object_mut(&mut self, object: ObjectRef) -> Option<&mut RecvObject> {
        self.remotes.get_mut(&object.sender)?.objects.get_mut(&object.key)
    }

    fn store_block(&mut self, object: ObjectRef, block: u32) {
        let slot = BlockSlot { sender: object.sender, object: object.key, block };
        let Some(state) = self.object_mut(object) else { return };
        let Some(geometry) = state.geometry(block) else { return };
        let Some(under_way) = state.blocks.get_mut(&block) else { return };
        under_way.busy = true;
        let decode = under_way.needs_decoding();
        self.stats.decoded += u64::from(decode);
        self.jobs.push_back(Job::Store(StoreJob { slot, geometry, decode }));
    }

    fn complete_if_done(&mut self, object: ObjectRef) {
        let auto_confirm = self.config.auto_confirm;
        let Some(remote) = self.remotes.get_mut(&object.sender) else { return };
        if remote.objects.get(&object.key).is_some_and(RecvObject::is_complete) {
            remote.objects.remove(&object.key);
            remote.done.insert(object.key, object.key + 1);
            if auto_confirm {
                remote.confirmed.insert(object.key, object.key + 1);
            }
            self.event(ReceiverEvent::ObjectComplete { object });
        }
    }

    fn drop_object(&mut self, object: ObjectRef) {
        let Some(remote) = self.remotes.get_mut(&object.sender) else { return };
        let Some(gone) = remote.objects.remove(&object.key) else { return };
        self.blocks -= gone.blocks.len();
        for &block in gone.blocks.keys() {
            self.store.discard(BlockSlot { sender: object.sender, object: object.key, block });
        }
    }

    /// The sender cannot repair it: stop asking, and tell the application.
    fn abort_object(&mut self, object: ObjectRef) {
        let Some(remote) = self.remotes.get_mut(&object.sender) else { return };
        if remote.done.contains(object.key) {
            return;
        }
        remote.done.insert(object.key, object.key + 1);
        self.drop_object(object);
        self.event(ReceiverEvent::ObjectAborted { object });
    }

    /// There seems to be no INFO of an empty object: stop asking, and tell the application.
    fn lose_empty(&mut self, object: ObjectRef) {
        self.give_up(object.sender, object.key..object.key + 1);
        self.event(ReceiverEvent::EmptyObjectLost { object });
    }

    /// Two nodes share our id: take another and say so, but not all the time.
    fn redraw_node(&mut self, now: Timestamp) {
        if now < self.redraw_from {
            return;
        }
        self.redraw_from = now + REDRAW_PAUSE;
        self.node = NodeId::draw(&mut self.rng);
        for remote in self.remotes.values_mut() {
            // What was acknowledged under the old id may count for nothing.
            (remote.acked, remote.released, remote.name.asked_again) = (None, false, 0);
            remote.ack.take_if(|ack| ack.watermark.is_some());
            remote.report = Some((now, remote.answered_round.unwrap_or(0)));
        }
    }

    fn check_interval(&self, remote: &Remote) -> Duration {
        (remote.timing.grtt * 4).max(SHORTEST_CHECK)
    }

    /// Looks after a sender that has been silent: perhaps its last packets were lost.
    fn check_silence(&mut self, now: Timestamp, remote: &mut Remote) {
        let interval = self.check_interval(remote);
        remote.next_check = now + interval;
        if now < remote.last_heard + interval {
            return;
        }
        let position = remote.position;
        // Who has ended the session hears no requests any more, and will hardly come back.
        let over = remote.said_goodbye;
        if remote.want_from.is_some() && !remote.paused && !over {
            remote.make_due(DueBound { key: position.key, block: position.block + 1 });
            let streams = remote.objects.values_mut().filter_map(|o| o.stream.as_deref_mut());
            streams.for_each(stream::RecvStream::rest);
            self.check_repairs(now, remote);
        }
        let patience = self.config.patience.min(if over { GONE } else { Duration::MAX });
        if now >= remote.last_heard + patience && !remote.silent {
            remote.silent = true;
            remote.paused = false;
            self.event(if over {
                ReceiverEvent::SenderEnded { sender: remote.index }
            } else {
                ReceiverEvent::SenderSilent { sender: remote.index }
            });
        }
    }
}

impl<S: SymbolStore> Endpoint for Receiver<S> {
    type Event = ReceiverEvent;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.take(now, &datagram);
    }

    fn handle_timeout(&mut self, now: Timestamp) {
        let indices: Vec<SenderId> = self.remotes.keys().copied().collect();
        for index in indices {
            self.with_remote(index, |this, remote| {
                if remote.nack.take_expired(now) {
                    this.check_repairs(now, remote);
                }
                if now >= remote.next_check {
                    this.check_silence(now, remote);
                }
            });
            if let Some(key) = self.remotes.get_mut(&index).and_then(Remote::take_hopeless) {
                self.lose_empty(ObjectRef { sender: index, key });
            }
        }
    }

    fn handle_job(&mut self, _now: Timestamp, done: JobDone) {
        let JobDone::Store { slot, outcome } = done else { return };
        let object = ObjectRef { sender: slot.sender, key: slot.object };
        let Some(state) = self.object_mut(object) else { return };
        match outcome {
            StoreOutcome::Written => {
                let len = state.geometry(slot.block).map_or(0, |g| g.len);
                if state.set_written(slot.block) {
                    self.blocks = self.blocks.saturating_sub(1);
                    self.with_remote(slot.sender, |_, r| r.bytes_done += u64::from(len));
                }
                self.complete_if_done(object);
            }
            StoreOutcome::NeedMore => {
                self.stats.decode_retries += 1;
                if let Some(state) = self.object_mut(object)
                    && let Some(block) = state.blocks.get_mut(&slot.block)
                {
                    block.need_more();
                }
            }
            StoreOutcome::Failed => self.event(ReceiverEvent::StoreFailed { object }),
        }
    }

    fn poll_transmit(&mut self, now: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        self.next_feedback(now, out)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    fn poll_event(&mut self) -> Option<ReceiverEvent> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        self.remotes.values().filter_map(Remote::next_timeout).min()
    }
}

#[cfg(test)]
mod tests;
