//! What a member holds.

use crate::backend::Prk;
use crate::header::Epoch;
use crate::secret::{GroupSecret, KeyId};
use crate::signature::{Signer, Verifier};

/// The keys of a member: the group's secret, and what it takes to say that something is of the
/// sender.
#[derive(Clone, Debug)]
pub struct Keyring {
    group: GroupSecret,
    key_id: KeyId,
    signer: Option<Signer>,
    trusted: Option<Verifier>,
}

impl Keyring {
    /// The keys of a group of members that trust each other.
    pub fn new(group: GroupSecret) -> Self {
        let key_id = group.key_id();
        Self { group, key_id, signer: None, trusted: None }
    }

    /// The same with the long-term key of the sender that holds them.
    #[must_use]
    pub fn with_signer(self, signer: Signer) -> Self {
        let trusted = Some(signer.verifier());
        Self { signer: Some(signer), trusted, ..self }
    }

    /// The same with the long-term key of the sender that is believed.
    #[must_use]
    pub fn with_trusted(self, sender: Verifier) -> Self {
        Self { trusted: Some(sender), ..self }
    }

    /// Names the group's secret.
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The long-term key of the holder, if it is a sender's.
    pub fn signer(&self) -> Option<&Signer> {
        self.signer.as_ref()
    }

    /// The long-term key of the sender, if it is known.
    pub fn trusted(&self) -> Option<Verifier> {
        self.trusted
    }

    /// The epoch that is sealed in.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch(0)
    }

    pub(crate) fn epoch_secret(&self) -> Prk {
        self.group.epoch_secret()
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
        assert!(printed.contains(&keys.key_id().to_string()), "{printed}");
    }
}
