//! What a session and that in its separate group tell each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a session and that in its separate group tell each other. Clones are the same one.
#[derive(Clone, Debug, Default)]
pub(super) struct Admission(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// No other receiver is sent to the separate group.
    closed: AtomicBool,
    /// Receivers that have come there.
    arrived: AtomicUsize,
}

impl Admission {
    /// More receivers may come to the separate group, although those there have been served.
    pub(super) fn is_open(&self) -> bool {
        !self.0.closed.load(Ordering::Acquire)
    }

    /// No other receiver is sent there.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
    }

    /// A receiver has come.
    pub(super) fn count(&self) {
        self.0.arrived.fetch_add(1, Ordering::AcqRel);
    }

    /// Receivers that have come.
    pub(super) fn arrived(&self) -> usize {
        self.0.arrived.load(Ordering::Acquire)
    }
}
