//! Keys of objects: their TOIs, as long as these have 63 bits.

use std::collections::BTreeMap;

use crate::flute::wire::Toi;

/// The first key that is no TOI.
const FIRST_WIDE: u64 = 1 << 63;

/// Keys of the objects whose TOIs are wider, in the order in which they were heard of.
#[derive(Debug, Default)]
pub(super) struct Keys {
    wide: BTreeMap<Toi, u64>,
    tois: Vec<Toi>,
}

impl Keys {
    /// The key of an object; `None` when there are `limit` wide ones.
    pub(super) fn key_of(&mut self, toi: Toi, limit: usize) -> Option<u64> {
        if let Some(key) = u64::try_from(toi.get()).ok().filter(|&key| key < FIRST_WIDE) {
            return Some(key);
        }
        if let Some(&key) = self.wide.get(&toi) {
            return Some(key);
        }
        if self.tois.len() >= limit {
            return None;
        }
        let key = FIRST_WIDE + self.tois.len() as u64;
        self.tois.push(toi);
        self.wide.insert(toi, key);
        Some(key)
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
        assert_eq!(keys.key_of(toi(0xffff_ffff), 2), Some(0xffff_ffff));
        assert_eq!(keys.key_of(Toi::MAX, 2), Some(FIRST_WIDE));
        assert_eq!(keys.key_of(toi(1 << 63), 2), Some(FIRST_WIDE + 1));
        assert_eq!(keys.key_of(Toi::MAX, 2), Some(FIRST_WIDE));
        assert_eq!(keys.key_of(toi(1 << 100), 2), None);
        let found = [7, FIRST_WIDE, FIRST_WIDE + 2].map(|key| keys.toi_of(key));
        assert_eq!(found, [Some(toi(7)), Some(Toi::MAX), None]);
    }
}
