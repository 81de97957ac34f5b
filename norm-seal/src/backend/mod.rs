//! What comes from libraries of cryptography: derive, seal, open, authenticate, sign, verify, wrap.

mod hpke;
mod ring;

pub(crate) use self::hpke::{
    ENC_LEN, WRAPPED_LEN, unwrap, wrap, x25519_of_ed25519, x25519_of_seed, x25519_public,
};
pub(crate) use self::ring::{PacketKey, Prk, SigningKey, mac, verify};
