//! The NACK timers of all members, in time order.

use std::collections::BTreeMap;

/// Where a member stands in its NACK cycle (RFC 5740 §5.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Backoff,
    Holdoff,
}

/// One timer per member. Times are rounded up to a slot: a hundredth of what matters.
#[derive(Debug)]
pub(super) struct Timers {
    pub(super) phases: Vec<Phase>,
    slots: BTreeMap<u64, Vec<u32>>,
}

/// Nanoseconds.
const SLOT: u64 = 50_000;

impl Timers {
    pub(super) fn new(members: u32) -> Self {
        Self { phases: vec![Phase::Idle; members as usize], slots: BTreeMap::new() }
    }

    /// Sets a member's timer; one that has run out may be set again.
    pub(super) fn set(&mut self, member: u32, phase: Phase, at: u64) {
        self.phases[member as usize] = phase;
        self.slots.entry(at.div_ceil(SLOT)).or_default().push(member);
    }

    /// When the next timers run out.
    pub(super) fn next(&self) -> Option<u64> {
        self.slots.first_key_value().map(|(slot, _)| slot * SLOT)
    }

    /// The members whose timers have run out.
    pub(super) fn take(&mut self, now: u64) -> Option<Vec<u32>> {
        let entry = self.slots.first_entry()?;
        (entry.key() * SLOT <= now).then(|| entry.remove())
    }
}
