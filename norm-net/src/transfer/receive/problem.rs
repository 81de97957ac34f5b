//! Why files cannot be made, in the vocabulary of events.

use norm_files::sink::{PlaceError, PlanError};

use crate::event::{Action, Obstacle, Problem};

/// Why files cannot be placed.
pub(super) fn not_placed(error: PlaceError) -> Problem {
    match error {
        PlaceError::Plan(error) => not_planned(error),
        PlaceError::Io(path, error) => Problem::System { action: Action::Create, path, error },
        PlaceError::Stopped => Problem::Stopped,
    }
}

/// Why a set cannot be put into the output directory.
pub(super) fn not_planned(error: PlanError) -> Problem {
    let obstructed = |path, obstacle| Problem::Obstructed { path, obstacle };
    match error {
        PlanError::Content(error) => Problem::Damaged { error },
        PlanError::Name(name) => Problem::UnusableName { name },
        PlanError::Clash(path) => Problem::NameClash { path },
        PlanError::Exists(path) => obstructed(path, Obstacle::File),
        PlanError::Differs(path) => obstructed(path, Obstacle::SameSize),
        PlanError::InTheWay(path) => obstructed(path, Obstacle::NoDirectory),
        PlanError::IsDirectory(path) => obstructed(path, Obstacle::Directory),
        PlanError::Io(path, error) => Problem::System { action: Action::Examine, path, error },
    }
}
