//! What seals a session, for all programs.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::shared::SECURITY;
use crate::units;

/// What seals a session, or that nothing does.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SECURITY)]
pub struct KeyArgs {
    /// Key file of normctl keygen: NAME.key to send, NAME.join to receive
    ///
    /// Packets are sealed: machines without the key can neither read what is sent nor send
    /// anything that is taken. Without --key, NORM_KEY_FILE may name the file. With
    /// NORM_REQUIRE_KEY=1 no session begins without a key or phrase.
    #[arg(long, verbatim_doc_comment, value_name = "FILE",
        conflicts_with_all = ["phrase", "phrase_file", "insecure"])]
    pub key: Option<PathBuf>,

    /// Ask for a phrase to use instead of a key file
    ///
    /// Who knows the phrase can send and receive: it does not prove who the sender is. An empty
    /// answer at norm-send makes a new one, of six words. Scripts use --phrase-file or
    /// NORM_PHRASE.
    #[arg(long, verbatim_doc_comment, conflicts_with_all = ["phrase_file", "insecure"])]
    pub phrase: bool,

    /// Read the phrase from FILE, which others must not be able to read
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub phrase_file: Option<PathBuf>,

    /// Do not warn that there is no key
    ///
    /// Any machine in the network can then read what is sent, and send files of its own.
    #[arg(long, verbatim_doc_comment)]
    pub insecure: bool,
}

/// Whom a sender seals for, if not for all that have a key file or phrase.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SECURITY)]
pub struct RecipientArgs {
    /// Seal for these receivers only: age1..., "ssh-ed25519 ...", or files
    ///
    /// May be repeated. Files are read as they are: lists of keys with comments,
    /// authorized_keys, known_hosts, .keys and .pub files. Keys of other types are skipped and
    /// counted. Receivers use --identity. Requires --sign. SIGHUP reads the files again;
    /// receivers that are no longer in them are left out from then on.
    #[arg(long, verbatim_doc_comment, value_name = "FILE|KEY", requires = "sign",
        conflicts_with_all = ["key", "phrase", "phrase_file", "insecure"])]
    pub to: Vec<String>,

    /// Sign with this key: OpenSSH ssh-ed25519 private key, or NAME.key
    #[arg(long, value_name = "FILE", requires = "to")]
    pub sign: Option<PathBuf>,

    /// Use another key after this time, at least 10
    #[arg(long, value_name = "SECS", requires = "to", value_parser = units::seconds)]
    pub rekey_every: Option<Duration>,
}

/// How a receiver opens what is sealed for it, and whom it believes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = SECURITY)]
pub struct IdentityArgs {
    /// Open what is sealed for this key: of age, or OpenSSH private key
    ///
    /// May be repeated. The ssh key is of the type ssh-ed25519 and has no passphrase; the host
    /// key /etc/ssh/ssh_host_ed25519_key is one. Others must not be able to read the file.
    /// Requires --trust.
    #[arg(long, verbatim_doc_comment, value_name = "FILE", requires = "trust",
        conflicts_with_all = ["key", "phrase", "phrase_file", "insecure"])]
    pub identity: Vec<PathBuf>,

    /// Believe senders that sign with this "ssh-ed25519 ..." key, or file
    ///
    /// May be repeated. Files are .pub files, allowed_signers, or NAME.join of the sender.
    #[arg(long, verbatim_doc_comment, value_name = "FILE|KEY", requires = "identity")]
    pub trust: Vec<String>,
}
