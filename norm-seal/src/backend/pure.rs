//! The backend in Rust alone, on the crates of RustCrypto and `ed25519-dalek`.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, Nonce, Tag};
use chacha20poly1305::ChaCha20Poly1305;
use ed25519_dalek::{Signature, Signer, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::header::{Suite, TAG_LEN};

/// A secret that keys are derived from (HKDF with SHA-256, RFC 5869).
#[derive(Clone)]
pub(crate) struct Prk(Hkdf<Sha256>);

impl Prk {
    /// HKDF-Extract (RFC 5869 §2.2).
    pub(crate) fn extract(salt: &[u8], secret: &[u8]) -> Self {
        Self(Hkdf::new(Some(salt), secret))
    }

    /// HKDF-Expand (RFC 5869 §2.3); `info` is the concatenation of these. At most 8,160 bytes.
    pub(crate) fn expand(&self, info: &[&[u8]], out: &mut [u8]) {
        let filled = self.0.expand_multi_info(info, out);
        // Fails for lengths that no caller asks for.
        debug_assert!(filled.is_ok());
    }
}

/// Code that shows that a text is of a member: HMAC with SHA-256, cut to 16 bytes (RFC 4868 §2.6).
pub(crate) fn mac(key: &[u8; 32], text: &[u8]) -> [u8; 16] {
    let mut cut = [0; 16];
    // HMAC takes keys of any length.
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(key) else { return cut };
    mac.update(text);
    cut.iter_mut().zip(mac.finalize().into_bytes()).for_each(|(to, from)| *to = from);
    cut
}

/// A key of an AEAD, ready for use.
#[expect(clippy::large_enum_variant, reason = "a key that is only tried is not to take memory")]
pub(crate) enum PacketKey {
    Aes(Aes256Gcm),
    ChaCha(ChaCha20Poly1305),
}

impl PacketKey {
    pub(crate) fn new(suite: Suite, key: &[u8; 32]) -> Option<Self> {
        Some(match suite {
            Suite::Aes256Gcm => Self::Aes(Aes256Gcm::new(key.into())),
            Suite::ChaCha20Poly1305 => Self::ChaCha(ChaCha20Poly1305::new(key.into())),
        })
    }

    /// Encrypts in place; returns the tag. `None` for lengths that no datagram has.
    pub(crate) fn seal(&self, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
        match self {
            Self::Aes(key) => seal(key, nonce, aad, text),
            Self::ChaCha(key) => seal(key, nonce, aad, text),
        }
    }

    /// Decrypts in place what the tag, the last 16 bytes, holds for. The bytes are of no use after
    /// a failure.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_LEN>()?;
        let opened = match self {
            Self::Aes(key) => open(key, nonce, aad, text, tag),
            Self::ChaCha(key) => open(key, nonce, aad, text, tag),
        };
        opened.then_some(text)
    }
}

fn seal<A: AeadInOut>(key: &A, nonce: [u8; 12], aad: &[u8], text: &mut [u8]) -> Option<[u8; 16]> {
    let nonce: &Nonce<A> = nonce.as_slice().try_into().ok()?;
    let tag = key.encrypt_inout_detached(nonce, aad, text.into()).ok()?;
    tag.as_slice().try_into().ok()
}

fn open<A: AeadInOut>(
    key: &A,
    nonce: [u8; 12],
    aad: &[u8],
    text: &mut [u8],
    tag: &[u8; TAG_LEN],
) -> bool {
    let nonce: Result<&Nonce<A>, _> = nonce.as_slice().try_into();
    let tag: Result<&Tag<A>, _> = tag.as_slice().try_into();
    let (Ok(nonce), Ok(tag)) = (nonce, tag) else { return false };
    key.decrypt_inout_detached(nonce, aad, text.into(), tag).is_ok()
}

/// An Ed25519 key that signs (RFC 8032).
pub(crate) struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    pub(crate) fn from_seed(seed: &[u8; 32]) -> Option<Self> {
        Some(Self(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    pub(crate) fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// Whether an Ed25519 signature holds.
pub(crate) fn verify(public: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let signature = Signature::from_bytes(signature);
    VerifyingKey::from_bytes(public)
        .is_ok_and(|public| public.verify_strict(message, &signature).is_ok())
}
