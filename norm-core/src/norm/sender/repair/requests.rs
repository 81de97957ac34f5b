//! Takes NACKs apart (RFC 5740 §4.3.1, §5.4): what is wanted of which block, and whom it holds up.

use crate::norm::sender::feedback::*;

/// What one NACK says. What it says of a block adds up; what different ones say is compared.
#[derive(Debug, Default)]
pub(crate) struct NackNeeds {
    /// By running number, ascending.
    pub(crate) blocks: Vec<(u64, BlockNeed)>,
    /// Blocks wanted whole, by running number.
    pub(crate) whole: RangeSet,
    /// Objects whose INFO is wanted, by key.
    pub(crate) infos: RangeSet,
}

impl NackNeeds {
    /// What is said of a block. A NACK names blocks in ascending order, as a rule.
    pub(crate) fn of(&mut self, block: u64) -> &mut BlockNeed {
        let at = self.blocks.partition_point(|(other, _)| *other < block);
        if self.blocks.get(at).is_none_or(|(other, _)| *other != block) {
            self.blocks.insert(at, (block, BlockNeed::default()));
        }
        &mut self.blocks[at].1
    }
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
    pub(crate) fn take_nack(
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
        if trust == Trust::Stranger && !self.config.trust_unannounced {
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
            need.teaches = trust == Trust::Member || self.config.trust_unannounced;
            let Some((object, index)) = self.objects.by_block(*block) else { continue };
            let geometry = object.geometry(index);
            let (symbols, parity) = (geometry.symbols, geometry.scheme.parity(geometry.symbols));
            if self.parity.fresh(*block, parity) >= need.counted {
                // Any fresh ones will do.
                need.parity.clear();
            }
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

    pub(crate) fn take_request(
        &mut self,
        now: Timestamp,
        request: &RepairRequest<'_>,
        needs: &mut NackNeeds,
    ) {
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

    pub(crate) fn take_erasures(
        &mut self,
        now: Timestamp,
        item: &RepairItem,
        needs: &mut NackNeeds,
    ) {
        let Some(place) = self.place(now, item) else { return };
        let Some((object, index)) = self.objects.by_block(place.block) else { return };
        let symbols = object.geometry(index).symbols;
        if !self.coded() || !object.can_be_coded(index) {
            if place.symbol > 0 && place.block < self.sent_blocks() {
                needs.whole.insert(place.block, place.block + 1);
            }
        } else if place.symbol > 0 {
            let need = needs.of(place.block);
            need.counted = place.symbol.min(symbols + EXTRA_SYMBOLS);
        }
    }

    /// Takes an inclusive range at the level that its flags name, the finest first.
    pub(crate) fn take_range(
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
        // The rest is still on its way.
        let sent = self.sent_blocks();
        // An empty object's first block is none.
        let end = self.objects.get(to.key).map_or(0, |o| o.first_block + o.begun_blocks());
        if flags.contains(RepairFlags::BLOCK) {
            let end = to.block.saturating_add(1).min(end);
            needs.whole.insert(from.block, end.min(sent));
        } else if whole {
            let start = self.objects.get(from.key).map_or(end, |o| o.first_block);
            needs.whole.insert(start, end.min(sent));
        }
    }

    /// One past the last block of which nothing more will be sent for now: those before the cursor, and a
    /// stream's that rests.
    pub(crate) fn sent_blocks(&self) -> u64 {
        let at = self.cursor.place();
        let stream = self.objects.get(self.cursor.key).and_then(|object| object.stream.as_ref());
        let rests = at.symbol > 0 && stream.is_some_and(|stream| at >= stream.source.end());
        self.cursor_block() + u64::from(rests)
    }

    pub(crate) fn name_symbols(&mut self, from: Place, to: Place, needs: &mut NackNeeds) {
        let Some((object, index)) = self.objects.by_block(from.block) else { return };
        let symbols = object.geometry(index).symbols;
        let parity = match object.layout.scheme() {
            // What is not all written cannot be coded.
            _ if !object.can_be_coded(index) => 0,
            Scheme::ReedSolomon(code) => u32::from(code.parity()),
            _ => 0,
        };
        // Of a stream's last block the rest is not written, or on its way.
        let sent = self.sent_of_stream(object, index).unwrap_or(symbols);
        let end = to.symbol.saturating_add(1);
        if from.block != to.block || from.symbol > to.symbol || end > symbols + parity {
            return;
        }
        // Overlapping ranges would cost time for nothing; an honest NACK has none.
        let follows = |list: &[Range<u32>], range: &Range<u32>| {
            !range.is_empty() && list.last().is_none_or(|last| last.end <= range.start)
        };
        let named = from.symbol..end.min(sent);
        let coded = from.symbol.max(symbols) - symbols..end.max(symbols) - symbols;
        if named.is_empty() && coded.is_empty() {
            self.stats.ignored_requests += 1;
            return;
        }
        let need = needs.of(from.block);
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

    pub(crate) fn request_infos(&mut self, now: Timestamp, keys: &RangeSet) {
        // More than a segment's worth comes again; there is no need to take it all.
        for key in keys.iter().flat_map(|(start, end)| start..end).take(256) {
            let has_info = self.objects.get(key).is_some_and(|o| o.info.is_some());
            if has_info && key <= self.cursor.key && !self.repairs.request_info(now, key) {
                self.stats.ignored_requests += 1;
            }
        }
    }

    /// Where an item points, or `None` (and perhaps a SQUELCH) if that was never sent.
    pub(crate) fn place(&mut self, now: Timestamp, item: &RepairItem) -> Option<Place> {
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
    pub(crate) fn key_of(&self, id: ObjectId) -> Option<u64> {
        let near = self.cursor.key;
        let ahead = id.0.wrapping_sub(near as u16);
        if ahead < 0x8000 {
            Some(near + u64::from(ahead))
        } else {
            near.checked_sub(u64::from(ahead.wrapping_neg()))
        }
    }
}

/// The first block of a span that was sent since a receiver came; `u64::MAX` if none was.
fn oldest_since(joined: u64, span: Range<u64>) -> u64 {
    let first = span.start.max(joined);
    if first < span.end { first } else { u64::MAX }
}
