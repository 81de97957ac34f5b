//! The sockets of a session.
//!
//! A [`Link`] is two UDP sockets: one bound to the group and its port, which only receives, and one
//! on a port of its own, from which everything is sent and to which unicast feedback comes. Sending
//! and receiving are batched (GSO, GRO, `recvmmsg`) where the kernel can, and fall back on their
//! own where it cannot.
//!
//! A `GroupListener` only receives, in several groups.
//!
//! What this module leaves out: messages, pacing, and any decision about what to send.

mod batch;
mod buffers;
mod code_point;
mod config;
mod follow;
mod link;
mod listener;
mod membership;
mod peers;
mod send;
mod setup;
mod stats;
mod too_long;
mod wait;

// What no safe dependency offers: a handful of system calls, on Linux and Android only.
#[cfg_attr(any(target_os = "linux", target_os = "android"), path = "raw.rs")]
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "portable.rs")]
mod raw;

pub use buffers::Buffers;
pub use config::{LinkConfig, PacketFilter};
pub use follow::LinkChange;
pub use link::Link;
pub(crate) use listener::GroupListener;
pub(crate) use raw::is_no_device;
pub use send::SendOutcome;
pub use stats::LinkStats;
pub use too_long::TooLong;
