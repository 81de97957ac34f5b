//! The backend on `ring`, or on `aws-lc-rs`, which has the same interface.

#[cfg(feature = "aws-lc")]
use aws_lc_rs as library;
#[cfg(not(feature = "aws-lc"))]
use ring as library;

use library::aead::{AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use library::hkdf::{self, HKDF_SHA256, KeyType, Salt};
use library::hmac;
use library::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

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
