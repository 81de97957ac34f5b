//! Keys of objects: their TOIs, as long as these have 63 bits.

use std::collections::BTreeMap;

use crate::flute::wire::Toi;

/// The first key that is no TOI.
const FIRST_WIDE: u64 = 1 << 63;

/// What a wider one takes.
pub(super) const WIDE_COST: usize = 128;

/// Keys of the objects whose TOIs are wider, in the order in which they were heard of.
#[derive(Debug, Default)]
pub(super) struct Keys {
    wide: BTreeMap<Toi, u64>,
    tois: Vec<Toi>,
    /// Those that packets alone have told of.
    claimed: usize,
}

/// What tells of an object.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Teller {
    /// A packet of its own.
    Packet,
    /// A table.
    Table,
}

impl Keys {
    /// The key of an object; `None` when there are `limit` wide ones, or `take` says that there is
    /// no room for as many bytes.
    pub(super) fn key_of(
        &mut self,
        toi: Toi,
        limit: usize,
        teller: Teller,
        take: impl FnOnce(usize) -> bool,
    ) -> Option<u64> {
        if let Some(key) = u64::try_from(toi.get()).ok().filter(|&key| key < FIRST_WIDE) {
            return Some(key);
        }
        if let Some(&key) = self.wide.get(&toi) {
            return Some(key);
        }
        if self.tois.len() >= limit || !take(WIDE_COST) {
            return None;
        }
        self.claimed += usize::from(teller == Teller::Packet);
        let key = FIRST_WIDE + self.tois.len() as u64;
        self.tois.push(toi);
        self.wide.insert(toi, key);
        Some(key)
    }

    /// What those take that packets alone have told of, and the others.
    pub(super) fn costs(&self) -> (usize, usize) {
        let others = self.tois.len() - self.claimed;
        (self.claimed * WIDE_COST, others * WIDE_COST)
    }

    /// The TOI of an object.
    pub(super) fn toi_of(&self, key: u64) -> Option<Toi> {
        match key.checked_sub(FIRST_WIDE) {
            None => Toi::new(key.into()),
            Some(at) => self.tois.get(usize::try_from(at).ok()?).copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_width_has_a_key() {
        let mut keys = Keys::default();
        let toi = |number| Toi::new(number).unwrap();
        let mut key_of = |toi, teller| keys.key_of(toi, 2, teller, |_| true);
        assert_eq!(key_of(toi(0xffff_ffff), Teller::Packet), Some(0xffff_ffff));
        assert_eq!(key_of(Toi::MAX, Teller::Packet), Some(FIRST_WIDE));
        assert_eq!(key_of(toi(1 << 63), Teller::Table), Some(FIRST_WIDE + 1));
        assert_eq!(key_of(Toi::MAX, Teller::Packet), Some(FIRST_WIDE));
        assert_eq!(key_of(toi(1 << 100), Teller::Packet), None);
        assert_eq!(keys.costs(), (WIDE_COST, WIDE_COST));
        assert_eq!(keys.key_of(toi(1 << 100), 3, Teller::Table, |_| false), None, "no room");
        let found = [7, FIRST_WIDE, FIRST_WIDE + 2].map(|key| keys.toi_of(key));
        assert_eq!(found, [Some(toi(7)), Some(Toi::MAX), None]);
    }
}
