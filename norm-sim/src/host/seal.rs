//! The gate of a host in a sealed session: outside of the node, as in a driver.

use core::net::SocketAddr;
use std::sync::Arc;

use norm_core::{Rng, Timestamp};
use norm_seal::{
    GroupSecret, Guard, HEADER_LEN, Keyring, Role, RunId, SessionAddress, Suite, TAG_LEN,
};

use crate::packet::{Body, Packet, address};

/// The session's group.
const GROUP: ([u8; 4], u16) = ([239, 255, 1, 1], 6003);

/// A guard, and the random numbers that its runs come from.
pub(super) struct HostSeal {
    role: Role,
    suite: Suite,
    guard: Guard,
    rng: Rng,
    /// Work space.
    bytes: Vec<u8>,
}

impl HostSeal {
    /// The gate of a host that holds the key of all sealed runs.
    pub(super) fn new(role: Role, suite: Suite, mut rng: Rng) -> Self {
        let guard = guard(role, suite, draw(&mut rng));
        Self { role, suite, guard, rng, bytes: Vec::new() }
    }

    /// The host starts again, with nothing but its key.
    pub(super) fn restart(&mut self) {
        self.guard = guard(self.role, self.suite, draw(&mut self.rng));
    }

    /// What leaves; `None` when it cannot be sealed. Feedback is for a sender.
    pub(super) fn seal(&mut self, payload: &[u8], sender: Option<SocketAddr>) -> Option<Arc<[u8]>> {
        if self.guard.wants_run() {
            self.guard.set_run(draw(&mut self.rng));
        }
        self.bytes.clear();
        self.bytes.resize(HEADER_LEN, 0);
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(HEADER_LEN + payload.len() + TAG_LEN, 0);
        self.guard.seal(sender, &mut self.bytes).then(|| Arc::from(&*self.bytes))
    }

    /// What the node sees of a packet; `None` for nothing.
    pub(super) fn open(&mut self, now: Timestamp, packet: &Packet) -> Option<Packet> {
        let Body::Datagram(payload) = &packet.body else { return Some(packet.clone()) };
        self.bytes.clear();
        self.bytes.extend_from_slice(payload);
        let source = address(packet.from, packet.from_moves);
        let opened = self.guard.open(now, source, &mut self.bytes).ok()?;
        let body = Body::Datagram(Arc::from(&*opened));
        Some(Packet { body, ..packet.clone() })
    }
}

fn guard(role: Role, suite: Suite, run: RunId) -> Guard {
    let keys = Keyring::new(GroupSecret::new([0x53; 32]));
    Guard::new(role, keys, suite, SessionAddress::of(GROUP.into()), run)
}

fn draw(rng: &mut Rng) -> RunId {
    let mut run = [0; 12];
    run[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
    run[8..].copy_from_slice(&rng.next_u32().to_be_bytes());
    RunId(run)
}
