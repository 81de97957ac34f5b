//! What the sender has to state of a set before its digest list is believed, and before anything of
//! it gets a name: where sessions are sealed.

use std::sync::Arc;

use norm_files::sink::Digests;
use norm_seal::HeardStatement;

use crate::event::Problem;

/// What the sender has stated of a set, where that is needed.
#[derive(Debug, Default)]
pub(in super::super) struct Covering {
    is_needed: bool,
    /// The hash at the end of the digest list.
    list: Option<[u8; 32]>,
    is_live: bool,
    /// The digest list, by its key, if it is here before that.
    waiting: Option<(u64, Arc<Digests>)>,
}

/// Whether a digest list is the sender's.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Covered {
    Yes,
    No,
    /// Its sender has not stated it yet.
    NotYet,
}

impl Covering {
    /// Nothing is stated yet.
    pub(in super::super) fn new(is_needed: bool) -> Self {
        Self { is_needed, ..Self::default() }
    }

    /// Takes what the sender has stated. The digest list that has waited for that, if it need not
    /// any longer.
    pub(super) fn note(&mut self, heard: &HeardStatement) -> Option<(u64, Arc<Digests>)> {
        self.list = heard.statement.list;
        self.is_live = heard.is_live;
        self.waiting.take_if(|_| self.list.is_some())
    }

    /// Whether this digest list is the sender's; `is_announced` when what is signed of each part
    /// says so. It is kept if it has to wait.
    pub(super) fn judge(
        &mut self,
        key: u64,
        digests: &Arc<Digests>,
        is_announced: bool,
    ) -> Covered {
        match self.list {
            _ if !self.is_needed => Covered::Yes,
            Some(list) if list == digests.end() => Covered::Yes,
            Some(_) => Covered::No,
            None if is_announced => Covered::Yes,
            None => {
                self.waiting = Some((key, Arc::clone(digests)));
                Covered::NotYet
            }
        }
    }

    /// True when the files with these hashes may get their names.
    pub(super) fn is_complete(&self, digests: Option<&Arc<Digests>>) -> bool {
        let is_stated = self.list.is_some() && self.list == digests.map(|digests| digests.end());
        !self.is_needed || (self.is_live && is_stated)
    }

    /// What is missing, when the digest list is here and it is not complete.
    pub(super) fn problem(&self, digests: Option<&Arc<Digests>>) -> Option<Problem> {
        if self.is_complete(digests) || (digests.is_none() && self.waiting.is_none()) {
            return None;
        }
        Some(if self.list.is_some() { Problem::NotLive } else { Problem::NotStated })
    }
}
