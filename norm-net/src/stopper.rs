//! What sending and receiving sessions share: how to stop one, how results of jobs come back, and
//! where random seeds come from.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crossbeam_channel::Sender as Channel;
use mio::Waker;
use norm_core::JobDone;

/// Ends a session from another thread, for instance from a signal handler's.
#[derive(Clone, Debug)]
pub struct Stopper {
    request: Arc<AtomicU8>,
    waker: Arc<Waker>,
}

/// What is asked of a session; the later one outweighs the earlier.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum StopRequest {
    /// To go on.
    None = 0,
    /// To send no more content, and to leave receivers to another sender.
    Leave = 1,
    /// To end.
    Stop = 2,
}

impl Stopper {
    pub(crate) fn new(waker: Arc<Waker>) -> Self {
        Self { request: Arc::new(AtomicU8::new(StopRequest::None as u8)), waker }
    }

    /// Has the session tell the other side that it ends, and end, within a second or so. Returns at
    /// once; calling it again, or after the end, changes nothing.
    pub fn stop(&self) {
        self.raise(StopRequest::Stop);
    }

    /// Has a sending session send no more content and end in five seconds, unless
    /// [`stop`](Self::stop) ends it earlier: receivers keep what they have, and wait for another
    /// sender of the same files. It ends at once, as by `stop`, when that is of no use: before
    /// content flows, in standard mode, and when no receiver is at work. Any other session stops.
    pub fn leave(&self) {
        self.raise(StopRequest::Leave);
    }

    /// Asks for this, unless more was asked for before.
    pub(crate) fn raise(&self, request: StopRequest) {
        self.request.fetch_max(request as u8, Ordering::AcqRel);
        // Fails only when the session, and with it the poll, is gone; the loop also looks by
        // itself.
        let _ = self.waker.wake();
    }

    /// True when the session is to end, sooner or later.
    pub fn is_stopped(&self) -> bool {
        self.request() != StopRequest::None
    }

    /// What was asked for.
    pub(crate) fn request(&self) -> StopRequest {
        match self.request.load(Ordering::Acquire) {
            0 => StopRequest::None,
            1 => StopRequest::Leave,
            _ => StopRequest::Stop,
        }
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
        stopper.clone().leave();
        assert_eq!(stopper.request(), StopRequest::Leave);
        stopper.clone().stop();
        stopper.leave();
        assert_eq!(stopper.request(), StopRequest::Stop);
        drop(link);
        stopper.stop();
        assert!(stopper.is_stopped());
    }

    #[test]
    fn seeds_differ() {
        assert_ne!(os_seed().unwrap(), os_seed().unwrap());
    }
}
