//! The NACK timers of all members, in time order.

use std::collections::BTreeMap;

/// Phase of a member's NACK cycle (RFC 5740 §5.3).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Idle,
    Backoff,
    Holdoff,
}

/// One timer per member. Times are rounded up to slots.
#[derive(Debug)]
pub(super) struct Timers {
    pub(super) phases: Vec<Phase>,
    slots: BTreeMap<u64, Vec<u32>>,
}

/// Length of a slot, in nanoseconds: a hundredth of a relevant time.
const SLOT: u64 = 50_000;

impl Timers {
    pub(super) fn new(members: u32) -> Self {
        Self { phases: vec![Phase::Idle; members as usize], slots: BTreeMap::new() }
    }

    /// Sets a member's timer, which must not be running.
    pub(super) fn set(&mut self, member: u32, phase: Phase, at: u64) {
        self.phases[member as usize] = phase;
        self.slots.entry(at.div_ceil(SLOT)).or_default().push(member);
    }

    /// Time of the next timers.
    pub(super) fn next(&self) -> Option<u64> {
        self.slots.first_key_value().map(|(slot, _)| slot * SLOT)
    }

    /// The members of the next slot, if its time has come.
    pub(super) fn take(&mut self, now: u64) -> Option<Vec<u32>> {
        let entry = self.slots.first_entry()?;
        (entry.key() * SLOT <= now).then(|| entry.remove())
    }
}
