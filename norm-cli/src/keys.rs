//! What seals a session: a key file, a phrase, or nothing.
//!
//! Secrets are never in the command line, messages, events or reports. What names a key is its key
//! id, and the public key of the sender.

mod environment;
mod file;
mod generate;
mod known;
mod phrase;

use std::net::SocketAddr;
use std::path::Path;

use norm_net::SealConfig;
use norm_net::seal::{KeyFile, Keyring, Phrase, SessionAddress};

use crate::args::KeyArgs;
use crate::exit::{Code, Failure};
use crate::{limits, text};

use environment::{Environment, Source};
pub use generate::{Files, generate};
pub use known::{KeyOrigin, KnownKey};

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
        let line = format!("sealed with key {}{by_phrase}", keys.key_id());
        let known = Some(KnownKey::new(from, &keys));
        Ok(Protection { seal: Some(SealConfig::new(keys)), known, line: Some(line) })
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
}

/// What people are told of a session without keys.
const WARNING: &str = "warning: no key: any machine in this network can read and forge what is \
    sent; make keys with normctl keygen, or accept it with --insecure";

/// Reads a key file for one end of a session.
fn key_file(named_by: &str, path: &Path, side: Side) -> Result<KeyFile, Failure> {
    let shown = text::path(path);
    let key = KeyFile::parse(&file::read(named_by, path)?).map_err(|error| {
        Failure::usage(format!(
            "{named_by} {shown} is no key file: {error}; copy it again from where it was made, or \
             make a new pair for all with normctl keygen"
        ))
    })?;
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
