//! The way of events from a session to its application.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{
    Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, unbounded,
};

/// The events of a session, in the order in which they happened.
///
/// It is an iterator that waits for each event and ends with the session:
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let options = norm_net::SendOptions::new("239.1.2.3:6003".parse()?);
/// # let sending = norm_net::send(&["file".into()], &options)?;
/// for event in sending.events() {
///     println!("{event:?}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// Clones fetch from the same queue: each event is fetched once. A session never waits for its
/// events to be fetched. Events beyond some thousands that nothing fetches are dropped, those about
/// progress first.
pub struct Events<T> {
    queue: Receiver<T>,
    /// Called with each event that is fetched.
    on_fetch: Option<Hook<T>>,
}

/// Is called with an event.
type Hook<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Why there is no event.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum NoEvent {
    /// None has happened yet.
    NotYet,
    /// The session is over, and all of its events are fetched.
    Over,
}

impl fmt::Display for NoEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotYet => "no event has happened yet",
            Self::Over => "the session is over",
        })
    }
}

impl std::error::Error for NoEvent {}

impl<T> Events<T> {
    /// Waits for the next event; `None` when the session is over.
    pub fn recv(&self) -> Option<T> {
        self.queue.recv().ok().inspect(|event| self.fetched(event))
    }

    /// The next event, if there is one now.
    ///
    /// # Errors
    /// [`NoEvent`] says whether more may come.
    pub fn try_recv(&self) -> Result<T, NoEvent> {
        match self.queue.try_recv() {
            Ok(event) => Ok(event).inspect(|event| self.fetched(event)),
            Err(TryRecvError::Empty) => Err(NoEvent::NotYet),
            Err(TryRecvError::Disconnected) => Err(NoEvent::Over),
        }
    }

    /// Waits for the next event, at most this long.
    ///
    /// # Errors
    /// [`NoEvent`] says whether more may come.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<T, NoEvent> {
        match self.queue.recv_timeout(timeout) {
            Ok(event) => Ok(event).inspect(|event| self.fetched(event)),
            Err(RecvTimeoutError::Timeout) => Err(NoEvent::NotYet),
            Err(RecvTimeoutError::Disconnected) => Err(NoEvent::Over),
        }
    }

    fn fetched(&self, event: &T) {
        if let Some(on_fetch) = &self.on_fetch {
            on_fetch(event);
        }
    }

    /// Calls `on_fetch` with each event that is fetched.
    pub(crate) fn with_hook(self, on_fetch: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self { queue: self.queue, on_fetch: Some(Arc::new(on_fetch)) }
    }
}

impl<T> Iterator for Events<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.recv()
    }
}

impl<T> Clone for Events<T> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), on_fetch: self.on_fetch.clone() }
    }
}

impl<T> fmt::Debug for Events<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("waiting", &self.queue.len()).finish_non_exhaustive()
    }
}

/// A session's end of the way: never blocks.
#[derive(Debug)]
pub(crate) struct Outlet<T>(Sender<T>);

/// An event that did not get out.
#[derive(Debug)]
pub(crate) enum Refused<T> {
    /// As many as allowed are waiting; the event.
    Full(T),
    /// There is no handle any more.
    Closed,
}

/// A way for events, and its two ends.
pub(crate) fn outlet<T>() -> (Outlet<T>, Events<T>) {
    let (sender, queue) = unbounded();
    (Outlet(sender), Events { queue, on_fetch: None })
}

impl<T> Outlet<T> {
    /// Hands an event out unless `limit` are waiting to be fetched.
    pub(crate) fn push(&self, event: T, limit: usize) -> Result<(), Refused<T>> {
        if self.0.len() >= limit {
            return Err(Refused::Full(event));
        }
        self.0.try_send(event).map_err(|error| match error {
            TrySendError::Full(event) => Refused::Full(event),
            TrySendError::Disconnected(_) => Refused::Closed,
        })
    }
}

impl<T> Clone for Outlet<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn event_is_fetched_once_and_the_end_is_told() {
        let (outlet, events) = outlet();
        assert_eq!(events.try_recv(), Err::<u8, _>(NoEvent::NotYet));
        assert_eq!(events.recv_timeout(Duration::from_millis(1)), Err(NoEvent::NotYet));
        for event in 1..=4 {
            outlet.push(event, 10).unwrap();
        }
        drop(outlet);
        assert_eq!((events.clone().recv(), events.try_recv()), (Some(1), Ok(2)));
        assert_eq!(events.recv_timeout(Duration::ZERO), Ok(3));
        assert_eq!(events.clone().collect::<Vec<_>>(), [4]);
        assert_eq!((events.recv(), events.try_recv()), (None, Err(NoEvent::Over)));
        assert_eq!(events.recv_timeout(Duration::ZERO), Err(NoEvent::Over));
    }

    #[test]
    fn outlet_refuses_events_beyond_its_limit_and_without_a_reader() {
        let (outlet, events) = outlet();
        assert!(outlet.push(1, 1).is_ok());
        assert!(matches!(outlet.push(2, 1), Err(Refused::Full(2))));
        drop(events);
        assert!(matches!(outlet.push(2, 2), Err(Refused::Closed)));
    }

    #[test]
    fn hook_is_called_for_each_event_that_is_fetched() {
        let (outlet, events) = outlet();
        let fetched = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&fetched);
        let events = events.with_hook(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        for event in 0..3 {
            outlet.push(event, 10).unwrap();
        }
        assert!(events.try_recv().is_ok() && events.recv().is_some());
        assert_eq!(fetched.load(Ordering::Relaxed), 2);
    }
}
