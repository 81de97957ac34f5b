//! One direction of a link: its delay, and the faults on it.

use core::time::Duration;
use std::sync::Arc;

use norm_core::{Rng, Timestamp};

use crate::packet::{Body, Packet};
use crate::rule::{Arrival, Damage, Line, Rule};

/// One direction of a link in use.
#[derive(Debug)]
pub(crate) struct Direction {
    pub(crate) line: Line,
    pub(crate) delay: Duration,
}

/// Links are never shorter: windows of simultaneous events need some width.
const SHORTEST: Duration = Duration::from_micros(1);

impl Direction {
    pub(crate) fn new(rules: &[Rule], delay: Duration, rng: Rng) -> Self {
        Self { line: Line::new(rules, rng), delay: delay.max(SHORTEST) }
    }

    /// What comes out at the other end, and when. The number of copies.
    pub(crate) fn carry(
        &mut self,
        now: Timestamp,
        packet: &Arc<Packet>,
        mut arrive: impl FnMut(Timestamp, Arc<Packet>),
    ) -> usize {
        let fate = self.line.apply(now, packet);
        let copies = fate.arrivals.iter().flatten();
        copies.map(|copy| arrive(now + self.delay + copy.delay, changed(packet, copy))).count()
    }
}

/// The packet as a copy of it arrives.
fn changed(packet: &Arc<Packet>, copy: &Arrival) -> Arc<Packet> {
    let mut packet = Arc::clone(packet);
    if let Some(damage) = copy.damage
        && let Body::Datagram(payload) = &packet.body
    {
        let mut bytes = payload.to_vec();
        match damage {
            Damage::Flip(bit) => {
                if let Some(byte) = bytes.get_mut(bit as usize / 8) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Damage::Cut(len) => bytes.truncate(len as usize),
        }
        packet = Arc::new(packet.damaged(&bytes));
    }
    if copy.marked && !packet.marked {
        packet = Arc::new(Packet { marked: true, ..(*packet).clone() });
    }
    packet
}
