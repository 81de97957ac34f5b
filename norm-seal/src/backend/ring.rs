//! The backend on `ring`.

use ring::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{self, HKDF_SHA256, KeyType, Salt};
use ring::hmac;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::header::{Suite, TAG_LEN};

/// A secret that keys are derived from (HKDF with SHA-256, RFC 5869).
#[derive(Clone)]
pub(crate) struct Prk(hkdf::Prk);

/// Bytes to derive.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl Prk {
    /// HKDF-Extract (RFC 5869 §2.2).
    pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Self {
        Self(Salt::new(HKDF_SHA256, salt).extract(secret))
    }

    /// HKDF-Expand (RFC 5869 §2.3); `info` is the concatenation of these. At most 8,160 bytes.
    pub(crate) fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        let filled = self.0.expand(info, Length(out.len())).and_then(|okm| okm.fill(out));
        // Fails for lengths that no caller asks for.
        debug_assert!(filled.is_ok());
    }
}

/// Code that shows that a text is of a member: HMAC with SHA-256, cut to 16 bytes (RFC 4868 §2.6).
pub(crate) fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 16] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
    let mut cut = [0; 16];
    cut.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
    cut
}

/// A key of an AEAD, ready for use.
pub(crate) struct PacketKey(LessSafeKey);

impl PacketKey {
    pub(crate) fn new(suite: Suite, key: &[u8; 32]) -> Option<Self> {
        let algorithm = match suite {
            Suite::Aes256Gcm => &AES_256_GCM,
            Suite::ChaCha20Poly1305 => &CHACHA20_POLY1305,
        };
        Some(Self(LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?)))
    }

    /// Encrypts in place; returns the tag. `None` for lengths that no datagram has.
    pub(crate) fn seal(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(aad), text).ok()?;
        tag.as_ref().try_into().ok()
    }

    /// Decrypts in place what the tag, the last 16 bytes, holds for. The bytes are of no use after
    /// a failure.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        debug_assert!(sealed.len() >= TAG_LEN);
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(aad), sealed).ok()
    }
}

/// An Ed25519 key that signs (RFC 8032).
pub(crate) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Ed25519KeyPair::from_seed_unchecked(seed).ok().map(Self)
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.0.public_key().as_ref());
        public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.0.sign(message).as_ref());
        signature
    }
}

/// Whether an Ed25519 signature holds.
pub(crate) fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    UnparsedPublicKey::new(&ED25519, public).verify(message, signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    }

    #[test]
    fn hkdf_gives_what_rfc_5869_says() {
        let secret = Prk::extract(&hex("000102030405060708090a0b0c"), &[0x0b; 22]);
        let mut out = [0; 42];
        secret.expand(&[&hex("f0f1f2f3f4"), &hex("f5f6f7f8f9")], &mut out);
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
            34007208d5b887185865";
        assert_eq!(out[..], hex(expected)[..]);
    }

    #[test]
    fn hmac_gives_what_rfc_4231_says() {
        // Case 2 of RFC 4231 §4.3: zeros after a key that is shorter than a block change nothing.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c7";
        assert_eq!(mac(&key, b"what do ya want for nothing?")[..], hex(expected)[..]);
    }

    #[test]
    fn ed25519_gives_what_rfc_8032_says() {
        let seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let key = SigningKey::from_seed(&seed.try_into().unwrap()).unwrap();
        let public = hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        assert_eq!(key.public()[..], public[..]);
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
            5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(key.sign(b"")[..], hex(signature)[..]);
        assert!(verify(&key.public(), b"", &key.sign(b"")));
        assert!(!verify(&key.public(), b"a", &key.sign(b"")));
    }
}
