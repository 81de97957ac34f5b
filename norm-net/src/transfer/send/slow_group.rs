//! The separate group: the same file set once more, in another group, for receivers that keep the
//! others slow.
//!
//! It is a session of its own, with its own sockets, engine and files, that starts when the first
//! receiver is sent there and ends when all have what they need and no other can come.

use std::io;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use norm_core::fileset::SetId;
use norm_files::source::{HashedSet, Selection};

use super::admission::Admission;
use super::options::{RateOptions, SendOptions, StartLimits};
use super::outlet::SendOutlet;
use super::segment::Segment;
use super::slow::Slow;
use super::start::{Repeat, start};
use crate::event::{
    Hint, ReceiverInfo, ReceiverOutcome, ReceiverReport, SendEvent, SendOutcome, SendReport,
};
use crate::stopper::Stopper;

/// A receiver that was sent to the separate group comes within this time.
const ARRIVAL_LIMIT: Duration = Duration::from_secs(30);
/// The shortest packets that are fallen back to there: every host takes these (RFC 791 §3.1).
const LOWEST_MTU: u32 = 576;
/// How often a waiting thread looks whether it is to stop.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// What it takes to send a file set again.
#[derive(Clone, Debug)]
struct Recipe {
    selection: Selection,
    options: SendOptions,
    set: SetId,
    events: SendOutlet,
    admission: Admission,
    stopper: Stopper,
    /// What was hashed before the first session.
    hashed: Option<HashedSet>,
}

/// The separate group of a session.
#[derive(Debug)]
pub(super) struct SeparateGroup {
    recipe: Recipe,
    /// Receivers that were sent there.
    expected: usize,
    /// When the last one was.
    last: Option<Instant>,
    running: Option<JoinHandle<Option<SendReport>>>,
    ended: Vec<SendReport>,
}

impl SeparateGroup {
    /// The separate group of a session with these options, if it has one.
    pub(super) fn new(
        selection: &Selection,
        options: &SendOptions,
        segment: &Segment,
        set: Option<SetId>,
        events: &SendOutlet,
        stopper: &Stopper,
    ) -> Option<Self> {
        let (group, set) = (options.slow.separate_group()?, set?);
        let admission = Admission::default();
        let options = SendOptions {
            group,
            pace: options.pace.adaptive(),
            slow: Slow::Wait,
            announce: None,
            rate: RateOptions { trace: None, ..options.rate.clone() },
            min_receivers: 1,
            start: StartLimits {
                timeout: Some(ARRIVAL_LIMIT),
                roster: options.start.roster.clone(),
                ..StartLimits::default()
            },
            memory: options.memory / 4,
            node: None,
            seed: None,
            // Receivers may be sent there because of the others' longer packets.
            min_mtu: LOWEST_MTU.min(options.min_mtu),
            segment_size: options.segment_size.or(segment.is_fixed().then_some(segment.size)),
            ..options.clone()
        };
        let recipe = Recipe {
            selection: selection.clone(),
            options,
            set,
            events: events.for_separate_group(admission.clone()),
            admission,
            stopper: stopper.clone(),
            hashed: None,
        };
        Some(Self { recipe, expected: 0, last: None, running: None, ended: Vec::new() })
    }

    /// All files were hashed: that need not be done again.
    pub(super) fn take_hashes(&mut self, hashed: HashedSet) {
        self.recipe.hashed = Some(hashed);
    }

    /// A receiver is on its way: a session must be there. Returns at once.
    pub(super) fn expect(&mut self) {
        self.expected += 1;
        self.last = Some(Instant::now());
        if self.is_running() {
            return;
        }
        self.collect();
        let recipe = self.recipe.clone();
        let thread = thread::Builder::new().name("norm-separate".to_owned());
        let run = move || {
            let sent = send_again(&recipe);
            sent.map_err(|error| recipe.events.push(failed(&error))).ok()
        };
        match thread.spawn(run) {
            Ok(thread) => self.running = Some(thread),
            Err(error) => self.recipe.events.push(failed(&error)),
        }
    }

    fn is_running(&self) -> bool {
        self.running.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    fn collect(&mut self) {
        if let Some(thread) = self.running.take() {
            self.ended.extend(thread.join().ok().flatten());
        }
    }

    /// The receiver that was sent there last may still be on its way.
    fn wait_for_the_last(&self) {
        let on_the_way = || {
            let soon = self.last.is_some_and(|last| last.elapsed() < ARRIVAL_LIMIT);
            let missing = self.recipe.admission.arrived() < self.expected;
            self.is_running() && missing && soon && !self.recipe.stopper.is_stopped()
        };
        while on_the_way() {
            thread::sleep(LOOK_INTERVAL);
        }
    }

    /// No other receiver is sent there. Waits for those that are there, and adds what came of them;
    /// true if there were any.
    pub(super) fn finish(mut self, report: &mut SendReport) -> bool {
        self.wait_for_the_last();
        self.recipe.admission.close();
        self.collect();
        for separate in std::mem::take(&mut self.ended) {
            if let SendOutcome::SourceFailed { problem } = &separate.outcome {
                let error = problem.to_string();
                self.recipe.events.push(SendEvent::Hint(Hint::SeparateGroupEnded { error }));
            }
            add(report, separate);
        }
        self.expected > 0
    }
}

impl Drop for SeparateGroup {
    /// Also when the main session has failed: no other receiver comes.
    fn drop(&mut self) {
        self.recipe.admission.close();
    }
}

fn failed(error: &io::Error) -> SendEvent {
    SendEvent::Hint(Hint::SeparateGroupFailed { error: error.to_string() })
}

/// Sends the file set once more, until all receivers that came have it and no other can come.
fn send_again(recipe: &Recipe) -> io::Result<SendReport> {
    let Recipe { selection, options, set, events, admission, stopper, hashed } = recipe.clone();
    let repeat = Repeat { set, admission, hashed };
    let started = start(&selection, &options, Some(repeat), events).map_err(io::Error::other)?;
    let mut running = started.running;
    loop {
        running.stopper().raise(stopper.request());
        if let Some(report) = running.wait_timeout(LOOK_INTERVAL) {
            return report;
        }
    }
}

/// What came of receivers in the separate group takes the place of what came of them before.
fn add(report: &mut SendReport, separate: SendReport) {
    // The files were read again: they may have changed.
    let differs = report.content.is_some()
        && separate.content.is_some()
        && report.content != separate.content;
    for mut receiver in separate.receivers {
        receiver.in_separate_group = true;
        if differs && receiver.outcome == ReceiverOutcome::Confirmed {
            receiver.outcome = ReceiverOutcome::Differs;
        }
        // By name and host, too: it may have taken another node id there.
        let is_it = |known: &&mut ReceiverReport| match known.outcome {
            ReceiverOutcome::Evicted => is_same(&known.receiver, &receiver.receiver),
            ReceiverOutcome::Missing => known.receiver.name == receiver.receiver.name,
            _ => false,
        };
        let same = report.receivers.iter_mut().find(is_it);
        match same {
            Some(known) => *known = receiver,
            None => report.receivers.push(receiver),
        }
    }
    for file in separate.withdrawn {
        if report.withdrawn.iter().all(|known| known.path != file.path) {
            report.withdrawn.push(file);
            report.withdrawn_files += 1;
        }
    }
    report.wire_bytes += separate.wire_bytes;
    report.packets += separate.packets;
    report.data_packets += separate.data_packets;
    report.resent_packets += separate.resent_packets;
    report.coded_packets += separate.coded_packets;
    report.nacks += separate.nacks;
    let confirmed = report.receivers.iter().filter(|r| r.outcome == ReceiverOutcome::Confirmed);
    let settled = matches!(
        report.outcome,
        SendOutcome::Complete | SendOutcome::Partial | SendOutcome::AllFailed
    );
    if let SendOutcome::Stopped { .. } = separate.outcome {
        report.outcome = separate.outcome;
    } else if settled {
        report.outcome = match confirmed.count() {
            0 => SendOutcome::AllFailed,
            all if all == report.receivers.len() => SendOutcome::Complete,
            _ => SendOutcome::Partial,
        };
    }
}

/// True when this is one receiver. Names alone prove nothing: machines may have the same.
fn is_same(one: &ReceiverInfo, other: &ReceiverInfo) -> bool {
    let host = |receiver: &ReceiverInfo| receiver.address.map(|address| address.ip());
    one.node == other.node || (one.name == other.name && host(one) == host(other))
}

#[cfg(test)]
mod tests {
    use norm_core::transfer::NodeId;

    use super::*;
    use crate::event::ContentHash;

    fn report(content: u8, receivers: &[(u32, ReceiverOutcome)]) -> SendReport {
        let result = |(node, outcome): &(u32, ReceiverOutcome)| {
            let receiver = ReceiverInfo::new(NodeId(*node), format!("lab-{node}"));
            ReceiverReport::new(receiver, outcome.clone())
        };
        SendReport {
            content: Some(ContentHash([content; 32])),
            wire_bytes: 10,
            receivers: receivers.iter().map(result).collect(),
            ..SendReport::new(SendOutcome::Partial)
        }
    }

    #[test]
    fn receiver_that_finished_in_the_separate_group_counts_as_finished() {
        let (done, evicted) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Evicted);
        let mut main = report(1, &[(1, done.clone()), (2, evicted)]);
        add(&mut main, report(1, &[(2, done.clone())]));
        assert_eq!((&main.outcome, main.wire_bytes), (&SendOutcome::Complete, 20));
        let separate = main.receivers.iter().map(|r| (r.receiver.node.0, r.in_separate_group));
        assert_eq!(separate.collect::<Vec<_>>(), [(1, false), (2, true)]);
    }

    #[test]
    fn receiver_that_was_not_evicted_keeps_its_place() {
        let (done, evicted) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Evicted);
        let mut main = report(1, &[(1, done.clone()), (2, evicted)]);
        let other = (1, ReceiverOutcome::Failed { reason: "no".to_owned() });
        add(&mut main, report(1, &[other, (2, done.clone())]));
        assert_eq!(main.receivers[0].outcome, done);
        assert_eq!((main.receivers.len(), main.outcome), (3, SendOutcome::Partial));
    }

    #[test]
    fn receiver_with_another_node_id_is_known_by_name_and_host() {
        let at = |name: &str, node, host| {
            let address = Some(std::net::SocketAddr::from(([192, 0, 2, host], 5740)));
            ReceiverInfo { address, ..ReceiverInfo::new(NodeId(node), name) }
        };
        let known = at("lab", 1, 1);
        assert!(is_same(&known, &at("other", 1, 2)), "its node id");
        assert!(is_same(&known, &at("lab", 2, 1)));
        assert!(!is_same(&known, &at("lab", 2, 3)), "a machine with the same name");
    }

    #[test]
    fn other_content_in_the_separate_group_is_no_success() {
        let (done, evicted) = (ReceiverOutcome::Confirmed, ReceiverOutcome::Evicted);
        let mut main = report(1, &[(1, done.clone()), (2, evicted)]);
        add(&mut main, report(2, &[(2, done)]));
        assert_eq!(main.outcome, SendOutcome::Partial);
        assert_eq!(main.receivers[1].outcome, ReceiverOutcome::Differs);
    }
}
