//! Wakes a session's loop, once for any number of reasons.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mio::Waker;

/// A waker that costs a system call only when it was not used since the loop last looked.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    waker: Arc<Waker>,
    raised: Arc<AtomicBool>,
}

impl Signal {
    pub(super) fn new(waker: Arc<Waker>) -> Self {
        Self { waker, raised: Arc::new(AtomicBool::new(false)) }
    }

    /// There is something for the loop to look at.
    pub(super) fn raise(&self) {
        if !self.raised.swap(true, Ordering::AcqRel) {
            // Fails only when the session, and with it the poll, is gone; the loop also looks by
            // itself.
            let _ = self.waker.wake();
        }
    }

    /// The loop is about to look.
    pub(super) fn lower(&self) {
        self.raised.store(false, Ordering::Release);
    }
}
