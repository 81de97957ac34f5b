//! Takes what senders, and other receivers, say.

use core::net::SocketAddr;
use std::collections::btree_map::Entry;

use super::event::ReceiverEvent;
use super::object::{Opened, RecvBlock, RecvObject};
use super::remote::Remote;
use super::{JoinPolicy, Receiver, SENDERS_PER_ADDRESS};
use crate::base::Timestamp;
use crate::endpoint::{BlockSlot, Datagram, Job, ObjectRef, SenderId, StoreJob, SymbolStore};
use crate::fec::Scheme;
use crate::norm::wire::SetInfo;
use crate::norm::wire::{
    Data, Extensions, FecId, Fti, Header, Info, MemberReport, Message, NodeId, ObjectFlags,
    ObjectId, PayloadFormat, PayloadId, SenderFields,
};

/// INFO longer than this is refused: it is kept in memory for every object under way.
const MAX_INFO: usize = 4096;

impl<S: SymbolStore> Receiver<S> {
    pub(super) fn take(&mut self, now: Timestamp, datagram: &Datagram<'_>) {
        let (payload, source) = (&*datagram.payload, datagram.source);
        self.stats.packets += 1;
        self.stats.bytes += payload.len() as u64;
        let Ok((header, message)) = Message::parse(payload) else {
            self.stats.malformed += 1;
            return;
        };
        let arrived = (payload.len(), datagram.ce);
        match message {
            Message::Info(info) => {
                if let Some(index) = self.remote_for(now, header, &info.sender, source, arrived) {
                    self.note_content(now, index);
                    self.take_info(now, index, &info);
                }
            }
            Message::Data(data) => {
                if let Some(index) = self.remote_for(now, header, &data.sender, source, arrived) {
                    self.note_content(now, index);
                    self.take_data(now, index, &data);
                }
            }
            Message::Cmd(cmd) => {
                if let Some(index) = self.remote_for(now, header, &cmd.sender, source, arrived) {
                    self.take_command(now, index, &cmd, datagram.waited);
                }
            }
            Message::Nack(nack) => {
                self.note_speaker(now, header.source, (nack.sender, nack.instance));
                self.overhear(now, header.source, &nack);
            }
            Message::Ack(ack) => {
                self.note_speaker(now, header.source, (ack.sender, ack.instance));
                self.overhear_ack(now, header.source, &ack);
            }
            // Who shares our id is for the sender to say (MembershipQuery::Collision): it is bound to an
            // address, other receivers are not.
            Message::Report(report) => {
                if let Some(report) = MemberReport::parse(report.content) {
                    self.note_speaker(now, header.source, (report.sender, report.instance));
                }
            }
        }
    }

    /// The sender's number; makes room and an entry for a new one. `None` for a reserved node id.
    fn remote_for(
        &mut self,
        now: Timestamp,
        header: Header,
        sender: &SenderFields,
        address: SocketAddr,
        (bytes, marked): (usize, bool),
    ) -> Option<SenderId> {
        let node = header.source;
        if node == NodeId::NONE || node == NodeId::ANY {
            self.stats.unrelated += 1;
            return None;
        }
        // A stranger who copies a sender's ids speaks from elsewhere and is somebody else here.
        let source = (node, sender.instance.0, address);
        if let Some(&index) = self.by_source.get(&source) {
            self.stats.heard += 1;
            let remote = self.remotes.get_mut(&index)?;
            remote.touch(now, sender);
            remote.loss.note(header.sequence);
            self.stats.ce_marked += u64::from(marked);
            remote.marked += u64::from(marked);
            if let Some(probes) = &mut remote.probes {
                probes.note(now, header.sequence, (bytes, marked), &remote.timing);
            }
            return Some(index);
        }
        self.make_room_for_sender(address);
        let index = self.next_remote;
        self.next_remote = SenderId(index.0.wrapping_add(1));
        let mut remote = Remote::new(now, index, node, sender, address);
        remote.next_check = now + self.check_interval(&remote);
        // Announce ourselves even if the sender's roll calls are far apart.
        let wait = self.random_part(remote.timing.grtt * 4);
        remote.report = Some((now + wait, 0));
        remote.loss.note(header.sequence);
        self.stats.ce_marked += u64::from(marked);
        remote.marked += u64::from(marked);
        self.remotes.insert(index, remote);
        self.by_source.insert(source, index);
        self.stats.heard += 1;
        self.event(ReceiverEvent::SenderFound { sender: index, node, address });
        Some(index)
    }

    /// Forgets the least useful sender if there are too many, at this address or in all.
    fn make_room_for_sender(&mut self, address: SocketAddr) {
        let idle = |r: &&Remote| (r.kept > 64, r.last_heard, r.index);
        let here = || self.remotes.values().filter(|r| r.address == address);
        let gone = if here().count() >= SENDERS_PER_ADDRESS {
            here().min_by_key(idle)
        } else if self.remotes.len() >= self.config.max_senders {
            self.remotes.values().min_by_key(idle)
        } else {
            None
        };
        if let Some(index) = gone.map(|remote| remote.index) {
            self.forget(index);
        }
    }

    /// Decides whether and where to begin (RFC 5740 §5.2). True when content of `key` is wanted.
    pub(super) fn synchronise(
        &mut self,
        index: SenderId,
        key: u64,
        begins: bool,
        listed: bool,
    ) -> bool {
        let policy = self.config.join;
        let Some(remote) = self.remotes.get_mut(&index) else { return false };
        if let Some(from) = remote.want_from {
            return key >= from;
        }
        let from = match policy {
            JoinPolicy::Current if !begins && !listed => return false,
            JoinPolicy::Current | JoinPolicy::Object => key,
            JoinPolicy::All => key.saturating_sub(0x7fff),
        };
        remote.want_from = Some(from);
        remote.newest = key;
        true
    }

    /// Content comes: whoever paused does so no longer.
    fn note_content(&mut self, now: Timestamp, index: SenderId) {
        if self.is_paused(index) {
            self.with_remote(index, |this, remote| this.note_pause(now, remote, false));
        }
    }

    fn take_info(&mut self, now: Timestamp, index: SenderId, info: &Info<'_>) {
        if info.payload.len() > MAX_INFO {
            self.stats.invalid += 1;
            return;
        }
        let Some(key) = self.key_of(index, info.object) else { return };
        let first = !info.flags.contains(ObjectFlags::REPAIR);
        if !self.synchronise(index, key, first, false) {
            self.stats.unrelated += 1;
            return;
        }
        self.note_scheme(index, info.fec_id, info.extensions);
        if let Some(remote) = self.remotes.get_mut(&index) {
            remote.native = remote.native || SetInfo::parse(info.payload).is_ok();
        }
        if first {
            self.reach(now, index, key, 0);
        }
        let flags = info.flags.with(ObjectFlags::INFO);
        self.learn(index, key, flags, info.fec_id, info.extensions, Some(info.payload));
    }

    /// Takes what a packet says about its object; false when the object is not under way.
    fn learn(
        &mut self,
        index: SenderId,
        key: u64,
        flags: ObjectFlags,
        fec_id: FecId,
        extensions: Extensions<'_>,
        info: Option<&[u8]>,
    ) -> bool {
        let limit = self.config.max_objects;
        let (auto_accept, max_block_len) = (self.config.auto_accept, self.config.max_block_len);
        let accept_streams = self.config.accept_streams;
        let points = self.config.points;
        let Some(remote) = self.remotes.get_mut(&index) else { return false };
        if remote.done.contains(key) {
            self.stats.duplicates += 1;
            return false;
        }
        if remote.objects.len() >= limit && !remote.objects.contains_key(&key) {
            self.stats.no_room += 1;
            return false;
        }
        let object = remote.objects.entry(key).or_insert_with(RecvObject::new);
        // Not worth the look-up once the shape is known.
        let fti: Option<Fti> =
            if object.layout().is_none() { extensions.fti(fec_id) } else { None };
        let Some(opened) = object.learn(flags, fti, info, max_block_len, points) else {
            self.stats.invalid += 1;
            return false;
        };
        if opened == Opened::Now
            && let Some(layout) = object.layout()
        {
            let size = layout.size();
            let (info, file, stream) = (object.info(), object.file, object.is_stream);
            remote.segment_size = layout.symbol_size();
            remote.format = layout.scheme().payload_format();
            let object = ObjectRef { sender: index, key };
            self.event(if stream {
                ReceiverEvent::StreamOpened { object, buffer: size, info }
            } else {
                ReceiverEvent::ObjectOpened { object, size, info, file }
            });
            if auto_accept || (stream && accept_streams) {
                self.accept(object);
            }
        }
        true
    }

    fn take_data(&mut self, now: Timestamp, index: SenderId, data: &Data<'_>) {
        self.note_scheme(index, data.fec_id, data.extensions);
        let format = self.remotes.get(&index).map(|remote| remote.format);
        let id = format.and_then(|format| data.payload_id.decode(format));
        let Some(PayloadId { block, symbol, .. }) = id else {
            self.stats.invalid += 1;
            return;
        };
        let Some(key) = self.key_of(index, data.object) else { return };
        let first = !data.flags.contains(ObjectFlags::REPAIR);
        if !self.synchronise(index, key, first && block == 0, false) {
            self.stats.unrelated += 1;
            return;
        }
        if first {
            self.reach(now, index, key, self.block_index(index, key, block));
        }
        let (refused, kept) = (self.stats.no_room, self.stats.symbols);
        if self.learn(index, key, data.flags, data.fec_id, data.extensions, None) {
            self.take_symbol(now, index, key, (block, symbol), data);
            let kept = self.stats.symbols - kept;
            if let Some(remote) = self.remotes.get_mut(&index) {
                remote.kept += kept;
            }
            if self.stats.no_room > refused {
                self.reclaim(now, index);
            }
        }
    }

    /// Frees the blocks of senders that have fallen silent, or have delivered next to nothing beside
    /// the one that speaks: they can be asked for again, and must not stand in its way.
    fn reclaim(&mut self, now: Timestamp, speaker: SenderId) {
        let patience = self.config.patience;
        let delivered = self.remotes.get(&speaker).map_or(0, |remote| remote.kept);
        for remote in self.remotes.values_mut() {
            let silent = now >= remote.last_heard + patience;
            let idle = remote.kept < delivered / 8;
            if remote.index == speaker || !(silent || idle) {
                continue;
            }
            for (&key, object) in &mut remote.objects {
                let slot = |block| BlockSlot { sender: remote.index, object: key, block };
                let before = object.blocks.len();
                object.blocks.retain(|&number, block| {
                    if !block.busy {
                        self.store.discard(slot(number));
                    }
                    block.busy
                });
                self.blocks = self.blocks.saturating_sub(before - object.blocks.len());
            }
        }
    }

    fn take_symbol(
        &mut self,
        now: Timestamp,
        index: SenderId,
        key: u64,
        (number, symbol): (u32, u32),
        data: &Data<'_>,
    ) {
        let room = self.blocks < self.config.max_blocks;
        let Some(object) = self.remotes.get_mut(&index).and_then(|r| r.objects.get_mut(&key))
        else {
            return;
        };
        if object.is_stream {
            let first = !data.flags.contains(ObjectFlags::REPAIR);
            self.take_stream_symbol(now, index, key, (number, symbol), first, data.payload);
            return;
        }
        let Some(layout) = object.layout() else {
            self.stats.unopened += 1;
            return;
        };
        let (scheme, block_len, len) =
            (layout.scheme(), layout.block_len(number), data.payload.len());
        let fits = if symbol < block_len {
            len == usize::from(layout.symbol_bytes(number, symbol))
        } else {
            // A Reed-Solomon symbol may be as short as the source symbols that it is made of.
            let full = usize::from(layout.symbol_size());
            let short = matches!(scheme, Scheme::ReedSolomon(_)) && len < full && len > 0;
            symbol - block_len < scheme.parity(block_len) && (short || len == full)
        };
        let known = fits && data.fec_id == scheme.fec_id();
        let Some(geometry) = object.geometry(number).filter(|_| known) else {
            self.stats.invalid += 1;
            return;
        };
        if object.is_written(number) {
            self.stats.duplicates += 1;
            return;
        }
        let block = match object.blocks.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(_) if !room => {
                self.stats.no_room += 1;
                return;
            }
            Entry::Vacant(entry) => {
                self.blocks += 1;
                entry.insert(RecvBlock::new(&geometry))
            }
        };
        if block.busy || block.contains(symbol) {
            self.stats.duplicates += 1;
            return;
        }
        let slot = BlockSlot { sender: index, object: key, block: number };
        if !self.store.put(slot, &geometry, symbol, data.payload) {
            self.stats.no_room += 1;
            if block.is_empty() {
                // Not begun after all: it is asked for whole, when there is room.
                object.blocks.remove(&number);
                self.blocks -= 1;
            }
            return;
        }
        self.stats.symbols += 1;
        block.insert(symbol);
        if object.accepted && block.is_ready() {
            block.busy = true;
            let decode = block.needs_decoding();
            self.stats.decoded += u64::from(decode);
            self.jobs.push_back(Job::Store(StoreJob { slot, geometry, decode }));
        }
    }

    /// The first transmission has come to this place: what lies before it and is missing was lost.
    fn reach(&mut self, now: Timestamp, index: SenderId, key: u64, block: u32) {
        if self.remotes.get_mut(&index).is_some_and(|remote| remote.reach(key, block)) {
            self.with_remote(index, |this, remote| this.check_repairs(now, remote));
        }
    }

    /// Notes how payload ids are to be read. With FEC id 2 only EXT_FTI tells.
    pub(super) fn note_scheme(
        &mut self,
        index: SenderId,
        fec_id: FecId,
        extensions: Extensions<'_>,
    ) {
        let Some(remote) = self.remotes.get_mut(&index) else { return };
        if remote.fec_id != fec_id {
            remote.fec_id = fec_id;
            remote.foreign |= fec_id != FecId::RAPTORQ && fec_id != FecId::NO_CODE;
            remote.format = PayloadFormat::for_fec(fec_id).unwrap_or(remote.format);
        }
        if fec_id == FecId::REED_SOLOMON
            && let Some(Fti::ReedSolomon { m: 8, .. }) = extensions.fti(fec_id)
        {
            remote.format = PayloadFormat::Block24Symbol8;
        }
    }

    /// The number of a block among those of its object; in packets, those of streams wrap.
    fn block_index(&self, index: SenderId, key: u64, wire: u32) -> u32 {
        let object = self.remotes.get(&index).and_then(|remote| remote.objects.get(&key));
        let stream = object.and_then(|object| object.stream.as_deref());
        stream.map_or(wire, |stream| stream.unwrap(wire).min(u64::from(u32::MAX)) as u32)
    }

    pub(super) fn key_of(&self, index: SenderId, id: ObjectId) -> Option<u64> {
        self.remotes.get(&index).map(|remote| remote.key_of(id))
    }
}
