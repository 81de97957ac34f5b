//! What seals a session: a key file, a phrase, keys of recipients, or nothing.
//!
//! Secrets are never in the command line, messages, events or reports. What names a key is its key
//! id, and the public key of the sender.

mod environment;
mod file;
mod generate;
mod identity;
mod known;
mod phrase;
mod public;
mod recipients;

use std::net::SocketAddr;
use std::path::Path;

use norm_net::seal::{KeyFile, Keyring, Phrase, SessionAddress};
use norm_net::{SealConfig, Security};

use crate::args::{IdentityArgs, KeyArgs};
use crate::exit::{Code, Failure};
use crate::{limits, text};

use environment::{Environment, Source};
pub use generate::{Files, generate};
pub use identity::Own;
pub use known::{KeyOrigin, KnownKey};
pub use recipients::Recipients;

/// Which end of a session a program is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// It sends, and signs.
    Sender,
    /// It receives.
    Receiver,
}

/// What was given to seal a session.
#[derive(Clone, Debug)]
pub enum Given {
    /// Nothing, which is to be warned of or not.
    Nothing {
        /// The user knows.
        insecure: bool,
    },
    /// A key file.
    File(KeyFile),
    /// A phrase; the keys follow from it and the address of the session.
    Phrase(Phrase),
    /// Keys of the receivers that a sender seals for.
    Recipients(Recipients),
    /// A receiver's own keys.
    Identity(Own),
}

impl Given {
    /// What the command line and the environment say: reads files, and asks on the terminal. From
    /// then on the process leaves no core dumps.
    ///
    /// # Errors
    ///
    /// With [`Code::Key`] when a key is required and none is given; else when it cannot be read, or
    /// is of no use at this side.
    pub fn read(args: &KeyArgs, side: Side) -> Result<Self, Failure> {
        let source = environment::choose(args, &Environment::of_process())?;
        if !matches!(source, Source::Nothing { .. }) {
            limits::no_core_dumps();
        }
        Ok(match source {
            Source::Nothing { insecure } => Self::Nothing { insecure },
            Source::KeyFile(named_by, path) => Self::File(key_file(named_by, &path, side)?),
            Source::PhraseFile(path) => Self::Phrase(phrase::of_file(&path)?),
            Source::Phrase(words) => Self::Phrase(phrase::checked("NORM_PHRASE", &words)?),
            Source::Ask => Self::Phrase(phrase::ask(side)?),
        })
    }

    /// The same for a receiver that may have keys of its own.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and when they cannot be used.
    pub fn read_own(keys: &KeyArgs, own: &IdentityArgs) -> Result<Self, Failure> {
        if own.identity.is_empty() {
            return Self::read(keys, Side::Receiver);
        }
        limits::no_core_dumps();
        Own::read(own).map(Self::Identity)
    }

    /// How a session at this address is protected.
    ///
    /// # Errors
    ///
    /// When there is no memory to derive keys from a phrase.
    pub fn protect(&self, group: SocketAddr) -> Result<Protection, Failure> {
        let (keys, from) = match self {
            Self::Nothing { insecure } => {
                let line = (!insecure).then(|| WARNING.to_owned());
                return Ok(Protection { line, ..Protection::default() });
            }
            Self::File(file) => (file.keyring(), KeyOrigin::File),
            Self::Recipients(recipients) => return Ok(recipients.protect()),
            Self::Identity(own) => return Ok(own.protect()),
            Self::Phrase(phrase) => {
                let secret = phrase.group_secret(SessionAddress::of(group)).map_err(|_| {
                    Failure::local(
                        "no memory to derive keys from the phrase: it takes 64 MiB for a moment",
                    )
                })?;
                (Keyring::new(secret), KeyOrigin::Phrase)
            }
        };
        let by_phrase = match from {
            KeyOrigin::Phrase => {
                " of a phrase, which proves that packets are of the group, not of which member"
            }
            _ => "",
        };
        let key_id = keys.key_id().map(|id| id.to_string()).unwrap_or_default();
        let line = format!("sealed with key {key_id}{by_phrase}");
        let known = Some(KnownKey::new(from, &keys));
        let seal = Some(SealConfig::new(keys));
        Ok(Protection { seal, known, line: Some(line), ..Protection::default() })
    }
}

/// How a session is protected; by default it is not.
#[derive(Clone, Debug, Default)]
pub struct Protection {
    /// What its packets are sealed with.
    pub seal: Option<SealConfig>,
    /// What scripts are told of its keys.
    pub known: Option<KnownKey>,
    /// What people are told once, when it begins.
    pub line: Option<String>,
    /// A receiver's own public keys.
    pub own: Vec<String>,
}

impl Protection {
    /// A failure, with the keys that were tried if it is that none of them is wanted.
    pub fn explain(&self, failure: Failure, security: &Security) -> Failure {
        let not_listed = failure.code == Code::Key && security.not_listed_address.is_some();
        if !not_listed || self.own.is_empty() {
            return failure;
        }
        let message = format!("{}; tried: {}", failure.message, self.own.join(", "));
        Failure { message, ..failure }
    }
}

/// What people are told of a session without keys.
const WARNING: &str = "warning: no key: any machine in this network can read and forge what is \
    sent; make keys with normctl keygen, or accept it with --insecure";

/// Reads a key file for one end of a session.
fn key_file(named_by: &str, path: &Path, side: Side) -> Result<KeyFile, Failure> {
    let shown = text::path(path);
    let key = key_file_text(named_by, path)?;
    match (&key, side) {
        (KeyFile::Key(..), Side::Receiver) => Err(Failure::usage(format!(
            "{named_by} {shown} is the sender's key, with which a receiver could sign as the \
             sender: use {}, and keep the other one at the sender",
            text::path(&path.with_extension("join"))
        ))),
        (KeyFile::Join(..), Side::Sender) => Err(Failure::usage(format!(
            "{named_by} {shown} is for receivers, and cannot sign: use {}",
            text::path(&path.with_extension("key"))
        ))),
        _ => Ok(key),
    }
}

/// Reads a key file for whatever it is wanted.
fn key_file_text(named_by: &str, path: &Path) -> Result<KeyFile, Failure> {
    KeyFile::parse(&file::read(named_by, path)?).map_err(|error| {
        let shown = text::path(path);
        Failure::usage(format!(
            "{named_by} {shown} is no key file: {error}; copy it again from where it was made, or \
             make a new pair for all with normctl keygen"
        ))
    })
}

/// No key is given where one is required.
fn missing(insecure: bool) -> Failure {
    let although = if insecure { ", and --insecure does not change that" } else { "" };
    Failure::new(
        Code::Key,
        format!(
            "NORM_REQUIRE_KEY requires a key{although}: use --key FILE, which normctl keygen makes"
        ),
    )
}
