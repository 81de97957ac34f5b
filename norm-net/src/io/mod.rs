//! Sockets, threads and the loop that joins an engine to them. No message is parsed in here.
//!
//! - [`interface`]: which interfaces this machine has, and which one multicast should use.
//! - [`socket`]: a [`socket::Link`], the UDP sockets of a session, with batched sending and
//!   receiving, and a wait that packets, other threads and time end.
//! - `watch`: tells when addresses or interfaces change.
//! - [`driver`]: the loop around an engine.
//! - [`membership`]: when a host says again that it is in its group.
//! - [`layer`]: endpoints around an engine; `lossy` drops packets for demonstrations.
//! - [`seal`]: what a sealed session is given; `clocks` notices that a machine was copied.
//! - [`workers`]: threads for slow work; `inline` says when work is done without them.
//! - [`error`]: what can go wrong while a link is opened, with the cure.

mod clocks;
pub mod driver;
pub mod dscp;
pub mod error;
pub(crate) mod inline;
pub mod interface;
pub(crate) mod keys_not_made;
pub mod layer;
pub(crate) mod lossy;
pub mod membership;
pub(crate) mod rekey;
pub mod seal;
pub mod socket;
mod watch;
pub mod workers;
