//! The slow lane: the same set once more, in another group, for receivers that keep the others slow.
//!
//! It is a session of its own, with its own sockets, engine and files, that starts when the first
//! receiver is sent there and ends when all have what they need and nobody else can come.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use norm_core::fileset::SetId;

use super::event::{Events, SendEvent};
use super::report::{ReceiverOutcome, ReceiverResult, SendOutcome, SendReport};
use super::{SendOptions, start};
use crate::stopper::Stopper;

/// Whoever was sent to the lane comes within this time.
const COMES_WITHIN: Duration = Duration::from_secs(30);
/// How often the thread looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(50);

/// What a session and its slow lane tell each other.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// Nobody else is sent to the lane.
    closed: AtomicBool,
    /// Receivers that have come there.
    came: AtomicUsize,
}

impl Gate {
    /// More receivers may come to the lane, whoever it has served.
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Acquire)
    }

    /// A receiver has come.
    pub(super) fn count(&self) {
        self.came.fetch_add(1, Ordering::AcqRel);
    }
}

/// What it takes to send the set again.
#[derive(Debug)]
pub(super) struct Lane {
    paths: Vec<PathBuf>,
    options: SendOptions,
    set: SetId,
    events: Events,
    gate: Arc<Gate>,
    stopper: Stopper,
    /// Receivers that were sent there, and when the last one was.
    expected: usize,
    last: Option<Instant>,
    running: Option<JoinHandle<Option<SendReport>>>,
    ended: Vec<SendReport>,
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
        let gate = Arc::<Gate>::default();
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
            events: events.of_lane(Arc::clone(&gate)),
            gate,
            stopper: stopper.clone(),
            expected: 0,
            last: None,
            running: None,
            ended: Vec::new(),
        })
    }

    /// A receiver is on its way: somebody must be there. Returns at once.
    pub(super) fn expect(&mut self) {
        self.expected += 1;
        self.last = Some(Instant::now());
        if self.running.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return;
        }
        self.collect();
        let (paths, options, set) = (self.paths.clone(), self.options.clone(), self.set);
        let (events, gate, stopper) =
            (self.events.clone(), Arc::clone(&self.gate), self.stopper.clone());
        let thread = thread::Builder::new().name("norm-lane".to_owned());
        let run = move || {
            let sent = send_again(&paths, &options, (set, gate), events.clone(), &stopper);
            sent.map_err(|error| events.push(failed(&error))).ok()
        };
        match thread.spawn(run) {
            Ok(thread) => self.running = Some(thread),
            Err(error) => self.events.push(failed(&error)),
        }
    }

    fn collect(&mut self) {
        if let Some(thread) = self.running.take() {
            self.ended.extend(thread.join().ok().flatten());
        }
    }

    /// Whoever was sent there may still be on the way.
    fn wait_for_the_last(&self) {
        let on_the_way = || {
            let came = self.gate.came.load(Ordering::Acquire);
            let runs = self.running.as_ref().is_some_and(|thread| !thread.is_finished());
            let soon = self.last.is_some_and(|last| last.elapsed() < COMES_WITHIN);
            runs && came < self.expected && soon && !self.stopper.is_stopped()
        };
        while on_the_way() {
            thread::sleep(LOOK);
        }
    }

    /// Nobody else is sent there. Waits for those who are there, and adds what came of them; true if
    /// there were any.
    pub(super) fn finish(mut self, report: &mut SendReport) -> bool {
        self.wait_for_the_last();
        self.gate.closed.store(true, Ordering::Release);
        self.collect();
        for lane in std::mem::take(&mut self.ended) {
            if let SendOutcome::SourceChanged(what) | SendOutcome::ReadFailed(what) = &lane.outcome
            {
                self.events.push(SendEvent::Hint(format!("the slow lane ended early: {what}")));
            }
            add(report, lane);
        }
        self.expected > 0
    }
}

impl Drop for Lane {
    /// Also when the session beside it has failed: nobody else comes.
    fn drop(&mut self) {
        self.gate.closed.store(true, Ordering::Release);
    }
}

fn failed(error: &io::Error) -> SendEvent {
    SendEvent::Hint(format!(
        "the slow lane cannot be opened, and who is sent there gets nothing: {error}"
    ))
}

/// Sends the set once more, until everybody who came has it and nobody else can come.
fn send_again(
    paths: &[PathBuf],
    options: &SendOptions,
    repeats: (SetId, Arc<Gate>),
    events: Events,
    stopper: &Stopper,
) -> io::Result<SendReport> {
    let started = start(paths, options, Some(repeats), events).map_err(io::Error::other)?;
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
    // The files were read again: were they the same?
    let differs = report.root.is_some() && lane.root.is_some() && report.root != lane.root;
    for mut receiver in lane.receivers {
        receiver.slow = true;
        if differs && receiver.outcome == ReceiverOutcome::Confirmed {
            let reason = "it has files that changed while the others got them: send again";
            receiver.outcome = ReceiverOutcome::Failed(reason.to_owned());
        }
        // By its name, too: it may have taken another node id there.
        let gone = |known: &&mut ReceiverResult| known.outcome == ReceiverOutcome::Ejected;
        let mut known = report.receivers.iter_mut().filter(gone);
        let same = known.find(|known| known.node == receiver.node || known.name == receiver.name);
        match same {
            Some(known) => *known = receiver,
            None => report.receivers.push(receiver),
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

#[cfg(test)]
mod tests {
    use norm_core::norm::wire::NodeId;

    use super::*;

    fn report(root: &str, receivers: &[(u32, ReceiverOutcome)]) -> SendReport {
        let result = |(node, outcome): &(u32, ReceiverOutcome)| ReceiverResult {
            node: NodeId(*node),
            name: format!("lab-{node}"),
            address: ([10, 0, 0, 1], 5740).into(),
            outcome: outcome.clone(),
            bytes_done: 0,
            loss: 0.0,
            slow: false,
            elapsed: None,
        };
        SendReport {
            outcome: SendOutcome::Partial,
            root: Some(root.to_owned()),
            bytes: 1,
            files: 1,
            elapsed: Duration::ZERO,
            data_elapsed: Duration::ZERO,
            wire_bytes: 10,
            packets: 1,
            data_packets: 1,
            resent_packets: 0,
            coded_packets: 0,
            nacks: 0,
            receivers: receivers.iter().map(result).collect(),
        }
    }

    #[test]
    fn who_finished_in_the_lane_counts_as_finished() {
        let (done, gone) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Ejected);
        let mut main = report("a", &[(1, done.clone()), (2, gone)]);
        add(&mut main, report("a", &[(2, done.clone())]));
        assert_eq!((main.outcome, main.wire_bytes), (SendOutcome::Complete, 20));
        let slow: Vec<_> = main.receivers.iter().map(|r| (r.node.0, r.slow)).collect();
        assert_eq!(slow, [(1, false), (2, true)]);
    }

    #[test]
    fn nobody_in_the_lane_takes_the_place_of_who_was_not_sent_there() {
        let (done, gone) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Ejected);
        let mut main = report("a", &[(1, done.clone()), (2, gone)]);
        let stranger = (1, ReceiverOutcome::Failed("no".to_owned()));
        add(&mut main, report("a", &[stranger, (2, done.clone())]));
        assert_eq!(main.receivers[0].outcome, done);
        assert_eq!((main.receivers.len(), main.outcome), (3, SendOutcome::Partial));
    }

    #[test]
    fn other_content_in_the_lane_is_no_success() {
        let (done, gone) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Ejected);
        let mut main = report("a", &[(1, done.clone()), (2, gone)]);
        add(&mut main, report("b", &[(2, done)]));
        assert_eq!(main.outcome, SendOutcome::Partial);
        assert!(matches!(&main.receivers[1].outcome, ReceiverOutcome::Failed(_)));
    }
}
