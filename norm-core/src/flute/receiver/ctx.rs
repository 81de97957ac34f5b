//! What all sessions of a receiver share: settings, limits, the store, and what goes out.

use std::collections::VecDeque;

use super::budget::Budget;
use super::config::ReceiverConfig;
use super::event::{ReceiverEvent, ReceiverStats};
use super::spare::Spares;
use crate::endpoint::{BlockGeometry, BlockSlot, Job, StoreJob, SymbolStore};

/// Bytes of tables that are being put together, of all sessions.
const MAX_ASSEMBLY: usize = 16 << 20;

/// Bytes of symbols of objects that no table has told of, of all sessions.
const MAX_NAMELESS: usize = 64 << 20;

/// What all sessions share.
#[derive(Debug)]
pub(super) struct Ctx<S> {
    config: ReceiverConfig,
    store: S,
    /// What tables, objects and blocks take.
    bookkeeping: Budget,
    /// What packets of objects that are not known take.
    early: Budget,
    /// What tables take that are not whole.
    assembly: Budget,
    /// Symbols of objects that no table has told of.
    nameless: Budget,
    /// Symbols of blocks that jobs have.
    spares: Spares,
    jobs: VecDeque<Job>,
    events: VecDeque<ReceiverEvent>,
    stats: ReceiverStats,
}

impl<S> Ctx<S> {
    pub(super) fn new(config: ReceiverConfig, store: S) -> Self {
        Self {
            store,
            bookkeeping: Budget::new(config.max_bookkeeping),
            early: Budget::new(config.max_early),
            assembly: Budget::new(MAX_ASSEMBLY),
            config,
            nameless: Budget::new(MAX_NAMELESS),
            spares: Spares::default(),
            jobs: VecDeque::new(),
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

    /// What packets of objects that are not known take.
    pub(super) fn early(&mut self) -> &mut Budget {
        &mut self.early
    }

    /// What tables take that are not whole.
    pub(super) fn assembly(&mut self) -> &mut Budget {
        &mut self.assembly
    }

    /// Symbols of objects that no table has told of.
    pub(super) fn nameless(&mut self) -> &mut Budget {
        &mut self.nameless
    }

    /// Symbols of blocks that jobs have.
    pub(super) fn spares(&mut self) -> &mut Spares {
        &mut self.spares
    }

    /// Bytes taken of all limits.
    pub(super) fn used(&self) -> usize {
        let budgets = self.bookkeeping.used() + self.early.used() + self.assembly.used();
        budgets + self.spares.bytes()
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
}
