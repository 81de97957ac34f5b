//! Whether the disk is what limits a transfer.

use std::time::Duration;

use norm_core::Timestamp;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// Share of the time that is spent with writing when the disk is the limit.
const BUSY: f64 = 0.7;

/// Watches the disk.
#[derive(Debug)]
pub(super) struct DiskWatch {
    looked_at: Timestamp,
    /// Nanoseconds spent with writing by then.
    written_for: u64,
    is_limit: bool,
}

impl DiskWatch {
    /// Nothing is written yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { looked_at: now, written_for: 0, is_limit: false }
    }

    /// `written_for` nanoseconds were spent with writing; `is_full` when there is little memory
    /// left for what arrives.
    pub(super) fn note(&mut self, now: Timestamp, written_for: u64, is_full: bool) {
        let elapsed = now.saturating_since(self.looked_at);
        if elapsed < INTERVAL {
            return;
        }
        let writing = Duration::from_nanos(written_for.saturating_sub(self.written_for));
        self.is_limit = is_full && writing.as_secs_f64() > BUSY * elapsed.as_secs_f64();
        self.looked_at = now;
        self.written_for = written_for;
    }

    /// True when the disk takes less than arrives.
    pub(super) fn is_limit(&self) -> bool {
        self.is_limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_is_the_limit_while_it_is_busy_and_memory_is_full() {
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let mut disk = DiskWatch::new(at(0));
        disk.note(at(1), 900_000_000, false);
        assert!(!disk.is_limit(), "there is memory");
        disk.note(at(2), 1_800_000_000, true);
        assert!(disk.is_limit());
        disk.note(at(3), 1_900_000_000, true);
        assert!(!disk.is_limit(), "something else is");
    }
}
