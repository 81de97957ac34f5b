//! What a member holds.

use crate::identity::Identity;
use crate::secret::{GroupSecret, KeyId};
use crate::signature::{Signer, Verifier};

/// The keys of a member: the group's secret, or what it takes to get one, and what it takes to say
/// that something is of the sender.
#[derive(Clone, Debug)]
pub struct Keyring {
    group: Option<GroupSecret>,
    identities: Vec<Identity>,
    signer: Option<Signer>,
    trusted: Vec<Verifier>,
}

impl Keyring {
    /// The keys of a group of members that trust each other.
    pub fn new(group: GroupSecret) -> Self {
        Self { group: Some(group), ..Self::without_group() }
    }

    /// The keys of a sender that hands a secret of its own to each of its recipients.
    pub fn without_group() -> Self {
        Self { group: None, identities: Vec::new(), signer: None, trusted: Vec::new() }
    }

    /// The keys of such a recipient.
    pub fn of_recipient(identities: Vec<Identity>) -> Self {
        Self { identities, ..Self::without_group() }
    }

    /// The same with the long-term key of the sender that holds them.
    #[must_use]
    pub fn with_signer(self, signer: Signer) -> Self {
        let trusted = vec![signer.verifier()];
        Self { signer: Some(signer), trusted, ..self }
    }

    /// The same with the long-term key of a sender that is believed, beside others.
    #[must_use]
    pub fn with_trusted(mut self, sender: Verifier) -> Self {
        self.trusted.push(sender);
        self
    }

    /// Names the group's secret, if there is one from the start.
    pub fn key_id(&self) -> Option<KeyId> {
        self.group.as_ref().map(GroupSecret::key_id)
    }

    /// The long-term key of the holder, if it is a sender's.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// The long-term keys of senders that are believed; where there are none, every member is.
    pub fn trusted(&self) -> &[Verifier] {
        &self.trusted
    }

    /// What secrets of epochs are opened with.
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// True when a sender with this long-term key, or none, is believed.
    pub(crate) fn believes(&self, signer: Option<Verifier>) -> bool {
        self.trusted.is_empty() || signer.is_some_and(|signer| self.trusted.contains(&signer))
    }

    pub(crate) fn group(&self) -> Option<&GroupSecret> {
        self.group.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let keys = Keyring::new(GroupSecret::new([0xab; 32]));
        let keys = keys.with_signer(Signer::from_seed([0xcd; 32]));
        let printed = format!("{keys:?}");
        assert!(!printed.contains("abab") && !printed.contains("cdcd"), "{printed}");
        assert!(printed.contains(&keys.key_id().unwrap().to_string()), "{printed}");
    }
}
