//! The extents of a set: where they may be, and which of them are over a place in the payload.

use std::ops::Range;

use super::{Part, SetState};

impl SetState {
    /// Extents follow each other without gap or overlap, from 0 to the end of the payload.
    pub(super) fn extent_fits(&self, index: u32, offset: u64, size: u64) -> bool {
        let Some(end) = offset.checked_add(size) else { return false };
        let first = self.summary.first_extent();
        let last = first + self.summary.extents();
        let before = self.parts.range(first..index).next_back();
        let after = self.parts.range(index + 1..last).next();
        // Extents in between that are not known yet have a byte at least.
        let starts = match before {
            Some((&i, p)) => follows(p.part.offset + p.part.size, offset, index - i),
            None => follows(0, offset, index - first + 1),
        };
        let ends = match after {
            Some((&i, p)) => follows(end, p.part.offset, i - index),
            None => follows(end, self.payload_size(), last - index),
        };
        size > 0 && starts && ends
    }

    /// The extents that were opened and have something of this range of the payload, each with its
    /// key, ascending.
    pub fn extents_over(&self, range: Range<u64>) -> impl Iterator<Item = (u64, Part)> + '_ {
        let first = self.summary.first_extent();
        let last = first + self.summary.extents();
        let ends_after = |index: u32| {
            let known = self.parts.range(first..=index).next_back();
            known.is_some_and(|(_, state)| state.part.offset + state.part.size > range.start)
        };
        let (mut low, mut high) = (first, last);
        while low < high {
            let middle = low + (high - low) / 2;
            if ends_after(middle) { high = middle } else { low = middle + 1 }
        }
        let after = self.parts.range(low..last).map(|(&index, state)| (index, state.part));
        let over = after.take_while(move |(_, part)| part.offset < range.end);
        over.map(|(index, part)| (self.first_key + u64::from(index), part))
    }
}

/// Whether something can begin at `start` when its predecessor, `steps` before, ends at `end`.
fn follows(end: u64, start: u64, steps: u32) -> bool {
    if steps == 1 { start == end } else { start >= end.saturating_add(u64::from(steps) - 1) }
}
