//! Reference content: what the senders of a scenario send. Every byte can be computed anywhere.

use bytes::Bytes;
use norm_core::fec::{Layout, Scheme, encode};
use norm_core::norm::wire::{Data, Fti, PayloadId};

use crate::content::Content;
use crate::packet::{HostId, Symbol, mix};
use crate::scenario::{Host, Role, Scenario, SenderPlan};

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
    objects: Vec<Object>,
    /// Repair symbols are computed by the code, because a receiver decodes them.
    real: bool,
}

/// An object of a sender.
#[derive(Debug)]
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
        let objects = senders.iter().map(|(_, sender)| sender.objects.len() as u32).sum();
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
        let objects = self.senders.iter().flat_map(|(_, sender)| &sender.objects);
        objects.map(|object| object.layout.blocks()).sum()
    }
}

impl SenderReference {
    fn new(plan: &SenderPlan, seed: u64, host: HostId, real: bool) -> Self {
        let mut next = 0;
        let objects = plan.objects.iter().map(|object| {
            let (size, segment, len) =
                (object.size, plan.config.segment_size, plan.config.block_len);
            let layout = match plan.config.scheme {
                Scheme::RaptorQ => Layout::choose_raptorq(size, segment, len),
                Scheme::NoCode => Layout::choose_no_code(size, segment, len),
                Scheme::ReedSolomon(code) => Layout::reed_solomon(size, segment, code),
            };
            let layout = layout.expect("the scenario's objects fit its block and segment size");
            let first_block = next;
            next += u64::from(layout.blocks());
            Object { layout, first_block }
        });
        let objects = objects.collect();
        let content = Content::new(mix(seed, host.into()));
        Self { content, first_key: plan.config.first_object, objects, real }
    }

    /// The layout of an object, by the low 16 bits of its key.
    pub(crate) fn layout(&self, key: u64) -> Option<&Layout> {
        let place = (key as u16).wrapping_sub(self.first_key as u16);
        self.objects.get(usize::from(place)).map(|object| &object.layout)
    }

    /// Content bytes of an object.
    pub(crate) fn read(&self, key: u64, offset: u64, len: usize) -> Bytes {
        self.content.read(key, offset, len)
    }

    /// Repair symbols of a block, by its running number.
    pub(crate) fn encode(&self, number: u64, source: &[u8], first: u32, count: u32) -> Bytes {
        let after = self.objects.partition_point(|object| object.first_block <= number);
        let Object { layout, first_block } = &self.objects[after - 1];
        let key = self.first_key + after as u64 - 1;
        let block = (number - first_block) as u32;
        let size = layout.symbol_size();
        if self.real {
            let k = layout.block_len(block);
            let symbols = encode(layout.scheme(), k, size, source, first, count);
            return Bytes::from(symbols.expect("a sender asks only for symbols of the code"));
        }
        let mut out = Vec::with_capacity(count as usize * usize::from(size));
        for symbol in first..first.saturating_add(count) {
            out.extend_from_slice(&self.content.repair(key, block, symbol, size.into()));
        }
        Bytes::from(out)
    }

    /// The payload of a symbol; `None` if the object has no such symbol.
    pub(crate) fn payload(&self, at: Symbol) -> Option<Bytes> {
        let layout = self.layout(at.object.into())?;
        let (k, size) = (layout.block_len(at.block), layout.symbol_size());
        let key = u64::from(at.object);
        if at.symbol < k {
            let place = u64::from(at.symbol) * u64::from(size);
            let len = layout.symbol_bytes(at.block, at.symbol);
            return Some(self.read(key, layout.block_offset(at.block) + place, len.into()));
        }
        if k == 0 || layout.scheme() == Scheme::NoCode {
            return None;
        }
        if !self.real {
            return Some(self.content.repair(key, at.block, at.symbol, size.into()));
        }
        let source =
            self.read(key, layout.block_offset(at.block), layout.block_bytes(at.block) as usize);
        encode(layout.scheme(), k, size, &source, at.symbol, 1).ok().map(Bytes::from)
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
        let symbol = Symbol { object: data.object.0, block, symbol };
        assert!(
            self.payload(symbol).is_some_and(|payload| payload == data.payload),
            "WRONG BYTE sent in {symbol:?}"
        );
        let fti = data.extensions.fti(data.fec_id);
        assert!(
            fti.is_none() || fti == layout.map(Fti::of),
            "a wrong layout was sent with {symbol:?}"
        );
        symbol
    }

    /// True for a repair symbol.
    pub(crate) fn is_repair(&self, at: Symbol) -> bool {
        self.layout(at.object.into()).is_some_and(|layout| at.symbol >= layout.block_len(at.block))
    }
}
