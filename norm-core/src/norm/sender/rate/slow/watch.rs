//! Watches which receivers limit the rate, and decides which are evicted.

use core::time::Duration;
use std::collections::BTreeMap;

use super::super::controller::Limiting;
use super::losses::LossWatch;
use super::notices::EvictionNotices;
use super::stragglers::{Finishers, Stragglers};
use super::trial::{MAX_LEFT_OUT, STEP_TIME, Trial};
use crate::base::Timestamp;
use crate::norm::sender::config::SlowPolicy;
use crate::norm::sender::event::{Events, SenderEvent};
use crate::norm::sender::lifecycle::Lifecycle;
use crate::norm::sender::mode::Mode;

use crate::norm::sender::receivers::{Member, MemberStatus, MemberTable, Receivers};
use crate::norm::wire::{MemberState, NodeId};

/// Factor by which more must be sent without a receiver that is below the limit of the policy.
const GAIN_BELOW_LIMIT: f64 = 1.2;
/// Factor by which more must be sent without a receiver, where the policy has no limit.
const GAIN: f64 = 2.0;
/// When no receiver has limited the rate for this long, all is well.
const RELIEF_TIME: Duration = Duration::from_secs(1);
/// At most this part of the receivers, as its n-th part, is evicted where the policy has no limit:
/// more would be no exceptions.
const MAX_EVICTED_PART: usize = 3;
/// Longest time between two trials of no use.
const MAX_PATIENCE: Duration = Duration::from_secs(300);
/// Shortest time for which a receiver limits the rate before it is left out.
const MIN_PATIENCE: Duration = Duration::from_millis(500);

/// The transfer, as it is now.
#[derive(Copy, Clone, Debug)]
pub(crate) struct TransferView {
    /// The receiver whose window holds new data up.
    holder: Option<NodeId>,
    /// Bytes that were sent. Not only new data: after a trial there is much to repair.
    sent: u64,
    /// Receivers that were not heard since then could not be faster.
    silent_since: Timestamp,
    grtt: Duration,
    /// Content flows, first transmission or repair.
    sending: bool,
    /// Everything was sent once.
    all_sent: bool,
}

impl TransferView {
    /// `holder` is the receiver whose window holds new data up; `sent` bytes were sent.
    pub(crate) fn new(
        now: Timestamp,
        lifecycle: &Lifecycle,
        receivers: &Receivers,
        holder: Option<NodeId>,
        sent: u64,
    ) -> Self {
        let grtt = receivers.grtt();
        Self {
            holder,
            sent,
            silent_since: now - lifecycle.silence(grtt),
            grtt,
            sending: lifecycle.is_sending(),
            all_sent: lifecycle.is_all_sent(),
        }
    }

    /// The receiver whose window holds new data up.
    pub(crate) fn holder(&self) -> Option<NodeId> {
        self.holder
    }

    pub(crate) fn sends_new(&self) -> bool {
        self.sending && !self.all_sent
    }
}

/// What limits the transfer now.
#[derive(Copy, Clone, Debug)]
struct View {
    limiting: Option<Limiting>,
    sent: u64,
    /// Receivers that are waited for.
    active: usize,
    evicted: usize,
    grtt: Duration,
}

/// Receivers have limited the rate since a time.
#[derive(Clone, Debug)]
struct LimitedTime {
    since: Timestamp,
    /// Bytes that had been sent by then.
    sent: u64,
    seen: Timestamp,
    /// How often it was which receiver.
    nodes: BTreeMap<NodeId, u32>,
}

impl LimitedTime {
    fn new(now: Timestamp, sent: u64) -> Self {
        Self { since: now, sent, seen: now, nodes: BTreeMap::new() }
    }

    fn note(&mut self, now: Timestamp, node: NodeId) {
        self.seen = now;
        if self.nodes.len() < MAX_LEFT_OUT || self.nodes.contains_key(&node) {
            *self.nodes.entry(node).or_default() += 1;
        }
    }

    /// The receiver that has limited the rate most of the time.
    fn most_frequent(&self) -> Option<NodeId> {
        self.nodes.iter().max_by_key(|(_, count)| **count).map(|(&node, _)| node)
    }
}

/// Watches receivers by a policy.
#[derive(Debug)]
pub(crate) struct SlowWatch {
    policy: SlowPolicy,
    /// Receivers understand that they are evicted.
    sends_evictions: bool,
    limited: Option<LimitedTime>,
    trial: Option<Trial>,
    /// How long a receiver limits the rate before the next trial.
    patience: Duration,
    losses: LossWatch,
    notices: EvictionNotices,
    /// When the transfer was looked at last.
    looked_at: Timestamp,
    /// Bytes that had been sent by then.
    looked_sent: u64,
    stragglers: Stragglers,
}

impl SlowWatch {
    pub(crate) fn new(policy: SlowPolicy, mode: Mode) -> Self {
        Self {
            policy,
            sends_evictions: mode.sends_evictions(),
            limited: None,
            trial: None,
            patience: policy.after.max(MIN_PATIENCE),
            losses: LossWatch::new(policy.loss, policy.after),
            notices: EvictionNotices::new(),
            looked_at: Timestamp::ZERO,
            looked_sent: 0,
            stragglers: Stragglers::default(),
        }
    }

    /// A receiver limits the rate, and it was not tried yet whether it is the reason.
    pub(crate) fn is_undecided(&self) -> bool {
        let first = self.patience == self.policy.after.max(MIN_PATIENCE);
        self.trial.is_some() || (self.limited.is_some() && first)
    }

    /// True while evicted receivers are still to be told so.
    pub(crate) fn has_notices(&self) -> bool {
        self.notices.is_pending()
    }

    /// Takes the evicted receivers that are to be told so now.
    pub(crate) fn take_notices(&mut self) -> Vec<NodeId> {
        self.notices.take()
    }

    /// A receiver is not waited for any longer, and told so whenever it is heard.
    pub(crate) fn evict(&mut self, node: NodeId, members: &mut MemberTable, events: &mut Events) {
        if members.is_active(node) && members.set_status(node, MemberStatus::Evicted) {
            events.push(SenderEvent::ReceiverEvicted { node });
            self.notices.add(node);
        }
    }

    /// An evicted receiver was heard: true when it is to be told again.
    pub(crate) fn repeats_notice(&mut self, now: Timestamp) -> bool {
        self.sends_evictions && self.notices.repeats(now)
    }

    /// True of a receiver that is left out at present.
    pub(crate) fn leaves_out(&self, node: NodeId) -> bool {
        self.trial.as_ref().is_some_and(|trial| trial.leaves_out(node))
    }

    /// True while receivers are left out.
    pub(crate) fn tries(&self) -> bool {
        self.trial.is_some()
    }

    /// A receiver reports what it loses, as a fraction of 65,535; it may be evicted. Where more
    /// than the exceptions lose too much, it is the network.
    pub(crate) fn note_loss(
        &mut self,
        now: Timestamp,
        node: NodeId,
        loss: u16,
        view: &TransferView,
        members: &mut MemberTable,
        events: &mut Events,
    ) {
        if self.leaves_out(node) {
            // It was sent more than it takes.
            self.losses.forget(node);
            return;
        }
        let too_long = self.losses.note(now, node, loss);
        if too_long && view.sends_new() && self.is_exception(view, members) {
            self.evict(node, members, events);
        }
    }

    /// True when no more receivers lose too much than may be evicted.
    fn is_exception(&self, view: &TransferView, members: &MemberTable) -> bool {
        let (mut active, mut lossy) = (0, 0);
        let present = members.iter().filter(|(_, m)| m.last_heard >= view.silent_since);
        for (_, member) in present.filter(|(_, m)| m.is_active()) {
            active += 1;
            lossy += usize::from(self.losses.is_too_much(member.loss));
        }
        active > 1 && lossy <= exceptions(active, members.evicted())
    }

    /// Looks at the transfer while `limiting` limits the rate; receivers may be evicted. While the
    /// rate `yields` to another flow, it changes for other reasons than receivers.
    pub(crate) fn look(
        &mut self,
        now: Timestamp,
        transfer: &TransferView,
        limiting: Option<Limiting>,
        yields: bool,
        members: &mut MemberTable,
        events: &mut Events,
    ) {
        for node in self.find_slow(now, transfer, limiting, yields, members) {
            self.evict(node, members, events);
        }
    }

    fn find_slow(
        &mut self,
        now: Timestamp,
        transfer: &TransferView,
        limiting: Option<Limiting>,
        yields: bool,
        members: &MemberTable,
    ) -> Vec<NodeId> {
        self.losses.retain(|node| members.is_active(node));
        if !transfer.sends_new() {
            self.end();
            let is_over = transfer.sending && self.stragglers_are_over(now, members);
            return if is_over { waited_for(members).collect() } else { Vec::new() };
        }
        self.stragglers.note_sending(now);
        if yields && self.trial.is_none() {
            self.pause(now, transfer.sent);
            return Vec::new();
        }
        let view = View {
            limiting,
            sent: transfer.sent,
            active: members.present(transfer.silent_since),
            evicted: members.evicted(),
            grtt: transfer.grtt,
        };
        self.decide(now, &view)
    }

    /// Another flow has the same bottleneck: this time does not count.
    fn pause(&mut self, now: Timestamp, sent: u64) {
        let at = core::mem::replace(&mut self.looked_at, now);
        let before = core::mem::replace(&mut self.looked_sent, sent);
        if let Some(limited) = &mut self.limited {
            limited.since += now.saturating_since(at);
            limited.sent += sent.saturating_sub(before);
            limited.seen = now;
        }
    }

    /// Everything was sent once: no receiver keeps the others slow any more.
    fn end(&mut self) {
        self.limited = None;
        self.trial = None;
    }

    /// Everything was sent once: receivers that need twice as long as the others are not waited
    /// for.
    fn stragglers_are_over(&mut self, now: Timestamp, members: &MemberTable) -> bool {
        let (finished, left) = (members.confirmed(), waited_for(members).count());
        let all = finished + left;
        let max = match self.policy.below {
            Some(_) => all.saturating_sub(1),
            None => exceptions(all, members.evicted()),
        };
        let patience = self.policy.after.max(MIN_PATIENCE);
        self.stragglers.is_over(now, Finishers { finished, left }, max, patience)
    }

    fn decide(&mut self, now: Timestamp, view: &View) -> Vec<NodeId> {
        self.looked_at = now;
        self.looked_sent = view.sent;
        match self.trial.take() {
            Some(trial) => self.judge(now, trial, view),
            None => {
                self.note_limiting(now, view);
                Vec::new()
            }
        }
    }

    /// Begins a trial when a receiver has limited the rate for too long.
    fn note_limiting(&mut self, now: Timestamp, view: &View) {
        let below = self.policy.below.unwrap_or(u64::MAX);
        let Some(slow) = view.limiting.filter(|limiting| limiting.rate < below) else {
            self.limited.take_if(|limited| now >= limited.seen + RELIEF_TIME);
            return;
        };
        let limited = self.limited.get_or_insert_with(|| LimitedTime::new(now, view.sent));
        limited.note(now, slow.node);
        let time = now.saturating_since(limited.since);
        if time < self.patience || view.active < 2 {
            return;
        }
        let rate = view.sent.saturating_sub(limited.sent) as f64 / time.as_secs_f64();
        let node = limited.most_frequent().unwrap_or(slow.node);
        self.limited = None;
        self.trial = Some(Trial::new(now, node, rate, view.grtt));
    }

    /// Looks at a trial: goes on with it, or ends it; returns the receivers that are to be evicted.
    fn judge(&mut self, now: Timestamp, mut trial: Trial, view: &View) -> Vec<NodeId> {
        let Some(rate) = trial.result(now, view.sent) else {
            self.trial = Some(trial);
            return Vec::new();
        };
        let gain = if self.policy.below.is_some() { GAIN_BELOW_LIMIT } else { GAIN };
        let slow = trial.slower_than(rate / gain);
        let (max, enough) = match self.policy.below {
            Some(below) => (view.active.saturating_sub(1), rate * 8.0 >= below as f64),
            None => (exceptions(view.active, view.evicted), !slow.is_empty()),
        };
        let next = view.limiting.filter(|limiting| !trial.leaves_out(limiting.node));
        if let Some(next) = next.filter(|_| !enough && trial.has_place(max)) {
            trial.leave_out(now, next.node, rate, view.grtt);
            self.trial = Some(trial);
            return Vec::new();
        }
        if slow.is_empty() || slow.len() > max {
            self.patience = (self.patience * 2).clamp(STEP_TIME, MAX_PATIENCE);
            return Vec::new();
        }
        self.patience = self.policy.after.max(MIN_PATIENCE);
        slow
    }
}

/// Receivers that may lack something. One that has everything in memory, and is writing and
/// checking it, keeps no other waiting; nor does one that compares the files that it has.
fn waited_for(members: &MemberTable) -> impl Iterator<Item = NodeId> {
    let is_busy = |state| matches!(state, MemberState::Verifying | MemberState::Comparing);
    let lacks = move |member: &Member| member.is_active() && !is_busy(member.state);
    members.iter().filter(move |(_, member)| lacks(member)).map(|(node, _)| node)
}

/// How many more receivers may be evicted without being the rule.
fn exceptions(active: usize, evicted: usize) -> usize {
    ((active + evicted) / MAX_EVICTED_PART).max(1).saturating_sub(evicted)
}

#[cfg(test)]
mod tests;
