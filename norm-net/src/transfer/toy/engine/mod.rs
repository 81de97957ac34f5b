//! A second protocol, to show that sessions, driver and simulator know no first one.
//!
//! No repair: a receiver greets each sender once, and the sender only counts that. Each datagram of
//! a sender describes its object and carries one symbol:
//! ```text
//!  0  magic "TOY1"
//!  4  kind: 0 a symbol, 1 the end (nothing follows)
//!  5  object key 64, size 64, block 32, symbol 32
//! 29  what the object is: 0 a part of a set, 1 a file, 2 something else
//! 30  of a part: index 32, kind 8, set id, parts 32, offset 64, payload size 64, content id
//! 87  symbol
//! ```
//! The fields of a part are zero in other objects. A lost packet is never sent again: an object
//! that misses one stays incomplete.

mod receiver;
mod sender;
mod wire;

pub use receiver::ToyReceiver;
pub use sender::ToySender;
#[allow(unused_imports, reason = "the simulator needs no length")]
pub use wire::HEADER;
