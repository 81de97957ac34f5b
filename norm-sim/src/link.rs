//! One direction of a link: its delay, and the faults on it.

use core::time::Duration;
use std::sync::Arc;

use norm_core::{Rng, Timestamp};

use crate::packet::{Body, Packet};
use crate::rule::{Arrival, Line, Rule};

/// One direction of a link.
#[derive(Debug)]
pub(crate) struct Direction {
    pub(crate) line: Line,
    pub(crate) delay: Duration,
}

/// Shortest delay of a link: windows of independent events need some width.
const MIN_DELAY: Duration = Duration::from_micros(1);

impl Direction {
    pub(crate) fn new(rules: &[Rule], delay: Duration, rng: Rng) -> Self {
        Self { line: Line::new(rules, rng), delay: delay.max(MIN_DELAY) }
    }

    /// Carries a packet, and calls `arrive` for each copy that reaches the other end. Returns the
    /// number of copies.
    pub(crate) fn carry(
        &mut self,
        now: Timestamp,
        packet: &Arc<Packet>,
        mut arrive: impl FnMut(Timestamp, Arc<Packet>),
    ) -> usize {
        let fate = self.line.apply(now, packet);
        let copies = fate.arrivals.iter().flatten();
        copies.map(|copy| arrive(now + self.delay + copy.delay, arriving(packet, copy))).count()
    }
}

/// A copy of the packet, as it arrives.
fn arriving(packet: &Arc<Packet>, copy: &Arrival) -> Arc<Packet> {
    let mut packet = Arc::clone(packet);
    if let Some(damage) = copy.damage
        && let Body::Datagram(payload) = &packet.body
    {
        packet = Arc::new(packet.damaged(&damage.apply(payload)));
    }
    if copy.ce && !packet.ce {
        packet = Arc::new(Packet { ce: true, ..(*packet).clone() });
    }
    packet
}
