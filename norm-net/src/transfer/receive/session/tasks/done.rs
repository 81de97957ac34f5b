//! What tasks bring back to the session.

use std::ops::Range;
use std::sync::Arc;

use crossbeam_channel::Sender;
use mio::Waker;
use norm_core::endpoint::ObjectRef;
use norm_core::fileset::{ContentError, ManifestHash};
use norm_files::receipts::ReceiptHeader;
use norm_files::sink::{
    Compared, Digests, PlaceError, Placed, PlacedSet, Plan, PlanError, PresentFiles,
    RefusedMetadata, SetPreview,
};

use crate::event::Problem;
use crate::transfer::receive::session::notifier::SetRef;

/// What a task was for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Owner {
    /// The set with this number.
    Set(u64),
    /// An object that is a standalone file.
    File(ObjectRef),
}

/// A finished task.
#[derive(Debug)]
pub(in super::super) enum TaskDone {
    /// One of a set's.
    Set {
        /// The set's number.
        number: u64,
        /// What came of it.
        result: SetResult,
    },
    /// A receipt was compared with what is in place.
    Receipt {
        /// The set that it is of.
        name: SetRef,
        /// What it says, if nothing has changed.
        unchanged: Option<ReceiptHeader>,
    },
    /// One of a standalone file's.
    File {
        /// The file's object.
        object: ObjectRef,
        /// What came of it.
        result: FileResult,
    },
}

/// What becomes of a set.
#[derive(Debug)]
pub(in super::super) struct Planned {
    /// The files.
    pub(in super::super) plan: Plan,
    /// Which of them are present already.
    pub(in super::super) present: Option<PresentFiles>,
    /// Patterns of what is wanted that nothing of it matches.
    pub(in super::super) unmatched: Vec<String>,
}

/// What came of a task for a set.
#[derive(Debug)]
pub(in super::super) enum SetResult {
    /// The manifest was read back: its hash, and, if it is what it should be, what becomes of it.
    Manifest { key: u64, hash: Option<ManifestHash>, plan: Result<Planned, PlanError> },
    /// A part of the payload was read back, as far as it was not hashed. These places were left by
    /// an earlier session, and were damaged since.
    Payload { damaged: Vec<Range<u64>> },
    /// The digest list was read back.
    DigestList { key: u64, digests: Result<Arc<Digests>, ContentError> },
    /// Some of it was compared with files that are there.
    Compared(Compared),
    /// What would become of the files, and why the transfer would fail, if it would.
    Previewed(Box<SetPreview>, Option<Problem>),
    /// The files were placed.
    Placed(Result<PlacedSet, PlaceError>),
    /// Its files cannot be written, or not be read back.
    Failed(Problem),
    /// What is there of it cannot be written down, for want of a directory.
    Unsaved(Problem),
}

impl SetResult {
    /// True for a failure of this machine, rather than of what arrived.
    pub(in super::super) fn is_failure(&self) -> bool {
        matches!(self, Self::Failed(_) | Self::Unsaved(_) | Self::Placed(Err(_)))
    }
}

/// What came of a task for a standalone file.
#[derive(Debug)]
pub(in super::super) enum FileResult {
    /// It got its name, and perhaps no mode.
    Placed(Result<(Placed, Option<RefusedMetadata>), PlaceError>),
    /// What would become of it and of all others of its sender, and why that would fail, if it
    /// would.
    Previewed(Box<SetPreview>, Option<Problem>),
    /// It cannot be written.
    Failed(Problem),
}

/// Brings finished tasks back to the session's loop.
#[derive(Clone, Debug)]
pub(in super::super) struct TaskResults {
    done: Sender<TaskDone>,
    waker: Arc<Waker>,
}

impl TaskResults {
    /// Sends to this channel, and wakes the loop.
    pub(super) fn new(done: Sender<TaskDone>, waker: Arc<Waker>) -> Self {
        Self { done, waker }
    }

    /// Hands over what came of a task for a set.
    pub(super) fn set(&self, number: u64, result: SetResult) {
        self.send(TaskDone::Set { number, result });
    }

    /// Hands over what a receipt says, if nothing that it lists has changed.
    pub(super) fn receipt(&self, name: SetRef, unchanged: Option<ReceiptHeader>) {
        self.send(TaskDone::Receipt { name, unchanged });
    }

    /// Hands over what came of a task for a standalone file.
    pub(super) fn file(&self, object: ObjectRef, result: FileResult) {
        self.send(TaskDone::File { object, result });
    }

    /// Hands over what would become of the files of this owner.
    pub(super) fn previewed(
        &self,
        owner: Owner,
        preview: Box<SetPreview>,
        problem: Option<Problem>,
    ) {
        match owner {
            Owner::Set(number) => self.set(number, SetResult::Previewed(preview, problem)),
            Owner::File(object) => self.file(object, FileResult::Previewed(preview, problem)),
        }
    }

    /// Says that something failed for this owner.
    pub(super) fn failed(&self, owner: Owner, problem: Problem) {
        match owner {
            Owner::Set(number) => self.set(number, SetResult::Failed(problem)),
            Owner::File(object) => self.file(object, FileResult::Failed(problem)),
        }
    }

    fn send(&self, done: TaskDone) {
        // Either fails only when the session is over.
        if self.done.send(done).is_ok() {
            let _ = self.waker.wake();
        }
    }
}
