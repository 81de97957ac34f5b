//! Bytes that packets can make the receiver take.

/// How much is taken of a limit.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    used: usize,
}

impl Budget {
    pub(super) const fn new(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// Takes some; false, and nothing taken, when there is not as much left.
    pub(super) fn take(&mut self, bytes: usize) -> bool {
        let fits = bytes <= self.limit.saturating_sub(self.used);
        if fits {
            self.used += bytes;
        }
        fits
    }

    /// Gives some back.
    pub(super) fn give(&mut self, bytes: usize) {
        self.used = self.used.saturating_sub(bytes);
    }

    /// What is taken.
    pub(super) const fn used(&self) -> usize {
        self.used
    }
}
