//! What a simulated receiver has on disk from before, and how far it has compared that.

use core::ops::Range;
use std::collections::BTreeMap;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::ObjectRef;
use norm_core::norm::receiver::Receiver;

use crate::packet::mix;
use crate::scenario::HeldPlan;
use crate::store::SimStore;

/// The objects of which a receiver has something.
#[derive(Debug)]
pub(crate) struct Holdings {
    plan: Option<HeldPlan>,
    seed: u64,
    objects: BTreeMap<ObjectRef, Holding>,
    /// When the next chunk is compared.
    next: Timestamp,
}

#[derive(Debug)]
struct Holding {
    /// The object, whatever its key.
    name: u64,
    size: u64,
    /// What is known to be here.
    held: RangeSet,
    /// What lies before is compared.
    compared: u64,
}

impl Holdings {
    /// What a receiver has, which follows from `seed`.
    pub(crate) fn new(plan: Option<HeldPlan>, seed: u64) -> Self {
        Self { plan, seed, objects: BTreeMap::new(), next: Timestamp::MAX }
    }

    /// Forgets all objects: the receiver starts again.
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
        self.next = Timestamp::MAX;
    }

    /// Takes an object, less what is here of it.
    pub(crate) fn accept(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        name: u64,
        size: u64,
    ) {
        let Some(plan) = &self.plan else { return engine.accept(object) };
        let mut holding = Holding { name, size, held: RangeSet::new(), compared: 0 };
        if plan.compare_time.is_zero() {
            while let Some(chunk) = holding.compare(plan, self.seed) {
                holding.held.insert(chunk.start, chunk.end);
            }
        }
        engine.accept_with(object, &holding.held);
        if holding.compared < size {
            engine.ask_up_to(object, 0, now);
            self.next = self.next.min(now + plan.compare_time);
        }
        self.objects.insert(object, holding);
    }

    /// Compares a chunk, if it is time to.
    pub(crate) fn compare(&mut self, engine: &mut Receiver<SimStore>, now: Timestamp) {
        let Some(plan) = self.plan.as_ref().filter(|_| self.next <= now) else { return };
        self.next = Timestamp::MAX;
        let mut left =
            self.objects.iter_mut().filter(|(_, holding)| holding.compared < holding.size);
        let Some((&object, holding)) = left.next() else { return };
        self.next = now + plan.compare_time;
        let start = holding.compared;
        if let Some(chunk) = holding.compare_one(plan, self.seed) {
            holding.held.insert(chunk.start, chunk.end);
            engine.note_held(object, chunk);
        }
        debug_assert!(holding.compared > start);
        let all = holding.compared >= holding.size;
        engine.ask_up_to(object, if all { u64::MAX } else { holding.compared }, now);
    }

    /// When the next chunk is to be compared.
    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    /// True when this range of an object is here from before.
    pub(crate) fn covers(&self, object: ObjectRef, range: Range<u64>) -> bool {
        let held = self.objects.get(&object).map(|holding| &holding.held);
        held.is_some_and(|held| held.covers(range.start, range.end))
    }

    /// What was here of this range cannot be read.
    pub(crate) fn lose(&mut self, object: ObjectRef, range: Range<u64>) {
        if let Some(holding) = self.objects.get_mut(&object) {
            holding.held.remove(range.start, range.end);
        }
    }
}

impl Holding {
    /// Compares chunks up to the next one that is here.
    fn compare(&mut self, plan: &HeldPlan, seed: u64) -> Option<Range<u64>> {
        while self.compared < self.size {
            if let Some(chunk) = self.compare_one(plan, seed) {
                return Some(chunk);
            }
        }
        None
    }

    /// Compares the next chunk; returns it when it is here.
    fn compare_one(&mut self, plan: &HeldPlan, seed: u64) -> Option<Range<u64>> {
        let (start, len) = (self.compared, u64::from(plan.chunk.max(1)));
        let end = (start + len).min(self.size);
        self.compared = end;
        let drawn = mix(seed, mix(self.name, start / len)) >> 11;
        let is_missing = (drawn as f64) < plan.missing * (1u64 << 53) as f64;
        (!is_missing).then_some(start..end)
    }
}
