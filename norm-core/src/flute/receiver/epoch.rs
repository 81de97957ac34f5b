//! One run of a session: from its first packet to the one that ends it.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use super::early::Early;
use super::keys::Keys;
use super::liveness::Liveness;
use super::loss::LossMeter;
use super::object::Object;
use super::table::Table;
use super::timeout::TimeoutReason;
use crate::base::Timestamp;
use crate::base::range_set::RangeSet;
use crate::endpoint::{ObjectRef, SenderId};
use crate::flute::wire::Tsi;

/// How long a session keeps its place without a table.
const TIME_FOR_TABLE: Duration = Duration::from_secs(5);
/// How long it keeps its place without new content of an object that a table tells of.
const TIME_FOR_CONTENT: Duration = Duration::from_secs(30);

/// What is known of one run of a session.
#[derive(Debug)]
pub(super) struct Epoch {
    id: SenderId,
    address: SocketAddr,
    tsi: Tsi,
    /// The version of FLUTE, once a table has told it.
    version: Option<u8>,
    /// The application knows that a table has expired.
    expiry_is_told: bool,
    /// When its first packet came.
    begun: Timestamp,
    /// Symbols that were kept.
    symbols: u64,
    /// When content of an object that a table tells of came last that was not here; at first, when
    /// the run began.
    last_content: Timestamp,
    /// Key and block of the last symbol.
    position: (u64, u32),
    /// Blocks that are stored, and objects of which packets are read back.
    jobs: usize,
    /// Keys of the objects that are written, refused or given up.
    done: RangeSet,
    /// Keys of the objects of which the sender says that nothing more comes.
    closed: RangeSet,
    /// Blocks that a job has, of objects that were forgotten since.
    orphans: BTreeSet<(u64, u32)>,
    /// Objects that open again with the next packet.
    reopened: BTreeSet<u64>,
    pub(super) liveness: Liveness,
    pub(super) loss: LossMeter,
    pub(super) keys: Keys,
    pub(super) table: Table,
    pub(super) objects: BTreeMap<u64, Object>,
    pub(super) early: Early,
}

impl Epoch {
    pub(super) fn new(id: SenderId, address: SocketAddr, tsi: Tsi, now: Timestamp) -> Self {
        Self {
            id,
            address,
            tsi,
            version: None,
            expiry_is_told: false,
            begun: now,
            symbols: 0,
            last_content: now,
            position: (0, 0),
            jobs: 0,
            done: RangeSet::new(),
            closed: RangeSet::new(),
            orphans: BTreeSet::new(),
            reopened: BTreeSet::new(),
            liveness: Liveness::new(now),
            loss: LossMeter::default(),
            keys: Keys::default(),
            table: Table::default(),
            objects: BTreeMap::new(),
            early: Early::default(),
        }
    }

    /// Our number for it.
    pub(super) const fn id(&self) -> SenderId {
        self.id
    }

    /// True of the session that this is a run of.
    pub(super) fn is_of(&self, address: SocketAddr, tsi: Tsi) -> bool {
        self.tsi == tsi && is_same(self.address, address)
    }

    /// Names an object of it.
    pub(super) const fn object_ref(&self, key: u64) -> ObjectRef {
        ObjectRef { sender: self.id, key }
    }

    /// The version of FLUTE, once a table has told it.
    pub(super) const fn version(&self) -> Option<u8> {
        self.version
    }

    /// A table has told the version.
    pub(super) fn note_version(&mut self, version: u8) {
        self.version = Some(version);
    }

    /// The application is told that a table has expired; true if it was not before.
    pub(super) fn tell_expired(&mut self) -> bool {
        !core::mem::replace(&mut self.expiry_is_told, true)
    }

    /// Where its packets come from.
    pub(super) const fn source(&self) -> IpAddr {
        self.address.ip()
    }

    /// A symbol was kept, of an object that is known or not.
    pub(super) fn note_symbol(&mut self, is_known: bool) {
        self.symbols += 1;
        if is_known {
            self.last_content = self.liveness.last_heard();
        }
    }

    /// An object is complete: what came of it before a table told of it was content, too.
    pub(super) fn note_complete(&mut self) {
        self.last_content = self.liveness.last_heard();
    }

    /// A symbol of this object and block has come.
    pub(super) fn note_position(&mut self, key: u64, block: u32) {
        self.position = (key, block);
    }

    /// Key and block of the last symbol that came.
    pub(super) const fn position(&self) -> (u64, u32) {
        self.position
    }

    /// True when nothing of it has come that says anything.
    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty() && self.objects.is_empty() && self.early.is_empty()
    }

    /// How much it is worth to be followed, where there are too many: what has ended or is silent
    /// is worth least, then what has brought no table, then that in which no content has come for
    /// the longest time.
    pub(super) fn value(&self) -> (bool, bool, Timestamp, Timestamp) {
        let (is_heard, has_table) = (!self.liveness.is_over(), !self.table.is_empty());
        (is_heard, has_table, self.last_content, self.liveness.last_heard())
    }

    /// True when another one may take its place: it is over, or has had time to bring something and
    /// has not. Anybody can make up sessions.
    pub(super) fn is_replaceable(&self, now: Timestamp) -> bool {
        let due = match self.table.is_empty() {
            true if self.symbols == 0 => self.begun,
            true => self.begun + TIME_FOR_TABLE,
            false => self.last_content + TIME_FOR_CONTENT,
        };
        self.liveness.is_over() || now >= due
    }

    /// True when it has ended, or nothing has come of it for as long as one without content keeps
    /// its place.
    pub(super) fn is_long_over(&self, now: Timestamp) -> bool {
        self.liveness.has_ended() || now >= self.liveness.last_heard() + TIME_FOR_CONTENT
    }

    /// A job has a block.
    pub(super) fn job_begins(&mut self) {
        self.jobs += 1;
    }

    /// A job is answered; false when its object was forgotten meanwhile.
    pub(super) fn job_ends(&mut self, key: u64, block: u32) -> bool {
        self.jobs = self.jobs.saturating_sub(1);
        !self.orphans.remove(&(key, block))
    }

    /// Packets were read back for an object.
    pub(super) fn recall_ends(&mut self) {
        self.jobs = self.jobs.saturating_sub(1);
    }

    /// A block that a job has belongs to an object that is forgotten.
    pub(super) fn orphan(&mut self, key: u64, block: u32) {
        self.orphans.insert((key, block));
    }

    /// The blocks that jobs have, of objects that are forgotten: key and number.
    pub(super) fn orphans(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.orphans.iter().copied()
    }

    /// True while a job has such a block of this number.
    pub(super) fn is_orphan(&self, key: u64, block: u32) -> bool {
        self.orphans.contains(&(key, block))
    }

    /// True when an object is written, refused or given up.
    pub(super) fn is_done(&self, key: u64) -> bool {
        self.done.contains(key)
    }

    /// Objects are written, refused or given up.
    pub(super) fn finish(&mut self, start: u64, end: u64) {
        self.done.insert(start, end);
        self.reopened.retain(|key| !(start..end).contains(key));
    }

    /// An object is wanted again.
    pub(super) fn unfinish(&mut self, key: u64) {
        self.done.remove(key, key.saturating_add(1));
        self.closed.remove(key, key.saturating_add(1));
    }

    /// An object is to open again with the next packet.
    pub(super) fn reopen(&mut self, key: u64) {
        self.unfinish(key);
        self.reopened.insert(key);
    }

    /// The objects that open again now.
    pub(super) fn take_reopened(&mut self) -> BTreeSet<u64> {
        core::mem::take(&mut self.reopened)
    }

    /// The sender says that nothing more of an object comes.
    pub(super) fn close(&mut self, key: u64) {
        if self.table.get(key).is_some() || self.objects.contains_key(&key) {
            self.closed.insert(key, key.saturating_add(1));
        }
    }

    /// True when all objects that there are, as far as the sender says, are written, refused or
    /// given up.
    pub(super) fn has_all(&self) -> bool {
        let all_closed = || {
            let keys = self.table.keys();
            keys.pieces() > 0 && keys.iter().all(|(start, end)| self.closed.covers(start, end))
        };
        (self.table.is_complete() || self.liveness.has_ended() || all_closed())
            && self.has_all_known()
    }

    /// True when all objects that tables have told of so far are written, refused or given up.
    pub(super) fn has_all_known(&self) -> bool {
        let mut listed = self.table.keys().iter();
        !self.table.is_empty()
            && self.objects.is_empty()
            && self.early.is_empty()
            && listed.all(|(start, end)| self.done.covers(start, end))
    }

    /// When to look after it, and why.
    pub(super) fn next_timeout(&self, patience: Duration) -> Option<(Timestamp, TimeoutReason)> {
        self.liveness.next_timeout(patience, self.jobs > 0)
    }

    /// True while jobs have something of it.
    pub(super) const fn is_busy(&self) -> bool {
        self.jobs > 0
    }

    /// What its table and objects take.
    pub(super) fn bookkeeping(&self) -> usize {
        self.table.cost() + self.objects.values().map(Object::cost).sum::<usize>()
    }
}

/// Addresses without what this machine adds: the number of the interface.
fn is_same(one: SocketAddr, other: SocketAddr) -> bool {
    one.ip() == other.ip() && one.port() == other.port()
}
