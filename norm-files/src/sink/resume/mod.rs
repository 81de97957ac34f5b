//! Resume data: what stays of unfinished sets, so that a later session can resume them.
//!
//! Beside the payload lies a file that says which bytes of it are there (`state`). It is written
//! after them, by a rename, each second and at the end; so after a kill it is true, if perhaps a
//! second old. After a power cut it may promise bytes that never reached the disk. So the hash of
//! each whole chunk is written down as well (`chunks`): what does not have it any more is received
//! again. What has no hash there is found out by the digest list in the end.
//!
//! Files are found by the manifest hash: any sender of the same files, in whatever pieces and under
//! whatever code, goes on with them. The manifest proves itself by that hash; the digest list
//! belongs to the sender, and is received anew. Where that comes first, chunks of other sets are
//! found by their hashes, too (`others`).
//!
//! `sweep` removes what is too old to be resumed.

mod have;
mod open;
mod others;
mod parts;
mod state;
mod sweep;

pub use have::Have;
pub use open::{
    Found, ResumeData, ResumeProblem, has_name, is_of_other_size, is_only_name, is_ours,
    is_ours_at, open, regular, state,
};
pub use others::OtherData;
pub use state::State;
pub use sweep::{Resumable, Sweep, sweep};

/// Payloads of which less is there are not kept, in bytes.
pub const MIN_BYTES: u64 = 1 << 20;
