//! Entries of a list in the order of something that they hold, for four to eight bytes each.

/// The numbers of entries, ascending by a key that the list holds. The key is never kept here:
/// callers say of an entry whether it lies before the place in question.
///
/// Runs are short, so that to insert moves little; and nothing that peers choose can make a search
/// longer, as it could with a table of hashes.
#[derive(Debug, Default)]
pub(crate) struct Order {
    runs: Vec<Vec<u32>>,
}

/// Entries in a run at most.
const MAX_RUN: usize = 128;

impl Order {
    /// The first entry that does not lie `before` the place.
    pub(crate) fn first(&self, before: impl Fn(u32) -> bool) -> Option<u32> {
        let (run, at) = self.place(before);
        let next = || self.runs.get(run + 1).and_then(|run| run.first());
        self.runs.get(run)?.get(at).or_else(next).copied()
    }

    /// Puts an entry after all those that lie `before` it.
    pub(crate) fn insert(&mut self, entry: u32, before: impl Fn(u32) -> bool) {
        let (mut run, mut at) = self.place(before);
        match self.runs.get_mut(run) {
            None => self.runs.push(Vec::new()),
            Some(full) if full.len() >= MAX_RUN => {
                let rest = full.split_off(MAX_RUN / 2);
                self.runs.insert(run + 1, rest);
                if at > MAX_RUN / 2 {
                    (run, at) = (run + 1, at - MAX_RUN / 2);
                }
            }
            Some(_) => {}
        }
        self.runs[run].insert(at, entry);
    }

    /// Takes an entry out, if it is where those that lie `before` it end.
    pub(crate) fn remove(&mut self, entry: u32, before: impl Fn(u32) -> bool) {
        let (mut run, mut at) = self.place(before);
        if self.runs.get(run).is_some_and(|run| run.len() == at) {
            (run, at) = (run + 1, 0);
        }
        let Some(numbers) = self.runs.get_mut(run).filter(|run| run.get(at) == Some(&entry)) else {
            return;
        };
        numbers.remove(at);
        if numbers.is_empty() {
            self.runs.remove(run);
        } else if self
            .runs
            .get(run + 1)
            .is_some_and(|next| next.len() + self.runs[run].len() <= MAX_RUN / 2)
        {
            let next = self.runs.remove(run + 1);
            self.runs[run].extend(next);
        }
    }

    /// The run in which the first entry not `before` the place belongs, and where; perhaps at its
    /// end.
    fn place(&self, before: impl Fn(u32) -> bool) -> (usize, usize) {
        let run = self.runs.partition_point(|run| before(run[0])).saturating_sub(1);
        let at = self.runs.get(run).map_or(0, |run| run.partition_point(|&entry| before(entry)));
        (run, at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn order_behaves_like_a_sorted_set(
            ops in prop::collection::vec((0u32..4, 0u32..600), 0..2000)
        ) {
            let mut order = Order::default();
            let mut model = BTreeSet::new();
            for (op, key) in ops {
                if op == 0 {
                    model.remove(&key);
                    order.remove(key, |other| other < key);
                } else if model.insert(key) {
                    order.insert(key, |other| other < key);
                }
                let next = model.range(key..).next().copied();
                prop_assert_eq!(order.first(|other| other < key), next);
            }
            let all: Vec<u32> = order.runs.iter().flatten().copied().collect();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
            prop_assert!(order.runs.iter().all(|run| (1..=MAX_RUN).contains(&run.len())));
        }
    }
}
