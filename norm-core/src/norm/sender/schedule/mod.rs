//! Which packet is the most useful one now? In order: commands, content, FLUSH.

mod commands;
mod content;
mod payload;

pub(crate) use commands::CommandPoll;
pub(crate) use content::{Choice, ContentPoll, stream_retention};
pub(crate) use payload::PayloadChoice;
