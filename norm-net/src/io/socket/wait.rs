//! Sleeps until there is something to do.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token, Waker};

use super::setup::Port;

const SESSION: Token = Token(0);
const OWN: Token = Token(1);
const WAKER: Token = Token(2);

/// Readiness of both sockets and of a waker.
#[derive(Debug)]
pub(super) struct Waiting {
    poll: Poll,
    events: Events,
    waker: Arc<Waker>,
    /// Room in the send buffer is asked about. Only while blocked: the kernel would otherwise wake
    /// us for every packet that leaves.
    for_room: bool,
}

impl Waiting {
    pub(super) fn new(own: &mut Port, session: Option<&mut Port>) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut waiting = Self { poll, events: Events::with_capacity(8), waker, for_room: false };
        waiting.watch(own, session)?;
        Ok(waiting)
    }

    /// Waits for these from now on; those before are forgotten when they are closed.
    pub(super) fn watch(&mut self, own: &mut Port, session: Option<&mut Port>) -> io::Result<()> {
        self.poll.registry().register(&mut own.socket, OWN, Interest::READABLE)?;
        if let Some(session) = session {
            self.poll.registry().register(&mut session.socket, SESSION, Interest::READABLE)?;
        }
        self.for_room = false;
        Ok(())
    }

    pub(super) fn waker(&self) -> Arc<Waker> {
        Arc::clone(&self.waker)
    }

    /// Sleeps at most `timeout` (without one, for ever). Not at all while data are unread.
    pub(super) fn wait(
        &mut self,
        own: &mut Port,
        mut session: Option<&mut Port>,
        blocked: &mut bool,
        timeout: Option<Duration>,
    ) -> io::Result<()> {
        if *blocked != self.for_room {
            let interest =
                if *blocked { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE };
            self.poll.registry().reregister(&mut own.socket, OWN, interest)?;
            self.for_room = *blocked;
        }
        let unread = own.is_unread() || session.as_ref().is_some_and(|port| port.is_unread());
        let timeout = if unread { Some(Duration::ZERO) } else { timeout };
        match self.poll_events(timeout) {
            // A signal is as good a reason to look around as any.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.events {
            let readable = event.is_readable() || event.is_error() || event.is_read_closed();
            match event.token() {
                OWN => {
                    own.set_unread(own.is_unread() || readable);
                    *blocked &= !event.is_writable();
                }
                SESSION => {
                    if let Some(session) = session.as_deref_mut() {
                        session.set_unread(session.is_unread() || readable);
                    }
                }
                _ => {} // woken, which is all there is to it
            }
        }
        Ok(())
    }

    /// mio waits in whole milliseconds, rounded up. Short waits pace packets, so they are made to
    /// the microsecond where the system can.
    fn poll_events(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(timeout) = timeout.filter(|timeout| is_fine(*timeout)) {
            use std::os::fd::AsRawFd;
            self.events.clear();
            if !super::raw::wait_readable(self.poll.as_raw_fd(), timeout)? {
                return Ok(());
            }
            return self.poll.poll(&mut self.events, Some(Duration::ZERO));
        }
        self.poll.poll(&mut self.events, timeout)
    }
}

/// Whether rounding up to a millisecond would matter.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_fine(timeout: Duration) -> bool {
    timeout < Duration::from_millis(50) && !timeout.subsec_nanos().is_multiple_of(1_000_000)
}
