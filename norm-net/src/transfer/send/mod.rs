//! Sends files and directories to a group.
//!
//! [`send()`] examines the paths, opens the link and returns at once; a thread of its own then runs
//! the session until every receiver has confirmed, or until it is stopped.
//!
//! - `handle`, `start`: from the paths and options to a running session of a `protocol`.
//! - `options`, `pace`, `slow`, `segment`, `roster`: what the user decides.
//! - `announce`: what is said of a session before it is joined.
//! - `hash_first`: hashes everything before the session.
//! - `preview`: what would be sent, without a session.
//! - `session`: surrounds an engine of any protocol; `phases`, `receivers`, `bounds` and `silence`
//!   are its parts, `jobs` reads and codes, `outlet` is the way of its events.
//! - `spool`: what engines have prepared before they send it; `spool_jobs` makes and reads it.
//! - `slow_group`: the separate group for slow receivers; `admission` joins it to its session.

mod admission;
mod announce;
mod bounds;
mod error;
mod gathering;
mod handle;
mod hash_first;
mod jobs;
mod options;
mod outlet;
pub(crate) mod pace;
mod phases;
mod preview;
mod protocol;
mod rate_trace;
mod receivers;
mod roster;
mod segment;
mod sent_files;
mod session;
mod silence;
mod slow;
mod slow_group;
mod spool;
mod spool_jobs;
mod start;
mod stating;
mod withdrawn;

pub use error::SendError;
#[cfg(test)]
pub(crate) use handle::send_with;
pub use handle::{Sending, send};
pub(crate) use hash_first::HeldObjects;
pub use options::{
    Announce, ContentOptions, Payload, RateOptions, SendOptions, SocketBuffers, StartLimits,
};
pub use pace::Pace;
pub use preview::{Preview, preview};
pub(crate) use protocol::{Carrier, Prepared, Protocol};
pub use roster::{Roster, RosterEntry, RosterError, RosterProblem};
pub(crate) use segment::{PathSize, Segment};
pub use slow::{Slow, SlowLimits};
