//! How many blocks are decoded at once: decoding takes several times the memory of a block.

use std::sync::{Condvar, Mutex, PoisonError};

/// Times the memory of a block that decoding takes: what came, the block, and three times as much
/// for the solver.
const TIMES: usize = 5;

/// Lets threads in while there is memory for what they do; one always is.
#[derive(Debug)]
pub(super) struct Gate {
    limit: usize,
    /// Bytes that those inside take.
    used: Mutex<usize>,
    left: Condvar,
}

/// A thread is inside; it has left when this goes.
#[derive(Debug)]
pub(super) struct Inside<'a> {
    gate: &'a Gate,
    bytes: usize,
}

impl Gate {
    /// Lets in as many as take this many bytes in all.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits until a block of this many bytes may be decoded.
    pub(super) fn enter(&self, block: usize) -> Inside<'_> {
        let bytes = block.saturating_mul(TIMES).max(1);
        // Nothing in here panics halfway.
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        while *used > 0 && used.saturating_add(bytes) > self.limit {
            used = self.left.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used = used.saturating_add(bytes);
        Inside { gate: self, bytes }
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut used = self.gate.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = used.saturating_sub(self.bytes);
        drop(used);
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn as_many_are_inside_as_there_is_memory_for_and_one_always() {
        for (limit, block, expected) in [(100, 10, 2), (100, 1_000, 1), (0, 1, 1)] {
            let gate = Gate::new(limit);
            let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..200 {
                            let _inside = gate.enter(block);
                            most.fetch_max(
                                inside.fetch_add(1, Ordering::SeqCst) + 1,
                                Ordering::SeqCst,
                            );
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                        }
                    });
                }
            });
            assert!(most.into_inner() <= expected, "{limit} {block}");
        }
    }
}
