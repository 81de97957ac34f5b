//! Which receiver holds the others back, by what receivers report: told to people, who can then
//! decide not to wait for it. It changes nothing itself; with a policy for slow receivers that
//! policy decides.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::event::{Events, SenderEvent};
use super::receivers::MemberTable;
use crate::base::Timestamp;
use crate::norm::wire::{NodeId, PathReport};
use crate::transfer::SlowCause;

/// Time over which reports are compared.
const WINDOW: Duration = Duration::from_secs(5);
/// Bytes in this time below which nothing is slowed.
const MIN_SENT: u64 = 200_000;
/// Most receivers that are watched, and that are told.
const MAX_WATCHED: usize = 64;
const MAX_TOLD: usize = 8;
/// Part of the looks, in percent, at which one receiver must limit the rate, or hold content up.
const LIMITING_PERCENT: u32 = 70;
const HOLDING_PERCENT: u32 = 50;
/// Fewest reports of the receiver that limits the rate, and of another one to compare it with.
const MIN_REPORTS: u32 = 4;
const MIN_OTHER_REPORTS: u32 = 2;
/// Part of a receiver's reports, in percent, that must show a full path; and how many times it must
/// be that of every other receiver. Some of all show one where processors are busy.
const FULL_PERCENT: u32 = 5;
const FULL_FACTOR: u32 = 4;
/// Lost packets, in percent, and a queue from which on a report shows a full path.
const FULL_LOSS_PERCENT: u64 = 2;
const FULL_QUEUE: Duration = Duration::from_millis(8);
/// Loss, as a fraction of 65,535, whose repair slows the others: 10 %; and by how many times it
/// must exceed that of every other receiver.
const MUCH_LOSS: u16 = 6_554;
const LOSS_FACTOR: u16 = 4;

/// What the reports of a receiver have shown in this window.
#[derive(Copy, Clone, Debug, Default)]
struct Tally {
    reports: u32,
    /// Those that showed a full path.
    full: u32,
}

/// Watches which receiver holds the others back.
#[derive(Debug)]
pub(super) struct SlowestWatch {
    enabled: bool,
    began: Timestamp,
    /// Bytes that had been sent then.
    sent: u64,
    looks: u32,
    /// How often which receiver limited the rate, and held content up.
    limiting: BTreeMap<NodeId, u32>,
    holding: BTreeMap<NodeId, u32>,
    paths: BTreeMap<NodeId, Tally>,
    told: BTreeSet<NodeId>,
}

/// What limits the transfer at a look.
#[derive(Copy, Clone, Debug)]
pub(super) struct Limits {
    /// The receiver that limits the rate.
    pub(super) limiting: Option<NodeId>,
    /// The receiver whose window holds new content up.
    pub(super) holder: Option<NodeId>,
    /// Bytes sent so far.
    pub(super) sent: u64,
}

impl SlowestWatch {
    /// Not `enabled` where a policy decides.
    pub(super) fn new(enabled: bool, now: Timestamp) -> Self {
        Self {
            enabled,
            began: now,
            sent: 0,
            looks: 0,
            limiting: BTreeMap::new(),
            holding: BTreeMap::new(),
            paths: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// A receiver reports of its path.
    pub(super) fn note_path(&mut self, node: NodeId, report: &PathReport) {
        if !self.enabled || (self.paths.len() >= MAX_WATCHED && !self.paths.contains_key(&node)) {
            return;
        }
        let tally = self.paths.entry(node).or_default();
        tally.reports += 1;
        let lost = u64::from(report.lost) + u64::from(report.dropped);
        let full = lost * 100 >= report.packets() * FULL_LOSS_PERCENT && lost > 0;
        tally.full += u32::from(full || report.queue >= FULL_QUEUE);
    }

    /// Looks at what limits the transfer; tells of a receiver when it is that for a while.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        limits: Limits,
        members: &MemberTable,
        events: &mut Events,
    ) {
        if !self.enabled {
            return;
        }
        self.looks += 1;
        count(&mut self.limiting, limits.limiting);
        count(&mut self.holding, limits.holder);
        if now < self.began + WINDOW {
            return;
        }
        let flows = limits.sent.saturating_sub(self.sent) >= MIN_SENT;
        if let Some((node, cause)) = self.verdict(members).filter(|_| flows)
            && self.told.len() < MAX_TOLD
            && self.told.insert(node)
        {
            events.push(SenderEvent::ReceiverSlow { node, cause });
        }
        let (enabled, told) = (self.enabled, core::mem::take(&mut self.told));
        *self = Self { told, sent: limits.sent, ..Self::new(enabled, now) };
    }

    fn verdict(&self, members: &MemberTable) -> Option<(NodeId, SlowCause)> {
        let active = |node: NodeId| members.is_active(node);
        if members.announced() < 2 {
            return None;
        }
        let holder = most(&self.holding, self.looks * HOLDING_PERCENT / 100);
        if let Some(node) = holder.filter(|&node| active(node)) {
            return Some((node, SlowCause::Storage));
        }
        if let Some(node) = lossiest(members) {
            return Some((node, SlowCause::Loss));
        }
        let node = most(&self.limiting, self.looks * LIMITING_PERCENT / 100)?;
        (active(node) && self.is_narrower(node)).then_some((node, SlowCause::Path))
    }

    /// True when a receiver's path is full, and much more often than that of every other one.
    fn is_narrower(&self, node: NodeId) -> bool {
        let Some(own) = self.paths.get(&node) else { return false };
        if own.reports < MIN_REPORTS || own.full * 100 < own.reports * FULL_PERCENT {
            return false;
        }
        let others = || self.paths.iter().filter(|(other, _)| **other != node);
        let known = others().any(|(_, tally)| tally.reports >= MIN_OTHER_REPORTS);
        let is_narrower = |other: &Tally| {
            let part = |one: &Tally, two: &Tally| u64::from(one.full) * u64::from(two.reports);
            part(other, own) * u64::from(FULL_FACTOR) <= part(own, other)
        };
        known && others().all(|(_, tally)| is_narrower(tally))
    }
}

fn count(counts: &mut BTreeMap<NodeId, u32>, node: Option<NodeId>) {
    if let Some(node) = node
        && (counts.len() < MAX_WATCHED || counts.contains_key(&node))
    {
        *counts.entry(node).or_default() += 1;
    }
}

/// The node with the highest count, if that is at least `min`.
fn most(counts: &BTreeMap<NodeId, u32>, min: u32) -> Option<NodeId> {
    let (&node, &count) = counts.iter().max_by_key(|(_, count)| **count)?;
    (count >= min.max(1)).then_some(node)
}

/// The receiver that loses very much, and much more than all others.
fn lossiest(members: &MemberTable) -> Option<NodeId> {
    let (mut worst, mut second, mut active) = ((None, 0), 0, 0);
    for (node, member) in members.iter().filter(|(_, member)| member.is_active()) {
        active += 1;
        if member.loss > worst.1 {
            second = worst.1;
            worst = (Some(node), member.loss);
        } else {
            second = second.max(member.loss);
        }
    }
    let (node, loss) = worst;
    node.filter(|_| active > 1 && loss >= MUCH_LOSS && loss / LOSS_FACTOR >= second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the path of the first receiver counts as narrower: reports, and full ones, of each.
    fn is_narrower(tallies: &[(u32, u32)]) -> bool {
        let mut watch = SlowestWatch::new(true, Timestamp::ZERO);
        let tallies = tallies.iter().map(|&(reports, full)| Tally { reports, full });
        watch.paths = (1..).map(NodeId).zip(tallies).collect();
        watch.is_narrower(NodeId(1))
    }

    #[test]
    fn path_is_narrower_when_it_is_full_much_more_often_than_all_others() {
        assert!(is_narrower(&[(100, 20), (100, 5)]));
        assert!(!is_narrower(&[(100, 20), (100, 6)]));
        assert!(is_narrower(&[(100, 80), (10, 2), (10, 0)]), "processors are busy");
        assert!(!is_narrower(&[(100, 80), (10, 2), (10, 3)]), "one of them is full, too");
        assert!(!is_narrower(&[(100, 4), (100, 0)]), "it is hardly ever full");
        assert!(!is_narrower(&[(3, 3), (100, 0)]), "too little is known of it");
        assert!(!is_narrower(&[(100, 80), (1, 0)]), "too little is known of others");
    }
}
