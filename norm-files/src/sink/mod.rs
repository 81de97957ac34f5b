//! Files that arrive below an output directory.
//!
//! A set's bytes go to temporary files ([`Spool`]), are hashed on the way or read back (`verify`),
//! and become files only when the whole set is right (`plan`, `place`, `existing`). What is not
//! finished is kept for later sessions (`resume`). [`SetState`] knows what of a set is there.

mod existing;
mod hashing;
mod place;
mod plan;
mod positioned;
mod resume;
mod set;
mod space;
mod spool;
mod spool_table;
mod standalone;
mod verify;

pub use place::{Made, PlaceError, place_set};
pub use plan::{Plan, PlanError};
pub use resume::{Sweep, sweep};
pub use set::{Part, SetError, SetState, Verdict};
pub use spool::{Spool, SpoolFile};
pub use spool_table::{Opened, Spools};
pub use standalone::{StandaloneFile, path_of};
pub use verify::{Digests, hash_extent, read_whole};
