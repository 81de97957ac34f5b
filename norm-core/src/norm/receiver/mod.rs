//! The receiving side of a NORM session (RFC 5740 §5.2, §5.3).
//!
//! The receiver keeps which symbols are here. A [`SymbolStore`](crate::endpoint::SymbolStore) keeps
//! their bytes.
//!
//! - `config`: what an application decides; `event`, `timeout`: what it learns.
//! - `engine`: [`Receiver`], which joins the parts.
//! - `ctx`: what all senders share; `senders`: the senders that are followed; `sender_state`: one
//!   of them; `objects`: its objects.
//! - `intake`: takes messages and hands them on to `content`, `commands` and `congestion`.
//! - `trust`: what of a message is believed, in a session in which senders sign.
//! - `silence`: looks after senders that fall silent.
//! - `nack`: requests for repair; `feedback`: everything else that a receiver sends.

mod admission;
mod commands;
mod config;
mod congestion;
mod content;
mod ctx;
mod engine;
mod event;
mod feedback;
mod inbound;
mod intake;
mod nack;
mod objects;
mod sender_state;
mod senders;
mod silence;
#[cfg(test)]
mod tests;
mod timeout;
mod trust;

pub use admission::SenderFilter;
pub use config::{Feedback, JoinPolicy, ReceiverConfig, Trust};
pub use engine::{Load, Receiver};
pub use event::{ReceiverEvent, ReceiverStats};
pub use sender_state::report::Progress;
pub use timeout::TimeoutReason;
