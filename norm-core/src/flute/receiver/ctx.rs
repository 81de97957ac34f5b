//! What all sessions of a receiver share: settings, limits, the store, and what goes out.

use core::net::SocketAddr;
use std::collections::VecDeque;

use super::budget::Budget;
use super::config::ReceiverConfig;
use super::event::{ReceiverEvent, ReceiverStats};
use super::nameless::{Kind, Nameless};
use super::spare::Spares;
use super::table::TableRoom;
use crate::endpoint::{BlockGeometry, BlockSlot, Job, ObjectRef, StoreJob, SymbolStore};
use crate::flute::wire::Tsi;

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Ctx<S> {
    config: ReceiverConfig,
    store: S,
    /// What tables, objects and blocks take.
    bookkeeping: Budget,
    /// What tables take that are not whole, or are known again.
    tables: TableRoom,
    /// What objects take that no table has told of.
    nameless: Nameless,
    /// Symbols of blocks that jobs have.
    spares: Spares,
    /// A session that is not wanted, by its number.
    other: Option<(SocketAddr, Tsi)>,
    jobs: VecDeque<Job>,
    recalls: Recalls,
    events: VecDeque<ReceiverEvent>,
    stats: ReceiverStats,
}

/// Objects of which packets are read back: one at a time, so that few are in memory.
#[derive(Debug, Default)]
struct Recalls {
    waiting: VecDeque<ObjectRef>,
    /// A job reads some.
    is_busy: bool,
}

impl<S> Ctx<S> {
    pub(super) fn new(config: ReceiverConfig, store: S) -> Self {
        Self {
            store,
            bookkeeping: Budget::new(config.max_bookkeeping),
            tables: TableRoom::new(),
            nameless: Nameless::new(&config),
            config,
            spares: Spares::default(),
            other: None,
            jobs: VecDeque::new(),
            recalls: Recalls::default(),
            events: VecDeque::new(),
            stats: ReceiverStats::default(),
        }
    }

    pub(super) fn config(&self) -> &ReceiverConfig {
        &self.config
    }

    /// What tables, objects and blocks take.
    pub(super) fn bookkeeping(&mut self) -> &mut Budget {
        &mut self.bookkeeping
    }

    /// What tables take that are not whole, or are known again.
    pub(super) fn tables(&mut self) -> &mut TableRoom {
        &mut self.tables
    }

    /// What objects take that no table has told of.
    pub(super) fn nameless(&mut self) -> &mut Nameless {
        &mut self.nameless
    }

    /// Symbols of blocks that jobs have.
    pub(super) fn spares(&mut self) -> &mut Spares {
        &mut self.spares
    }

    /// A session was heard that is not wanted, because it has another number.
    pub(super) fn note_other(&mut self, address: SocketAddr, tsi: Tsi) {
        self.other.get_or_insert((address, tsi));
    }

    /// The first such session.
    pub(super) const fn other(&self) -> Option<(SocketAddr, Tsi)> {
        self.other
    }

    /// Bytes taken of all limits.
    pub(super) fn used(&self) -> usize {
        let packets = self.nameless.used(Kind::Packets) + self.spares.bytes();
        self.bookkeeping.used() + self.tables.used() + packets
    }

    /// Counters, to be counted up.
    pub(super) fn stats(&mut self) -> &mut ReceiverStats {
        &mut self.stats
    }

    pub(super) fn stats_ref(&self) -> &ReceiverStats {
        &self.stats
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

    /// Has the packets of an object read back.
    pub(super) fn push_recall(&mut self, object: ObjectRef) {
        self.recalls.waiting.push_back(object);
        self.next_recall();
    }

    /// Packets were read back; of this object there are more.
    pub(super) fn recall_is_answered(&mut self, more: Option<ObjectRef>) {
        self.recalls.is_busy = false;
        more.into_iter().for_each(|object| self.recalls.waiting.push_front(object));
        self.next_recall();
    }

    fn next_recall(&mut self) {
        if self.recalls.is_busy {
            return;
        }
        if let Some(object) = self.recalls.waiting.pop_front() {
            self.recalls.is_busy = true;
            self.jobs.push_back(Job::Recall(object));
        }
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
}

impl<S: SymbolStore> Ctx<S> {
    /// Keeps a symbol of an object that is known, or not; false when there is no room.
    pub(super) fn put(
        &mut self,
        slot: BlockSlot,
        geometry: &BlockGeometry,
        symbol: u32,
        payload: &[u8],
        is_known: bool,
    ) -> bool {
        match is_known {
            true => self.store.put(slot, geometry, symbol, payload),
            false => self.store.put_unknown(slot, geometry, symbol, payload),
        }
    }
}
