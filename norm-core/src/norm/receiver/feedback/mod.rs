//! What a receiver sends, apart from NACKs: ACK and REPORT (RFC 5740 §4.3, §4.4).
//!
//! - `emit`: the way of a message to the sender or the group.
//! - `acks`: acknowledgments and the receive window; `report`: membership reports.
//! - `cc`: answers to congestion control probes.
//! - `order`: which message comes first.

pub(super) mod acks;
pub(super) mod cc;
pub(super) mod emit;
pub(super) mod order;
mod report;
