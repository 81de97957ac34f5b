//! A fixed-length set of small numbers: which symbols of a block have arrived.

/// Bits `0..len`, all clear at first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    words: Words,
    len: u32,
    ones: u32,
}

/// Few bits need no memory of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Words {
    Few([u64; FEW]),
    Many(Box<[u64]>),
}

/// Enough for the symbols of a Reed-Solomon block over GF(2^8).
const FEW: usize = 4;

impl Words {
    fn new(len: u32) -> Self {
        match len.div_ceil(64) as usize {
            0..=FEW => Self::Few([0; FEW]),
            count => Self::Many(vec![0; count].into_boxed_slice()),
        }
    }

    fn all(&self) -> &[u64] {
        match self {
            Self::Few(words) => words,
            Self::Many(words) => words,
        }
    }

    fn all_mut(&mut self) -> &mut [u64] {
        match self {
            Self::Few(words) => words,
            Self::Many(words) => words,
        }
    }
}

impl Bits {
    /// `len` clear bits.
    pub fn new(len: u32) -> Self {
        Self { words: Words::new(len), len, ones: 0 }
    }

    /// Number of bits.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// True without bits, set or not.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of bits set.
    pub const fn count(&self) -> u32 {
        self.ones
    }

    /// True when every bit is set.
    pub const fn is_full(&self) -> bool {
        self.ones == self.len
    }

    /// True when `index` is set; false out of range.
    pub fn contains(&self, index: u32) -> bool {
        self.words.all().get((index / 64) as usize).is_some_and(|w| w >> (index % 64) & 1 == 1)
    }

    /// Sets a bit. True if it was clear and in range.
    pub fn insert(&mut self, index: u32) -> bool {
        if index >= self.len {
            return false;
        }
        let word = &mut self.words.all_mut()[(index / 64) as usize];
        let fresh = *word >> (index % 64) & 1 == 0;
        *word |= 1 << (index % 64);
        self.ones += u32::from(fresh);
        fresh
    }

    /// Sets `start..end`, as far as that is in range.
    pub fn insert_run(&mut self, start: u32, end: u32) {
        let end = end.min(self.len);
        let mut at = start;
        while at < end {
            let last = end.min((at / 64 + 1) * 64);
            let word = &mut self.words.all_mut()[(at / 64) as usize];
            let mask = u64::MAX >> (64 - (last - at)) << (at % 64);
            self.ones += (mask & !*word).count_ones();
            *word |= mask;
            at = last;
        }
    }

    /// Clears a bit. True if it was set.
    pub fn remove(&mut self, index: u32) -> bool {
        if !self.contains(index) {
            return false;
        }
        self.words.all_mut()[(index / 64) as usize] &= !(1 << (index % 64));
        self.ones -= 1;
        true
    }

    /// The first set bit at or after `from`.
    pub fn first_set(&self, from: u32) -> Option<u32> {
        self.scan(from, |w| w)
    }

    /// The first clear bit at or after `from`.
    pub fn first_clear(&self, from: u32) -> Option<u32> {
        self.scan(from, |w| !w)
    }

    /// The bits that are set, ascending.
    pub fn ones(&self) -> impl Iterator<Item = u32> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let found = self.first_set(at)?;
            at = found + 1;
            Some(found)
        })
    }

    /// Runs of bits that are set as half-open ranges, ascending.
    pub fn set_runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = self.first_set(at)?;
            at = self.first_clear(start).unwrap_or(self.len);
            Some((start, at))
        })
    }

    /// Runs of clear bits as half-open ranges, ascending.
    pub fn clear_runs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            let start = self.first_clear(at)?;
            let end = self.first_set(start).unwrap_or(self.len);
            at = end;
            Some((start, end))
        })
    }

    fn scan(&self, from: u32, map: impl Fn(u64) -> u64) -> Option<u32> {
        let mut mask = u64::MAX << (from % 64);
        for (i, &word) in self.words.all().iter().enumerate().skip((from / 64) as usize) {
            let found = map(word) & mask;
            mask = u64::MAX;
            if found != 0 {
                let index = i as u32 * 64 + found.trailing_zeros();
                return (index < self.len).then_some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn run_of_bits_is_set_at_once(
            len in 0u32..400, runs in prop::collection::vec((0u32..410, 0u32..410), 0..5)
        ) {
            let (mut bits, mut model) = (Bits::new(len), Bits::new(len));
            for (start, end) in runs {
                bits.insert_run(start, end);
                (start..end).for_each(|i| { model.insert(i); });
            }
            prop_assert_eq!(bits, model);
        }

        #[test]
        fn bits_behave_like_a_vector_of_booleans(
            len in 0u32..400, ops in prop::collection::vec((any::<bool>(), 0u32..410), 0..100)
        ) {
            let mut bits = Bits::new(len);
            let mut model = vec![false; len as usize];
            for (set, i) in ops {
                let before = model.get(i as usize).copied();
                let changed = if set { bits.insert(i) } else { bits.remove(i) };
                prop_assert_eq!(changed, before == Some(!set));
                if let Some(bit) = model.get_mut(i as usize) { *bit = set; }
            }
            prop_assert_eq!(bits.count() as usize, model.iter().filter(|b| **b).count());
            prop_assert_eq!(bits.is_full(), model.iter().all(|b| *b));
            for i in 0..len + 5 {
                let clear = model.iter().skip(i as usize).position(|b| !b).map(|p| p as u32 + i);
                prop_assert_eq!(bits.first_clear(i), clear);
                let set = model.iter().skip(i as usize).position(|b| *b).map(|p| p as u32 + i);
                prop_assert_eq!(bits.first_set(i), set);
            }
            let ones: Vec<u32> = bits.ones().collect();
            let set: Vec<u32> = bits.set_runs().flat_map(|(s, e)| s..e).collect();
            prop_assert_eq!(&ones, &set);
            prop_assert_eq!(ones, (0..len).filter(|&i| model[i as usize]).collect::<Vec<_>>());
            let clear: Vec<u32> = bits.clear_runs().flat_map(|(s, e)| s..e).collect();
            let expected: Vec<u32> = (0..len).filter(|&i| !model[i as usize]).collect();
            prop_assert_eq!(clear, expected);
        }
    }
}
