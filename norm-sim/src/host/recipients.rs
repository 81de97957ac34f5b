//! What a sender of a scenario hands to its receivers, and what they open it with.

use std::collections::VecDeque;

use norm_core::endpoint::ReceiverKey;
use norm_core::{Rng, Timestamp};
use norm_seal::{Book, Epoch, Guard, Identity, RecipientKey, SessionAddress, Verifier};

use crate::clock::START;
use crate::packet::HostId;
use crate::scenario::{Role, Scenario};

/// Keys that are handed out, if they are.
pub(super) struct Recipients {
    /// All receivers.
    receivers: Vec<HostId>,
    unlisted: Vec<HostId>,
    /// When there is another key, and who does not get it.
    changes: VecDeque<(Timestamp, Vec<HostId>)>,
    pub(super) one_way: bool,
}

impl Recipients {
    /// Those of a scenario; `None` where all hold the key of a group.
    pub(super) fn of(scenario: &Scenario) -> Option<Self> {
        let plan = scenario.recipients.as_ref()?;
        let receives = |role: &Role| matches!(role, Role::Receiver(_) | Role::FluteReceiver(_));
        let hosts = (0..).zip(&scenario.hosts).filter(|(_, host)| receives(&host.role));
        let changes = plan.rekeys.iter().map(|(at, without)| (START + *at, without.clone()));
        Some(Self {
            receivers: hosts.map(|(id, _)| id).collect(),
            unlisted: plan.unlisted.clone(),
            changes: changes.collect(),
            one_way: plan.one_way,
        })
    }

    /// The keys that a session starts with.
    pub(super) fn first(&self, subject: (SessionAddress, Verifier), rng: &mut Rng) -> Option<Book> {
        self.make(subject, Epoch(0), &self.unlisted, rng)
    }

    /// Hands out others if it is time.
    pub(super) fn change(
        &mut self,
        (now, at): (Timestamp, Timestamp),
        address: SessionAddress,
        guard: &mut Guard,
        rng: &mut Rng,
    ) {
        if self.next().is_none_or(|due| due > at) {
            return;
        }
        let Some((_, without)) = self.changes.pop_front() else { return };
        let Some((session, epoch)) = guard.session().zip(guard.next_epoch()) else { return };
        if let Some(book) = self.make((address, session), epoch, &without, rng) {
            guard.begin_epoch(now, book);
        }
    }

    /// When there is another key, in truth.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.changes.front().map(|(at, _)| *at)
    }

    fn make(
        &self,
        (address, session): (SessionAddress, Verifier),
        epoch: Epoch,
        without: &[HostId],
        rng: &mut Rng,
    ) -> Option<Book> {
        let listed = self.receivers.iter().filter(|host| !without.contains(host));
        let listed: Vec<RecipientKey> =
            listed.filter_map(|host| Some(identity(*host)?.public())).collect();
        Book::make(&listed, (address, session, epoch), &bytes(rng)).ok()
    }
}

/// The key of a host.
pub(super) fn identity(host: HostId) -> Option<Identity> {
    let mut secret = [0x1d; 32];
    secret[..4].copy_from_slice(&host.to_be_bytes());
    Identity::new(secret)
}

/// What engines know the key of a host by.
pub(crate) fn receiver_key(host: HostId) -> Option<ReceiverKey> {
    identity(host).map(|identity| identity.public().receiver_key())
}

/// Random bytes of a simulation.
pub(super) fn bytes(rng: &mut Rng) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.as_chunks_mut().0.iter_mut().for_each(|word: &mut [u8; 8]| {
        *word = rng.next_u64().to_be_bytes();
    });
    bytes
}
