//! The senders that were heard.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;
use norm_core::transfer::NodeId;

use super::engine::Engine;

/// Senders that are announced: an attacker may make up any number.
pub(super) const MAX_ANNOUNCED: u64 = 64;
/// A sender that says nothing for this long may have been started anew.
const GONE_AFTER: Duration = Duration::from_millis(1500);

/// What is kept of a sender, for as long as its engine follows it or a transfer needs it.
#[derive(Debug)]
struct SenderRecord {
    node: NodeId,
    address: SocketAddr,
    found_at: Timestamp,
    /// A transfer from it is complete, and it does not know yet.
    owes_release: bool,
    /// What is odd about it was said.
    hinted: bool,
    /// The symbols kept from it when it fell silent: silent for as long as there are no more.
    silent_at: Option<u64>,
    /// Bytes of its file sets that are complete or given up.
    settled: u64,
}

/// Whether a sender that was found is to be announced.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is.
    Announced,
    /// It is the first that is not.
    TooMany,
    /// It is one of many that are not.
    Unannounced,
}

/// The senders, by their numbers.
#[derive(Debug, Default)]
pub(super) struct SenderTable {
    senders: BTreeMap<SenderId, SenderRecord>,
    /// Senders found so far.
    found: u64,
}

impl SenderTable {
    /// A sender was heard for the first time.
    pub(super) fn found(
        &mut self,
        now: Timestamp,
        sender: SenderId,
        node: NodeId,
        address: SocketAddr,
    ) -> Found {
        let record = SenderRecord {
            node,
            address,
            found_at: now,
            owes_release: false,
            hinted: false,
            silent_at: None,
            settled: 0,
        };
        self.senders.insert(sender, record);
        self.found += 1;
        match self.found {
            ..=MAX_ANNOUNCED => Found::Announced,
            n if n == MAX_ANNOUNCED + 1 => Found::TooMany,
            _ => Found::Unannounced,
        }
    }

    /// Drops what is known of senders that the engine, which follows only so many, has forgotten,
    /// unless they are needed.
    pub(super) fn forget_unknown(
        &mut self,
        engine: &mut impl Engine,
        is_needed: impl Fn(SenderId) -> bool,
    ) {
        self.senders.retain(|&sender, _| {
            let keep = engine.source(sender).is_some() || is_needed(sender);
            if !keep {
                engine.store_mut().forget(sender);
            }
            keep
        });
    }

    /// Forgets a sender here and in its engine: if it is heard again, it is found again.
    pub(super) fn forget(&mut self, engine: &mut impl Engine, sender: SenderId) {
        engine.forget(sender);
        engine.store_mut().forget(sender);
        self.senders.remove(&sender);
    }

    /// It sends from another address.
    pub(super) fn moved(&mut self, sender: SenderId, address: SocketAddr) {
        if let Some(record) = self.senders.get_mut(&sender) {
            record.address = address;
        }
    }

    /// True when no sender was heard.
    pub(super) fn is_empty(&self) -> bool {
        self.senders.is_empty()
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = SenderId> {
        self.senders.keys().copied()
    }

    /// Its node id.
    pub(super) fn node(&self, sender: SenderId) -> Option<NodeId> {
        self.senders.get(&sender).map(|record| record.node)
    }

    /// When it was heard first, if no file set of it is complete or given up yet.
    pub(super) fn found_at(&self, sender: SenderId) -> Option<Timestamp> {
        let record = self.senders.get(&sender).filter(|record| record.settled == 0)?;
        Some(record.found_at)
    }

    /// Where it sends from.
    pub(super) fn address(&self, sender: SenderId) -> Option<SocketAddr> {
        self.senders.get(&sender).map(|record| record.address)
    }

    /// Where it sends from, if nothing odd about it was said yet; that counts as done then.
    pub(super) fn hint_once(&mut self, sender: SenderId) -> Option<SocketAddr> {
        let record = self.senders.get_mut(&sender)?;
        let hinted = std::mem::replace(&mut record.hinted, true);
        (!hinted).then_some(record.address)
    }

    /// A transfer from it is complete, and it is to hear of that.
    pub(super) fn owe_release(&mut self, sender: SenderId) {
        if let Some(record) = self.senders.get_mut(&sender) {
            record.owes_release = true;
        }
    }

    /// It knows what is complete here.
    pub(super) fn released(&mut self, sender: SenderId) {
        if let Some(record) = self.senders.get_mut(&sender) {
            record.owes_release = false;
        }
    }

    /// True while one of them does not know yet what is complete here.
    pub(super) fn any_owes_release(&self) -> bool {
        self.senders.values().any(|record| record.owes_release)
    }

    /// A file set of this many bytes is complete or given up.
    pub(super) fn settle(&mut self, sender: SenderId, bytes: u64) {
        if let Some(record) = self.senders.get_mut(&sender) {
            record.settled = record.settled.saturating_add(bytes);
        }
    }

    /// Bytes of its file sets that are complete or given up.
    pub(super) fn settled(&self, sender: SenderId) -> u64 {
        self.senders.get(&sender).map_or(0, |record| record.settled)
    }

    /// Nothing was heard from it for some seconds.
    pub(super) fn fell_silent(&mut self, engine: &impl Engine, sender: SenderId) {
        let symbols = engine.store().symbols(sender);
        if let Some(record) = self.senders.get_mut(&sender) {
            record.silent_at = Some(symbols);
        }
    }

    /// True when it fell silent and nothing useful came from it since, or it was forgotten.
    pub(super) fn is_silent(&self, engine: &impl Engine, sender: SenderId) -> bool {
        let symbols = engine.store().symbols(sender);
        let silent = |record: &SenderRecord| record.silent_at == Some(symbols);
        engine.source(sender).is_none() || self.senders.get(&sender).is_some_and(silent)
    }

    /// True when it has said that it sends no more, or says nothing more and did not say that it
    /// pauses: reason enough to go on with another sender of the same files.
    pub(super) fn is_gone(&self, engine: &impl Engine, now: Timestamp, sender: SenderId) -> bool {
        let quiet = engine.source(sender).is_some_and(|source| {
            source.is_stopped || (!source.is_paused && now >= source.last_heard + GONE_AFTER)
        });
        quiet || self.is_silent(engine, sender)
    }
}
