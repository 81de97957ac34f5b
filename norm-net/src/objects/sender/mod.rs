//! The application's handle to a sending session.

mod event;
mod session;
mod writer;

use std::time::Duration;

use bytes::Bytes;
use crossbeam_channel::{Sender as ChannelSender, bounded, unbounded};
use norm_core::Rng;
use norm_core::norm::Sender;
use norm_core::norm::sender::StreamSpec;
use norm_core::norm::stream::MessageMarks;
use norm_seal::Role;

use super::error::ObjectError;
use super::options::ObjectSendOptions;
use super::signal::Signal;
use crate::event::{Events, outlet};
use crate::io::driver::{self, Clock};
use crate::io::seal::sealed;
use crate::io::socket::Link;
use crate::running::Running;
use crate::stopper::{JobResults, Stopper, os_secret, os_seed};
use crate::transfer::send::SendError;

pub use event::{ObjectSendEvent, ObjectSendOutcome, ObjectSendReport};
pub use writer::StreamWriter;

use session::{Limits, Parts, Request, Session};

/// Which object of its session one is, counted from 0; its low 16 bits are the transport id.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectNumber(pub u64);

/// Requests under way to the session.
const MAX_REQUESTS: usize = 16;

/// Sends DATA objects, streams and commands to a group, in the order in which they are handed over.
///
/// The session has a thread of its own. Dropping the handle stops it, as [`Stopper::stop`] does,
/// and does not wait for that; [`finish`](Self::finish) is the good end.
#[derive(Debug)]
pub struct ObjectSender {
    requests: ChannelSender<Request>,
    events: Events<ObjectSendEvent>,
    signal: Signal,
    running: Running<ObjectSendReport>,
}

impl ObjectSender {
    /// Opens the sockets and starts the session.
    ///
    /// # Errors
    /// When options cannot work, and when the network or the system refuses.
    pub fn open(options: &ObjectSendOptions) -> Result<Self, SendError> {
        let mut rng = Rng::new(os_seed()?);
        let config = options.engine_config(&mut rng)?;
        let limits =
            Limits { held: options.max_held, segment_size: options.content_per_packet().into() };
        let mut link = Link::open(&options.link_config())?;
        let clock = Clock::start();
        let mut engine = Sender::new(config, rng.next_u64(), clock.now())?;
        engine.prove_moves(os_secret()?);
        let mut engine = sealed(engine, options.seal.as_ref(), Role::Sender, options.group, false)?;

        let (requests, inbox) = bounded(MAX_REQUESTS);
        let (outlet, events) = outlet();
        let (done, results) = unbounded();
        let stopper = Stopper::new(link.waker());
        let signal = Signal::new(link.waker());
        let parts = Parts {
            limits,
            requests: inbox,
            events: outlet,
            stopper: stopper.clone(),
            signal: signal.clone(),
            results: JobResults::new(done, link.waker()),
        };
        let mut session = Session::new(parts, clock.now())?;
        let run = move || {
            driver::run(&mut link, clock, &mut engine, &mut session, &results)?;
            Ok(session.report(engine.inner(), clock.now()))
        };
        let running = Running::spawn("norm-objects", stopper, run)?;
        Ok(Self { requests, events, signal, running })
    }

    /// Hands over an object, with NORM_INFO if wanted (at most one segment of bytes about it).
    /// Returns when the session has taken it, not when it is sent. An empty object needs no INFO
    /// here, and gets an empty one.
    ///
    /// # Errors
    /// [`ObjectError`] when it does not fit the session, or the session is over.
    pub fn send_data(
        &self,
        bytes: Bytes,
        info: Option<Bytes>,
    ) -> Result<ObjectNumber, ObjectError> {
        self.ask(|reply| Request::Data { bytes, info, reply })
    }

    /// Begins a stream after all objects handed over before; objects handed over later wait for its
    /// end. `buffer` bytes are kept for repair: at least what is sent in a few round trips.
    ///
    /// # Errors
    /// [`ObjectError`] when it does not fit the session, or the session is over.
    pub fn open_stream(
        &self,
        info: Option<Bytes>,
        buffer: usize,
        marks: MessageMarks,
    ) -> Result<StreamWriter, ObjectError> {
        let (parts, inbox) = bounded(writer::MAX_PARTS);
        let spec = StreamSpec { buffer, info, marks };
        self.ask(|reply| Request::Stream { spec, parts: inbox, reply })?;
        Ok(StreamWriter { parts, signal: self.signal.clone() })
    }

    /// Sends bytes of the application's own to all receivers, beside the objects: `times` times,
    /// two round trips apart. Not repaired: a receiver that loses all of them does not get it.
    /// Commands go one after the other (CMD(APPLICATION), RFC 5740 §4.2.3.7).
    ///
    /// # Errors
    /// When it exceeds one segment, when too many wait, and when the session is over.
    pub fn send_command(&self, content: Bytes, times: u32) -> Result<(), ObjectError> {
        self.ask(|reply| Request::Command { content, times, reply })
    }

    /// What happens, as it happens; ends when the session is over.
    pub fn events(&self) -> Events<ObjectSendEvent> {
        self.events.clone()
    }

    /// Ends the session from elsewhere, without waiting for receivers.
    pub fn stopper(&self) -> Stopper {
        self.running.stopper()
    }

    /// True when the session is over, and [`finish`](Self::finish) returns at once.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Closes streams that are still open, and waits until everything is sent and every receiver
    /// that was heard has confirmed, failed or fallen silent.
    ///
    /// # Errors
    /// [`SendError::Io`] when the sockets failed for good.
    pub fn finish(self) -> Result<ObjectSendReport, SendError> {
        self.ask_to_finish();
        Ok(self.running.wait()?)
    }

    /// As [`finish`](Self::finish), but waits at most this long; `None` when the session goes on.
    /// The report is handed out once.
    ///
    /// # Errors
    /// [`SendError::Io`] when the sockets failed for good, or the report was handed out before.
    pub fn wait_timeout(
        &mut self,
        timeout: Duration,
    ) -> Option<Result<ObjectSendReport, SendError>> {
        self.ask_to_finish();
        Some(self.running.wait_timeout(timeout)?.map_err(SendError::from))
    }

    fn ask_to_finish(&self) {
        // Fails when the session is over already.
        let _ = self.requests.send(Request::Finish);
        self.signal.raise();
    }

    fn ask<T>(
        &self,
        request: impl FnOnce(ChannelSender<Result<T, ObjectError>>) -> Request,
    ) -> Result<T, ObjectError> {
        let (reply, answer) = bounded(1);
        self.requests.send(request(reply)).map_err(|_| ObjectError::Over)?;
        self.signal.raise();
        answer.recv().unwrap_or(Err(ObjectError::Over))
    }
}
