//! What a session's tables say of its objects.
//!
//! Tables add to each other: what the newest one says of an object counts, and what it does not
//! name stays. Nothing is lost when a table has expired: clocks are wrong more often.

mod instance;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::budget::Budget;
use super::meta;
use super::payload::Payload;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::fec::Layout;
use crate::flute::fdt::{Fdt, FdtFile, Oti};
use crate::flute::wire::{ExtFdt, FdtInstanceId, Fti, NtpTime};
use crate::transfer::ObjectMeta;
use instance::{Instance, Known, Taken};

/// Instances that are put together at once.
const MAX_INSTANCES: usize = 64;
/// Instances that are known again when they are repeated.
const MAX_KNOWN: usize = 64;
/// Bytes of those of a session.
const MAX_KNOWN_BYTES: usize = 2 << 20;
/// Bytes of those of all sessions; one that has no room is put together again each time.
const MAX_ALL_KNOWN: usize = 8 << 20;
/// Bytes of tables that are being put together, of all sessions.
const MAX_ASSEMBLY: usize = 16 << 20;
/// Bytes of scheme specific information at most: no scheme has more than four.
const MAX_SCHEME_INFO: usize = 8;

/// An instance that was not heard for this long is not sent any more.
const STILL_SENT: Duration = Duration::from_secs(5);

/// What became of a packet of the table.
#[derive(Debug)]
pub(super) enum Update {
    /// Nothing is to be done.
    None,
    /// It is no packet of a table that can be taken.
    Invalid,
    /// There is no room for a table that begins.
    NoRoom,
    /// A table is whole.
    Table(Box<Whole>),
    /// A table is whole, and cannot be read.
    Unreadable,
}

/// A table that is whole.
#[derive(Debug)]
pub(super) struct Whole {
    /// What it says.
    pub(super) fdt: Fdt,
    /// Its instance id.
    pub(super) id: FdtInstanceId,
    /// When its last packet was sent, by the sender's clock.
    pub(super) sent: Option<NtpTime>,
    /// The same id stood for other bytes before.
    pub(super) is_changed: bool,
}

/// What tables of all sessions take.
#[derive(Debug)]
pub(super) struct TableRoom {
    /// Those that are not whole.
    assembly: Budget,
    /// Those that are known again.
    known: Budget,
}

impl TableRoom {
    pub(super) const fn new() -> Self {
        Self { assembly: Budget::new(MAX_ASSEMBLY), known: Budget::new(MAX_ALL_KNOWN) }
    }

    /// Bytes that those take which are not whole.
    pub(super) const fn used(&self) -> usize {
        self.assembly.used()
    }
}

/// What the tables say of an object.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    instance: FdtInstanceId,
    /// Bytes of the object, if that is said.
    len: Option<u64>,
    oti: Oti,
    meta: ObjectMeta,
}

impl Entry {
    /// What a table says of a file.
    pub(super) fn new(instance: FdtInstanceId, fdt: &Fdt, file: &FdtFile) -> Self {
        let attributes = fdt.attributes(file);
        let mut oti = attributes.oti.clone();
        oti.scheme_info = oti.scheme_info.filter(|info| info.len() <= MAX_SCHEME_INFO);
        let len = attributes.object_length();
        Self { instance, len, oti, meta: meta::meta(&file.location, &attributes) }
    }

    /// How the object is cut into blocks, as far as the tables say it.
    pub(super) fn layout(&self) -> Option<(Fti, Layout)> {
        let fti = self.oti.fti(self.len?)?;
        Some((fti, fti.layout().ok()?))
    }

    /// What the object is.
    pub(super) const fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    /// True unless this is said to be an object of another length or content.
    fn may_be_same(&self, other: &Self) -> bool {
        let same_len = self.len.zip(other.len).is_none_or(|(one, other)| one == other);
        same_len && meta::may_be_same(&self.meta, &other.meta)
    }

    fn cost(&self) -> usize {
        let name = match &self.meta {
            ObjectMeta::File { name, .. } => name.as_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        size_of::<Self>() + MAX_SCHEME_INFO + name + 64
    }
}

/// What an entry has changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// The object may be known now.
    Told,
    /// It has other content than before.
    Changed,
    /// A newer table says something else.
    Old,
    /// There is no room for it.
    NoRoom,
}

/// The tables of a session.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Those that are being put together, oldest first.
    pending: Vec<Instance>,
    /// Those that were whole, oldest first.
    known: VecDeque<Known>,
    entries: BTreeMap<u64, Entry>,
    /// Keys of the entries.
    keys: RangeSet,
    /// The newest instance, and whether it says that these are all objects.
    newest: Option<(FdtInstanceId, bool)>,
    /// What the entries take.
    cost: usize,
    /// There was no room for an entry.
    has_dropped: bool,
}

impl Table {
    /// Takes a packet of an instance.
    pub(super) fn take(
        &mut self,
        now: Timestamp,
        room: &mut TableRoom,
        ext: &ExtFdt,
        fti: Fti,
        payload: &Payload<'_>,
        sent: Option<NtpTime>,
    ) -> Update {
        let id = ext.instance;
        let mut known = self.known.iter_mut();
        let known = known.find(|known| known.id() == id && known.has(fti, payload));
        let is_known = known.is_some();
        known.into_iter().for_each(|known| known.note_heard(now));
        let at = self.pending.iter().position(|pending| pending.id() == id && pending.fti() == fti);
        let at = match at {
            Some(at) => at,
            None if is_known => return Update::None,
            None => match self.begin(room, id, fti) {
                Ok(at) => at,
                Err(update) => return update,
            },
        };
        let Some(instance) = self.pending.get_mut(at) else { return Update::None };
        match instance.take(payload, sent) {
            Taken::More => Update::None,
            Taken::Invalid => Update::Invalid,
            Taken::Whole => self.finish(now, room, at),
        }
    }

    /// Begins an instance, in place of the oldest one if there are too many.
    fn begin(
        &mut self,
        room: &mut TableRoom,
        id: FdtInstanceId,
        fti: Fti,
    ) -> Result<usize, Update> {
        let new = Instance::new(id, fti).ok_or(Update::Invalid)?;
        // What had the same id and another length is not sent any more.
        let mut gone: Vec<Instance> = self.pending.extract_if(.., |old| old.id() == id).collect();
        if self.pending.len() >= MAX_INSTANCES {
            gone.push(self.pending.remove(0));
        }
        gone.iter().for_each(|gone| room.assembly.give(gone.cost()));
        if !room.assembly.take(new.cost()) {
            return Err(Update::NoRoom);
        }
        self.pending.push(new);
        Ok(self.pending.len() - 1)
    }

    fn finish(&mut self, now: Timestamp, room: &mut TableRoom, at: usize) -> Update {
        let instance = self.pending.remove(at);
        room.assembly.give(instance.cost());
        let (id, fti, sent) = (instance.id(), instance.fti(), instance.sent());
        let bytes = instance.into_bytes();
        let Some(fdt) = instance::read(&bytes) else { return Update::Unreadable };
        let is_changed = self.remember(room, Known::new(now, id, fti, bytes));
        if self.newest.is_none_or(|(newest, _)| !self.overrides(now, newest, id)) {
            self.newest = Some((id, fdt.complete));
        }
        Update::Table(Box::new(Whole { fdt, id, sent, is_changed }))
    }

    /// True if what an instance says counts, and not what another one says that has come now: it is
    /// newer, and still sent. A sender that begins anew may begin with lower ids.
    fn overrides(&self, now: Timestamp, id: FdtInstanceId, other: FdtInstanceId) -> bool {
        let is_sent = |known: &Known| known.id() == id && now < known.heard_at() + STILL_SENT;
        id.is_after(other) && self.known.iter().any(is_sent)
    }

    /// Remembers an instance, if there is room, in place of another one with its id, and of the
    /// oldest ones if there are too many. True if there was one with its id.
    fn remember(&mut self, room: &mut TableRoom, new: Known) -> bool {
        let (before, id) = (self.known.len(), new.id());
        room.known.give(self.known_bytes());
        self.known.retain(|known| known.id() != id);
        let is_changed = self.known.len() < before;
        self.known.push_back(new);
        while self.known.len() > MAX_KNOWN || self.known_bytes() > MAX_KNOWN_BYTES {
            self.known.pop_front();
        }
        // As many of the newest ones as there is room for.
        while !room.known.take(self.known_bytes()) {
            self.known.pop_front();
        }
        is_changed
    }

    fn known_bytes(&self) -> usize {
        self.known.iter().map(Known::cost).sum()
    }

    /// The session is forgotten: gives back what its tables take that are not whole, or are known.
    pub(super) fn leave(&self, room: &mut TableRoom) {
        room.assembly.give(self.pending.iter().map(Instance::cost).sum());
        room.known.give(self.known_bytes());
    }

    /// Notes what a table says of an object; `limit` objects at most.
    pub(super) fn list(
        &mut self,
        now: Timestamp,
        room: &mut Budget,
        limit: usize,
        key: u64,
        entry: Entry,
    ) -> Listed {
        let old = self.entries.get(&key);
        if old.is_some_and(|old| self.overrides(now, old.instance, entry.instance)) {
            return Listed::Old;
        }
        let is_changed = old.is_some_and(|old| !old.may_be_same(&entry));
        let (cost, freed) = (entry.cost(), old.map_or(0, Entry::cost));
        let has_place = old.is_some() || self.entries.len() < limit;
        if !has_place || !room.take(cost) {
            self.has_dropped = true;
            return Listed::NoRoom;
        }
        room.give(freed);
        self.cost = self.cost + cost - freed;
        self.entries.insert(key, entry);
        self.keys.insert(key, key.saturating_add(1));
        if is_changed { Listed::Changed } else { Listed::Told }
    }

    /// What is said of an object.
    pub(super) fn get(&self, key: u64) -> Option<&Entry> {
        self.entries.get(&key)
    }

    /// Keys of all objects that are listed.
    pub(super) const fn keys(&self) -> &RangeSet {
        &self.keys
    }

    /// True when the newest table says that there are no other objects than those that are listed.
    pub(super) fn is_complete(&self) -> bool {
        !self.has_dropped && self.newest.is_some_and(|(_, is_complete)| is_complete)
    }

    /// True when no table has come.
    pub(super) const fn is_empty(&self) -> bool {
        self.newest.is_none()
    }

    /// What the entries take.
    pub(super) const fn cost(&self) -> usize {
        self.cost
    }
}
