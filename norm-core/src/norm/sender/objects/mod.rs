//! Objects of a session, and their content: in memory, or written while it is sent.

mod batch;
mod cache;
mod content;
mod object;
mod parity;
mod position;
mod stream;
mod table;
mod turns;

pub(crate) use batch::{DataBatch, Symbols};
pub(crate) use content::{Content, Retention};
pub(crate) use object::{Repairable, SendObject};
pub use stream::StreamSpec;
pub use table::ObjectSpec;
pub(crate) use turns::Turn;
