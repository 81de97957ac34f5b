//! What a simulated receiver has on disk from before, how far it has compared that, and what it
//! does not want.

use core::ops::Range;
use std::collections::BTreeMap;

use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::endpoint::{ObjectRef, SenderId};
use norm_core::norm::receiver::Receiver;

use crate::drawn::DrawnChunks;
use crate::scenario::{HeldPlan, WantedPlan};
use crate::store::SimStore;

/// The objects of which a receiver has something, or wants only a part.
#[derive(Debug)]
pub(crate) struct Holdings {
    plan: Option<HeldPlan>,
    /// What it does not have.
    missing: DrawnChunks,
    /// What it does not want.
    unwanted: Option<DrawnChunks>,
    /// What senders have withdrawn.
    withdrawn: BTreeMap<SenderId, DrawnChunks>,
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
    /// What need not come.
    unwanted: RangeSet,
    /// What was withdrawn, and may be part of a block that is being written.
    doubtful: Vec<Range<u64>>,
    /// What lies before is compared.
    compared: u64,
}

impl Holdings {
    /// What a receiver has and wants, which follows from `seed`.
    pub(crate) fn new(plan: Option<HeldPlan>, wanted: Option<WantedPlan>, seed: u64) -> Self {
        let missing = plan.map_or((1, 1.0), |plan| (plan.chunk, plan.missing));
        let unwanted = |plan: WantedPlan| DrawnChunks::new(!seed, plan.chunk, 1.0 - plan.share);
        Self {
            plan,
            missing: DrawnChunks::new(seed, missing.0, missing.1),
            unwanted: wanted.map(unwanted),
            withdrawn: BTreeMap::new(),
            objects: BTreeMap::new(),
            next: Timestamp::MAX,
        }
    }

    /// Forgets all objects: the receiver starts again.
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
        self.withdrawn.clear();
        self.next = Timestamp::MAX;
    }

    /// Takes an object, less what is here of it, and what is not wanted.
    pub(crate) fn accept(
        &mut self,
        engine: &mut Receiver<SimStore>,
        now: Timestamp,
        object: ObjectRef,
        name: u64,
        size: u64,
    ) {
        let withdrawn = self.withdrawn.get(&object.sender).copied();
        if self.plan.is_none() && self.unwanted.is_none() && withdrawn.is_none() {
            engine.accept(object);
            let holding = Holding { compared: size, ..Holding::new(name, size) };
            self.objects.insert(object, holding);
            return;
        }
        let mut holding = Holding::new(name, size);
        for range in self.unwanted.iter().flat_map(|drawn| drawn.ranges(name, size)) {
            holding.unwanted.insert(range.start, range.end);
        }
        match self.plan {
            Some(plan) if plan.compare_time.is_zero() => {
                while let Some(chunk) = holding.compare(self.missing, &plan) {
                    holding.held.insert(chunk.start, chunk.end);
                }
            }
            Some(_) => {}
            None => holding.compared = size,
        }
        for range in withdrawn.iter().flat_map(|drawn| drawn.ranges(name, size)) {
            holding.held.remove(range.start, range.end);
            holding.unwanted.insert(range.start, range.end);
        }
        for (start, end) in holding.unwanted.iter() {
            engine.note_unwanted(object, start..end);
        }
        engine.accept_with(object, &holding.held);
        if let Some(plan) = self.plan.filter(|_| holding.compared < size) {
            engine.ask_up_to(object, 0, now);
            self.next = self.next.min(now + plan.compare_time);
        }
        self.objects.insert(object, holding);
    }

    /// A sender has withdrawn some of its content. What is here of that is no longer what it sends,
    /// and blocks are not to be made with it.
    pub(crate) fn withdraw(
        &mut self,
        engine: &mut Receiver<SimStore>,
        sender: SenderId,
        drawn: DrawnChunks,
    ) {
        if self.withdrawn.insert(sender, drawn) == Some(drawn) {
            return;
        }
        for (&object, holding) in self.objects.iter_mut().filter(|(of, _)| of.sender == sender) {
            for range in drawn.ranges(holding.name, holding.size) {
                holding.unwanted.insert(range.start, range.end);
                engine.note_unwanted(object, range.clone());
                holding.doubtful.push(range);
            }
        }
        self.settle(engine);
    }

    /// Has blocks made without what was withdrawn, as soon as no job has them.
    pub(crate) fn settle(&mut self, engine: &mut Receiver<SimStore>) {
        for (&object, holding) in &mut self.objects {
            let Holding { held, doubtful, .. } = holding;
            doubtful.retain(|range| {
                let here: Vec<_> = held.overlaps(range.start, range.end).collect();
                let here: Vec<_> = here.into_iter().map(|(start, end)| start..end).collect();
                let is_settled = (here.is_empty() || engine.want_again(object, &here))
                    && engine.drop_symbols(object, range);
                if is_settled {
                    held.remove(range.start, range.end);
                    engine.note_unwanted(object, range.clone());
                }
                !is_settled
            });
        }
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
        if let Some(chunk) = holding.compare_one(self.missing, plan) {
            let unwanted = &holding.unwanted;
            let parts: Vec<_> = unwanted.gaps(chunk.start, chunk.end).collect();
            for (start, end) in parts {
                holding.held.insert(start, end);
                engine.note_held(object, start..end);
            }
        }
        debug_assert!(holding.compared > start);
        let all = holding.compared >= holding.size;
        engine.ask_up_to(object, if all { u64::MAX } else { holding.compared }, now);
    }

    /// When the next chunk is to be compared.
    pub(crate) fn next(&self) -> Timestamp {
        self.next
    }

    /// True when this range of an object is here from before, or need not come.
    pub(crate) fn covers(&self, object: ObjectRef, range: Range<u64>) -> bool {
        self.objects.get(&object).is_some_and(|holding| {
            let mut held = holding.held.clone();
            holding.unwanted.iter().for_each(|(start, end)| held.insert(start, end));
            held.covers(range.start, range.end)
        })
    }

    /// What was here of this range cannot be read.
    pub(crate) fn lose(&mut self, object: ObjectRef, range: Range<u64>) {
        if let Some(holding) = self.objects.get_mut(&object) {
            holding.held.remove(range.start, range.end);
        }
    }
}

impl Holding {
    fn new(name: u64, size: u64) -> Self {
        let (held, unwanted, doubtful) = (RangeSet::new(), RangeSet::new(), Vec::new());
        Self { name, size, held, unwanted, doubtful, compared: 0 }
    }

    /// Compares chunks up to the next one that is here.
    fn compare(&mut self, missing: DrawnChunks, plan: &HeldPlan) -> Option<Range<u64>> {
        while self.compared < self.size {
            if let Some(chunk) = self.compare_one(missing, plan) {
                return Some(chunk);
            }
        }
        None
    }

    /// Compares the next chunk; returns it when it is here.
    fn compare_one(&mut self, missing: DrawnChunks, plan: &HeldPlan) -> Option<Range<u64>> {
        let start = self.compared;
        let end = (start + u64::from(plan.chunk.max(1))).min(self.size);
        self.compared = end;
        let is_missing = missing.overlaps(self.name, start..end).next().is_some();
        (!is_missing).then_some(start..end)
    }
}
