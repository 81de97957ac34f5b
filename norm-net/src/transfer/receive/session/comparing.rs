//! How far a set is compared with files that are there, where its digest list comes first: what was
//! not compared yet is not asked for.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::base::range_set::RangeSet;
use norm_files::sink::Compared;

/// The comparison of one set.
#[derive(Debug)]
pub(super) struct Comparing {
    state: State,
    /// Nothing is asked for before all is compared.
    asks_last: bool,
    /// What of the payload is compared.
    compared: RangeSet,
    /// Bytes of the payload.
    size: u64,
    /// Chunks that are compared.
    done: u32,
    /// Chunks in the payload.
    chunks: u32,
    /// Set when the set is given up.
    stop: Arc<AtomicBool>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum State {
    /// The lists are not here yet.
    Waits,
    Runs,
    Over,
}

impl Comparing {
    /// The comparison of a payload of this many bytes; there is none unless the list comes first.
    pub(super) fn new(list_first: bool, size: u64) -> Self {
        let state = if list_first && size > 0 { State::Waits } else { State::Over };
        let (compared, stop) = (RangeSet::new(), Arc::default());
        Self { state, asks_last: false, compared, size, done: 0, chunks: 0, stop }
    }

    /// True when it has to begin as soon as the lists are here.
    pub(super) fn waits(&self) -> bool {
        self.state == State::Waits
    }

    /// True while files are compared.
    pub(super) fn is_running(&self) -> bool {
        self.state == State::Runs
    }

    /// It begins, of this many chunks. With `asks_last` nothing is asked for before it has ended.
    /// Returns what is set when it is to end.
    pub(super) fn begin(&mut self, chunks: u32, asks_last: bool) -> Arc<AtomicBool> {
        self.state = if chunks > 0 { State::Runs } else { State::Over };
        self.chunks = chunks;
        self.asks_last = asks_last;
        Arc::clone(&self.stop)
    }

    /// Notes what is compared; returns the part of the payload of which it is known by that what
    /// may be asked for.
    pub(super) fn note(&mut self, compared: &Compared) -> Range<u64> {
        let before = self.frontier();
        self.compared.insert(compared.range.start, compared.range.end);
        self.done += compared.chunks;
        if self.compared.covers(0, self.size) {
            self.state = State::Over;
        }
        before..self.frontier()
    }

    /// What of the payload lies before may be asked for; [`u64::MAX`] when all may.
    pub(super) fn frontier(&self) -> u64 {
        match self.state {
            State::Over => u64::MAX,
            State::Runs if !self.asks_last => {
                self.compared.gaps(0, self.size).next().map_or(u64::MAX, |(first, _)| first)
            }
            State::Waits | State::Runs => 0,
        }
    }

    /// Chunks that are compared, and those in the payload, while it runs.
    pub(super) fn progress(&self) -> Option<(u32, u32)> {
        self.is_running().then_some((self.done, self.chunks))
    }
}

impl Drop for Comparing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(range: Range<u64>) -> Compared {
        Compared { range, chunks: 1, held: Vec::new() }
    }

    #[test]
    fn what_is_compared_in_order_may_be_asked_for() {
        let mut comparing = Comparing::new(true, 30);
        assert!(comparing.waits() && comparing.frontier() == 0);
        comparing.begin(3, false);
        assert_eq!(comparing.note(&compared(10..20)), 0..0);
        assert_eq!(comparing.note(&compared(0..10)), 0..20);
        assert_eq!(comparing.progress(), Some((2, 3)));
        assert_eq!(comparing.note(&compared(20..30)), 20..u64::MAX);
        assert!(!comparing.is_running() && comparing.progress().is_none());
    }

    #[test]
    fn nothing_is_asked_for_where_a_file_may_be_refused() {
        let mut comparing = Comparing::new(true, 20);
        let stop = comparing.begin(2, true);
        assert_eq!(comparing.note(&compared(0..10)), 0..0);
        assert_eq!(comparing.note(&compared(10..20)), 0..u64::MAX);
        assert!(!stop.load(Ordering::Relaxed));
        drop(comparing);
        assert!(stop.load(Ordering::Relaxed));
        assert_eq!(Comparing::new(false, 20).frontier(), u64::MAX);
    }
}
