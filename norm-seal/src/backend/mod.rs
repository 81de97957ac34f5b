//! What comes from libraries of cryptography: derive, seal, open, authenticate, sign, verify, wrap.

mod hpke;
#[cfg(feature = "pure")]
mod pure;
#[cfg(not(feature = "pure"))]
mod ring;

#[cfg(not(any(feature = "ring", feature = "aws-lc", feature = "pure")))]
compile_error!("norm-seal takes its cryptography from `ring`, `aws-lc` or `pure`: enable one");

pub(crate) use self::hpke::{
    ENC_LEN, Unwrapped, WRAPPED_LEN, Wrapped, unwrap, wrap, x25519_of_ed25519, x25519_of_seed,
    x25519_public,
};
#[cfg(feature = "pure")]
pub(crate) use self::pure::{PacketKey, Prk, SigningKey, mac, verify};
#[cfg(not(feature = "pure"))]
pub(crate) use self::ring::{PacketKey, Prk, SigningKey, mac, verify};

#[cfg(test)]
mod tests;
