//! The application's handle to a receiving session.

mod event;
mod feed;
mod reader;
mod session;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{bounded, unbounded};
use norm_core::Rng;
use norm_core::norm::Receiver;
use norm_core::norm::receiver::ReceiverStats;

use super::options::ObjectReceiveOptions;
use super::signal::Signal;
use crate::io::driver::{self, Clock};
use crate::io::socket::Link;
use crate::stopper::{JobResults, Stopper, os_seed};
use crate::transfer::receive::ReceiveError;
use crate::transfer::receive::store::BlockStore;

pub use event::{ObjectEvent, ObjectEvents, RemoteSender};
pub use reader::{StreamItem, StreamReader};

use event::Budget;
use session::{Limits, Session};

/// Events that wait to be fetched; what more there is waits with the session.
const EVENTS: usize = 256;
/// Memory for symbols of objects whose shape, or place, is not known yet, and of blocks under way.
const STORE: usize = 64 << 20;

/// Receives DATA objects, files' contents included, streams and commands of all senders in a session.
///
/// The session has a thread of its own. Dropping this ends it at once; [`close`](Self::close) is the
/// polite end.
#[derive(Debug)]
pub struct ObjectReceiver {
    events: ObjectEvents,
    stopper: Stopper,
    /// Leave without waiting for anybody.
    at_once: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<ReceiverStats>>>,
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
        let store = BlockStore::new(STORE);
        let returns = store.returns();
        let mut engine = Receiver::new(options.engine_config(&mut rng), store, rng.next_u64());

        let stopper = Stopper::new(link.waker());
        let signal = Signal::new(link.waker());
        let at_once = Arc::new(AtomicBool::new(false));
        let (outbox, events) = bounded(EVENTS);
        let budget = Budget::new(options.memory);
        let events = ObjectEvents { events, budget: budget.clone(), signal: signal.clone() };
        let limits = Limits {
            max_data: options.max_data,
            max_streams: options.max_streams,
            leave: options.leave,
        };
        let (done, results) = unbounded();
        let results_back = JobResults::new(done, link.waker());
        let ending = (stopper.clone(), Arc::clone(&at_once));
        let mut session =
            Session::new(limits, outbox, budget, signal, ending, (returns, results_back));
        let run = move || {
            driver::run(&mut link, clock, &mut engine, &mut session, &results)?;
            Ok(*engine.stats())
        };
        let thread = std::thread::Builder::new().name("norm-objects".to_owned()).spawn(run)?;
        Ok(Self { events, stopper, at_once, thread: Some(thread) })
    }

    /// What happens, objects included.
    pub fn events(&self) -> &ObjectEvents {
        &self.events
    }

    /// Ends the session from elsewhere, as [`close`](Self::close) does, without waiting for it.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Ends the session when every sender has heard what was confirmed, or has ended, or after
    /// [`leave`](ObjectReceiveOptions::leave). Objects that were not fetched by then are lost; they
    /// may have been confirmed.
    ///
    /// # Errors
    /// [`ReceiveError::Io`] when the sockets failed for good.
    pub fn close(mut self) -> Result<ReceiverStats, ReceiveError> {
        self.stopper.stop();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(stats)) => Ok(stats?),
            _ => Err(io::Error::other("the receiving thread panicked").into()),
        }
    }
}

impl Drop for ObjectReceiver {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.at_once.store(true, Ordering::Release);
            self.stopper.stop();
            let _ = thread.join();
        }
    }
}
