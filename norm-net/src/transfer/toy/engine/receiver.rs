//! The receiver.

use core::net::SocketAddr;
use core::ops::Range;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{
    BlockGeometry, BlockSlot, Datagram, Destination, Endpoint, Job, JobDone, ObjectRef, SenderId,
    StoreJob, StoreOutcome, SymbolStore, Transmit, TransmitBuf,
};
use norm_core::transfer::{
    Inbound, InboundNotice, InboundStats, NodeId, ReceiverStatus, SourceView,
};

use super::wire::{Header, MAGIC, REQUEST, SYMBOL, blocks, geometry};

/// Limits of what packets can make a receiver keep.
const MAX_SENDERS: usize = 4;
const MAX_OBJECTS: usize = 1_000;

/// Writes a whole block.
fn store_job(slot: BlockSlot, geometry: BlockGeometry) -> Job {
    Job::Store(StoreJob { slot, geometry, decode: false, held: Vec::new() })
}

/// An object as far as it is here.
struct Object {
    size: u64,
    accepted: bool,
    /// Refused, given up, or stored and confirmed.
    settled: bool,
    /// Symbols of each block that is not whole.
    symbols: BTreeMap<u32, BTreeSet<u32>>,
    whole: BTreeSet<u32>,
    stored: BTreeSet<u32>,
}

impl Object {
    fn is_stored(&self) -> bool {
        self.stored.len() as u64 == u64::from(blocks(self.size))
    }
}

struct Source {
    address: SocketAddr,
    last_heard: Timestamp,
    ended: bool,
    position: (u64, u32),
    objects: BTreeMap<u64, Object>,
}

/// Receives from the first few senders that it hears.
pub struct ToyReceiver<S> {
    store: S,
    sources: BTreeMap<SenderId, Source>,
    /// Addresses of senders to ask.
    requests: VecDeque<SocketAddr>,
    events: VecDeque<InboundNotice>,
    jobs: VecDeque<Job>,
    stats: InboundStats,
}

impl<S: SymbolStore> ToyReceiver<S> {
    /// A receiver that keeps symbols in `store`.
    pub fn new(store: S) -> Self {
        Self {
            store,
            sources: BTreeMap::new(),
            requests: VecDeque::new(),
            events: VecDeque::new(),
            jobs: VecDeque::new(),
            stats: InboundStats::default(),
        }
    }

    fn source_at(&mut self, now: Timestamp, address: SocketAddr) -> Option<SenderId> {
        let known = self.sources.iter().find(|(_, source)| source.address == address);
        if let Some((&sender, _)) = known {
            return Some(sender);
        }
        if self.sources.len() >= MAX_SENDERS {
            return None;
        }
        let sender = SenderId(self.sources.len() as u32);
        let source = Source {
            address,
            last_heard: now,
            ended: false,
            position: (0, 0),
            objects: BTreeMap::new(),
        };
        self.sources.insert(sender, source);
        self.requests.push_back(address);
        self.events.push_back(InboundNotice::SenderFound { sender, node: NodeId::NONE, address });
        Some(sender)
    }

    fn take_symbol(&mut self, sender: SenderId, header: Header, payload: &[u8]) -> Option<()> {
        let Header { key, size, block, symbol, meta } = header;
        let source = self.sources.get_mut(&sender)?;
        source.position = source.position.max((key, block));
        if !source.objects.contains_key(&key) {
            if source.objects.len() >= MAX_OBJECTS {
                return None;
            }
            let (symbols, whole, stored) = Default::default();
            let object = Object { size, accepted: false, settled: false, symbols, whole, stored };
            source.objects.insert(key, object);
            let object = ObjectRef { sender, key };
            self.events.push_back(InboundNotice::Opened { object, size, meta });
        }
        let object = source.objects.get_mut(&key).filter(|o| !o.settled && o.size == size)?;
        let geometry = geometry(size, block)?;
        let len = (geometry.len - symbol.checked_mul(SYMBOL.into())?.min(geometry.len))
            .min(SYMBOL.into()) as usize;
        if len == 0 || payload.len() != len || object.whole.contains(&block) {
            return None;
        }
        let slot = BlockSlot { sender, object: key, block };
        if !self.store.put(slot, &geometry, symbol, payload) {
            self.stats.no_room += 1;
            return None;
        }
        let symbols = object.symbols.entry(block).or_default();
        symbols.insert(symbol);
        if symbols.len() as u64 == u64::from(geometry.symbols) {
            object.symbols.remove(&block);
            object.whole.insert(block);
            if object.accepted {
                self.jobs.push_back(store_job(slot, geometry));
            }
        }
        Some(())
    }

    fn object_mut(&mut self, object: ObjectRef) -> Option<&mut Object> {
        self.sources.get_mut(&object.sender)?.objects.get_mut(&object.key)
    }

    fn settle(&mut self, object: ObjectRef) {
        if let Some(state) = self.object_mut(object) {
            state.settled = true;
            let blocks: Vec<u32> = state.symbols.keys().copied().collect();
            state.symbols.clear();
            for block in blocks {
                let slot = BlockSlot { sender: object.sender, object: object.key, block };
                self.store.discard(slot);
            }
        }
    }
}

impl<S: SymbolStore> Endpoint for ToyReceiver<S> {
    type Event = InboundNotice;

    fn handle_datagram(&mut self, now: Timestamp, datagram: Datagram<'_>) {
        self.stats.packets += 1;
        self.stats.bytes += datagram.payload.len() as u64;
        if !datagram.payload.starts_with(&MAGIC) {
            self.stats.malformed += 1;
            return;
        }
        let Some(sender) = self.source_at(now, datagram.source) else { return };
        self.stats.heard += 1;
        let Some(source) = self.sources.get_mut(&sender) else { return };
        source.last_heard = now;
        if datagram.payload.get(4) == Some(&1) {
            if !core::mem::replace(&mut source.ended, true) {
                self.events.push_back(InboundNotice::Ended { sender });
            }
            return;
        }
        match Header::parse(datagram.payload) {
            Some((header, payload)) => {
                let _ = self.take_symbol(sender, header, payload);
            }
            None => self.stats.malformed += 1,
        }
    }

    fn handle_timeout(&mut self, _: Timestamp) {}

    fn handle_job(&mut self, _: Timestamp, done: JobDone) {
        let JobDone::Store { slot, outcome } = done else { return };
        let object = slot.object_ref();
        let Some(state) = self.object_mut(object) else { return };
        match outcome {
            StoreOutcome::Written => {
                let news = state.stored.insert(slot.block);
                if news && state.is_stored() {
                    self.events.push_back(InboundNotice::Complete { object });
                }
            }
            StoreOutcome::NeedMore | StoreOutcome::HeldLost | StoreOutcome::Failed => {
                self.events.push_back(InboundNotice::StoreFailed { object });
            }
        }
    }

    fn poll_transmit(&mut self, _: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
        out.clear();
        let sender = self.requests.pop_front()?;
        out.append(|bytes| bytes.extend_from_slice(&REQUEST));
        out.feedback(Destination::Unicast(sender), sender)
    }

    fn poll_job(&mut self) -> Option<Job> {
        self.jobs.pop_front()
    }

    fn poll_event(&mut self) -> Option<InboundNotice> {
        self.events.pop_front()
    }

    fn poll_timeout(&self) -> Option<Timestamp> {
        None
    }
}

impl<S: SymbolStore> Inbound for ToyReceiver<S> {
    type Store = S;

    fn notice(event: InboundNotice) -> Option<InboundNotice> {
        Some(event)
    }

    fn store(&self) -> &S {
        &self.store
    }

    fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    fn accept(&mut self, object: ObjectRef) {
        self.accept_with(object, &RangeSet::new());
    }

    fn accept_with(&mut self, object: ObjectRef, held: &RangeSet) {
        let Some(state) = self.object_mut(object).filter(|state| !state.accepted) else { return };
        state.accepted = true;
        let mut stores = Vec::new();
        for block in 0..blocks(state.size) {
            let Some(geometry) = geometry(state.size, block) else { break };
            if held.covers(geometry.offset, geometry.offset + u64::from(geometry.len)) {
                state.whole.insert(block);
                state.stored.insert(block);
            } else if state.whole.contains(&block) {
                let slot = BlockSlot { sender: object.sender, object: object.key, block };
                stores.push(store_job(slot, geometry));
            }
        }
        let complete = state.is_stored();
        self.jobs.extend(stores);
        if complete {
            self.events.push_back(InboundNotice::Complete { object });
        }
    }

    // A block of which only a part is here comes whole.
    fn note_held(&mut self, _: ObjectRef, _: Range<u64>) {}

    fn note_unwanted(&mut self, _: ObjectRef, _: Range<u64>) {}

    fn ask_up_to(&mut self, _: ObjectRef, _: u64, _: Timestamp) {}

    fn refuse(&mut self, object: ObjectRef) {
        self.settle(object);
    }

    fn restart(&mut self, object: ObjectRef) {
        // Nothing of it comes again.
        self.settle(object);
    }

    fn confirm(&mut self, object: ObjectRef) {
        self.settle(object);
    }

    fn give_up(&mut self, sender: SenderId, keys: Range<u64>) {
        let Some(source) = self.sources.get(&sender) else { return };
        let known: Vec<u64> = source.objects.range(keys).map(|(&key, _)| key).collect();
        known.into_iter().for_each(|key| self.settle(ObjectRef { sender, key }));
    }

    fn want(&mut self, _: SenderId, _: u64, _: Timestamp) {}

    fn expect_partial(&mut self, _: SenderId, _: Range<u64>) {}

    fn set_status(&mut self, _: SenderId, _: ReceiverStatus) {}

    fn report_now(&mut self, _: SenderId, _: Timestamp) {}

    fn set_host_drops(&mut self, _: u64) {}

    fn forget(&mut self, sender: SenderId) {
        self.sources.remove(&sender);
    }

    fn source(&self, sender: SenderId) -> Option<SourceView> {
        let source = self.sources.get(&sender)?;
        Some(SourceView {
            last_heard: source.last_heard,
            is_paused: false,
            is_stopped: false,
            has_ended: source.ended,
            loss: 0.0,
            position: source.position,
            unheard_since: None,
        })
    }

    fn has_all(&self, sender: SenderId) -> bool {
        let settled = |object: &Object| object.settled || object.is_stored();
        self.sources.get(&sender).is_some_and(|source| source.objects.values().all(settled))
    }

    fn number(&self, object: ObjectRef) -> u64 {
        object.key
    }

    fn releases(&self) -> bool {
        false
    }

    fn node(&self) -> NodeId {
        NodeId::NONE
    }

    fn stats(&self) -> InboundStats {
        self.stats
    }
}
