//! Receivers that keep the others slow: who they are, whether the others are faster without them, and
//! what becomes of them.
//!
//! Nobody knows what others could take while one of them limits. So whoever limits for too long is left
//! out for a moment: what it asks for and reports is not heard. If somebody else limits then, that one is
//! left out as well. If much more is sent in the end, those go who can take much less; if not, all stay and are
//! left alone for longer.

mod late;
mod verdicts;

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;
use late::Late;

/// Which receivers are too slow to be waited for, and what becomes of them.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SlowPolicy {
    /// Rate in bits per second below which a receiver is too slow, if the others can take more without
    /// it. `None`: a receiver that keeps the others below half of what they can take is too slow.
    pub below: Option<u64>,
    /// Share of lost packets, 0 to 1, from which on a receiver is too slow.
    pub loss: Option<f64>,
    /// How long a receiver is too slow before it is evicted.
    pub after: Duration,
    /// Separate group in which an evicted receiver is to go on; `None`: its transfer ends.
    pub separate_group: Option<SocketAddr>,
}

/// So much more must be sent without somebody who takes less than the limit that was given, ...
const GAIN_BELOW: f64 = 1.2;
/// ... or where none was given.
const GAIN: f64 = 2.0;
/// How long a trial lasts before its result is looked at, and how many round trips more.
const STEP: Duration = Duration::from_millis(1_500);
const STEP_ROUNDS: u32 = 10;
const LONGEST_STEP: Duration = Duration::from_secs(6);
/// Nobody has limited for so long: all is well.
const RELIEF: Duration = Duration::from_secs(1);
/// At most this part of the receivers is sent away without a limit that was given: more would be no
/// exceptions.
const SHARE: usize = 3;
/// How many of them may be left out at once.
const MOST: usize = 32;
/// Between two trials that were of no use, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Whoever limits is not left out sooner.
const LEAST_PATIENCE: Duration = Duration::from_millis(500);
/// Receivers whose loss is watched.
const LOSSY: usize = 64;

/// A receiver is told so often by the clock, ten times a second, that it has to go; and when it is heard.
const NOTICES: u32 = 5;
/// At most one receiver is told again in this time that it has to go.
const TELL_PAUSE: Duration = Duration::from_millis(20);

/// The transfer, as it is now.
#[derive(Copy, Clone, Debug)]
struct View {
    /// Who limits, and what it can take, in bits per second.
    limiting: Option<(NodeId, u64)>,
    /// Bytes that were sent.
    sent: u64,
    /// Receivers that are waited for.
    active: usize,
    /// Receivers that were sent away.
    ejected: usize,
    grtt: Duration,
}

/// Since when somebody has limited, what had been sent by then, and when that was seen last.
#[derive(Clone, Debug)]
struct Complaint {
    since: Timestamp,
    sent: u64,
    seen: Timestamp,
    /// How often it was whom.
    nodes: BTreeMap<NodeId, u32>,
}

#[derive(Debug)]
struct Trial {
    /// Who is left out, and how much was sent before, in bytes per second.
    nodes: Vec<(NodeId, f64)>,
    /// When its second half begins, and what had been sent by then.
    half: (Timestamp, Option<u64>),
    ends: Timestamp,
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Wait,
    /// Nobody is left out any more: these go.
    Eject(Vec<NodeId>),
}

/// Watches who limits.
#[derive(Debug)]
pub(crate) struct Slow {
    policy: SlowPolicy,
    complaint: Option<Complaint>,
    trial: Option<Trial>,
    /// How long somebody limits before the next trial.
    patience: Duration,
    /// Since when receivers lose too much.
    lossy: BTreeMap<NodeId, Timestamp>,
    /// Nobody is told before this that it has to go.
    tell_from: Timestamp,
    /// Who is told by the clock, and how many times more.
    notices: Vec<(NodeId, u32)>,
    /// When somebody was looked for last, and what had been sent.
    looked: (Timestamp, u64),
    late: Late,
}

impl Slow {
    pub(crate) fn new(policy: SlowPolicy) -> Self {
        Self {
            policy,
            complaint: None,
            trial: None,
            patience: policy.after.max(LEAST_PATIENCE),
            lossy: BTreeMap::new(),
            tell_from: Timestamp::ZERO,
            notices: Vec::new(),
            looked: (Timestamp::ZERO, 0),
            late: Late::default(),
        }
    }

    /// Somebody limits, and it was not tried yet whether it is the reason.
    pub(crate) fn is_undecided(&self) -> bool {
        let first = self.patience == self.policy.after.max(LEAST_PATIENCE);
        self.trial.is_some() || (self.complaint.is_some() && first)
    }

    /// Somebody else has the same bottleneck: time in which a rate changes for other reasons than receivers
    /// does not count.
    fn rest(&mut self, now: Timestamp, sent: u64) {
        let (at, before) = core::mem::replace(&mut self.looked, (now, sent));
        if let Some(complaint) = &mut self.complaint {
            complaint.since += now.saturating_since(at);
            complaint.sent += sent.saturating_sub(before);
            complaint.seen = now;
        }
    }

    /// True while somebody is still to be told that it has to go.
    pub(crate) fn is_telling(&self) -> bool {
        !self.notices.is_empty()
    }

    /// True of a receiver that is left out at present.
    pub(crate) fn leaves_out(&self, node: NodeId) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.leaves_out(node))
    }

    /// A receiver reports what it loses; true when it has lost too much for too long.
    pub(crate) fn loses(&mut self, now: Timestamp, node: NodeId, loss: u16) -> bool {
        let Some(limit) = self.policy.loss else { return false };
        if f64::from(loss) / 65_535.0 < limit {
            self.lossy.remove(&node);
            return false;
        }
        if self.lossy.len() >= LOSSY && !self.lossy.contains_key(&node) {
            return false;
        }
        now >= *self.lossy.entry(node).or_insert(now) + self.policy.after
    }

    /// Everything was sent once: nobody keeps the others slow any more.
    fn end(&mut self) {
        (self.complaint, self.trial) = (None, None);
    }

    fn look(&mut self, now: Timestamp, view: &View) -> Verdict {
        self.looked = (now, view.sent);
        if self.trial.is_some() {
            return self.try_on(now, view);
        }
        let below = self.policy.below.unwrap_or(u64::MAX);
        let slow = view.limiting.filter(|&(_, rate)| rate < below);
        let Some((node, _)) = slow else {
            self.complaint.take_if(|complaint| now >= complaint.seen + RELIEF);
            return Verdict::Wait;
        };
        let fresh = || Complaint { since: now, sent: view.sent, seen: now, nodes: BTreeMap::new() };
        let complaint = self.complaint.get_or_insert_with(fresh);
        complaint.seen = now;
        if complaint.nodes.len() < MOST || complaint.nodes.contains_key(&node) {
            *complaint.nodes.entry(node).or_default() += 1;
        }
        let time = now.saturating_since(complaint.since);
        if time < self.patience || view.active < 2 {
            return Verdict::Wait;
        }
        let before = view.sent.saturating_sub(complaint.sent) as f64 / time.as_secs_f64();
        // Who has limited most of the time, not who does at this moment.
        let most = complaint.nodes.iter().max_by_key(|(_, count)| **count);
        let node = most.map_or(node, |(&node, _)| node);
        self.complaint = None;
        self.trial = Some(Trial::new(now, node, before, view.grtt));
        Verdict::Wait
    }

    fn try_on(&mut self, now: Timestamp, view: &View) -> Verdict {
        let Some(trial) = &mut self.trial else { return Verdict::Wait };
        let (from, mark) = &mut trial.half;
        if mark.is_none() && now >= *from {
            (*from, *mark) = (now, Some(view.sent));
        }
        let (from, Some(mark)) = trial.half else { return Verdict::Wait };
        if now < trial.ends || now <= from {
            return Verdict::Wait;
        }
        let time = now.saturating_since(from).as_secs_f64();
        let rate = view.sent.saturating_sub(mark) as f64 / time;
        let gain = if self.policy.below.is_some() { GAIN_BELOW } else { GAIN };
        let slow: Vec<NodeId> = trial.slower_than(rate / gain).collect();
        let exceptions = exceptions(view.active, view.ejected);
        let (most, enough) = match self.policy.below {
            Some(below) => (view.active.saturating_sub(1), rate * 8.0 >= below as f64),
            None => (exceptions, !slow.is_empty()),
        };
        let next = view.limiting.filter(|(node, _)| !trial.leaves_out(*node));
        if let Some((node, _)) = next.filter(|_| !enough && trial.nodes.len() < most.min(MOST)) {
            trial.nodes.push((node, rate));
            trial.go_on(now, view.grtt);
            return Verdict::Wait;
        }
        self.trial = None;
        if slow.is_empty() || slow.len() > most {
            self.patience = (self.patience * 2).clamp(STEP, LONGEST_PAUSE);
            return Verdict::Wait;
        }
        self.patience = self.policy.after.max(LEAST_PATIENCE);
        Verdict::Eject(slow)
    }
}

/// How many more receivers may be sent away without being the rule.
fn exceptions(active: usize, ejected: usize) -> usize {
    ((active + ejected) / SHARE).max(1).saturating_sub(ejected)
}

impl Trial {
    fn new(now: Timestamp, node: NodeId, before: f64, grtt: Duration) -> Self {
        let mut trial = Self { nodes: vec![(node, before)], half: (now, None), ends: now };
        trial.go_on(now, grtt);
        trial
    }

    fn leaves_out(&self, node: NodeId) -> bool {
        self.nodes.iter().any(|&(known, _)| known == node)
    }

    /// Those with whom less could be sent.
    fn slower_than(&self, rate: f64) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().filter(move |(_, before)| *before < rate).map(|&(node, _)| node)
    }

    /// The next step begins.
    fn go_on(&mut self, now: Timestamp, grtt: Duration) {
        let step = (STEP + grtt * STEP_ROUNDS).min(LONGEST_STEP);
        self.half = (now + step / 2, None);
        self.ends = now + step;
    }
}

#[cfg(test)]
mod tests;
