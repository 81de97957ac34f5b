//! A thread that announces a session for as long as it lasts.

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use crossbeam_channel::unbounded;
use norm_core::announce::{Announcer, SAP_PORT, SessionDescription, sap_group};
use norm_core::{Job, Timestamp};

use super::Origin;
use crate::io::driver::{self, Application, Clock};
use crate::io::error::NetError;
use crate::io::interface::InterfaceSpec;
use crate::io::layer::Bare;
use crate::io::socket::{Link, LinkChange, LinkConfig};
use crate::running::Running;
use crate::stopper::{Stopper, os_seed};

/// Kernel buffers, in bytes: announcements are few.
const BUFFER: usize = 256 << 10;

/// A session that is being announced. Dropping it has the announcement deleted, and does not wait
/// for that.
#[derive(Debug)]
pub(crate) struct Announcing {
    running: Running<()>,
}

impl Announcing {
    /// Announces a session whose sockets are `like` and `link`: on the same interface, with the
    /// same TTL. `None` for a session that is in no group.
    ///
    /// # Errors
    /// When the sockets cannot be opened, or the system refuses a thread.
    pub(crate) fn start(
        description: SessionDescription,
        like: &LinkConfig,
        link: &Link,
    ) -> Result<Option<Self>, AnnounceError> {
        let Some(group) = sap_group(like.group.ip()) else { return Ok(None) };
        let interface = InterfaceSpec::Name(link.interface().name.clone());
        let config = LinkConfig {
            interface: Some(like.interface.clone().unwrap_or(interface)),
            ttl: like.ttl,
            dscp: like.dscp,
            loopback: like.loopback,
            recv_buffer: BUFFER,
            send_buffer: BUFFER,
            gso: false,
            gro: false,
            ..LinkConfig::new(SocketAddr::new(group, SAP_PORT))
        };
        let link = Link::open(&config).map_err(AnnounceError::Net)?;
        let seed = os_seed().map_err(AnnounceError::Io)?;
        let stopper = Stopper::new(link.waker());
        let app = App { stopper: stopper.clone() };
        let run = move || run(link, description, seed, app);
        let running = Running::spawn("norm-announce", stopper, run).map_err(AnnounceError::Io)?;
        Ok(Some(Self { running }))
    }

    /// Deletes the announcement; returns when that has left.
    pub(crate) fn end(self) {
        self.running.stopper().stop();
        // The session is over, however its announcements have fared.
        let _ = self.running.wait();
    }
}

/// A session cannot be announced.
#[derive(Debug)]
pub(crate) enum AnnounceError {
    /// The sockets could not be opened.
    Net(NetError),
    /// The system refused a thread or randomness.
    Io(io::Error),
}

fn run(mut link: Link, description: SessionDescription, seed: u64, mut app: App) -> io::Result<()> {
    let clock = Clock::start();
    let source = link.local_addr().ip();
    let origin = Origin { address: source.to_string(), ..description.origin.clone() };
    let description = SessionDescription { origin, ..description };
    let mut announcer = Announcer::new(description, source, seed, clock.now());
    // There are no jobs.
    let (_, results) = unbounded();
    driver::run(&mut link, clock, &mut announcer, &mut app, &results)
}

/// What surrounds an announcer.
struct App {
    stopper: Stopper,
}

impl Application<Announcer> for App {
    fn event(&mut self, _: &mut Announcer, _: Timestamp, _none: ()) {}

    fn job(&mut self, _: &mut Announcer, _: Timestamp, _: Job) {}

    fn link_changed(&mut self, engine: &mut Announcer, now: Timestamp, change: &LinkChange) {
        if let LinkChange::Moved { to, .. } = change {
            engine.move_to(now, to.ip());
        }
    }

    fn turn(&mut self, engine: &mut Announcer, _: Timestamp) -> ControlFlow<()> {
        if self.stopper.is_stopped() {
            engine.finish();
        }
        if engine.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Bare for Announcer {}
