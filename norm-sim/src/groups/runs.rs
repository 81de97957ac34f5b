//! Runs with many seeds, on threads.

use std::sync::atomic::{AtomicU64, Ordering};

/// Seeds, and the threads that share them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Runs {
    /// The first seed.
    pub first: u64,
    /// Number of seeds.
    pub count: u64,
    /// Number of threads; at least one.
    pub threads: usize,
}

impl Runs {
    /// The results of all seeds, in their order. They do not depend on the number of threads.
    ///
    /// # Panics
    /// When a run does.
    pub fn each<T: Send>(&self, run: impl Fn(u64) -> T + Sync) -> Vec<T> {
        let next = AtomicU64::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= self.count {
                    return done;
                }
                done.push((n, run(self.first + n)));
            }
        };
        let mut all = Vec::new();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads.max(1)).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                match thread.join() {
                    Ok(done) => all.extend(done),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        all.sort_by_key(|&(n, _)| n);
        all.into_iter().map(|(_, result)| result).collect()
    }
}

/// The middle one of some numbers; 0 of none.
pub(super) fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.get(middle) {
        Some(upper) if sorted.len().is_multiple_of(2) => f64::midpoint(sorted[middle - 1], *upper),
        Some(only) => *only,
        None => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_seeds() {
        for threads in [1, 3] {
            let runs = Runs { first: 5, count: 20, threads };
            assert_eq!(runs.each(|seed| seed * 2), (5..25).map(|n| n * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn median_is_the_middle_one() {
        assert_eq!(median(&[]), 0.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
