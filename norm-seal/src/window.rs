//! Which packets of a run were here.

/// Counters that have been used, up to `64 * (WORDS - 1)` before the highest one; what is older
/// counts as used. The ring of RFC 6479.
#[derive(Clone, Debug)]
pub(crate) struct Window<const WORDS: usize> {
    highest: Option<u64>,
    ring: [u64; WORDS],
}

impl<const WORDS: usize> Window<WORDS> {
    /// Counters before the highest one that can still be told apart.
    const SPAN: u64 = 64 * (WORDS as u64 - 1);

    pub(crate) fn new() -> Self {
        Self { highest: None, ring: [0; WORDS] }
    }

    /// A window in which everything up to this counter is used.
    pub(crate) fn after(counter: u64) -> Self {
        let mut ring = [u64::MAX; WORDS];
        ring[word(counter, WORDS)] = bit(counter) | (bit(counter) - 1);
        Self { highest: Some(counter), ring }
    }

    /// The highest counter that was used.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// True for a counter that was not used yet.
    pub(crate) fn is_fresh(&self, counter: u64) -> bool {
        let Some(highest) = self.highest.filter(|&highest| counter <= highest) else { return true };
        highest - counter < Self::SPAN && self.ring[word(counter, WORDS)] & bit(counter) == 0
    }

    /// Notes that a counter is used.
    pub(crate) fn note(&mut self, counter: u64) {
        let before = self.highest.map_or(0, |highest| highest / 64);
        if self.highest.is_none_or(|highest| counter > highest) {
            for word in 0..(counter / 64 - before).min(WORDS as u64) {
                self.ring[((before + 1 + word) % WORDS as u64) as usize] = 0;
            }
            self.highest = Some(counter);
        }
        self.ring[word(counter, WORDS)] |= bit(counter);
    }
}

fn word(counter: u64, words: usize) -> usize {
    (counter / 64 % words as u64) as usize
}

fn bit(counter: u64) -> u64 {
    1 << (counter % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_counter_is_fresh_once() {
        let mut window = Window::<3>::new();
        assert_eq!(window.highest(), None);
        for counter in [1000, 999, 1001, 880, 1200, 1073] {
            assert!(window.is_fresh(counter), "{counter}");
            window.note(counter);
            assert!(!window.is_fresh(counter), "{counter}");
            window.note(counter);
            assert!(!window.is_fresh(counter), "{counter} was used twice");
        }
        assert!(!window.is_fresh(1072), "128 before the highest one");
        assert_eq!(window.highest(), Some(1200));
    }

    #[test]
    fn window_after_a_counter_takes_later_ones_only() {
        let mut window = Window::<2>::after(5000);
        assert!(!window.is_fresh(5000) && !window.is_fresh(4999) && window.is_fresh(5001));
        window.note(5003);
        assert!(window.is_fresh(5001) && window.is_fresh(5002) && !window.is_fresh(5000));
    }

    proptest! {
        /// Beside a set that forgets nothing.
        #[test]
        fn nothing_is_taken_twice_and_nothing_in_the_window_refused(
            steps in prop::collection::vec((0_u64..3, 0_u64..300), 1..400),
        ) {
            let (mut window, mut all) = (Window::<3>::new(), BTreeSet::new());
            let mut at = 10_000_u64;
            for (way, distance) in steps {
                at = if way == 0 { at + distance } else { at - distance.min(at) };
                let highest = all.last().copied().unwrap_or(at);
                let used = all.contains(&at) || at <= highest && highest - at >= 128;
                prop_assert_eq!(window.is_fresh(at), !used);
                if !used {
                    window.note(at);
                    all.insert(at);
                }
            }
        }
    }
}
