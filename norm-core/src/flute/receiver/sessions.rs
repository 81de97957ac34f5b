//! The sessions that are followed, and which packets belong to them.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use super::epoch::Epoch;
use crate::base::Timestamp;
use crate::endpoint::SenderId;
use crate::flute::wire::Tsi;

/// Runs of sessions, by number. Of one session the newest counts.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    epochs: BTreeMap<SenderId, Epoch>,
    /// The number that the next one gets.
    next: u32,
}

impl Sessions {
    pub(super) fn get(&self, id: SenderId) -> Option<&Epoch> {
        self.epochs.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: SenderId) -> Option<&mut Epoch> {
        self.epochs.get_mut(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Epoch> {
        self.epochs.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Epoch> {
        self.epochs.values_mut()
    }

    /// The newest run of a session.
    pub(super) fn find(&mut self, address: SocketAddr, tsi: Tsi) -> Option<&mut Epoch> {
        self.epochs.values_mut().rev().find(|epoch| epoch.is_of(address, tsi))
    }

    /// The one to be left, if there are `limit`: the least useful one that may be. `Err` when all
    /// are useful, or have not had time to be.
    pub(super) fn superfluous(&self, limit: usize, now: Timestamp) -> Result<Option<SenderId>, ()> {
        if self.epochs.len() < limit {
            return Ok(None);
        }
        let replaceable = self.iter().filter(|epoch| epoch.is_replaceable(now));
        let least = replaceable.min_by_key(|epoch| epoch.value());
        least.map(|epoch| Some(epoch.id())).ok_or(())
    }

    /// Follows a session under the next number.
    pub(super) fn add(&mut self, address: SocketAddr, tsi: Tsi, now: Timestamp) -> &mut Epoch {
        let id = SenderId(self.next);
        self.next = self.next.wrapping_add(1);
        self.epochs.entry(id).or_insert_with(|| Epoch::new(id, address, tsi, now))
    }

    /// Follows a session no longer.
    pub(super) fn remove(&mut self, id: SenderId) -> Option<Epoch> {
        self.epochs.remove(&id)
    }
}
