//! What all senders of a receiver share: settings, our node id, the store, and what goes out.

use core::time::Duration;
use std::collections::VecDeque;

use crate::base::{Rng, Timestamp};
use crate::endpoint::{BlockGeometry, BlockSlot, Job, StoreJob, SymbolStore};
use crate::norm::wire::{Header, Identity, NodeId, Sequence};

use super::admission::Admission;
use super::config::ReceiverConfig;
use super::event::{ReceiverEvent, ReceiverStats};
use super::sender_state::SenderState;

/// The shortest time between two draws of a node id: any node may claim that ours is taken.
const MIN_REDRAW_INTERVAL: Duration = Duration::from_millis(500);

/// What all senders share.
#[derive(Debug)]
pub(crate) struct Ctx<S> {
    config: ReceiverConfig,
    admission: Admission,
    node: NodeId,
    /// No other node id is drawn before.
    redraw_from: Timestamp,
    rng: Rng,
    sequence: Sequence,
    store: S,
    /// Blocks in progress, of all senders.
    blocks: usize,
    /// Packets that came to this host and never to us.
    host_drops: u64,
    jobs: VecDeque<Job>,
    events: VecDeque<ReceiverEvent>,
    stats: ReceiverStats,
}

impl<S> Ctx<S> {
    /// Random choices follow from `seed` and the identity.
    pub(super) fn new(config: ReceiverConfig, store: S, seed: u64) -> Self {
        let identity = u128::from_be_bytes(config.identity.0);
        let mut rng = Rng::new(seed ^ (identity as u64) ^ (identity >> 64) as u64);
        let node = config.node.unwrap_or_else(|| NodeId::draw(&mut rng));
        Self {
            admission: Admission::new(config.only.clone()),
            config,
            node,
            redraw_from: Timestamp::ZERO,
            rng,
            sequence: Sequence(0),
            store,
            blocks: 0,
            host_drops: 0,
            jobs: VecDeque::new(),
            events: VecDeque::new(),
            stats: ReceiverStats::default(),
        }
    }

    pub(super) fn config(&self) -> &ReceiverConfig {
        &self.config
    }

    /// Decides which senders are followed.
    pub(super) fn admission(&mut self) -> &mut Admission {
        &mut self.admission
    }

    /// Our node id at present.
    pub(super) fn node(&self) -> NodeId {
        self.node
    }

    /// Draws another node id, but not too often. True when it has changed.
    pub(super) fn redraw_node(&mut self, now: Timestamp) -> bool {
        if now < self.redraw_from {
            return false;
        }
        self.redraw_from = now + MIN_REDRAW_INTERVAL;
        self.node = NodeId::draw(&mut self.rng);
        true
    }

    /// The identity that we use with a sender.
    pub(super) fn identity_to(&self, sender: &SenderState) -> Identity {
        let hidden = self.config.identity_per_sender;
        sender.alias.identity(self.config.identity, hidden, &sender.source)
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// A random part of a span, for answers that must not come all at once.
    pub(super) fn random_part(&mut self, span: Duration) -> Duration {
        span.mul_f64(self.rng.unit())
    }

    /// The header of the next message that we send.
    pub(super) fn next_header(&mut self) -> Header {
        let header = Header { sequence: self.sequence, source: self.node };
        self.sequence = self.sequence.next();
        header
    }

    /// Counters, to be counted up.
    pub(super) fn stats(&mut self) -> &mut ReceiverStats {
        &mut self.stats
    }

    pub(super) fn stats_ref(&self) -> &ReceiverStats {
        &self.stats
    }

    /// Packets that were dropped on this host: before they came to us, or for lack of room.
    pub(super) fn drops(&self) -> u64 {
        self.stats.no_room + self.host_drops
    }

    /// Packets that were dropped on this host before they came to us, of all senders.
    pub(super) fn host_drops(&self) -> u64 {
        self.host_drops
    }

    pub(super) fn set_host_drops(&mut self, packets: u64) {
        self.host_drops = packets;
    }

    /// Tells the application something.
    pub(super) fn event(&mut self, event: ReceiverEvent) {
        self.events.push_back(event);
    }

    pub(super) fn pop_event(&mut self) -> Option<ReceiverEvent> {
        self.events.pop_front()
    }

    /// Has a block written.
    pub(super) fn push_store(&mut self, job: StoreJob) {
        self.stats.decoded += u64::from(job.decode);
        self.jobs.push_back(Job::Store(job));
    }

    pub(super) fn pop_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    pub(super) fn store(&self) -> &S {
        &self.store
    }

    pub(super) fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Blocks in progress, of all senders.
    pub(super) fn blocks(&self) -> usize {
        self.blocks
    }

    /// True when a block may be begun.
    pub(super) fn has_block_room(&self) -> bool {
        self.blocks < self.config.max_blocks
    }

    /// Notes that a block is begun.
    pub(super) fn begin_block(&mut self) {
        self.blocks += 1;
    }

    /// Notes that a block is no longer in progress.
    pub(super) fn end_block(&mut self) {
        self.blocks = self.blocks.saturating_sub(1);
    }
}

impl<S: SymbolStore> Ctx<S> {
    /// Bytes that blocks not yet begun may take.
    pub(super) fn room(&mut self) -> u64 {
        if self.has_block_room() { self.store.room() } else { 0 }
    }

    /// Keeps a symbol; false when there is no room.
    pub(super) fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
    ) -> bool {
        self.store.put(slot, geometry, symbol, payload)
    }

    /// Forgets a block that was in progress.
    pub(super) fn discard(&mut self, slot: BlockSlot) {
        self.end_block();
        self.store.discard(slot);
    }
}
