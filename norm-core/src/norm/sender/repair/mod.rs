//! Repair (RFC 5740 §5.4): what NACKs ask for, what of it is due, and parity against losses to
//! come.

mod block;
mod budget;
mod late_share;
mod needs;
mod proactive;
mod repairs;
mod requests;
mod schedule;
mod table;

pub(crate) use late_share::Share;
#[cfg(test)]
pub(crate) use needs::NackNeeds;
pub(crate) use repairs::{NackSource, Repair};
pub(crate) use requests::read_nack;
pub(crate) use schedule::RepairSchedule;
pub(crate) use table::RepairTable;
