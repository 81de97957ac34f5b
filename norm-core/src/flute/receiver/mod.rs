//! The receiving engine of FLUTE.
//!
//! What comes first is kept: symbols of an object go to the store as soon as it is known how the
//! object is cut into blocks, by EXT_FTI or by a table, and packets from before that wait. Nothing
//! is ever sent. A carousel makes all blocks of an object whole at about the same time, so all may
//! be in progress at once; what that takes is bounded by bytes, not by blocks.

mod budget;
mod config;
mod content;
mod ctx;
mod early;
mod engine;
mod epoch;
mod event;
mod inbound;
mod intake;
mod keys;
mod lifecycle;
mod liveness;
mod loss;
mod meta;
mod nameless;
mod object;
mod payload;
mod recall;
mod sessions;
mod spare;
mod table;
mod tables;
mod timeout;

#[cfg(test)]
mod tests;

pub use config::ReceiverConfig;
pub use engine::{Load, Receiver};
pub use event::{ReceiverEvent, ReceiverStats};
pub use timeout::TimeoutReason;
