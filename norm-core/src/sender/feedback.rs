//! Takes what receivers say: NACK, ACK, REPORT (RFC 5740 §4.3, §5.4).

use super::Sender;
use super::compose::Urgent;
use super::event::SenderEvent;
use super::members::{Heard, MemberStatus, Peer};
use super::repair::BlockNeed;
use crate::endpoint::Datagram;
use crate::fec::{EXTRA_SYMBOLS, Scheme};
use crate::range_set::RangeSet;
use crate::time::Timestamp;
use crate::wire::{
    ACK_CREDIT, ACK_FLUSH, Ack, AckFlush, CcFlags, Credit, Extensions, Identity, InstanceId,
    MemberReport, MemberState, Message, Nack, NodeId, ObjectId, PayloadId, RawPayloadId,
    RepairFlags, RepairForm, RepairItem, RepairRequest, WireTime,
};
use core::ops::Range;
use core::time::Duration;

/// Answers waiting to be sent at most.
const MAX_URGENT: usize = 16;

/// At most one answer to a node id that is taken in this time.
const COLLISION_PAUSE: Duration = Duration::from_millis(50);

/// What one NACK says. What it says of a block adds up; what different ones say is compared.
#[derive(Debug, Default)]
pub(super) struct NackNeeds {
    /// By running number, ascending.
    pub(super) blocks: Vec<(u64, BlockNeed)>,
    /// Blocks wanted whole, by running number.
    pub(super) whole: RangeSet,
    /// Objects whose INFO is wanted, by key.
    pub(super) infos: RangeSet,
}

impl NackNeeds {
    /// What is said of a block. A NACK names blocks in ascending order, as a rule.
    fn of(&mut self, block: u64) -> &mut BlockNeed {
        let at = self.blocks.partition_point(|(other, _)| *other < block);
        if self.blocks.get(at).is_none_or(|(other, _)| *other != block) {
            self.blocks.insert(at, (block, BlockNeed::default()));
        }
        &mut self.blocks[at].1
    }
}

/// Whether what somebody says of itself counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// It is listed, and speaks from the address that it is listed with.
    Member,
    /// Anybody.
    Stranger,
}

/// A place named by a repair item, checked against what was sent.
#[derive(Copy, Clone, Debug)]
struct Place {
    key: u64,
    /// Running number of the block.
    block: u64,
    symbol: u32,
}

impl Sender {
    pub(super) fn take_feedback(&mut self, now: Timestamp, datagram: &Datagram<'_>) {
        let Ok((header, message)) = Message::parse(datagram.payload) else {
            self.stats.malformed += 1;
            return;
        };
        let (node, to_group) = (header.source, datagram.to_group);
        if node == NodeId::NONE || node == NodeId::ANY {
            self.stats.foreign += 1;
            return;
        }
        let from = (node, Peer::new(datagram.source));
        match message {
            Message::Nack(nack) if self.is_ours(nack.sender, nack.instance) => {
                self.stats.nacks += 1;
                self.cache.repair_wanted(now);
                let trust = self.hear(now, from, None, "", nack.grtt_response);
                if trust == Trust::Member && self.passes_over(now, node) {
                    return;
                }
                self.welcome.seat(node);
                if trust == Trust::Member {
                    self.take_congestion(now, node, nack.grtt_response, nack.extensions, true);
                }
                self.take_nack(now, node, trust, &nack, to_group);
            }
            Message::Ack(ack) if self.is_ours(ack.sender, ack.instance) => {
                self.stats.acks += 1;
                if self.hear(now, from, None, "", ack.grtt_response) == Trust::Member {
                    let over = self.passes_over(now, node);
                    if !over {
                        self.take_congestion(now, node, ack.grtt_response, ack.extensions, false);
                    }
                    if !over || ack.ack_type != ACK_CREDIT {
                        self.take_ack(now, node, &ack);
                    }
                }
            }
            Message::Report(report) => match MemberReport::parse(report.content) {
                Some(report) if self.is_ours(report.sender, report.instance) => {
                    self.stats.reports += 1;
                    self.take_report(now, from, &report);
                }
                _ => self.stats.foreign += 1,
            },
            _ => self.stats.foreign += 1,
        }
    }

    fn is_ours(&self, sender: NodeId, instance: InstanceId) -> bool {
        sender == self.config.node && instance == self.instance
    }

    /// Notes that a receiver lives, and how far away it is.
    fn hear(
        &mut self,
        now: Timestamp,
        from: (NodeId, Peer),
        identity: Option<Identity>,
        name: &str,
        response: WireTime,
    ) -> Trust {
        let node = from.0;
        let cursor = self.cursor_block();
        let heard = if node == self.config.node {
            // Our own id is taken.
            Heard::Collision(Identity([0; 16]))
        } else {
            self.members.heard(now, from, identity, cursor)
        };
        match heard {
            Heard::New => {
                self.session.newcomer(now);
                self.welcome_late(node);
                self.event(SenderEvent::ReceiverFound { node, name: name.to_owned() });
            }
            Heard::Moved(from) => self.event(SenderEvent::ReceiverMoved { from, to: node }),
            Heard::Known => {}
            Heard::Stranger => {
                self.session.stranger(now, !self.config.open);
                if let Some(rtt) = round_trip(now, response).filter(|_| self.config.open) {
                    self.grtt.sample(rtt);
                }
                return Trust::Stranger;
            }
            Heard::Unlisted => {
                self.stats.unlisted += 1;
                return Trust::Stranger;
            }
            Heard::Collision(keeper) => {
                if now >= self.session.collide_from {
                    self.session.collide_from = now + COLLISION_PAUSE;
                    self.push_urgent(Urgent::Collision { node, keeper });
                }
                return Trust::Stranger;
            }
        }
        // Only who has said who it is may stretch the timers, and only who is waited for.
        let left_out = self.leaves_out(node) || self.members.is_ejected(node);
        if let Some(rtt) = round_trip(now, response).filter(|_| !left_out) {
            let believed = self.members.get_mut(node).and_then(|member| member.believe(rtt));
            if let Some(rtt) = believed.or((!self.grtt.is_measured()).then_some(rtt)) {
                self.grtt.sample(rtt);
            }
        }
        Trust::Member
    }

    /// A receiver's view of its path, if it tells one; `nack` when it came in a NACK.
    fn take_congestion(
        &mut self,
        now: Timestamp,
        node: NodeId,
        response: WireTime,
        extensions: Extensions<'_>,
        nack: bool,
    ) {
        let Some(heard) = extensions.cc_feedback() else { return };
        let Some(rtt) = round_trip(now, response) else { return };
        if !heard.flags.contains(CcFlags::RTT) {
            self.untold.note(node, rtt, heard.rate);
        }
        self.take_view(now, node, rtt, (&heard, extensions.path_report()), nack);
    }

    /// One that has missed the beginning of what is being sent, and calls no roll. A stream is begun
    /// anywhere, and when all is sent everybody is listed anyway.
    fn welcome_late(&mut self, node: NodeId) {
        let object = self.objects.get(self.cursor.key);
        let late = object.is_some_and(|o| o.stream.is_none()) && self.cursor.place().block > 0;
        if late && self.config.rfc_only {
            self.welcome.invite(node);
        }
    }

    pub(super) fn push_urgent(&mut self, urgent: Urgent) {
        if self.urgent.len() < MAX_URGENT && !self.urgent.contains(&urgent) {
            self.urgent.push_back(urgent);
        }
    }

    fn take_report(&mut self, now: Timestamp, from: (NodeId, Peer), report: &MemberReport<'_>) {
        let (node, identity) = (from.0, Some(report.identity));
        let leaves = matches!(report.state, MemberState::Failed | MemberState::Leaving);
        if self.session.is_gathering() && self.session.is_leaving(report.identity, leaves) {
            // It says again that it goes.
            return;
        }
        let trust = self.hear(now, from, identity, report.name, report.grtt_response);
        if trust == Trust::Stranger {
            return;
        }
        self.watch_loss(now, node, report.loss);
        let ejected = self.members.is_ejected(node);
        if ejected {
            self.passes_over(now, node);
        }
        let Some(member) = self.members.get_mut(node) else { return };
        member.bytes_done = report.bytes_done;
        member.loss = report.loss;
        member.state = report.state;
        let over = matches!(report.state, MemberState::Failed | MemberState::Leaving);
        if ejected {
            return;
        }
        if over && self.session.is_gathering() {
            self.members.forget(node);
            self.event(SenderEvent::ReceiverFailed { node, reason: report.reason.to_owned() });
        } else if over && member.status != MemberStatus::Confirmed {
            if self.members.set_status(node, MemberStatus::Failed) {
                let reason = report.reason.to_owned();
                self.event(SenderEvent::ReceiverFailed { node, reason });
            }
        } else if self.events.len() < super::MAX_EVENTS {
            self.event(SenderEvent::ReceiverReport {
                node,
                name: report.name.to_owned(),
                state: report.state,
                bytes_done: report.bytes_done,
                bytes_total: report.bytes_total,
                loss: report.loss,
                drops: report.drops,
                marked: report.marked,
            });
        }
    }

    fn take_ack(&mut self, now: Timestamp, node: NodeId, ack: &Ack<'_>) {
        if ack.ack_type == ACK_CREDIT {
            if let Some(credit) = Credit::parse(ack.payload) {
                let paced = self.is_paced();
                self.window.answered(now, node, ack.ack_id, credit, paced);
            }
            return;
        }
        if ack.ack_type != ACK_FLUSH {
            self.take_application_ack(node, ack);
            return;
        }
        let Ok(flush) = AckFlush::parse(ack.payload) else {
            self.stats.malformed += 1;
            return;
        };
        // Some fill in another source block length (FEC id 129), which says nothing here.
        let format = self.payload_format();
        let place = |id: RawPayloadId| id.decode(format).map(|id| (id.block, id.symbol));
        let newest = self.watermark().is_some_and(|(object, id)| {
            object == flush.object && place(id) == place(flush.payload_id)
        });
        if newest
            && self.session.all_sent.is_some()
            && self.members.set_status(node, MemberStatus::Confirmed)
        {
            self.event(SenderEvent::ReceiverConfirmed { node });
        }
    }

    fn take_application_ack(&mut self, node: NodeId, ack: &Ack<'_>) {
        let Some(request) = &mut self.session.ack_request else { return };
        if (request.ack_type, request.ack_id) != (ack.ack_type, ack.ack_id) {
            return;
        }
        let before = request.pending.len();
        request.pending.retain(|&pending| pending != node);
        request.answers += before - request.pending.len();
    }

    fn take_nack(
        &mut self,
        now: Timestamp,
        node: NodeId,
        trust: Trust,
        nack: &Nack<'_>,
        to_group: bool,
    ) {
        // Content from before it came is nobody's fault: it holds nobody up.
        let member = self.members.get_mut(node).filter(|_| trust == Trust::Member);
        let joined = member.map_or(u64::MAX, |member| member.joined);
        let mut oldest = u64::MAX;
        let mut needs = NackNeeds::default();
        for request in nack.requests.iter() {
            self.take_request(now, &request, &mut needs);
        }
        if trust == Trust::Stranger && !self.config.open {
            let sent = self.stats.packets;
            let cut = self.strangers.limit(now, sent, self.config.block_len, &mut needs);
            self.stats.ignored_requests += cut;
        }
        for (start, end) in needs.whole.iter() {
            oldest = oldest.min(oldest_since(joined, start..end));
            if !self.repairs.request_whole(now, start..end) {
                self.stats.ignored_requests += 1;
            }
        }
        self.request_infos(now, &needs.infos);
        let gather = self.gather_time();
        for (block, need) in &mut needs.blocks {
            need.teaches = trust == Trust::Member || self.config.open;
            let Some((object, index)) = self.objects.by_block(*block) else { continue };
            let symbols = object.geometry(index).symbols;
            if !self.repairs.request(now, *block, symbols, need, gather) {
                // Repaired a moment ago, unless there is no room: nobody lags because of it.
                self.stats.ignored_requests += 1;
            } else if *block >= joined {
                oldest = oldest.min(*block);
            }
        }
        if oldest < u64::MAX && trust == Trust::Member {
            let cycle = self.grtt.get() * (2 * u32::from(self.backoff()) + 4);
            self.lag.note(now, oldest, cycle);
        }
        self.session.unicast = !to_group;
        let advertise = !to_group && self.group_size() > 1 && self.backoff() > 0;
        if advertise && now >= self.session.advertise_from {
            self.session.advertise_from = now + self.grtt.get() / 2;
            self.push_urgent(Urgent::RepairAdv);
        }
    }

    fn take_request(&mut self, now: Timestamp, request: &RepairRequest<'_>, needs: &mut NackNeeds) {
        let flags = request.flags;
        if request.form == RepairForm::Ranges {
            for (first, last) in request.ranges() {
                self.take_range(now, flags, &first, &last, needs);
            }
            return;
        }
        for item in request.items.iter() {
            if request.form == RepairForm::Erasures && flags.contains(RepairFlags::SEGMENT) {
                self.take_erasures(now, &item, needs);
                if flags.contains(RepairFlags::INFO) {
                    self.take_range(now, RepairFlags::INFO, &item, &item, needs);
                }
            } else {
                self.take_range(now, flags, &item, &item, needs);
            }
        }
    }

    fn take_erasures(&mut self, now: Timestamp, item: &RepairItem, needs: &mut NackNeeds) {
        let Some(place) = self.place(now, item) else { return };
        let Some((object, index)) = self.objects.by_block(place.block) else { return };
        let symbols = object.geometry(index).symbols;
        if !self.coded() {
            needs.whole.insert(place.block, place.block + 1);
        } else if place.symbol > 0 {
            let need = needs.of(place.block);
            need.counted = place.symbol.min(symbols + EXTRA_SYMBOLS);
        }
    }

    /// Takes an inclusive range at the level that its flags name, the finest first.
    fn take_range(
        &mut self,
        now: Timestamp,
        flags: RepairFlags,
        first: &RepairItem,
        last: &RepairItem,
        needs: &mut NackNeeds,
    ) {
        let Some(from) = self.place(now, first) else { return };
        let to = if first == last { Some(from) } else { self.place(now, last) };
        let Some(to) = to else { return };
        let whole = flags.contains(RepairFlags::OBJECT);
        if flags.contains(RepairFlags::INFO) || whole {
            needs.infos.insert(from.key, to.key.saturating_add(1));
        }
        if flags.contains(RepairFlags::SEGMENT) {
            self.name_symbols(from, to, needs);
            return;
        }
        // Blocks that were sent completely; the rest is still on its way.
        let sent = self.cursor_block();
        // An empty object's first block is none.
        let end = self.objects.get(to.key).map_or(0, |o| o.first_block + o.blocks());
        if flags.contains(RepairFlags::BLOCK) {
            let end = to.block.saturating_add(1).min(end);
            needs.whole.insert(from.block, end.min(sent));
        } else if whole {
            let start = self.objects.get(from.key).map_or(end, |o| o.first_block);
            needs.whole.insert(start, end.min(sent));
        }
    }

    fn name_symbols(&mut self, from: Place, to: Place, needs: &mut NackNeeds) {
        let Some((object, index)) = self.objects.by_block(from.block) else { return };
        let symbols = object.geometry(index).symbols;
        let parity = match object.layout.scheme() {
            // What is not all written cannot be coded.
            _ if !object.can_be_coded(index) => 0,
            Scheme::ReedSolomon(code) => u32::from(code.parity()),
            _ => 0,
        };
        let end = to.symbol.saturating_add(1);
        if from.block != to.block || from.symbol > to.symbol || end > symbols + parity {
            return;
        }
        // Overlapping ranges would cost time for nothing; an honest NACK has none.
        let follows = |list: &[Range<u32>], range: &Range<u32>| {
            !range.is_empty() && list.last().is_none_or(|last| last.end <= range.start)
        };
        let need = needs.of(from.block);
        let named = from.symbol..end.min(symbols);
        let coded = from.symbol.max(symbols) - symbols..end.max(symbols) - symbols;
        let (names, codes) = (follows(&need.named, &named), follows(&need.parity, &coded));
        if names {
            need.named.push(named);
        }
        if codes {
            need.counted += coded.end - coded.start;
            need.parity.push(coded);
        }
        self.stats.ignored_requests += u64::from(!names && !codes);
    }

    fn request_infos(&mut self, now: Timestamp, keys: &RangeSet) {
        // More than a segment's worth comes again; there is no need to take it all.
        for key in keys.iter().flat_map(|(start, end)| start..end).take(256) {
            let has_info = self.objects.get(key).is_some_and(|o| o.info.is_some());
            if has_info && key <= self.cursor.key && !self.repairs.request_info(now, key) {
                self.stats.ignored_requests += 1;
            }
        }
    }

    /// Where an item points, or `None` (and perhaps a SQUELCH) if that was never sent.
    fn place(&mut self, now: Timestamp, item: &RepairItem) -> Option<Place> {
        if item.fec_id != self.fec_id() {
            self.stats.ignored_requests += 1;
            return None;
        }
        let PayloadId { block, symbol, .. } = item.payload_id.decode(self.payload_format())?;
        let key = self.key_of(item.object);
        let Some(object) = key.and_then(|key| self.objects.get(key)) else {
            self.stats.ignored_requests += 1;
            self.squelch(now);
            return None;
        };
        let block = match &object.stream {
            None => block,
            Some(stream) => {
                let near = if object.key == self.cursor.key {
                    self.cursor.place().block
                } else {
                    stream.source.end().block
                };
                let index = object.stream_block(block, near, self.config.scheme);
                if index < stream.source.first_block() {
                    self.stats.ignored_requests += 1;
                    self.squelch(now);
                    return None;
                }
                u32::try_from(index).ok()?
            }
        };
        let number = object.first_block + u64::from(block);
        let exists = u64::from(block) < object.blocks() || (block == 0 && object.blocks() == 0);
        if !exists || !self.cursor.has_passed(object, block) {
            self.stats.ignored_requests += 1;
            return None;
        }
        Some(Place { key: object.key, block: number, symbol })
    }

    /// The key nearest to the cursor with these low 16 bits; `None` below zero.
    fn key_of(&self, id: ObjectId) -> Option<u64> {
        let near = self.cursor.key;
        let ahead = id.0.wrapping_sub(near as u16);
        if ahead < 0x8000 {
            Some(near + u64::from(ahead))
        } else {
            near.checked_sub(u64::from(ahead.wrapping_neg()))
        }
    }

    /// Says what can be repaired at all; at most once per two round trips (RFC 5740 §5.4.3).
    pub(super) fn squelch(&mut self, now: Timestamp) {
        if now >= self.session.squelch_from && !self.objects.is_empty() {
            self.session.squelch_from = now + self.grtt.get() * 2;
            self.push_urgent(Urgent::Squelch);
        }
    }
}

/// How long an echo took. The wire carries 32-bit seconds of our own clock; zero is none, and later
/// than now is an error or a lie.
fn round_trip(now: Timestamp, response: WireTime) -> Option<Duration> {
    let sent = Some(response).filter(|response| !response.is_zero())?.to_nanos();
    now.as_nanos().checked_sub(sent).map(Duration::from_nanos)
}

/// The first block of a span that was sent since a receiver came; `u64::MAX` if none was.
fn oldest_since(joined: u64, span: Range<u64>) -> u64 {
    let first = span.start.max(joined);
    if first < span.end { first } else { u64::MAX }
}
