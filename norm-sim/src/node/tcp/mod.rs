//! A TCP flow that competes for the links: its congestion behaviour, without bytes.
//!
//! There is no handshake and no end: a source always has data to send, in segments of one size. It
//! repairs losses as RFC 6675 (SACK) says. An acknowledgment names the one segment that it answers;
//! that is enough, because segments out of order are acknowledged at once.

mod rto;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod window;

use super::contract::Node;
use crate::packet::HostId;
use crate::scenario::TcpPlan;

/// One end of a flow, on host `me`.
pub(super) fn node(plan: &TcpPlan, me: HostId, seed: u64) -> Box<dyn Node> {
    match *plan {
        TcpPlan::Source { to, control } => Box::new(source::Source::new(to, control, me, seed)),
        TcpPlan::Sink => Box::new(sink::Sink::default()),
    }
}
