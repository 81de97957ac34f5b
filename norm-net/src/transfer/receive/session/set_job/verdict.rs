//! What follows from tasks and checks of a set.

use std::ops::Range;

use norm_files::sink::{Compared, PlacedSet, PresentFiles, SetPreview};

use super::super::failure::Failure;
use crate::event::Problem;

/// What to do after a task.
#[derive(Debug)]
pub(in super::super) enum Step {
    /// The manifest is here and good. These files were present before, and these patterns of what
    /// is wanted match nothing.
    FilesKnown(Option<PresentFiles>, Vec<String>),
    /// A part was read back: see what all checks so far say.
    Judge,
    /// Some of it was compared with files that are there.
    Compared(Compared),
    /// The object with this key is wrong: receive it again, or fail for this reason.
    Again(u64, Problem),
    /// All files have their names.
    Complete(PlacedSet),
    /// It is known what would become of it, and why it would fail, if it would.
    Previewed(Box<SetPreview>, Option<Problem>),
    /// It has failed.
    Fail(Failure),
}

/// What the checks so far say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    /// Not everything is here and checked yet.
    Pending,
    /// Everything is written, and some of it is not hashed.
    Unhashed,
    /// All is right, but for files that were wrong too often.
    Verified,
    /// Something of objects is wrong and must be received again.
    Again(WrongParts),
}

/// What of a set must be received again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct WrongParts {
    /// Objects that were written as a whole, by key.
    pub(in super::super) written: Vec<u64>,
    /// Other objects, by key, and the places in them.
    pub(in super::super) begun: Vec<(u64, Vec<Range<u64>>)>,
}
