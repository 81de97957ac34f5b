//! How many cases run at once, over all tests.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Cases at once; a small one mostly waits.
pub const SLOTS: u32 = 6;

static FREE: Mutex<u32> = Mutex::new(SLOTS);
static CHANGED: Condvar = Condvar::new();

/// Permission to run, until this value goes.
pub struct Slot(u32);

impl Slot {
    /// To run with others.
    pub fn one() -> Self {
        Self::take(1)
    }

    /// To run with one other of its kind.
    pub fn half() -> Self {
        Self::take(SLOTS / 2)
    }

    /// To run alone.
    pub fn all() -> Self {
        Self::take(SLOTS)
    }

    fn take(slots: u32) -> Self {
        let free = CHANGED.wait_while(lock(), |free| *free < slots);
        *free.unwrap_or_else(PoisonError::into_inner) -= slots;
        Self(slots)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *lock() += self.0;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, u32> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
