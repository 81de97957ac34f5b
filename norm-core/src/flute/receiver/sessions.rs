//! The sessions that are followed, and which packets belong to them.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use super::epoch::Epoch;
use crate::base::Timestamp;
use crate::endpoint::SenderId;
use crate::flute::wire::Tsi;

/// Sessions of one source address that are kept while those of other addresses find no place.
const MAX_OF_SOURCE: usize = 4;

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

    /// The one to be left for one of this source, if there are `limit`: the least useful one that
    /// may be, or else one of a source that has too many. `Err` when there is none.
    pub(super) fn superfluous(
        &self,
        limit: usize,
        source: IpAddr,
        now: Timestamp,
    ) -> Result<Option<SenderId>, ()> {
        if self.epochs.len() < limit {
            return Ok(None);
        }
        let least = self.replaceable(source, now).or_else(|| self.least_of_most(source));
        least.map(Some).ok_or(())
    }

    /// The least useful one that has had time to be useful. What is not over yet gives way to a
    /// source that has many only where it is of that source, too.
    fn replaceable(&self, source: IpAddr, now: Timestamp) -> Option<SenderId> {
        let has_many = self.of_source(source).count() >= MAX_OF_SOURCE;
        let may_go = |epoch: &&Epoch| {
            let is_near = !has_many || epoch.source() == source;
            if is_near { epoch.is_replaceable(now) } else { epoch.is_long_over(now) }
        };
        self.iter().filter(may_go).min_by_key(|epoch| epoch.value()).map(Epoch::id)
    }

    /// The least useful one of the source that has the most, if those are too many and clearly more
    /// than this source has.
    fn least_of_most(&self, source: IpAddr) -> Option<SenderId> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        self.iter().for_each(|epoch| *counts.entry(epoch.source()).or_default() += 1);
        let has = counts.get(&source).copied().unwrap_or(0);
        let (most, count) = counts.into_iter().max_by_key(|&(_, count)| count)?;
        if count <= MAX_OF_SOURCE || count <= has + 1 {
            return None;
        }
        self.of_source(most).min_by_key(|epoch| epoch.value()).map(Epoch::id)
    }

    fn of_source(&self, source: IpAddr) -> impl Iterator<Item = &Epoch> {
        self.iter().filter(move |epoch| epoch.source() == source)
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
