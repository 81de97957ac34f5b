//! Reference content: what the senders of a scenario send. Every byte can be computed anywhere.

use core::ops::Range;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use norm_core::fec::{Layout, LayoutError, Scheme, encode};
use norm_core::norm::sender::SenderConfig;
use norm_core::norm::wire::{Data, Fti, PayloadId};

use crate::content::Content;
use crate::drawn::DrawnChunks;
use crate::packet::{HostId, Symbol, mix};
use crate::scenario::{Host, Role, Scenario, SenderPlan};

/// Longest blocks, in symbols, that a sender cuts objects into for shorter packets.
const MAX_BLOCK_LEN: u32 = 4096;

/// The content of all senders of a scenario.
#[derive(Debug)]
pub(crate) struct Reference {
    /// Ascending by host.
    senders: Vec<(HostId, SenderReference)>,
    /// Number of objects of all senders.
    pub(crate) objects: u32,
    /// Number of receiving engines.
    pub(crate) receivers: u32,
}

/// The content of one sender.
#[derive(Debug)]
pub(crate) struct SenderReference {
    content: Content,
    first_key: u64,
    /// Bytes of each object.
    sizes: Vec<u64>,
    /// Their layout, while it cannot change.
    fixed: Option<Vec<Object>>,
    /// Otherwise their layouts, one after the other: each has keys of its own. Only the sender adds
    /// one, before it sends anything of it.
    layouts: RwLock<Vec<Vec<Object>>>,
    /// Repair symbols are computed by the code, because a receiver decodes them.
    real: bool,
    /// What of its content changes once.
    changing: Option<DrawnChunks>,
}

/// An object of a sender, in one of its layouts.
#[derive(Copy, Clone, Debug)]
struct Object {
    layout: Layout,
    /// Running number of its first block.
    first_block: u64,
}

impl Reference {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let real = scenario.hosts.iter().any(|host| match &host.role {
            Role::Receiver(plan) => plan.real_store,
            _ => false,
        });
        let senders: Vec<(HostId, SenderReference)> = (0..)
            .zip(&scenario.hosts)
            .filter_map(|(id, host)| match &host.role {
                Role::Sender(plan) => {
                    Some((id, SenderReference::new(plan, scenario.seed, id, real)))
                }
                _ => None,
            })
            .collect();
        let objects = senders.iter().map(|(_, sender)| sender.sizes.len() as u32).sum();
        let is_receiver = |host: &&Host| matches!(host.role, Role::Receiver(_));
        let receivers = scenario.hosts.iter().filter(is_receiver).count() as u32;
        Self { senders, objects, receivers }
    }

    /// The content of this host, if it is a sender of the scenario.
    pub(crate) fn of(&self, host: HostId) -> Option<&SenderReference> {
        let at = self.senders.binary_search_by_key(&host, |(id, _)| *id).ok()?;
        Some(&self.senders[at].1)
    }

    /// Number of blocks of all senders.
    pub(crate) fn blocks(&self) -> u32 {
        let blocks = |object: &Object| object.layout.blocks();
        let senders = self.senders.iter();
        senders.map(|(_, sender)| sender.with(|runs| runs[0].iter().map(blocks).sum::<u32>())).sum()
    }
}

impl SenderReference {
    fn new(plan: &SenderPlan, seed: u64, host: HostId, real: bool) -> Self {
        let sizes: Vec<u64> = plan.objects.iter().map(|object| object.size).collect();
        let content = Content::new(mix(seed, host.into()));
        let first = cut(&sizes, &plan.config, plan.config.segment_size, 0);
        // No lock where there is no need for one: the simulator asks for each symbol.
        let fixed = plan.config.packets.sizes.is_empty().then(|| first.clone());
        let layouts = RwLock::new(vec![first]);
        let first_key = plan.config.first_object;
        let seed = mix(seed, !u64::from(host));
        let changing = plan.withdrawal.map(|plan| DrawnChunks::new(seed, plan.chunk, plan.share));
        Self { content, first_key, sizes, fixed, layouts, real, changing }
    }

    /// What of its content changes once.
    pub(crate) fn changing(&self) -> Option<DrawnChunks> {
        self.changing
    }

    /// The places in an object of the bytes that change.
    pub(crate) fn changing_in(&self, key: u64, range: Range<u64>) -> Vec<Range<u64>> {
        let name = self.first_key_of(key) & 0xffff;
        self.changing.map_or(Vec::new(), |drawn| drawn.overlaps(name, range).collect())
    }

    /// True when a symbol is another one after the change.
    pub(crate) fn is_changing(&self, at: Symbol) -> bool {
        if self.changing.is_none() {
            return false;
        }
        let key = at.object.into();
        let Some(layout) = self.layout(key) else { return false };
        let (k, start) = (layout.block_len(at.block), layout.block_offset(at.block));
        if at.symbol >= k {
            let block = start..start + u64::from(layout.block_bytes(at.block));
            return !self.changing_in(key, block).is_empty();
        }
        let start = start + u64::from(at.symbol) * u64::from(layout.symbol_size());
        let len = layout.symbol_bytes(at.block, at.symbol);
        let first = self.first_key_of(key);
        // Bytes that were zeros before are no others after it.
        let read = |changed| self.read_at(first, start, len.into(), changed);
        !self.changing_in(key, start..start + u64::from(len)).is_empty()
            && read(false) != read(true)
    }

    /// Calls `read` with the layouts.
    fn with<T>(&self, read: impl FnOnce(&[Vec<Object>]) -> T) -> T {
        match &self.fixed {
            Some(layout) => read(std::slice::from_ref(layout)),
            None => read(&self.layouts.read().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// The sender starts again.
    pub(crate) fn forget_layouts(&self) {
        let mut layouts = self.layouts.write().unwrap_or_else(PoisonError::into_inner);
        layouts.truncate(1);
    }

    /// The sender has cut all objects anew. They have new keys, the last of them before `end_key`,
    /// if anything was sent of the old ones.
    pub(crate) fn laid_out(&self, config: &SenderConfig, segment: u16, end_key: u64) {
        let mut layouts = self.layouts.write().unwrap_or_else(PoisonError::into_inner);
        let last = layouts.iter().flatten().next_back();
        let end = last.map_or(0, |o| o.first_block + u64::from(o.layout.blocks()));
        let runs = (end_key - self.first_key) as usize / self.sizes.len().max(1);
        layouts.truncate(runs - 1);
        layouts.push(cut(&self.sizes, config, segment, end));
    }

    /// The key that an object had at first, by the low 16 bits of its key.
    pub(crate) fn first_key_of(&self, key: u64) -> u64 {
        let place = (key as u16).wrapping_sub(self.first_key as u16);
        self.first_key + u64::from(place) % (self.sizes.len() as u64).max(1)
    }

    /// The layout of an object, by the low 16 bits of its key.
    pub(crate) fn layout(&self, key: u64) -> Option<Layout> {
        let place = usize::from((key as u16).wrapping_sub(self.first_key as u16));
        let run = place.checked_div(self.sizes.len())?;
        let index = place % self.sizes.len();
        self.with(|runs| Some(runs.get(run)?.get(index)?.layout))
    }

    /// Content bytes of an object, by the key that it had at first.
    pub(crate) fn read(&self, key: u64, offset: u64, len: usize) -> Bytes {
        self.content.read(key, offset, len)
    }

    /// The same, perhaps after the change: zeros in place of what has changed.
    pub(crate) fn read_at(&self, key: u64, offset: u64, len: usize, changed: bool) -> Bytes {
        let bytes = self.read(key, offset, len);
        let changed = match changed {
            true => self.changing_in(key, offset..offset + len as u64),
            false => Vec::new(),
        };
        if changed.is_empty() {
            return bytes;
        }
        let mut bytes = bytes.to_vec();
        for range in changed {
            bytes[(range.start - offset) as usize..(range.end - offset) as usize].fill(0);
        }
        bytes.into()
    }

    /// True when these bytes of an object, by the key that it had at first, are right, but for
    /// those that change.
    pub(crate) fn agrees(&self, key: u64, offset: u64, bytes: &[u8]) -> bool {
        let right = self.read(key, offset, bytes.len());
        if right == bytes {
            return true;
        }
        let mut bytes = bytes.to_vec();
        for range in self.changing_in(key, offset..offset + bytes.len() as u64) {
            let range = (range.start - offset) as usize..(range.end - offset) as usize;
            bytes[range.clone()].copy_from_slice(&right[range]);
        }
        right == bytes
    }

    /// Repair symbols of a block, by its running number.
    pub(crate) fn encode(&self, number: u64, source: &[u8], first: u32, count: u32) -> Bytes {
        let (place, Object { layout, first_block }) = self.with(|runs| {
            let objects = (0..).zip(runs.iter().flatten().copied());
            let found = objects.take_while(|(_, object)| object.first_block <= number).last();
            found.expect("a block of the sender")
        });
        let block = (number - first_block) as u32;
        self.coded(self.first_key + place, &layout, block, source, first..first + count)
    }

    /// Repair symbols of the block that begins at `offset` of an object, in its newest layout. Its
    /// `key` is the first one that it had.
    pub(crate) fn encode_at(
        &self,
        key: u64,
        offset: u64,
        source: &[u8],
        symbols: Range<u32>,
    ) -> Bytes {
        let place = (key - self.first_key) as usize;
        let (before, layout) = self.with(|runs| {
            let newest = runs.last().expect("there is a layout");
            ((runs.len() - 1) * newest.len(), newest[place].layout)
        });
        let mut blocks = 0..layout.blocks();
        let block = blocks.find(|block| layout.block_offset(*block) == offset);
        let block = block.expect("a block of the object");
        self.coded(key + before as u64, &layout, block, source, symbols)
    }

    fn coded(
        &self,
        key: u64,
        layout: &Layout,
        block: u32,
        source: &[u8],
        symbols: Range<u32>,
    ) -> Bytes {
        let (first, count, size) = (symbols.start, symbols.len() as u32, layout.symbol_size());
        if self.real {
            let k = layout.block_len(block);
            let symbols = encode(layout.scheme(), k, size, source, first, count);
            return Bytes::from(symbols.expect("a sender asks only for symbols of the code"));
        }
        let changed = self.changing.is_some() && {
            let (offset, len) = (layout.block_offset(block), layout.block_bytes(block) as usize);
            self.read(self.first_key_of(key), offset, len) != source
        };
        let mut out = Vec::with_capacity(count as usize * usize::from(size));
        for symbol in symbols {
            out.extend_from_slice(&self.repair(key, block, symbol, size.into(), changed));
        }
        Bytes::from(out)
    }

    /// Bytes that stand for a repair symbol where no receiver decodes.
    fn repair(&self, key: u64, block: u32, symbol: u32, len: usize, changed: bool) -> Bytes {
        let symbol = if changed { !symbol } else { symbol };
        self.content.repair(key, block, symbol, len)
    }

    /// The payload of a symbol; `None` if the object has no such symbol.
    pub(crate) fn payload(&self, at: Symbol) -> Option<Bytes> {
        let layout = self.layout(at.object.into())?;
        let (k, size) = (layout.block_len(at.block), layout.symbol_size());
        let key = u64::from(at.object);
        if at.symbol < k {
            let place = u64::from(at.symbol) * u64::from(size);
            let len = layout.symbol_bytes(at.block, at.symbol);
            let offset = layout.block_offset(at.block) + place;
            return Some(self.read_at(self.first_key_of(key), offset, len.into(), at.changed));
        }
        if k == 0 || layout.scheme() == Scheme::NoCode {
            return None;
        }
        if !self.real {
            let changed = at.changed && self.is_changing(at);
            return Some(self.repair(key, at.block, at.symbol, size.into(), changed));
        }
        let source = self.read_block(key, &layout, at.block, at.changed);
        encode(layout.scheme(), k, size, &source, at.symbol, 1).ok().map(Bytes::from)
    }

    fn read_block(&self, key: u64, layout: &Layout, block: u32, changed: bool) -> Bytes {
        let len = layout.block_bytes(block) as usize;
        self.read_at(self.first_key_of(key), layout.block_offset(block), len, changed)
    }

    /// The symbol that this is the payload of, before the change or after it.
    pub(crate) fn recognize(&self, at: Symbol, payload: &[u8]) -> Option<Symbol> {
        let versions = [false, true].map(|changed| Symbol { changed, ..at });
        let versions = versions.into_iter().take(if self.changing.is_some() { 2 } else { 1 });
        let is_it = |at: &Symbol| self.payload(*at).is_some_and(|bytes| bytes == payload);
        versions.into_iter().find(is_it)
    }

    /// The symbol in a packet of this sender.
    ///
    /// # Panics
    /// When payload or EXT_FTI differ from the reference.
    pub(crate) fn check_sent(&self, data: &Data<'_>) -> Symbol {
        let layout = self.layout(data.object.0.into());
        let format = layout.map(|layout| layout.scheme().payload_format());
        let id = format.and_then(|format| data.payload_id.decode(format));
        let PayloadId { block, symbol, .. } = id.expect("a sender sends symbols of its objects");
        let symbol = Symbol { object: data.object.0, block, symbol, changed: false };
        let Some(symbol) = self.recognize(symbol, data.payload) else {
            panic!("WRONG BYTE sent in {symbol:?}");
        };
        let fti = data.extensions.fti(data.fec_id);
        assert!(
            fti.is_none() || fti == layout.as_ref().map(Fti::of),
            "a wrong layout was sent with {symbol:?}"
        );
        symbol
    }

    /// True for a repair symbol.
    pub(crate) fn is_repair(&self, at: Symbol) -> bool {
        self.layout(at.object.into()).is_some_and(|layout| at.symbol >= layout.block_len(at.block))
    }
}

/// Cuts objects of these sizes, as the engine does.
fn cut(sizes: &[u64], config: &SenderConfig, segment: u16, first_block: u64) -> Vec<Object> {
    let layout = |size: u64, len: u32| match config.scheme {
        Scheme::RaptorQ => Layout::choose_raptorq(size, segment, len),
        Scheme::NoCode => Layout::choose_no_code(size, segment, len),
        Scheme::ReedSolomon(code) => Layout::reed_solomon(size, segment, code),
        Scheme::Raptor => Err(LayoutError::UnknownScheme),
    };
    let longest = sizes.iter().copied().max().unwrap_or(0);
    let mut len = config.block_len;
    while layout(longest, len).is_err() && len < MAX_BLOCK_LEN {
        len *= 2;
    }
    let mut next = first_block;
    let objects = sizes.iter().map(|&size| {
        let layout = layout(size, len);
        let layout = layout.expect("the scenario's objects fit its block and segment size");
        let first_block = next;
        next += u64::from(layout.blocks());
        Object { layout, first_block }
    });
    objects.collect()
}
