//! The slow lane: the same set once more, in another group, for receivers that keep the others slow.
//!
//! It is a session of its own, with its own sockets, engine and files, that starts when the first
//! receiver is sent there and ends when all have what they need and nobody else can come.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use norm_core::content::SetId;

use super::event::{Events, SendEvent};
use super::report::{ReceiverOutcome, ReceiverResult, SendOutcome, SendReport};
use super::{SendOptions, start};
use crate::session::Stopper;

/// Whoever was sent to the lane comes within this time.
const COMES_WITHIN: Duration = Duration::from_secs(30);
/// How often the thread looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// True while more receivers may come to a session that has served all it knows.
pub(super) type StaysOpen = Arc<AtomicBool>;

/// What it takes to send the set again.
#[derive(Debug)]
pub(super) struct Lane {
    paths: Vec<PathBuf>,
    options: SendOptions,
    set: SetId,
    events: Events,
    open: StaysOpen,
    stopper: Stopper,
    running: Option<JoinHandle<io::Result<SendReport>>>,
    ended: Vec<io::Result<SendReport>>,
}

impl Lane {
    /// A lane for a session with these options, if it has one.
    pub(super) fn new(
        paths: &[PathBuf],
        options: &SendOptions,
        set: SetId,
        events: &Events,
        stopper: &Stopper,
    ) -> Option<Self> {
        let group = options.slow.lane()?;
        let open = Arc::new(AtomicBool::new(true));
        let options = SendOptions {
            group,
            pace: options.pace.adaptive(),
            slow: super::Slow::Wait,
            min_receivers: 1,
            start_timeout: Some(COMES_WITHIN),
            linger: Duration::ZERO,
            memory: options.memory / 4,
            node: None,
            seed: None,
            ..options.clone()
        };
        Some(Self {
            paths: paths.to_vec(),
            options,
            set,
            events: events.of_lane(Arc::clone(&open)),
            open,
            stopper: stopper.clone(),
            running: None,
            ended: Vec::new(),
        })
    }

    /// A receiver is on its way: somebody must be there. Returns at once.
    pub(super) fn expect(&mut self) {
        if self.running.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.collect();
        let (paths, options, set) = (self.paths.clone(), self.options.clone(), self.set);
        let (events, open, stopper) =
            (self.events.clone(), Arc::clone(&self.open), self.stopper.clone());
        let thread = thread::Builder::new().name("norm-lane".to_owned());
        let spawned =
            thread.spawn(move || send_again(&paths, &options, set, events, open, &stopper));
        match spawned {
            Ok(thread) => self.running = Some(thread),
            Err(error) => self.ended.push(Err(error)),
        }
    }

    fn collect(&mut self) {
        if let Some(thread) = self.running.take() {
            let panicked = |_| Err(io::Error::other("the thread of the slow lane panicked"));
            self.ended.push(thread.join().unwrap_or_else(panicked));
        }
    }

    /// Nobody else is sent there. Waits for those who are there, and adds what came of them.
    pub(super) fn finish(mut self, report: &mut SendReport) {
        self.open.store(false, Ordering::Release);
        self.collect();
        for ended in self.ended {
            match ended {
                Ok(lane) => add(report, lane),
                Err(error) => self.events.push(SendEvent::Hint(format!(
                    "the slow lane could not be opened, and who was sent there got nothing: {error}"
                ))),
            }
        }
    }
}

/// Sends the set once more, until everybody who came has it and nobody else can come.
fn send_again(
    paths: &[PathBuf],
    options: &SendOptions,
    set: SetId,
    events: Events,
    open: StaysOpen,
    stopper: &Stopper,
) -> io::Result<SendReport> {
    let started = start(paths, options, Some((set, open)), events).map_err(io::Error::other)?;
    while !started.thread.is_finished() {
        if stopper.is_stopped() {
            started.stopper.stop();
        }
        thread::sleep(LOOK);
    }
    let panicked = |_| Err(io::Error::other("the sending thread of the slow lane panicked"));
    started.thread.join().unwrap_or_else(panicked)
}

/// What came of those who were in the lane takes the place of what came of them before.
fn add(report: &mut SendReport, lane: SendReport) {
    for receiver in lane.receivers {
        let known = report.receivers.iter_mut().find(|known| known.node == receiver.node);
        match known {
            Some(known) => *known = ReceiverResult { slow: true, ..receiver },
            None => report.receivers.push(ReceiverResult { slow: true, ..receiver }),
        }
    }
    report.wire_bytes += lane.wire_bytes;
    report.packets += lane.packets;
    report.data_packets += lane.data_packets;
    report.resent_packets += lane.resent_packets;
    report.coded_packets += lane.coded_packets;
    report.nacks += lane.nacks;
    let confirmed = report.receivers.iter().filter(|r| r.outcome == ReceiverOutcome::Confirmed);
    let settled = matches!(
        report.outcome,
        SendOutcome::Complete | SendOutcome::Partial | SendOutcome::AllFailed
    );
    if lane.outcome == SendOutcome::Stopped {
        report.outcome = SendOutcome::Stopped;
    } else if settled {
        report.outcome = match confirmed.count() {
            0 => SendOutcome::AllFailed,
            all if all == report.receivers.len() => SendOutcome::Complete,
            _ => SendOutcome::Partial,
        };
    }
}
