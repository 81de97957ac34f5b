//! The application's handle to a transfer that is being sent.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use norm_core::announce::SessionDescription;
use norm_files::complete::CompleteSet;
use norm_files::source::Selection;

use super::error::SendError;
use super::options::SendOptions;
use super::outlet::SendOutlet;
use super::protocol::Protocol;
use super::start::{Started, start_with};
use crate::event::{Events, SendEvent, SendReport, SendSettings};
use crate::running::Running;
use crate::stopper::Stopper;
use crate::transfer::flute::Flute;
use crate::transfer::norm::Norm;

/// A transfer under way, on a thread of its own.
///
/// Dropping the handle stops the transfer, as [`Stopper::stop`] does, and does not wait for that:
/// receivers that are not complete hear that it ends. [`wait`](Self::wait) is the good end.
#[derive(Debug)]
pub struct Sending {
    settings: SendSettings,
    description: SessionDescription,
    events: Events<SendEvent>,
    running: Running<SendReport>,
    complete: Arc<OnceLock<CompleteSet>>,
}

impl Sending {
    /// What the transfer was set up with.
    pub fn settings(&self) -> &SendSettings {
        &self.settings
    }

    /// What a receiver needs to know to join: what is announced, if it is.
    pub fn description(&self) -> &SessionDescription {
        &self.description
    }

    /// What happens, as it happens; ends when the transfer is over.
    pub fn events(&self) -> Events<SendEvent> {
        self.events.clone()
    }

    /// The files with their hashes, from the event `Hashed` on: for others that hand them out too.
    /// `None` before, and in a transfer that hashes while it sends.
    pub fn complete_set(&self) -> Option<CompleteSet> {
        self.complete.get().cloned()
    }

    /// Ends the transfer from elsewhere: receivers are told, and the report says so.
    pub fn stopper(&self) -> Stopper {
        self.running.stopper()
    }

    /// True when the transfer is over, and [`wait`](Self::wait) returns at once.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Waits until the transfer is over.
    ///
    /// # Errors
    /// [`SendError::Io`] when the sockets failed for good.
    pub fn wait(self) -> Result<SendReport, SendError> {
        Ok(self.running.wait()?)
    }

    /// Waits until the transfer is over, at most this long; `None` when it goes on. The report is
    /// handed out once.
    ///
    /// # Errors
    /// [`SendError::Io`] when the sockets failed for good, or the report was handed out before.
    pub fn wait_timeout(&mut self, timeout: Duration) -> Option<Result<SendReport, SendError>> {
        Some(self.running.wait_timeout(timeout)?.map_err(SendError::from))
    }
}

/// Sends files and directories to all receivers in a group: paths with all that is in them, or what
/// a [`Selection`] takes of them.
///
/// Examines what is selected and opens the sockets before it returns, so that most errors are told
/// here.
///
/// # Errors
/// When there is nothing to send or it cannot be read, when options cannot work, and when the
/// network or the system refuses.
pub fn send(selection: impl Into<Selection>, options: &SendOptions) -> Result<Sending, SendError> {
    match options.flute {
        Some(flute) => send_with(selection, options, Flute(flute)),
        None => send_with(selection, options, Norm),
    }
}

/// The same with any protocol.
pub(crate) fn send_with(
    selection: impl Into<Selection>,
    options: &SendOptions,
    protocol: impl Protocol,
) -> Result<Sending, SendError> {
    let (outlet, events) = SendOutlet::new();
    let Started { settings, description, running, complete } =
        start_with(&selection.into(), options, None, outlet, protocol)?;
    Ok(Sending { settings, description, events, running, complete })
}
