//! How long packets may be on the paths to all receivers: path MTU discovery in the manner of RFC
//! 8899, for a group.

mod discovery;

pub(crate) use discovery::{Opening, OwnLimit, PathMtu, SizeChange, Verdict};
