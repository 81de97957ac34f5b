//! Files that arrive below an output directory.
//!
//! A set's bytes go to temporary files ([`Spool`]), are hashed as they come or read back
//! (`verify`), and become files only when the whole set is right (`plan`, `place`, `existing`); or
//! a part of them (`only`).
//! What is not finished stays as resume data for later sessions (`resume`). [`SetState`] knows
//! which parts of a set are there. A [`StandaloneFile`] is part of no set. All system calls go
//! through `system`, where tests have them fail.

#[allow(clippy::disallowed_methods, reason = "the directory is none of the output")]
mod backup;
mod coming;
mod compare;
mod delete;
mod digests;
mod existing;
mod file_count;
mod flush;
mod in_place;
mod ledger;
mod metadata;
mod only;
mod output;
mod owners;
mod place;
mod plan;
mod preview;
#[allow(clippy::disallowed_methods, reason = "nothing but time is lost when a call fails")]
mod receipt;
mod resume;
mod set;
mod space;
mod spool;
mod spool_files;
mod spool_name;
mod spool_table;
mod standalone;
#[allow(clippy::disallowed_methods, reason = "this is the place")]
mod system;
mod verify;
mod withdrawn;

pub use backup::{Backup, Fate};
pub use compare::{CompareError, Compared, Comparer, Comparison};
pub use delete::{Removed, Superfluous};
pub use digests::Digests;
pub use file_count::files_here;
pub use metadata::RefusedMetadata;
pub use only::Only;
pub use place::{PlaceError, PlaceOptions, Placed, PlacedFile, PlacedSet, place_set};
pub use plan::{
    Plan, PlanError, PlannedDirectory, PlannedFile, PlannedLink, PlannedName, PresentFiles,
    plan_files,
};
pub use preview::{Change, PreviewEntry, SetPreview, Sum};
pub use receipt::{WholeSet, keep_receipt};
pub(crate) use resume::is_ours;
pub use resume::{Resumable, ResumeProblem, Sweep, sweep};
pub use set::{MAX_MANIFEST_READ, MAX_TRIES, Part, SetError, SetState};
pub use space::Free;
pub use spool::Spool;
pub use spool_files::SpoolFile;
pub use spool_table::{Opened, Spools};
pub use standalone::{Parts, StandaloneFile, path_of, sweep_parts};
#[cfg(feature = "faults")]
pub use system::{Call, faults};
pub use verify::{Reading, hash_chunks};
pub use withdrawn::WithdrawnFiles;
