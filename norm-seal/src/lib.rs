//! Sealed datagrams: a machine without the group's key can neither read what is sent nor have
//! anything taken for it.
//!
//! Sans-IO: no clock, socket, thread, file or random numbers of its own; time and random bytes are
//! arguments. `docs/wire.md` has every byte of a sealed datagram.
//!
//! - [`GroupSecret`], [`Keyring`], [`Signer`], [`Verifier`]: what a member holds.
//! - [`KeyFile`], [`Phrase`]: what people hand to each other for that.
//! - [`Identity`], [`PublicKeys`], [`Book`]: keys that people have already, and what a sender makes
//!   for them.
//! - [`Guard`]: seals what leaves, opens what arrives, drops and counts all else.
//! - [`Gate`], [`Guarded`]: the gate of a session, and an engine with a gate before it.

#![forbid(unsafe_code)]

mod address;
mod attestation;
mod backend;
mod book;
mod budget;
mod counters;
mod draw;
mod epoch;
#[doc(hidden)]
pub mod exercise;
mod feedback;
mod forward;
mod gate;
mod guard;
mod header;
mod hello;
mod identity;
mod introducer;
mod introductions;
mod issuer;
mod key_file;
mod keyring;
mod keys;
mod layer;
mod pages;
mod phrase;
mod proof;
mod recipient;
mod redraw;
mod renewal;
mod schedule;
mod sealer;
mod secret;
mod senders;
mod signature;
mod ssh_key;
mod stated;
mod statement;
mod stating;
mod wall_clock;
mod window;

#[cfg(test)]
mod tests;

pub use address::SessionAddress;
pub use book::{Book, SameTags};
pub use counters::{DropReason, Heard, OtherSigner, SealCounters};
pub use gate::{Gate, GateFailure, NoEpochLeft, NoRandomness, RunSource, Unopened};
pub use guard::{Guard, Opened, Own, Role};
pub use header::{Epoch, HEADER_LEN, Kind, RunId, SEAL, Suite, TAG_LEN, sealed_key_id};
pub use hello::SIGNATURE_LEN;
pub use identity::{Identity, IdentityError, PublicKeys, PublicKeysError, RecipientKey};
pub use key_file::{KeyFile, KeyFileError};
pub use keyring::Keyring;
pub use layer::Guarded;
pub use phrase::{MIN_PHRASE, NoMemory, Phrase, ShortPhrase};
pub use secret::{GroupSecret, KeyId};
pub use signature::{BadSignature, Signer, Verifier};
pub use stated::HeardStatement;
pub use statement::{MAX_SET_NAME, Statement};
pub use stating::StatedSet;
pub use wall_clock::known_time;
