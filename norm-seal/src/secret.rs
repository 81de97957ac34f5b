//! The secret that all members of a group share.

use core::fmt;

use zeroize::Zeroizing;

use crate::backend::Prk;

/// The first key of a group, 32 random bytes, which everything that seals follows from: a member
/// is a machine that has it. It is overwritten when it is dropped, and `Debug` prints its key id
/// only.
#[derive(Clone)]
pub struct GroupSecret(Zeroizing<[u8; 32]>);

impl GroupSecret {
    /// Takes bytes from a key file, or from the operating system's random source.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to be written to a key file.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What names the secret and says nothing about it.
    pub fn key_id(&self) -> KeyId {
        KeyId::of(&self.epoch_secret())
    }

    pub(crate) fn epoch_secret(&self) -> Prk {
        Prk::extract(b"norm-seal 1", self.0.as_slice())
    }
}

impl fmt::Debug for GroupSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupSecret({})", self.key_id())
    }
}

/// Names a group secret in packets, messages and reports; printed as eight hex digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 4]);

impl KeyId {
    /// The number that is printed.
    pub fn number(self) -> u32 {
        u32::from_be_bytes(self.0)
    }

    pub(crate) fn of(secret: &Prk) -> Self {
        let mut id = [0; 4];
        secret.expand(&[b"norm-seal 1 id"], &mut id);
        Self(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.number())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_prints_the_key_id_and_nothing_of_the_secret() {
        let secret = GroupSecret::new([0xab; 32]);
        let printed = format!("{secret:?}");
        assert_eq!(printed, format!("GroupSecret({})", secret.key_id()));
        assert!(!printed.contains("abab") && !printed.contains("171"), "{printed}");
    }

    #[test]
    fn different_secrets_have_different_ids() {
        assert_ne!(GroupSecret::new([1; 32]).key_id(), GroupSecret::new([2; 32]).key_id());
    }
}
