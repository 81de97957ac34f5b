//! Files of a set that can no longer be sent: what receivers and users are told of them.

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{SetId, Withdrawal};
use norm_core::transfer::Outbound;
use norm_files::source::{SourceError, WithdrawnFile as Found};

use super::outlet::SendOutlet;
use crate::event::{SendEvent, SendReport, SourceProblem, WithdrawnFile};

/// Bytes of a notice at most: as much as any packet can carry.
const NOTICE_BYTES: usize = 320;
/// Files that are told.
const MAX_TOLD: u64 = 10_000;
/// Files remembered for the report.
const MAX_REPORTED: usize = 1_000;

/// The files that are withdrawn.
#[derive(Debug, Default)]
pub(super) struct WithdrawnFiles {
    set: Option<SetId>,
    /// Their numbers in the manifest.
    entries: RangeSet,
    count: u64,
    first: Vec<WithdrawnFile>,
}

impl WithdrawnFiles {
    /// None yet of this set.
    pub(super) fn new(set: Option<SetId>) -> Self {
        Self { set, ..Self::default() }
    }

    /// Tells receivers and users of more files. `first_key` is that of the session's first object.
    pub(super) fn add(
        &mut self,
        engine: &mut impl Outbound,
        now: Timestamp,
        first_key: u64,
        found: Vec<Found>,
        events: &SendOutlet,
    ) {
        let Some(set) = self.set.filter(|_| !found.is_empty()) else { return };
        for Found { entry, path, error, parts } in found {
            self.entries.insert(entry.into(), u64::from(entry) + 1);
            for (object, bytes) in parts {
                engine.content_changed(first_key + object, bytes);
            }
            let file = WithdrawnFile::new(path, problem(error));
            self.count += 1;
            if self.count <= MAX_TOLD {
                events.push(SendEvent::FileWithdrawn(file.clone()));
            }
            if self.first.len() < MAX_REPORTED {
                self.first.push(file);
            }
        }
        let notices = Withdrawal::notices(set, &self.entries, NOTICE_BYTES);
        engine.withdraw(notices.into_iter().map(Bytes::from).collect(), now);
    }

    /// Adds them to what came of the session.
    pub(super) fn report(&self, report: &mut SendReport) {
        report.withdrawn_files = self.count;
        report.withdrawn.clone_from(&self.first);
    }
}

/// Why content cannot be read.
pub(super) fn problem(error: SourceError) -> SourceProblem {
    match error {
        SourceError::Changed { path, how } => SourceProblem::Changed { path, how },
        SourceError::Read { path, error } => {
            SourceProblem::Unreadable { path, error: error.into() }
        }
        other => SourceProblem::Internal { error: other.to_string() },
    }
}
