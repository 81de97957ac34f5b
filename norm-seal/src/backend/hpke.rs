//! Keys for recipients, on `hpke`: RFC 9180 in base mode, with DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256 and ChaCha20-Poly1305.

use core::convert::Infallible;

use curve25519_dalek::edwards::CompressedEdwardsY;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::rand_core::{TryCryptoRng, TryRng};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable, setup_receiver};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// Bytes of the encapsulated key.
pub(crate) const ENC_LEN: usize = 32;
/// Bytes of a wrapped secret: its own 32, and a tag.
pub(crate) const WRAPPED_LEN: usize = 48;

/// The bytes that an ephemeral key is made of; they are read once.
struct Given<'a>(&'a [u8; 32], usize);

impl TryRng for Given<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        debug_assert!(self.1 + out.len() <= self.0.len(), "more than one key is drawn");
        for byte in out {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(())
    }
}

impl TryCryptoRng for Given<'_> {}

/// What the exported secret is for (RFC 9180 §5.3).
const EXPORT: &[u8] = b"norm-keys 1 feedback";

/// A secret that is wrapped for one recipient.
pub(crate) struct Wrapped {
    /// The encapsulated key.
    pub(crate) enc: [u8; ENC_LEN],
    /// The secret, encrypted.
    pub(crate) secret: [u8; WRAPPED_LEN],
    /// Another secret, which nobody but the two ends can derive.
    pub(crate) exported: Zeroizing<[u8; 32]>,
}

/// What a recipient has unwrapped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unwrapped {
    pub(crate) secret: Zeroizing<[u8; 32]>,
    pub(crate) exported: Zeroizing<[u8; 32]>,
}

/// Wraps a secret for the holder of the private half of an X25519 key. `random` is of this call
/// alone. `None` when the key is none.
pub(crate) fn wrap(
    recipient: &[u8; 32],
    info: &[u8],
    secret: &[u8; 32],
    random: &[u8; 32],
) -> Option<Wrapped> {
    type Public = <X25519HkdfSha256 as Kem>::PublicKey;
    let recipient = Public::from_bytes(recipient).ok()?;
    let (enc, mut context) = hpke::setup_sender_with_rng::<
        ChaCha20Poly1305,
        HkdfSha256,
        X25519HkdfSha256,
    >(&OpModeS::Base, &recipient, info, &mut Given(random, 0))
    .ok()?;
    let wrapped = context.seal(secret, &[]).ok()?;
    let mut exported = Zeroizing::new([0; 32]);
    context.export(EXPORT, exported.as_mut_slice()).ok()?;
    let (enc, secret) = (*enc.to_bytes().first_chunk()?, *wrapped.first_chunk()?);
    Some(Wrapped { enc, secret, exported })
}

/// The secret that was wrapped for the holder of this X25519 key; `None` when it was not.
pub(crate) fn unwrap(
    identity: &[u8; 32],
    info: &[u8],
    enc: &[u8; ENC_LEN],
    wrapped: &[u8; WRAPPED_LEN],
) -> Option<Unwrapped> {
    type Private = <X25519HkdfSha256 as Kem>::PrivateKey;
    type Encapped = <X25519HkdfSha256 as Kem>::EncappedKey;
    let identity = Private::from_bytes(identity).ok()?;
    let enc = Encapped::from_bytes(enc).ok()?;
    let mut context = setup_receiver::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &identity,
        &enc,
        info,
    )
    .ok()?;
    let opened = Zeroizing::new(context.open(wrapped, &[]).ok()?);
    let mut exported = Zeroizing::new([0; 32]);
    context.export(EXPORT, exported.as_mut_slice()).ok()?;
    Some(Unwrapped { secret: Zeroizing::new(*opened.first_chunk()?), exported })
}

/// The public half of an X25519 key.
pub(crate) fn x25519_public(identity: &[u8; 32]) -> Option<[u8; 32]> {
    let identity = <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(identity).ok()?;
    X25519HkdfSha256::sk_to_pk(&identity).to_bytes().first_chunk().copied()
}

/// The X25519 key of the same point as an Ed25519 key (RFC 7748 §4.1); `None` when that is none, or
/// one of the few whose multiples are known to all.
pub(crate) fn x25519_of_ed25519(public: &[u8; 32]) -> Option<[u8; 32]> {
    let point = CompressedEdwardsY(*public).decompress().filter(|point| !point.is_small_order())?;
    Some(point.to_montgomery().to_bytes())
}

/// The private half of [`x25519_of_ed25519`], from the seed (RFC 8032 §5.1.5).
pub(crate) fn x25519_of_seed(seed: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    let mut scalar = Zeroizing::new([0; 32]);
    scalar.copy_from_slice(&Sha512::digest(seed)[..32]);
    scalar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signature::Signer;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
    }

    /// RFC 9180 §A.2.1: what is encrypted there is longer than a secret, so only keys and contexts
    /// can be compared through [`hpke`] itself.
    #[test]
    fn hpke_gives_what_rfc_9180_says() {
        let ikm = hex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
        let recipient: [u8; 32] =
            hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a");
        let identity: [u8; 32] =
            hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb");
        let enc: [u8; 32] = hex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a");
        let info: [u8; 20] = hex("4f6465206f6e2061204772656369616e2055726e");
        assert_eq!(x25519_public(&identity), Some(recipient));
        let Wrapped { enc: made, secret: wrapped, .. } =
            wrap(&recipient, &info, &[7; 32], &ikm).unwrap();
        assert_eq!(made, enc);
        assert_eq!(*unwrap(&identity, &info, &enc, &wrapped).unwrap().secret, [7; 32]);
        let text: [u8; 29] = hex("4265617574792069732074727574682c20747275746820626561757479");
        let aad: [u8; 7] = hex("436f756e742d30");
        let expected: [u8; 45] =
            hex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60\
            b4db21993c62ce81883d2dd1b51a28");
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&recipient).unwrap();
        let (_, mut context) = hpke::setup_sender_with_rng::<
            ChaCha20Poly1305,
            HkdfSha256,
            X25519HkdfSha256,
        >(&OpModeS::Base, &public, &info, &mut Given(&ikm, 0))
        .unwrap();
        assert_eq!(context.seal(&text, &aad).unwrap(), expected);
    }

    #[test]
    fn wrapped_secret_opens_for_its_recipient_and_info_only() {
        let (one, other) = ([1; 32], [2; 32]);
        let public = x25519_public(&one).unwrap();
        let Wrapped { enc, secret: wrapped, exported } =
            wrap(&public, b"info", &[9; 32], &[3; 32]).unwrap();
        let secret = Zeroizing::new([9; 32]);
        assert_eq!(unwrap(&one, b"info", &enc, &wrapped), Some(Unwrapped { secret, exported }));
        assert!(unwrap(&one, b"inf0", &enc, &wrapped).is_none());
        assert!(unwrap(&other, b"info", &enc, &wrapped).is_none());
        for bit in 0..WRAPPED_LEN * 8 {
            let mut flipped = wrapped;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(unwrap(&one, b"info", &enc, &flipped).is_none(), "bit {bit}");
        }
        assert!(wrap(&[0; 32], b"info", &[9; 32], &[3; 32]).is_none(), "a point of small order");
    }

    #[test]
    fn both_halves_of_an_ed25519_key_give_the_same_x25519_key() {
        for seed in [[1; 32], [0xa5; 32]] {
            let public = Signer::from_seed(seed).verifier().0;
            assert_eq!(x25519_of_ed25519(&public), x25519_public(&x25519_of_seed(&seed)));
        }
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(x25519_of_ed25519(&identity), None, "the neutral point");
    }
}
