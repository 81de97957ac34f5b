//! Flow control: new data are sent no faster than the receivers that are waited for can take them.

mod answers;
mod control;
mod lag;
mod window;

pub(crate) use control::{FlowControl, FlowPosition};
pub(crate) use lag::Lag;
pub(crate) use window::Pacing;
