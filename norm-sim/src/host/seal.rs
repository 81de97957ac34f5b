//! The gate of a host in a sealed session: outside of the node, as in a driver.

use core::net::SocketAddr;
use std::sync::Arc;

use norm_core::fileset::{ManifestHash, SetId};
use norm_core::{Rng, Timestamp};
use norm_seal::exercise::{Forgery, forge as forge_with};
use norm_seal::{
    GroupSecret, Guard, Keyring, Opened, Own, Role, RunId, SIGNATURE_LEN, SealCounters,
    SessionAddress, Signer, StatedSet, Suite,
};

use super::recipients::{self, Recipients};

use crate::clock::START;
use crate::packet::{Body, HostId, Packet, address};

/// The session's group.
const GROUP: ([u8; 4], u16) = ([239, 255, 1, 1], 6003);

/// The secret of the group, and the seed of the long-term key of all its senders.
const SECRET: [u8; 32] = [0x53; 32];
const SIGNER: [u8; 32] = [0x54; 32];
/// The time of day when a run begins, in seconds since 1970.
const WALL: u64 = 1_800_000_000;

/// Who a host is in its session.
#[derive(Copy, Clone, Debug)]
pub(super) struct Membership {
    pub(super) host: HostId,
    pub(super) role: Role,
    /// Senders hear it.
    pub(super) is_heard: bool,
    pub(super) suite: Suite,
}

/// A guard, and the random numbers that its runs come from.
pub(super) struct HostSeal {
    membership: Membership,
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
        membership: Membership,
        recipients: Option<Recipients>,
        mut rng: Rng,
    ) -> Self {
        let guard = guard(membership, recipients.as_ref(), &mut rng);
        Self { membership, recipients, guard, rng, bytes: Vec::new() }
    }

    /// The host starts again, with nothing but its key.
    pub(super) fn restart(&mut self) {
        self.guard = guard(self.membership, self.recipients.as_ref(), &mut self.rng);
    }

    /// When the guard has something to say.
    pub(super) fn next_own(&self) -> Option<Timestamp> {
        self.guard.next_own()
    }

    /// True where keys are handed out.
    pub(super) fn has_recipients(&self) -> bool {
        self.recipients.is_some()
    }

    /// Hands out other keys if it is time, by the host's clock and in truth.
    pub(super) fn change_keys(&mut self, now: Timestamp, at: Timestamp) {
        let Self { recipients, guard, rng, membership, .. } = self;
        if membership.role == Role::Receiver {
            return;
        }
        if let Some(recipients) = recipients {
            recipients.change((now, at), SessionAddress::of(GROUP.into()), guard, rng);
        }
    }

    /// Says what time it is: by the host's clock, and in truth, which its time of day shows.
    pub(super) fn set_time(&mut self, now: Timestamp, truth: Timestamp) {
        self.guard.set_wall_clock(now, WALL + truth.saturating_since(START).as_secs());
    }

    /// What the guard has to say, if something is due.
    pub(super) fn own(&mut self, now: Timestamp) -> Option<Own> {
        self.draw();
        self.guard.poll_own(now)
    }

    /// What leaves; `None` when it cannot be sealed.
    pub(super) fn seal(&mut self, payload: &[u8], sealing: Sealing) -> Option<Arc<[u8]>> {
        self.draw();
        let signature = if sealing.to_sign { SIGNATURE_LEN } else { 0 };
        self.bytes.clear();
        let margins = self.guard.margins();
        self.bytes.resize(margins.head, 0);
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(margins.bytes() + payload.len() + signature, 0);
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
            while let Some(heard) = self.guard.poll_statement() {
                let StatedSet { set, manifest, list, name, .. } = stated();
                let said = (heard.statement.set, heard.statement.manifest, heard.statement.list);
                assert_eq!((said, heard.statement.name), ((set, manifest, list), name), "forged");
            }
            return None;
        };
        let body = Body::Datagram(Arc::from(&*text));
        Some(Packet { body, proof, ..packet.clone() })
    }

    /// What it has counted since it was started.
    pub(super) fn counters(&self) -> SealCounters {
        *self.guard.counters()
    }

    fn draw(&mut self) {
        if self.guard.wants_run() {
            self.guard.set_run(draw(&mut self.rng));
        }
    }
}

/// What every sender states of its set.
fn stated() -> StatedSet {
    let (set, manifest) = (SetId([0x55; 16]), ManifestHash([0x56; 32]));
    let name = "what is sent".to_owned();
    StatedSet { set, manifest, list: Some([0x57; 32]), name, life: None }
}

fn guard(member: Membership, recipients: Option<&Recipients>, rng: &mut Rng) -> Guard {
    let Membership { host, role, is_heard, suite } = member;
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
            let mut guard = guard.signing(&seed);
            guard.state(stated());
            let subject = guard.session().map(|session| (address, session));
            let book = recipients.zip(subject).and_then(|(them, subject)| them.first(subject, rng));
            match book {
                Some(book) => guard.with_book(book),
                None => guard,
            }
        }
        Role::Receiver => {
            let keys = keys.with_trusted(signer.verifier());
            let mut guard = Guard::new(role, keys, suite, address, run).requiring_hello();
            let is_mute = recipients.is_some_and(|recipients| recipients.one_way);
            if is_heard && !is_mute {
                guard.ask_if_live(true, &recipients::bytes(rng));
            }
            match recipients {
                Some(_) => guard.with_identities(is_mute),
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
