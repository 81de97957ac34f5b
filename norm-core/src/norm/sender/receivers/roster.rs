//! The roster: which receivers are expected, and whose feedback alone counts.
//!
//! A line with a key is for the receiver whose feedback is proved to be of that key. Other names
//! prove nothing, and so two rules keep what is in order: a name is one receiver, and a receiver
//! that is there keeps its name.

use std::collections::{BTreeMap, BTreeSet};

use super::member::{Peer, Person, Speaker};
use super::table::MemberTable;
use crate::base::Timestamp;
use crate::norm::wire::{MemberReport, NodeId};
use crate::transfer::{IgnoredReason, Roster};

/// What a report of a receiver means for the roster.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Attendance {
    /// It is expected, or there is no roster.
    Expected,
    /// It is expected, and takes the place of this node of the same name, which has gone.
    Replaces(NodeId),
    /// It does not count; `first` when that is to be told.
    Ignored { reason: IgnoredReason, first: bool },
}

/// A roster, and which receivers have come.
#[derive(Debug)]
pub(super) struct RosterState {
    roster: Roster,
    /// By name: the receiver that has come under it.
    present: BTreeMap<String, Person>,
    /// The other way round.
    names: BTreeMap<Person, String>,
    /// Addresses of receivers that were told of as not counting.
    ignored: BTreeSet<Peer>,
}

/// Most receivers that are told of as not counting.
const MAX_IGNORED: usize = 4_096;

impl RosterState {
    pub(super) fn new(roster: Roster) -> Self {
        Self { roster, present: BTreeMap::new(), names: BTreeMap::new(), ignored: BTreeSet::new() }
    }

    /// Names under which no receiver has come, or one that left before content flowed.
    pub(super) fn absent<'a>(
        &'a self,
        members: &'a MemberTable,
    ) -> impl Iterator<Item = &'a str> + 'a {
        let is_here = |name: &str| self.holder(name, members).is_some();
        self.roster.names().filter(move |name| !is_here(name))
    }

    /// Whether a receiver that is not listed may still turn out to be expected.
    pub(super) fn may_expect(&self, speaker: Speaker) -> bool {
        self.ignored.len() < MAX_IGNORED && !self.ignored.contains(&speaker.peer)
    }

    /// Takes the name of a receiver that reports.
    pub(super) fn attend(
        &mut self,
        now: Timestamp,
        speaker: Speaker,
        report: &MemberReport<'_>,
        members: &mut MemberTable,
    ) -> Attendance {
        match self.place(now, speaker, report, members) {
            Ok(replaced) => {
                self.ignored.remove(&speaker.peer);
                let (name, person) = (report.name.to_owned(), speaker.person(report.identity));
                if let Some(old) = self.present.insert(name.clone(), person) {
                    self.names.remove(&old);
                }
                if let Some(other) = self.names.insert(person, name)
                    && other != report.name
                {
                    self.present.remove(&other);
                }
                replaced.map_or(Attendance::Expected, Attendance::Replaces)
            }
            Err(reason) => {
                let first = self.ignored.len() < MAX_IGNORED && self.ignored.insert(speaker.peer);
                Attendance::Ignored { reason, first }
            }
        }
    }

    /// Whether the name is free for the receiver, and which one has to make room.
    fn place(
        &self,
        now: Timestamp,
        speaker: Speaker,
        report: &MemberReport<'_>,
        members: &mut MemberTable,
    ) -> Result<Option<NodeId>, IgnoredReason> {
        let line = self.roster.line(report.name).ok_or(IgnoredReason::NotInRoster)?;
        if line.address.is_some_and(|ip| ip != speaker.address.ip().to_canonical()) {
            return Err(IgnoredReason::OtherAddress);
        }
        if line.key.is_some() && line.key != speaker.peer.key() {
            return Err(IgnoredReason::NotProved);
        }
        let person = speaker.person(report.identity);
        let other_name = self.names.get(&person).filter(|name| **name != report.name);
        if other_name.is_some() && members.by_person(person).is_some() {
            return Err(IgnoredReason::OtherName);
        }
        match self.holder(report.name, members) {
            Some((holder, _)) if holder == person => Ok(None),
            Some((_, node)) if members.makes_room(now, node) => Ok(Some(node)),
            Some(_) => Err(IgnoredReason::NameTaken),
            None => Ok(None),
        }
    }

    /// The receiver that is listed under a name.
    fn holder(&self, name: &str, members: &MemberTable) -> Option<(Person, NodeId)> {
        let person = *self.present.get(name)?;
        Some((person, members.by_person(person)?))
    }
}
