//! Work that the thread that asks for it does at once, because handing it over would take longer.
//!
//! Where another core is idle, a thread there takes work off the one that serves the network. With
//! a core or two there is none: then waking that thread, and moving the bytes into another core's
//! cache, costs a fifth of a receiver's time (`docs/performance.md`). But a disk may be slow to
//! write while packets arrive. So after work that took long, a thread does it again, for a while.

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Decides where the work on blocks is done.
#[derive(Debug)]
pub(crate) struct Inline {
    enabled: bool,
    /// Nothing is done at once before this.
    not_before: Option<Instant>,
    /// How long the next pause will be.
    pause: Duration,
}

/// With more cores than this, threads do the work.
const FEW_CORES: usize = 2;
/// Work that takes longer has met a slow disk: buffers of sockets hold as much as comes meanwhile.
const LONG: Duration = Duration::from_millis(20);
/// The first pause; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

impl Inline {
    /// For this machine.
    pub(crate) fn new() -> Self {
        Self::with(available_parallelism().is_ok_and(|cores| cores.get() <= FEW_CORES))
    }

    fn with(enabled: bool) -> Self {
        Self { enabled, not_before: None, pause: FIRST_PAUSE }
    }

    /// Does the work if it is to be done at once, else gives it back.
    ///
    /// # Errors
    /// The work, for another thread to do.
    pub(crate) fn attempt<T, W: FnOnce() -> T>(&mut self, work: W) -> Result<T, W> {
        if !self.enabled {
            return Err(work);
        }
        let start = Instant::now();
        if self.not_before.is_some_and(|moment| start < moment) {
            return Err(work);
        }
        let result = work();
        self.note(start, start.elapsed());
        Ok(result)
    }

    fn note(&mut self, start: Instant, took: Duration) {
        if took > LONG {
            self.not_before = Some(start + took + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_many_cores_the_work_comes_back() {
        let work = Inline::with(false).attempt(|| 5);
        assert_eq!(work.map_err(|work| work()), Err(5));
    }

    #[test]
    fn work_that_took_long_is_left_to_others_for_longer_each_time() {
        let mut quick = Inline::with(true);
        assert_eq!(quick.attempt(|| 5).ok(), Some(5));
        let long_ago = Instant::now().checked_sub(Duration::from_secs(100)).unwrap();
        quick.note(long_ago, LONG);
        assert!(quick.attempt(|| 5).is_ok(), "that was not long");
        quick.note(Instant::now(), LONG * 2);
        assert!(quick.attempt(|| 5).is_err());
        quick.note(long_ago, LONG * 2);
        assert!(quick.attempt(|| 5).is_ok(), "the pause is over");
        assert_eq!(quick.pause, FIRST_PAUSE * 4);
        (0..20).for_each(|_| quick.note(long_ago, LONG * 2));
        assert_eq!(quick.pause, LONGEST_PAUSE);
    }
}
