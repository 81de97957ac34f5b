//! Why a transfer failed, and how much that matters.

use std::io;
use std::path::Path;

use norm_core::fileset::ContentError;
use norm_files::sink::{PlaceError, PlanError};

use crate::event::{Action, Obstacle, Problem};

/// How much a failure matters to the outcome of a session; the later ones weigh more.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Its sender is gone. Does not matter to a session that has received a transfer.
    Gone,
    /// Nothing of it is wanted. Does not matter, either.
    Unwanted,
    /// Not everything came.
    Incomplete,
    /// Its sender no longer waits for us.
    Evicted,
    /// What came is wrong.
    Wrong,
    /// This machine cannot take it.
    Local,
}

/// Why a transfer failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) severity: Severity,
    pub(super) problem: Problem,
}

impl Failure {
    /// Its sender is gone.
    pub(super) fn gone(problem: Problem) -> Self {
        Self { severity: Severity::Gone, problem }
    }

    /// Nothing of it is wanted.
    pub(super) fn unwanted() -> Self {
        Self { severity: Severity::Unwanted, problem: Problem::NothingWanted }
    }

    /// Not everything came.
    pub(super) fn incomplete(problem: Problem) -> Self {
        Self { severity: Severity::Incomplete, problem }
    }

    /// Its sender no longer waits for us.
    pub(super) fn evicted(problem: Problem) -> Self {
        Self { severity: Severity::Evicted, problem }
    }

    /// What came is wrong.
    pub(super) fn wrong(problem: Problem) -> Self {
        Self { severity: Severity::Wrong, problem }
    }

    /// This machine cannot take it.
    pub(super) fn local(problem: Problem) -> Self {
        Self { severity: Severity::Local, problem }
    }
}

/// The system refused to write below `path`, or something else is there.
pub(super) fn cannot_write(path: &Path, error: &io::Error) -> Problem {
    let obstructed = error.get_ref().and_then(|inner| inner.downcast_ref::<PlanError>());
    if let Some(error) = obstructed {
        return not_planned(error.clone());
    }
    if error.kind() == io::ErrorKind::NotFound {
        return Problem::DirectoryGone { path: path.to_owned() };
    }
    Problem::system(Action::Write, path, error)
}

/// What is wrong with a manifest or a digest list.
pub(super) fn damaged(error: ContentError) -> Problem {
    Problem::Damaged { error }
}

/// Why files cannot be placed.
pub(super) fn not_placed(error: PlaceError) -> Problem {
    match error {
        PlaceError::Plan(error) => not_planned(error),
        PlaceError::Gone(path) => Problem::DirectoryGone { path },
        PlaceError::Io(path, error) => Problem::System { action: Action::Create, path, error },
        PlaceError::Backup(path, error) => Problem::System { action: Action::BackUp, path, error },
        PlaceError::Stopped => Problem::Stopped,
    }
}

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        not_placed(error)
    }
}

/// Why a set cannot be put into the output directory.
pub(super) fn not_planned(error: PlanError) -> Problem {
    let obstructed = |path, obstacle| Problem::Obstructed { path, obstacle };
    match error {
        PlanError::Content(error) => damaged(error),
        PlanError::Name(name) => Problem::UnusableName { name },
        PlanError::Unsupported(name) => Problem::Unsupported { name },
        PlanError::TooSparse { size, data } => Problem::TooSparse { size, data },
        PlanError::Clash(path) => Problem::NameClash { path },
        PlanError::NothingWanted => Problem::NothingWanted,
        PlanError::Exists(path) => obstructed(path, Obstacle::File),
        PlanError::Differs(path) => obstructed(path, Obstacle::SameSize),
        PlanError::InTheWay(path) => obstructed(path, Obstacle::NoDirectory),
        PlanError::IsDirectory(path) => obstructed(path, Obstacle::Directory),
        PlanError::Io(path, error) => Problem::System { action: Action::Examine, path, error },
    }
}
