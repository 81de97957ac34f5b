//! A session on a thread of its own, as all handles hold it.

use std::io;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};

use crate::stopper::Stopper;

/// A session that runs. Dropping it has the session stop, and does not wait for that.
#[derive(Debug)]
pub(crate) struct Running<R> {
    stopper: Stopper,
    result: Receiver<io::Result<R>>,
    thread: Option<JoinHandle<()>>,
}

impl<R: Send + 'static> Running<R> {
    /// Runs a session on a thread with this name; `stopper` ends it.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub(crate) fn spawn(
        name: &str,
        stopper: Stopper,
        session: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> io::Result<Self> {
        let (sender, result) = bounded(1);
        let thread = Builder::new().name(name.to_owned()).spawn(move || {
            // Fails when the handle is gone, and nothing waits for the report.
            let _ = sender.send(session());
        })?;
        Ok(Self { stopper, result, thread: Some(thread) })
    }

    /// What ends the session.
    pub(crate) fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// True when the session is over.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits for the end of the session.
    ///
    /// # Errors
    /// What the session has failed with; also when it has panicked.
    pub(crate) fn wait(mut self) -> io::Result<R> {
        let result = self.result.recv();
        self.end(result.ok())
    }

    /// Waits for the end of the session, at most this long; `None` when it goes on. The report is
    /// handed out once: a later call finds an error.
    pub(crate) fn wait_timeout(&mut self, timeout: Duration) -> Option<io::Result<R>> {
        match self.result.recv_timeout(timeout) {
            Err(error) if error.is_timeout() => None,
            result => Some(self.end(result.ok())),
        }
    }

    /// The session has come to its end, with this result unless it has panicked.
    fn end(&mut self, result: Option<io::Result<R>>) -> io::Result<R> {
        let joined = self.thread.take().map(JoinHandle::join);
        result.unwrap_or_else(|| {
            Err(io::Error::other(match joined {
                Some(_) => "the session's thread panicked",
                None => "the session is over, and its report was taken",
            }))
        })
    }
}

impl<R> Drop for Running<R> {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::socket::{Link, LinkConfig};

    fn stopper() -> Stopper {
        let link = Link::open(&LinkConfig::new("127.0.0.1:9".parse().unwrap())).unwrap();
        Stopper::new(link.waker())
    }

    /// A session that goes on until it is stopped.
    fn session(stopper: Stopper) -> impl FnOnce() -> io::Result<u8> {
        move || {
            while !stopper.is_stopped() {
                std::thread::yield_now();
            }
            Ok(7)
        }
    }

    #[test]
    fn report_is_handed_out_once_when_the_session_is_over() {
        let stopper = stopper();
        let mut running = Running::spawn("test", stopper.clone(), session(stopper)).unwrap();
        assert!(running.wait_timeout(Duration::from_millis(1)).is_none() && !running.is_finished());
        running.stopper().stop();
        let report = running.wait_timeout(Duration::from_secs(60));
        assert!(matches!(report, Some(Ok(7))) && running.is_finished());
        assert!(running.wait().unwrap_err().to_string().contains("was taken"));
    }

    #[test]
    fn dropped_handle_stops_its_session_without_waiting() {
        let stopper = stopper();
        drop(Running::spawn("test", stopper.clone(), session(stopper.clone())).unwrap());
        assert!(stopper.is_stopped());
    }

    #[test]
    fn panic_of_a_session_is_an_error() {
        let running = Running::<()>::spawn("test", stopper(), || panic!("on purpose")).unwrap();
        assert!(running.wait().unwrap_err().to_string().contains("panicked"));
    }
}
