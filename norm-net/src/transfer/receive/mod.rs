//! Receiving file sets into a directory.
//!
//! [`receive`] joins a session and follows it on a thread of its own; what happens comes as
//! [`ReceiveEvent`]s, what came of it as a [`ReceiveReport`]:
//!
//! ```no_run
//! use norm_net::{ReceiveEvent, ReceiveOptions, receive};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = ReceiveOptions::new("239.255.1.1:6003".parse()?, "incoming");
//! let receiving = receive(&options)?;
//! for event in receiving.events() {
//!     if let ReceiveEvent::FileComplete { path, .. } = event {
//!         println!("{}", path.display());
//!     }
//! }
//! println!("{:?}", receiving.wait()?.outcome);
//! # Ok(())
//! # }
//! ```
//!
//! Blocks are put together in memory (`store`), written to temporary files (`spool`), read back and
//! hashed (`verify`), and become files only when the whole set is right (`plan`, `carve`, `same`). What is not
//! finished is kept for later sessions (`kept`). `set` is
//! the state of one set, `session` joins all this to the engine.

mod error;
mod event;
mod identity;
mod options;
mod problem;
mod session;
mod start;
pub(crate) mod store;

pub use error::ReceiveError;
pub use options::ReceiveOptions;
pub use start::{Receiving, receive};
