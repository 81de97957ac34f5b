//! Receiving file sets into a directory.
//!
//! [`receive`] joins a session and follows it on a thread of its own; what happens comes as
//! [events](crate::event::ReceiveEvent), the outcome as a
//! [report](crate::event::ReceiveReport):
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
//! Blocks are put together in memory (`store`) and handed to a `session`, which joins the engine to
//! the files of [`norm_files::sink`]. `identity` makes a receiver that starts again the same one to
//! its senders. `other_protocol` notices senders that speak another one. `start` opens all this.
//!
//! [`ReceiveEvent`]: crate::ReceiveEvent
//! [`ReceiveReport`]: crate::ReceiveReport

mod error;
mod identity;
mod options;
mod other_protocol;
mod session;
mod start;
pub(crate) mod store;

pub use error::ReceiveError;
pub(crate) use options::host_name;
pub use options::{DemoOptions, FileOptions, ReceiveOptions};
#[cfg(test)]
pub(crate) use start::receive_with;
pub use start::{Receiving, receive};
pub(crate) use start::{SocketFacts, open_backup};
