//! What sending and receiving sessions share: how to stop one, how results of jobs come back, and
//! where random seeds come from.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::Sender as Channel;
use mio::Waker;
use norm_core::JobDone;

/// Ends a session from another thread, for instance from a signal handler's.
#[derive(Clone, Debug)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    waker: Arc<Waker>,
}

impl Stopper {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        Self { stopped: Arc::new(AtomicBool::new(false)), waker }
    }

    /// Has the session tell the other side that it ends, and end, within a second or so. Returns at
    /// once; calling it again, or after the end, changes nothing.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        // Fails only when the session, and with it the poll, is gone; the loop also looks by
        // itself.
        let _ = self.waker.wake();
    }

    /// True when the session is to end.
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }
}

/// Brings finished jobs back to the session's loop.
#[derive(Clone, Debug)]
pub(crate) struct JobResults {
    done: Channel<JobDone>,
    waker: Arc<Waker>,
}

impl JobResults {
    pub(crate) fn new(done: Channel<JobDone>, waker: Arc<Waker>) -> Self {
        Self { done, waker }
    }

    pub(crate) fn send(&self, done: JobDone) {
        // Either fails only when the session is over and nothing waits for the result.
        if self.done.send(done).is_ok() {
            let _ = self.waker.wake();
        }
    }
}

/// A seed that cannot be guessed, from the system's source of randomness.
///
/// # Errors
/// When the system has none.
pub(crate) fn os_seed() -> io::Result<u64> {
    getrandom::u64().map_err(io::Error::other)
}

/// Bytes that cannot be guessed, whatever else is drawn from a seed.
///
/// # Errors
/// When the system has none.
pub(crate) fn os_secret() -> io::Result<[u8; 16]> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(io::Error::other)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::socket::{Link, LinkConfig};

    #[test]
    fn clone_stops_the_session_and_stopping_twice_is_harmless() {
        let link = Link::open(&LinkConfig::new("127.0.0.1:9".parse().unwrap())).unwrap();
        let stopper = Stopper::new(link.waker());
        assert!(!stopper.is_stopped());
        stopper.clone().stop();
        stopper.stop();
        drop(link);
        stopper.stop();
        assert!(stopper.is_stopped());
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(os_seed().unwrap(), os_seed().unwrap());
    }
}
