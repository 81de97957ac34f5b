//! What a recipient ends its feedback with, so that the sender knows which one has said it
//! (`docs/wire.md` §11). All that have the epoch's key can seal; this key is of one recipient.

use zeroize::Zeroizing;

use crate::backend::mac;
use crate::hello::is_equal;
use crate::keys::Tag;

/// Bytes of it: the recipient's tag in this epoch, and a code.
pub(crate) const ATTESTATION_LEN: usize = 4 + CODE_LEN;
/// Bytes of the code: HMAC with SHA-256, cut (RFC 4868 §2.6).
const CODE_LEN: usize = 16;

/// The secret of an epoch that one recipient and the sender have, and no other: exported from what
/// the epoch's key was wrapped with (RFC 9180 §5.3).
#[derive(Clone)]
pub(crate) struct FeedbackSecret(pub(crate) Zeroizing<[u8; 32]>);

impl FeedbackSecret {
    fn code(&self, text: &[u8]) -> [u8; CODE_LEN] {
        mac(&self.0, text)
    }

    /// True when the holder of this secret has attested a datagram that begins with `text`.
    pub(crate) fn has_attested(&self, text: &[u8], attestation: &[u8; ATTESTATION_LEN]) -> bool {
        is_equal(&self.code(text), &attestation[4..])
    }
}

/// A recipient that attests what it says in an epoch.
#[derive(Clone)]
pub(crate) struct Attester {
    pub(crate) tag: Tag,
    pub(crate) secret: FeedbackSecret,
}

impl Attester {
    /// What ends a datagram that begins with `text`: its header, and what is sealed of it.
    pub(crate) fn attest(&self, text: &[u8]) -> [u8; ATTESTATION_LEN] {
        let mut all = [0; ATTESTATION_LEN];
        all[..4].copy_from_slice(&self.tag.0.to_be_bytes());
        all[4..].copy_from_slice(&self.secret.code(text));
        all
    }
}

/// The tag that an attestation names.
pub(crate) fn tag_of(attestation: &[u8; ATTESTATION_LEN]) -> Tag {
    let [a, b, c, d, ..] = *attestation;
    Tag(u32::from_be_bytes([a, b, c, d]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attestation_is_of_one_secret_and_one_text() {
        let secret = |byte: u8| FeedbackSecret(Zeroizing::new([byte; 32]));
        let attester = Attester { tag: Tag(0x0102_0304), secret: secret(1) };
        let mut attestation = attester.attest(b"text");
        assert_eq!(tag_of(&attestation), Tag(0x0102_0304));
        assert!(secret(1).has_attested(b"text", &attestation));
        assert!(!secret(1).has_attested(b"tex", &attestation));
        assert!(!secret(2).has_attested(b"text", &attestation));
        for bit in 32..ATTESTATION_LEN * 8 {
            attestation[bit / 8] ^= 1 << (bit % 8);
            assert!(!secret(1).has_attested(b"text", &attestation), "bit {bit}");
            attestation[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
