//! Hears which sessions are announced.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll};
use norm_core::announce::{Announced, Change, Directory, DirectoryCounts, SAP_PORT, sap_groups};

use crate::io::driver::Clock;
use crate::io::error::NetError;
use crate::io::interface::{Interface, InterfaceSpec};
use crate::io::socket::GroupListener;

/// The options of [`listen`]; more may come.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ListenOptions {
    /// Interface to listen on; without it the routing table decides, for each family by itself.
    pub interface: Option<InterfaceSpec>,
}

impl ListenOptions {
    /// The same with changes, such as `.with(|options| options.interface = None)`.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}

/// Sockets in all groups in which sessions are announced, and what was heard there. Without a
/// thread: it hears while [`next`](Self::next) is called.
#[derive(Debug)]
pub struct Listening {
    listeners: Vec<GroupListener>,
    poll: Poll,
    events: Events,
    directory: Directory,
    clock: Clock,
}

/// Listens for announcements by IPv4 and IPv6, as far as the interface has either.
///
/// # Errors
/// What IPv4 has failed with, if IPv6 has failed, too.
pub fn listen(options: &ListenOptions) -> Result<Listening, NetError> {
    let open = |is_v6| {
        let groups: Vec<_> =
            sap_groups(is_v6).map(|group| SocketAddr::new(group, SAP_PORT)).collect();
        GroupListener::open(&groups, options.interface.as_ref())
    };
    let mut listeners = match (open(false), open(true)) {
        (Ok(v4), Ok(v6)) => vec![v4, v6],
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => vec![one],
        (Err(error), Err(_)) => return Err(error),
    };
    let prepare = NetError::socket("prepare to wait for announcements");
    let poll = Poll::new().and_then(|poll| {
        for (token, listener) in listeners.iter_mut().enumerate() {
            listener.register(&poll, token)?;
        }
        Ok(poll)
    });
    Ok(Listening {
        listeners,
        poll: poll.map_err(prepare)?,
        events: Events::with_capacity(8),
        directory: Directory::default(),
        clock: Clock::start(),
    })
}

impl Listening {
    /// Waits for something new at most this long; `None` when there is nothing.
    ///
    /// # Errors
    /// When the sockets fail for good.
    pub fn next(&mut self, timeout: Duration) -> io::Result<Option<Change>> {
        let end = Instant::now() + timeout;
        self.expire();
        loop {
            if let Some(change) = self.read(end)? {
                return Ok(Some(change));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            match self.poll.poll(&mut self.events, Some(left)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
        }
    }

    /// Reads what has arrived, up to what is new, until `end`.
    fn read(&mut self, end: Instant) -> io::Result<Option<Change>> {
        let Self { listeners, directory, clock, .. } = self;
        for listener in listeners {
            while let Some((host, datagram)) = listener.receive()? {
                let change = directory.hear(clock.now(), host.ip(), datagram);
                let is_over = change.as_ref().is_some_and(is_over);
                if is_over {
                    directory.expire(clock.now(), date());
                }
                let change = change.filter(|_| !is_over);
                // A flood of what is known must not last for ever.
                if change.is_some() || Instant::now() >= end {
                    return Ok(change);
                }
            }
        }
        Ok(None)
    }

    /// Forgets what is over.
    fn expire(&mut self) {
        self.directory.expire(self.clock.now(), date());
    }

    /// The sessions that are announced, by name, then by group. Those that are over, and those that
    /// were not announced for an hour or ten intervals, are left out.
    pub fn sessions(&self) -> Vec<Announced> {
        let mut sessions: Vec<_> = self.directory.sessions().collect();
        sessions.sort_by(|a, b| {
            let key = |it: &Announced| (it.description.group, it.host);
            a.description.name.cmp(&b.description.name).then_with(|| key(a).cmp(&key(b)))
        });
        sessions
    }

    /// The interfaces in use, one for each family.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.listeners.iter().map(GroupListener::interface)
    }

    /// What was heard, in numbers.
    pub fn counts(&self) -> DirectoryCounts {
        self.directory.counts()
    }
}

/// The time since 1970, if it is known.
fn date() -> Option<Duration> {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()
}

/// True of a session that is announced although it is over.
fn is_over(change: &Change) -> bool {
    let (Change::New(session) | Change::Modified(session)) = change else { return false };
    date().is_some_and(|date| session.description.is_over(date))
}
