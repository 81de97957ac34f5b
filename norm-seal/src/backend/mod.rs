//! What comes from a library of cryptography: derive, seal, open, authenticate, sign, verify.

mod ring;

pub(crate) use self::ring::{PacketKey, Prk, SigningKey, mac, verify};
