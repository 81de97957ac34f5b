//! Keys that sign, and keys that are trusted.

use core::fmt;

use zeroize::Zeroizing;

use crate::backend::{SigningKey, verify};

/// An Ed25519 key that signs (RFC 8032): a sender's long-term key, or that of one session. The seed
/// is overwritten when it is dropped; `Debug` prints the public key only.
#[derive(Clone)]
pub struct Signer {
    seed: Zeroizing<[u8; 32]>,
    public: Verifier,
}

impl Signer {
    /// The key that follows from a seed of 32 random bytes.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        let public = SigningKey::from_seed(&seed).map_or([0; 32], |key| key.public());
        Self { seed, public: Verifier(public) }
    }

    /// The seed, to be written to a key file.
    pub fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The public half.
    pub fn verifier(&self) -> Verifier {
        self.public
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        SigningKey::from_seed(&self.seed).map_or([0; 64], |key| key.sign(message))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public)
    }
}

/// The public half of a [`Signer`]; printed as 64 hex digits.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Verifier(pub [u8; 32]);

/// A signature does not hold.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl Verifier {
    /// Checks a signature of this key.
    ///
    /// # Errors
    /// When the key is none, or the signature is of another key or message.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> Result<(), BadSignature> {
        if verify(&self.0, message, signature) { Ok(()) } else { Err(BadSignature) }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_holds_for_its_message_and_key_only() {
        let (one, other) = (Signer::from_seed([1; 32]), Signer::from_seed([2; 32]));
        let mut signature = one.sign(b"text");
        assert_eq!(one.verifier().verify(b"text", &signature), Ok(()));
        assert_eq!(one.verifier().verify(b"test", &signature), Err(BadSignature));
        assert_eq!(other.verifier().verify(b"text", &signature), Err(BadSignature));
        signature[63] ^= 1;
        assert_eq!(one.verifier().verify(b"text", &signature), Err(BadSignature));
    }

    #[test]
    fn debug_prints_the_public_key_only() {
        let signer = Signer::from_seed([0xab; 32]);
        let printed = format!("{signer:?}");
        assert_eq!(printed, format!("Signer({})", signer.verifier()));
        assert!(!printed.contains("abab"), "{printed}");
    }
}
