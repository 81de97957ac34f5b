//! How many cases run at once, whichever test they belong to.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Most of a small case is waiting.
pub const LANES: u32 = 6;

static FREE: Mutex<u32> = Mutex::new(LANES);
static CHANGED: Condvar = Condvar::new();

/// Permission to run, until this value goes.
pub struct Lane(u32);

impl Lane {
    /// To run beside another.
    pub fn one() -> Self {
        Self::take(1)
    }

    /// To run beside one other of its kind.
    pub fn half_the_road() -> Self {
        Self::take(LANES / 2)
    }

    /// To run alone.
    pub fn whole_road() -> Self {
        Self::take(LANES)
    }

    fn take(lanes: u32) -> Self {
        let free = CHANGED.wait_while(lock(), |free| *free < lanes);
        *free.unwrap_or_else(PoisonError::into_inner) -= lanes;
        Self(lanes)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        *lock() += self.0;
        CHANGED.notify_all();
    }
}

fn lock() -> MutexGuard<'static, u32> {
    FREE.lock().unwrap_or_else(PoisonError::into_inner)
}
