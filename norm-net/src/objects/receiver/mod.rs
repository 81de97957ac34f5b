//! The application's handle to a receiving session.

mod event;
mod feed;
mod reader;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::unbounded;
use norm_core::Rng;
use norm_core::norm::Receiver;
use norm_core::norm::receiver::ReceiverStats;
use norm_seal::Role;

use super::options::ObjectReceiveOptions;
use super::signal::Signal;
use crate::event::{Events, outlet};
use crate::io::driver::{self, Clock};
use crate::io::seal::sealed;
use crate::io::socket::Link;
use crate::running::Running;
use crate::stopper::{JobResults, Stopper, os_seed};
use crate::transfer::receive::ReceiveError;
use crate::transfer::receive::store::BlockStore;

pub use event::{ObjectEvent, SenderInfo};
pub use reader::{StreamItem, StreamReader};

use event::{Budget, with_budget};
use session::{Limits, Parts, Session};

/// Memory for symbols of objects whose shape, or place, is not known yet, and of blocks under way.
const STORE_BYTES: usize = 64 << 20;

/// Receives DATA objects, files' contents included, streams and commands of all senders in a
/// session.
///
/// The session has a thread of its own. Dropping the handle has it end at once, and does not wait
/// for that; [`close`](Self::close) is the good end.
#[derive(Debug)]
pub struct ObjectReceiver {
    events: Events<ObjectEvent>,
    /// Dropped before `running`, which stops the session.
    _at_once: AtOnce,
    running: Running<ReceiverStats>,
}

/// When this is dropped, the session does not wait for senders any more.
#[derive(Debug)]
struct AtOnce(Arc<AtomicBool>);

impl Drop for AtOnce {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl ObjectReceiver {
    /// Opens the sockets and starts the session.
    ///
    /// # Errors
    /// When options cannot work, and when the network or the system refuses.
    pub fn open(options: &ObjectReceiveOptions) -> Result<Self, ReceiveError> {
        options.check()?;
        let mut link = Link::open(&options.link_config())?;
        let mut rng = Rng::new(os_seed()?);
        let clock = Clock::start();
        let store = BlockStore::new(STORE_BYTES);
        let returns = store.returns();
        let engine = Receiver::new(options.engine_config(&mut rng), store, rng.next_u64());
        let mut engine =
            sealed(engine, options.seal.as_ref(), Role::Receiver, options.group, false)?;

        let stopper = Stopper::new(link.waker());
        let signal = Signal::new(link.waker());
        let at_once = Arc::new(AtomicBool::new(false));
        let (outlet, events) = outlet();
        let budget = Budget::new(options.memory);
        let events = with_budget(events, budget.clone(), signal.clone());
        let limits = Limits {
            max_data: options.max_data,
            max_streams: options.max_streams,
            leave: options.leave,
        };
        let (done, results) = unbounded();
        let parts = Parts {
            limits,
            events: outlet,
            budget,
            signal,
            stopper: stopper.clone(),
            at_once: Arc::clone(&at_once),
            returns,
            results: JobResults::new(done, link.waker()),
        };
        let mut session = Session::new(parts);
        let run = move || {
            driver::run(&mut link, clock, &mut engine, &mut session, &results)?;
            Ok(*engine.inner().stats())
        };
        let running = Running::spawn("norm-objects", stopper, run)?;
        Ok(Self { events, _at_once: AtOnce(at_once), running })
    }

    /// What happens, objects included; ends when the session is over. Objects that are not fetched
    /// hold the session up when their memory is used up.
    pub fn events(&self) -> Events<ObjectEvent> {
        self.events.clone()
    }

    /// Ends the session from elsewhere, as [`close`](Self::close) does, without waiting for it.
    pub fn stopper(&self) -> Stopper {
        self.running.stopper()
    }

    /// True when the session is over, and [`close`](Self::close) returns at once.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Ends the session when every sender has heard what was confirmed, or has ended, or after
    /// [`leave`](ObjectReceiveOptions::leave). Objects that were not fetched by then are lost; they
    /// may have been confirmed.
    ///
    /// # Errors
    /// [`ReceiveError::Io`] when the sockets failed for good.
    pub fn close(self) -> Result<ReceiverStats, ReceiveError> {
        self.running.stopper().stop();
        Ok(self.running.wait()?)
    }

    /// As [`close`](Self::close), but waits at most this long; `None` when the session goes on. The
    /// statistics are handed out once.
    ///
    /// # Errors
    /// [`ReceiveError::Io`] when the sockets failed for good, or the statistics were handed out
    /// before.
    pub fn wait_timeout(
        &mut self,
        timeout: Duration,
    ) -> Option<Result<ReceiverStats, ReceiveError>> {
        self.running.stopper().stop();
        Some(self.running.wait_timeout(timeout)?.map_err(ReceiveError::from))
    }
}
