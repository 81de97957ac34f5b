//! Someone on the network who means no good, and holds no secret.

use core::time::Duration;

use norm_core::Timestamp;

use crate::packet::{HostId, Node, Outbox, Packet, To};

/// What a stranger does, from when its host starts.
#[derive(Clone, Debug, PartialEq)]
pub struct StrangerPlan {
    /// Kinds of packets that it sends, each as often as the others.
    pub attacks: Vec<Attack>,
    /// Packets per second.
    pub rate: u32,
}

/// A kind of attack.
#[derive(Clone, Debug, PartialEq)]
pub enum Attack {
    /// These very bytes, to the group.
    Bytes(Vec<u8>),
    /// These packets to the group, each so long after the host starts, ascending.
    Script(Vec<(Duration, Vec<u8>)>),
}

/// A stranger's host.
pub(crate) fn node(plan: &StrangerPlan, _me: HostId, _seed: u64) -> Box<dyn Node> {
    let mut packets = Vec::new();
    let mut bytes = Vec::new();
    for attack in &plan.attacks {
        match attack {
            Attack::Bytes(one) => bytes.push(one.clone()),
            Attack::Script(script) => packets.extend(script.iter().cloned()),
        }
    }
    packets.sort_by_key(|(at, _)| *at);
    let gap = Duration::from_secs(1) / plan.rate.max(1);
    Box::new(Stranger { packets, bytes, gap, sent: 0, turns: 0, started: Timestamp::MAX })
}

struct Stranger {
    packets: Vec<(Duration, Vec<u8>)>,
    bytes: Vec<Vec<u8>>,
    gap: Duration,
    /// Packets of the script, and of the rest, that were sent.
    sent: usize,
    turns: u32,
    started: Timestamp,
}

impl Stranger {
    fn scripted(&self) -> Timestamp {
        self.packets.get(self.sent).map_or(Timestamp::MAX, |(at, _)| self.started + *at)
    }

    fn repeated(&self) -> Timestamp {
        if self.bytes.is_empty() {
            Timestamp::MAX
        } else {
            self.started + self.gap.saturating_mul(self.turns)
        }
    }
}

impl Node for Stranger {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        (self.sent, self.turns, self.started) = (0, 0, now);
        self.timeout(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {}

    fn receive(&mut self, _now: Timestamp, _packet: &Packet, _out: &mut Outbox) {}

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        while self.scripted() <= now {
            out.send(To::Group, &self.packets[self.sent].1);
            self.sent += 1;
        }
        while self.repeated() <= now {
            out.send(To::Group, &self.bytes[self.turns as usize % self.bytes.len()]);
            self.turns += 1;
        }
    }

    fn next(&self) -> Timestamp {
        self.scripted().min(self.repeated())
    }
}
