//! The gate of a host in a sealed session: outside of the node, as in a driver.

use core::net::SocketAddr;
use std::sync::Arc;

use norm_core::endpoint::Destination;

use norm_core::{Rng, Timestamp};
use norm_seal::exercise::{Forgery, forge as forge_with};
use norm_seal::{
    GroupSecret, Guard, HEADER_LEN, Keyring, Opened, Role, RunId, SIGNATURE_LEN, SealCounters,
    SessionAddress, Signer, Suite, TAG_LEN,
};

use super::recipients::{self, Recipients};

use crate::clock::START;
use crate::packet::{Body, HostId, Packet, To, address, host_at};

/// The session's group.
const GROUP: ([u8; 4], u16) = ([239, 255, 1, 1], 6003);

/// The secret of the group, and the seed of the long-term key of all its senders.
const SECRET: [u8; 32] = [0x53; 32];
const SIGNER: [u8; 32] = [0x54; 32];
/// The time of day when a run begins, in seconds since 1970.
const WALL: u64 = 1_800_000_000;

/// A guard, and the random numbers that its runs come from.
pub(super) struct HostSeal {
    host: HostId,
    role: Role,
    suite: Suite,
    /// Whom keys are handed to.
    recipients: Option<Recipients>,
    guard: Guard,
    rng: Rng,
    /// Work space.
    bytes: Vec<u8>,
}

/// How a packet is sealed.
#[derive(Copy, Clone, Debug)]
pub(super) struct Sealing {
    /// Of feedback: the sender that it is for.
    pub(super) sender: Option<SocketAddr>,
    /// It is signed, too.
    pub(super) to_sign: bool,
}

impl HostSeal {
    /// The gate of a host that holds the key of all sealed runs.
    pub(super) fn new(
        host: HostId,
        (role, suite): (Role, Suite),
        recipients: Option<Recipients>,
        mut rng: Rng,
    ) -> Self {
        let guard = guard(host, (role, suite), recipients.as_ref(), &mut rng);
        Self { host, role, suite, recipients, guard, rng, bytes: Vec::new() }
    }

    /// The host starts again, with nothing but its key.
    pub(super) fn restart(&mut self) {
        let kind = (self.role, self.suite);
        self.guard = guard(self.host, kind, self.recipients.as_ref(), &mut self.rng);
    }

    /// When something is due that is no engine's, by the host's clock.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.guard.next_hello().into_iter().chain(self.guard.next_keys()).min()
    }

    /// True where keys are handed out.
    pub(super) fn has_recipients(&self) -> bool {
        self.recipients.is_some()
    }

    /// What was counted.
    pub(super) fn counters(&self) -> &SealCounters {
        self.guard.counters()
    }

    /// Hands out other keys if it is time, by the host's clock and in truth.
    pub(super) fn change_keys(&mut self, now: Timestamp, at: Timestamp) {
        let Self { recipients, guard, rng, role: Role::Sender, .. } = self else { return };
        if let Some(recipients) = recipients {
            recipients.change((now, at), SessionAddress::of(GROUP.into()), guard, rng);
        }
    }

    /// Says what time it is: by the host's clock, and in truth, which its time of day shows.
    pub(super) fn set_time(&mut self, now: Timestamp, truth: Timestamp) {
        self.guard.set_wall_clock(now, WALL + truth.saturating_since(START).as_secs());
    }

    /// What is due that is no engine's.
    pub(super) fn poll(&mut self, now: Timestamp) -> Option<(To, Arc<[u8]>)> {
        self.draw();
        if let Some(hello) = self.guard.poll_hello(now) {
            return Some((To::Group, Arc::from(hello)));
        }
        let (to, datagram) = self.guard.poll_keys(now)?;
        let to = match to {
            Destination::Group => To::Group,
            Destination::Unicast(to) => {
                host_at(to).map(|(host, moves)| To::Address(host, moves))?
            }
        };
        Some((to, Arc::from(datagram)))
    }

    /// What leaves; `None` when it cannot be sealed.
    pub(super) fn seal(&mut self, payload: &[u8], sealing: Sealing) -> Option<Arc<[u8]>> {
        self.draw();
        let signature = if sealing.to_sign { SIGNATURE_LEN } else { 0 };
        self.bytes.clear();
        self.bytes.resize(HEADER_LEN, 0);
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(HEADER_LEN + payload.len() + signature + TAG_LEN, 0);
        let sealed = match sealing.to_sign {
            true => self.guard.seal_signed(&mut self.bytes),
            false => self.guard.seal(sealing.sender, &mut self.bytes),
        };
        sealed.then(|| Arc::from(&*self.bytes))
    }

    /// What the node sees of a packet; `None` for nothing.
    pub(super) fn open(&mut self, now: Timestamp, packet: &Packet) -> Option<Packet> {
        let Body::Datagram(payload) = &packet.body else { return Some(packet.clone()) };
        self.bytes.clear();
        self.bytes.extend_from_slice(payload);
        let source = address(packet.from, packet.from_moves);
        let Ok(Opened::Text(text, proof)) = self.guard.open(now, source, &mut self.bytes) else {
            return None;
        };
        let body = Body::Datagram(Arc::from(&*text));
        Some(Packet { body, proof, ..packet.clone() })
    }

    fn draw(&mut self) {
        if self.guard.wants_run() {
            self.guard.set_run(draw(&mut self.rng));
        }
    }
}

fn guard(
    host: HostId,
    (role, suite): (Role, Suite),
    recipients: Option<&Recipients>,
    rng: &mut Rng,
) -> Guard {
    let signer = Signer::from_seed(SIGNER);
    let keys = match recipients {
        None => Keyring::new(GroupSecret::new(SECRET)),
        Some(_) => Keyring::of_recipient(recipients::identity(host).into_iter().collect()),
    };
    let (address, run) = (SessionAddress::of(GROUP.into()), draw(rng));
    match role {
        Role::Sender => {
            let seed = recipients::bytes(rng);
            let guard = Guard::new(role, keys.with_signer(signer), suite, address, run);
            let guard = guard.signing(&seed);
            let subject = guard.session().map(|session| (address, session));
            let book = recipients.zip(subject).and_then(|(them, subject)| them.first(subject, rng));
            match book {
                Some(book) => guard.with_book(book),
                None => guard,
            }
        }
        Role::Receiver => {
            let keys = keys.with_trusted(signer.verifier());
            let guard = Guard::new(role, keys, suite, address, run).requiring_hello();
            match recipients {
                Some(recipients) => guard.with_identities(recipients.one_way),
                None => guard,
            }
        }
    }
}

fn draw(rng: &mut Rng) -> RunId {
    let mut run = [0; 12];
    run[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
    run[8..].copy_from_slice(&rng.next_u32().to_be_bytes());
    RunId(run)
}

/// Seals as a member of the group that is not the sender can, with the header of one of its
/// packets. See [`norm_seal::exercise::forge`].
pub(crate) fn forge(header: &[u8], text: &[u8], forgery: Forgery) -> Option<Vec<u8>> {
    forge_with(GroupSecret::new(SECRET), SessionAddress::of(GROUP.into()), header, text, forgery)
}
