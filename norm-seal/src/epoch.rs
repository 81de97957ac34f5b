//! The secrets that packets are sealed with: that of a key file or phrase, or those of epochs.

use core::time::Duration;

use norm_core::Timestamp;

use crate::attestation::Attester;
use crate::backend::Prk;
use crate::header::Epoch;
use crate::secret::{GroupSecret, KeyId};
use crate::signature::Verifier;

/// Secrets that are known at once. A further one takes the place of the one that came first.
const MAX: usize = 128;
/// How long a receiver opens what is of an epoch before the one in use.
const OLD_FOR: Duration = Duration::from_secs(60);

/// A secret, and what is sealed with it.
pub(crate) struct Secret {
    pub(crate) epoch: Epoch,
    pub(crate) key_id: KeyId,
    pub(crate) prk: Prk,
    /// What a recipient attests its feedback with.
    pub(crate) attester: Option<Attester>,
    /// The session that it is of; `None` when all of a group share it.
    session: Option<Verifier>,
    /// It seals; the next one of a sender only opens.
    seals: bool,
    /// When it is forgotten.
    until: Option<Timestamp>,
}

impl Secret {
    /// False when the sender of its session has gone on to another one.
    pub(crate) fn is_in_use(&self) -> bool {
        self.until.is_none()
    }

    /// True when packets of a session may be sealed with it.
    pub(crate) fn is_of(&self, session: Option<Verifier>) -> bool {
        self.session.is_none() || self.session == session
    }
}

/// The secrets that a guard knows.
#[derive(Default)]
pub(crate) struct Secrets(Vec<Secret>);

impl Secrets {
    /// That of a group.
    pub(crate) fn of_group(group: &GroupSecret) -> Self {
        let (epoch, key_id, prk) = (Epoch(0), group.key_id(), group.epoch_secret());
        let attester = None;
        Self(vec![Secret { epoch, key_id, prk, attester, session: None, seals: true, until: None }])
    }

    /// The one that a header names.
    pub(crate) fn get(&self, now: Timestamp, epoch: Epoch, key_id: KeyId) -> Option<&Secret> {
        self.0.iter().find(|secret| {
            secret.key_id == key_id
                && secret.epoch == epoch
                && secret.until.is_none_or(|until| now < until)
        })
    }

    /// True when a key has this id, whatever its epoch.
    pub(crate) fn has_key(&self, key_id: KeyId) -> bool {
        self.0.iter().any(|secret| secret.key_id == key_id)
    }

    /// The one that seals in a session.
    pub(crate) fn sealing(&self, session: Option<Verifier>) -> Option<&Secret> {
        let own = self.0.iter().filter(|secret| secret.seals && secret.is_of(session));
        own.max_by_key(|secret| secret.epoch)
    }

    /// The one that was learned last of those that seal.
    pub(crate) fn latest(&self) -> Option<&Secret> {
        self.0.iter().rev().find(|secret| secret.seals)
    }

    /// The newest epoch of a session that is known.
    pub(crate) fn newest(&self, session: Verifier) -> Option<Epoch> {
        let own = self.0.iter().filter(|secret| secret.session == Some(session));
        own.map(|secret| secret.epoch).max()
    }

    /// Learns the secret of an epoch of a session, as its sender; it `seals`, or only opens yet.
    pub(crate) fn insert(&mut self, of: (Verifier, Epoch), group: &GroupSecret, seals: bool) {
        self.push(of, group, None, seals);
    }

    /// The same as a recipient, which attests its feedback.
    pub(crate) fn learn(&mut self, of: (Verifier, Epoch), group: &GroupSecret, attester: Attester) {
        self.push(of, group, Some(attester), true);
    }

    fn push(
        &mut self,
        (session, epoch): (Verifier, Epoch),
        group: &GroupSecret,
        attester: Option<Attester>,
        seals: bool,
    ) {
        if self.0.len() >= MAX {
            self.0.remove(0);
        }
        let (key_id, prk, session) = (group.key_id(), group.epoch_secret(), Some(session));
        self.0.push(Secret { epoch, key_id, prk, attester, session, seals, until: None });
    }

    /// A sender seals in this epoch from now on, and opens nothing of those before it.
    pub(crate) fn switch_to(&mut self, epoch: Epoch) {
        self.0.retain(|secret| secret.epoch >= epoch);
        self.0.iter_mut().for_each(|secret| secret.seals = true);
    }

    /// The sender of a session seals in this epoch: those before it are opened for a while.
    pub(crate) fn retire_before(&mut self, now: Timestamp, session: Verifier, epoch: Epoch) {
        self.0.retain(|secret| secret.until.is_none_or(|until| now < until));
        let own = self.0.iter_mut().filter(|secret| secret.session == Some(session));
        own.filter(|secret| secret.epoch < epoch && secret.until.is_none())
            .for_each(|secret| secret.until = Some(now + OLD_FOR));
    }

    /// Forgets those of sessions: they were of another group.
    pub(crate) fn forget_sessions(&mut self) {
        self.0.retain(|secret| secret.session.is_none());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(byte: u8) -> GroupSecret {
        GroupSecret::new([byte; 32])
    }

    fn session(byte: u8) -> Verifier {
        Verifier([byte; 32])
    }

    fn after(seconds: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn receiver_opens_an_old_epoch_for_a_minute_and_seals_in_the_newest() {
        let mut secrets = Secrets::default();
        for epoch in 1..3 {
            secrets.insert((session(1), Epoch(epoch)), &secret(epoch as u8), true);
        }
        secrets.insert((session(2), Epoch(9)), &secret(9), true);
        let sealing = secrets.sealing(Some(session(1))).unwrap();
        assert_eq!((sealing.epoch, sealing.key_id), (Epoch(2), secret(2).key_id()));
        secrets.retire_before(after(5), session(1), Epoch(2));
        secrets.retire_before(after(30), session(1), Epoch(2));
        let opens = |at, epoch: u16| {
            secrets.get(after(at), Epoch(epoch), secret(epoch as u8).key_id()).is_some()
        };
        assert!(opens(64, 1) && !opens(65, 1), "a minute after it was retired first");
        assert!(opens(999, 2) && opens(999, 9), "those in use stay");
        assert_eq!(secrets.newest(session(1)), Some(Epoch(2)));
    }

    #[test]
    fn sender_opens_the_next_epoch_before_it_seals_in_it_and_then_no_other() {
        let mut secrets = Secrets::default();
        secrets.insert((session(1), Epoch(0)), &secret(1), true);
        secrets.insert((session(1), Epoch(1)), &secret(2), false);
        assert_eq!(secrets.sealing(Some(session(1))).unwrap().epoch, Epoch(0));
        assert!(secrets.get(after(0), Epoch(1), secret(2).key_id()).is_some());
        secrets.switch_to(Epoch(1));
        assert_eq!(secrets.sealing(Some(session(1))).unwrap().epoch, Epoch(1));
        assert!(secrets.get(after(0), Epoch(0), secret(1).key_id()).is_none());
    }

    #[test]
    fn secret_of_a_group_is_of_all_sessions_and_one_of_a_session_of_no_other() {
        let mut secrets = Secrets::of_group(&secret(1));
        assert!(secrets.sealing(Some(session(7))).is_some_and(|secret| secret.is_of(None)));
        assert!(secrets.get(after(0), Epoch(1), secret(1).key_id()).is_none());
        assert!(secrets.has_key(secret(1).key_id()) && !secrets.has_key(secret(2).key_id()));
        secrets.insert((session(2), Epoch(3)), &secret(2), true);
        let of_session = secrets.get(after(0), Epoch(3), secret(2).key_id()).unwrap();
        assert!(of_session.is_of(Some(session(2))) && !of_session.is_of(Some(session(3))));
        secrets.forget_sessions();
        assert!(!secrets.has_key(secret(2).key_id()) && secrets.has_key(secret(1).key_id()));
    }

    #[test]
    fn number_of_secrets_is_bounded() {
        let mut secrets = Secrets::default();
        for number in 0..300_u16 {
            secrets.insert((session(number as u8), Epoch(number)), &secret(1), true);
        }
        assert_eq!(secrets.0.len(), MAX);
    }
}
