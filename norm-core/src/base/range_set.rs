//! A set of `u64` kept as disjoint ranges: which objects are done, which blocks are asked for.

use std::collections::BTreeMap;

/// Disjoint half-open ranges of `u64`. Memory grows with the number of gaps, not of members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: BTreeMap<u64, u64>,
}

impl RangeSet {
    /// The empty set.
    pub const fn new() -> Self {
        Self { ranges: BTreeMap::new() }
    }

    /// Number of separate ranges, the measure of its memory.
    pub fn pieces(&self) -> usize {
        self.ranges.len()
    }

    /// Adds `start..end`.
    pub fn insert(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        let (mut start, mut end) = (start, end);
        while let Some((&s, &e)) = self.ranges.range(..=end).next_back() {
            if e < start {
                break;
            }
            self.ranges.remove(&s);
            start = start.min(s);
            end = end.max(e);
        }
        self.ranges.insert(start, end);
    }

    /// Takes `start..end` out.
    pub fn remove(&mut self, start: u64, end: u64) {
        if start >= end {
            return;
        }
        while let Some((&s, &e)) = self.ranges.range(..end).next_back() {
            if e <= start {
                break;
            }
            self.ranges.remove(&s);
            if end < e {
                self.ranges.insert(end, e);
            }
            if s < start {
                self.ranges.insert(s, start);
            }
        }
    }

    /// True when `value` is in the set.
    pub fn contains(&self, value: u64) -> bool {
        self.ranges.range(..=value).next_back().is_some_and(|(_, &end)| value < end)
    }

    /// True when all of `start..end` is in the set.
    pub fn covers(&self, start: u64, end: u64) -> bool {
        start >= end || self.ranges.range(..=start).next_back().is_some_and(|(_, &e)| end <= e)
    }

    /// The smallest member at or after `from`.
    pub fn first_from(&self, from: u64) -> Option<u64> {
        if self.contains(from) {
            return Some(from);
        }
        self.ranges.range(from..).next().map(|(&start, _)| start)
    }

    /// The maximal ranges of `start..end` that are *not* in the set, ascending.
    pub fn gaps(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = self.ranges.range(..=start).next_back();
        let mut at = before.map_or(start, |(_, &e)| e.max(start));
        let mut ranges = self.ranges.range(start..end.max(start));
        core::iter::from_fn(move || {
            while at < end {
                let (s, e) = ranges.next().map_or((end, end), |(&s, &e)| (s, e));
                let gap = (at, s);
                at = at.max(e);
                if gap.0 < gap.1 {
                    return Some(gap);
                }
            }
            None
        })
    }

    /// The maximal ranges of `start..end` that are in the set, ascending.
    pub fn overlaps(&self, start: u64, end: u64) -> impl Iterator<Item = (u64, u64)> + '_ {
        let before = self.ranges.range(..start).next_back().filter(|&(_, &e)| e > start);
        let within = self.ranges.range(start..end.max(start));
        let all = before.into_iter().chain(within);
        all.map(move |(&s, &e)| (s.max(start), e.min(end))).filter(|(s, e)| s < e)
    }

    /// The ranges, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().map(|(&s, &e)| (s, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn overlaps_are_what_is_left_between_gaps() {
        let mut set = RangeSet::new();
        [(0, 10), (20, 30), (40, 50)].iter().for_each(|&(s, e)| set.insert(s, e));
        let overlaps = |start, end| set.overlaps(start, end).collect::<Vec<_>>();
        assert_eq!(overlaps(5, 45), [(5, 10), (20, 30), (40, 45)]);
        assert_eq!((overlaps(10, 20), overlaps(22, 23)), (vec![], vec![(22, 23)]));
        assert_eq!((overlaps(30, 40), overlaps(9, 5)), (vec![], vec![]));
    }

    proptest! {
        #[test]
        fn range_set_behaves_like_a_set_of_numbers(
            ops in prop::collection::vec((any::<bool>(), 0u64..40, 0u64..12), 0..40)
        ) {
            let mut ranges = RangeSet::new();
            let mut model = BTreeSet::new();
            for (insert, start, len) in ops {
                if insert {
                    ranges.insert(start, start + len);
                    model.extend(start..start + len);
                } else {
                    ranges.remove(start, start + len);
                    model.retain(|v| !(start..start + len).contains(v));
                }
            }
            for v in 0..60 {
                prop_assert_eq!(ranges.contains(v), model.contains(&v));
                prop_assert_eq!(ranges.first_from(v), model.range(v..).next().copied());
            }
            let gaps: Vec<u64> = ranges.gaps(3, 50).flat_map(|(s, e)| s..e).collect();
            let expected: Vec<u64> = (3..50).filter(|v| !model.contains(v)).collect();
            prop_assert_eq!(gaps, expected);
            let members: BTreeSet<u64> = ranges.iter().flat_map(|(s, e)| s..e).collect();
            prop_assert_eq!(&members, &model);
            for (s, e) in ranges.iter() {
                prop_assert!(ranges.covers(s, e) && !ranges.covers(s, e + 1));
            }
        }
    }
}
