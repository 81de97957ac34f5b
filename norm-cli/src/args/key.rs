//! What seals a session, for all programs.

use std::path::PathBuf;

use clap::Args;

use super::shared::SECURITY;

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
