//! Which probes are sent, and what follows from what receivers report.
//!
//! Before content flows all receivers count: probes of each size go before each query, until all
//! that are there have got the longest one, or have missed it often enough. Later, probes are sent
//! when a receiver answers queries but gets no packets of the length in use.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

use crate::base::Timestamp;
use crate::norm::sender::config::{PacketSize, SenderConfig};
use crate::norm::sender::emit::DATA_OVERHEAD;
use crate::norm::sender::receivers::{MemberTable, Receivers, SizeAnswer, SizeEvidence};
use crate::norm::wire::{MovedObjects, NodeId, SizeProbe};

/// Bytes of CMD(APPLICATION) before its content.
const COMMAND_BYTES: usize = 16;
/// Bytes of EXT_FTI, which most packets with content do not have.
const FTI_BYTES: usize = 16;
/// Sets of probes that a receiver answers without having got one, before it is believed that none
/// passes. One in a large group is more likely to miss several; see [`enough_sets`].
const MIN_SETS: u32 = 4;
/// As many times the sets before a receiver is taken to get none of the sizes.
const HOPELESS_FACTOR: u32 = 3;
/// Receivers from which on the answers to a query take so long that all sets go before one query.
const MANY_RECEIVERS: usize = 500;
/// Longest time for which the start waits for receivers that are there to have answered.
const MAX_OPENING: Duration = Duration::from_secs(3);
/// Time for which the start waits for any receiver, where none is waited for.
const FIRST_ANSWER: Duration = Duration::from_millis(200);
/// Receivers that are heard within this time after the first query were there from the start,
/// however soon that was: paths of some hundred milliseconds are normal.
const START_TIME: Duration = Duration::from_millis(1500);
/// Shortest time after the answers to a query in which one may still be on its way.
const MIN_GRACE: Duration = Duration::from_millis(20);
/// Queries that are remembered.
const MAX_ROUNDS: usize = 16;
/// Most receivers that are suspected, or remembered for another reason, at a time.
const MAX_SUSPECTS: usize = 1_024;

/// A query, and what was sent since the one before.
#[derive(Copy, Clone, Debug)]
struct Round {
    number: u16,
    sets: u8,
    /// Bytes of the longest packet with content, or probe of the length in use; 0 for none.
    sent: u16,
}

/// What the start waits for.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Opening {
    /// Receivers are waited for by number; otherwise for the time of the first answers only.
    pub(crate) expects_receivers: bool,
    /// Time over which receivers spread their answers to the last query.
    pub(crate) spread: Duration,
}

/// The length of packets that follows from what receivers get.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SizeChange {
    size: PacketSize,
    node: Option<NodeId>,
    index: usize,
}

impl SizeChange {
    /// Bytes of the longest packets, all headers included.
    pub(crate) fn packet(&self) -> u16 {
        self.size.packet
    }

    /// Bytes of content per packet; 0 where no length is looked for.
    pub(crate) fn segment(&self) -> u16 {
        self.size.segment
    }

    /// The receiver that gets no longer ones.
    pub(crate) fn node(&self) -> Option<NodeId> {
        self.node
    }
}

/// What follows from a limit of this host's own link.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum OwnLimit {
    /// Nothing: packets are shorter, or their length is not decided on.
    Kept,
    /// Packets of this length are used from now on.
    Change(SizeChange),
}

/// What is to be done about a receiver.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Packets of this length are used from now on.
    Change(SizeChange),
    /// It gets none of the lengths, or came late and gets only shorter packets than the others.
    TooShort { node: NodeId, largest: u16 },
}

/// The discovery of the path MTU; without sizes there is none.
#[derive(Debug)]
pub(crate) struct PathMtu {
    /// The longest first.
    sizes: Box<[PacketSize]>,
    /// The size in use.
    current: usize,
    is_decided: bool,
    /// Bytes of a packet besides its UDP payload.
    overhead: usize,
    /// Bytes that a signature takes of a probe.
    signature: usize,
    /// Probes that go before the next query, and whether they were decided on.
    queue: VecDeque<u16>,
    is_prepared: bool,
    next_sets: u8,
    /// They do not go by the rate of a controller.
    is_in_haste: bool,
    /// Receivers were suspected at the last query.
    searched: bool,
    /// Bytes of the longest packet with content since the last query, or probe of the length in
    /// use; 0 for none.
    sent: u16,
    rounds: VecDeque<Round>,
    /// When the first query left, and when the last did.
    asked: Option<(Timestamp, Timestamp)>,
    /// Since when the receivers are there that are waited for.
    complete: Option<Timestamp>,
    wake: Option<Timestamp>,
    /// Receivers that get no content.
    suspects: BTreeSet<NodeId>,
    /// Receivers that were there from the start, but were not waited for.
    early: BTreeSet<NodeId>,
    /// Receivers of which it was told that their packets are too short.
    told: BTreeSet<NodeId>,
}

impl PathMtu {
    pub(crate) fn new(config: &SenderConfig) -> Self {
        let is_native = config.mode.sends_queries();
        let sizes = if is_native { config.packets.sizes.clone() } else { Box::default() };
        Self {
            is_decided: sizes.len() < 2,
            sizes,
            current: 0,
            overhead: config.packets.overhead.bytes(),
            signature: config.packets.signature,
            queue: VecDeque::new(),
            is_prepared: false,
            next_sets: 0,
            is_in_haste: false,
            searched: false,
            sent: 0,
            rounds: VecDeque::new(),
            asked: None,
            complete: None,
            wake: None,
            suspects: BTreeSet::new(),
            early: BTreeSet::new(),
            told: BTreeSet::new(),
        }
    }

    /// When it is to be looked again whether content may flow.
    pub(crate) fn wake(&self) -> Option<Timestamp> {
        self.wake
    }

    /// True while receivers are to be asked more often: some may get no content.
    pub(crate) fn is_searching(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// True while probes do not go by the rate of a controller.
    pub(crate) fn is_in_haste(&self) -> bool {
        self.is_in_haste
    }

    /// The probe that goes before the query that is due; none when all have left. There are `count`
    /// receivers, or as many are expected. It tells which objects have `moved`.
    pub(crate) fn next_probe(&mut self, count: usize, moved: MovedObjects) -> Option<SizeProbe> {
        if !self.is_prepared {
            self.is_prepared = true;
            self.prepare(count);
            if self.queue.is_empty() && moved.layouts > 0 {
                self.queue.push_back(0);
            }
        }
        let packet = self.queue.pop_front()?;
        if self.is_decided && packet >= self.longest_packet() {
            self.sent = self.sent.max(self.longest_packet());
        }
        Some(self.probe(packet, moved))
    }

    /// A packet of this many bytes, or the shortest, which tells which objects have `moved`.
    pub(crate) fn probe(&self, packet: u16, moved: MovedObjects) -> SizeProbe {
        let headers = self.overhead + self.signature + COMMAND_BYTES;
        let len = usize::from(packet).saturating_sub(headers);
        let len = u16::try_from(len).unwrap_or(u16::MAX).max(SizeProbe::MIN_LEN);
        let in_use = if self.is_decided { self.longest_packet() } else { 0 };
        SizeProbe { packet, in_use, moved, len }
    }

    fn prepare(&mut self, count: usize) {
        self.next_sets = 0;
        self.is_in_haste = false;
        if self.sizes.is_empty() {
            return;
        }
        let searches = !self.suspects.is_empty();
        let begins = searches && !self.searched;
        self.searched = searches;
        if self.is_decided && !searches {
            // Most packets with content are a little shorter than some.
            let is_full = (self.content_packet()..self.longest_packet()).contains(&self.sent);
            self.queue.extend(is_full.then(|| self.longest_packet()));
            return;
        }
        // A search begins with all sets at once: nothing else arrives.
        let all = begins || count > MANY_RECEIVERS;
        let sets = if all { enough_sets(count) } else { 1 };
        self.is_in_haste = begins || !self.is_decided;
        self.next_sets = u8::try_from(sets).unwrap_or(u8::MAX);
        for _ in 0..sets {
            let sizes = self.sizes.get(self.current..).unwrap_or_default();
            self.queue.extend(sizes.iter().map(|size| size.packet));
        }
        if self.is_decided {
            let (longest, in_use) = (self.longest_packet(), self.longest());
            let used = self.queue.iter_mut().filter(|packet| **packet == in_use);
            used.for_each(|packet| *packet = longest);
        }
    }

    /// A query leaves.
    pub(crate) fn query_sent(&mut self, now: Timestamp, number: u16) {
        self.is_prepared = false;
        self.asked = Some((self.asked.map_or(now, |(first, _)| first), now));
        if self.rounds.len() == MAX_ROUNDS {
            self.rounds.pop_front();
        }
        let sent = core::mem::take(&mut self.sent);
        self.rounds.push_back(Round { number, sets: self.next_sets, sent });
    }

    /// Nothing is sent for some seconds. A start that has just begun begins anew after that.
    pub(crate) fn note_interruption(&mut self, now: Timestamp) {
        if self.is_starting(now) {
            self.asked = None;
            self.complete = None;
        }
    }

    /// True soon after the first query.
    fn is_starting(&self, now: Timestamp) -> bool {
        self.asked.is_some_and(|(first, _)| now < first + START_TIME)
    }

    /// Packets with content leave, of this many bytes of UDP payload.
    pub(crate) fn note_content(&mut self, bytes: usize) {
        let bytes = u16::try_from(bytes + self.overhead).unwrap_or(u16::MAX);
        self.sent = self.sent.max(bytes);
    }

    /// What a report says, which answers this query and states this as the longest packet.
    pub(crate) fn answer(&self, round: u16, largest: u16) -> SizeAnswer {
        let sent = self.rounds.iter().find(|sent| sent.number == round);
        SizeAnswer {
            round: if sent.is_some() { round } else { 0 },
            largest,
            enough: if self.is_decided { self.longest_packet() } else { self.longest() },
            content: self.content_packet(),
            sets: sent.map_or(0, |sent| sent.sets),
            sent: sent.map_or(0, |sent| sent.sent),
            flows: sent.map_or(0, |sent| sent.sent).max(self.sent) >= self.content_packet(),
        }
    }

    /// Bytes of the longest packet that is tried, which is the one in use once that is decided.
    fn longest(&self) -> u16 {
        let at = if self.is_decided { self.current } else { 0 };
        self.sizes.get(at).map_or(0, |size| size.packet)
    }

    /// Bytes of the longest packet with content.
    fn longest_packet(&self) -> u16 {
        let segment = self.sizes.get(self.current).map_or(0, |size| usize::from(size.segment));
        u16::try_from(segment + DATA_OVERHEAD + self.overhead).unwrap_or(u16::MAX)
    }

    /// Bytes of most packets with content.
    fn content_packet(&self) -> u16 {
        self.longest_packet().saturating_sub(FTI_BYTES as u16)
    }

    /// True when it is known how long packets may be, or long enough was waited for that.
    pub(crate) fn is_ready(
        &mut self,
        now: Timestamp,
        opening: Opening,
        receivers: &Receivers,
    ) -> bool {
        if self.is_decided {
            return true;
        }
        self.wake = None;
        let Some((first, _)) = self.asked else { return false };
        let complete = *self.complete.get_or_insert(now);
        if now >= complete + MAX_OPENING.max(opening.spread * 2) {
            return true;
        }
        let members = receivers.members();
        if !opening.expects_receivers {
            let grace = match members.announced() {
                0 => FIRST_ANSWER,
                _ => (receivers.grtt() * 2).max(MIN_GRACE),
            };
            let opens = first + opening.spread + grace;
            if now < opens {
                self.wake = Some(opens);
                return false;
            }
        }
        let enough = enough_sets(members.len());
        let mut active = members.iter().filter(|(_, member)| member.is_active());
        active.all(|(_, member)| {
            let sizes = member.sizes();
            sizes.fits() || sizes.sets() >= enough
        })
    }

    /// Decides how long packets are, by what all receivers got that are there; `None` if that was
    /// decided before.
    pub(crate) fn decide(&mut self, members: &MemberTable) -> Option<(SizeChange, Vec<Verdict>)> {
        if core::mem::replace(&mut self.is_decided, true) {
            return None;
        }
        self.wake = None;
        let enough = enough_sets(members.len());
        let (mut shortest, mut verdicts) = ((0, None), Vec::new());
        for (node, member) in members.iter().filter(|(_, member)| member.is_active()) {
            let sizes = member.sizes();
            // One that got the longest probe once may have lost it the next time.
            let largest = if sizes.fits() { self.longest() } else { sizes.largest() };
            match self.fitting(largest) {
                Some(index) => shortest = shortest.max((index, Some(node))),
                // One that has not answered often enough is found out later.
                None if sizes.sets() < enough => {}
                None => verdicts.push(Verdict::TooShort { node, largest }),
            }
        }
        let (index, node) = shortest;
        Some((self.change(index, node), verdicts))
    }

    /// The longest size that a receiver gets.
    fn fitting(&self, largest: u16) -> Option<usize> {
        self.sizes.iter().position(|size| size.packet <= largest)
    }

    fn change(&self, index: usize, node: Option<NodeId>) -> SizeChange {
        let size = self.sizes.get(index).copied().unwrap_or_default();
        SizeChange { size, node: node.filter(|_| index > 0), index }
    }

    /// The size is in use from now on.
    pub(crate) fn changed(&mut self, change: &SizeChange) {
        self.current = change.index;
        self.suspects.clear();
        self.sent = 0;
        // What was sent before says nothing of it.
        for round in &mut self.rounds {
            *round = Round { number: round.number, sets: 0, sent: 0 };
        }
    }

    /// Bytes of the packets that a receiver must have got to be one that gets those in use.
    pub(crate) fn needed(&self) -> u16 {
        self.longest_packet()
    }

    /// Takes what is known of a receiver after its report; tells when it is to be acted on.
    pub(crate) fn judge(
        &mut self,
        now: Timestamp,
        node: NodeId,
        evidence: SizeEvidence,
        members: &MemberTable,
    ) -> Option<Verdict> {
        if !self.is_decided || self.sizes.is_empty() {
            return None;
        }
        if self.is_starting(now) && self.early.len() < MAX_SUSPECTS {
            self.early.insert(node);
        }
        if !evidence.is_short() || self.told.contains(&node) {
            self.suspects.remove(&node);
            return None;
        }
        if self.suspects.len() < MAX_SUSPECTS {
            self.suspects.insert(node);
        }
        let enough = enough_sets(members.len());
        if evidence.sets() < enough {
            return None;
        }
        let index = self.fitting(evidence.largest()).filter(|&index| index > self.current);
        let alone = || members.iter().all(|(_, m)| !m.is_active() || !m.sizes().fits());
        let is_followed = || evidence.fits() || self.early.contains(&node) || alone();
        match index {
            Some(index) if is_followed() => {
                Some(Verdict::Change(self.lowest(index, node, members)))
            }
            None if evidence.sets() < enough * HOPELESS_FACTOR => None,
            _ => Some(Verdict::TooShort { node, largest: evidence.largest() }),
        }
    }

    /// The change for a receiver, and for others whose paths have changed at the same time.
    fn lowest(&self, index: usize, node: NodeId, members: &MemberTable) -> SizeChange {
        let also = |&node: &NodeId| {
            let sizes = members.get(node)?.sizes();
            Some((self.fitting(sizes.largest()).filter(|_| sizes.fits())?, node))
        };
        let others = self.suspects.iter().filter_map(also);
        let (index, node) = others.chain([(index, node)]).max().unwrap_or((index, node));
        self.change(index, Some(node))
    }

    /// Packets of more than `limit` bytes do not leave this host any more: lengths that are tried
    /// become fewer, and the length in use follows. `None` when none is left.
    pub(crate) fn limit(&mut self, limit: u32) -> Option<OwnLimit> {
        if !self.is_decided {
            let fits = |packet: u16| u32::from(packet) <= limit;
            let sizes: Vec<_> =
                self.sizes.iter().copied().filter(|size| fits(size.packet)).collect();
            self.queue.retain(|&packet| fits(packet));
            if sizes.is_empty() {
                return None;
            }
            self.sizes = sizes.into();
            return Some(OwnLimit::Kept);
        }
        let index = self.fitting(u16::try_from(limit).unwrap_or(u16::MAX))?;
        if index <= self.current {
            return Some(OwnLimit::Kept);
        }
        self.queue.retain(|&packet| u32::from(packet) <= limit);
        Some(OwnLimit::Change(self.change(index, None)))
    }

    /// It was told that a receiver gets too short packets, and nothing else follows from that.
    pub(crate) fn note_told(&mut self, node: NodeId) {
        self.suspects.remove(&node);
        if self.told.len() < MAX_SUSPECTS {
            self.told.insert(node);
        }
    }

    /// Forgets receivers that are not waited for.
    pub(crate) fn retain(&mut self, is_active: impl Fn(NodeId) -> bool) {
        self.suspects.retain(|&node| is_active(node));
        self.early.retain(|&node| is_active(node));
        self.told.retain(|&node| is_active(node));
    }
}

/// Sets of probes that one of this many receivers answers without having got one, before it is
/// believed that none passes.
fn enough_sets(count: usize) -> u32 {
    MIN_SETS + count.max(1).ilog2() / 2
}

#[cfg(test)]
mod tests;
