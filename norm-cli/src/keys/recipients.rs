//! Receivers that a sender seals for, and what it signs with.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use norm_net::seal::{KeyFile, Keyring, PublicKeys, RecipientKey, Signer};
use norm_net::{RecipientList, SealConfig};

use super::{KeyOrigin, KnownKey, Protection, Side, file, key_file, public};
use crate::args::RecipientArgs;
use crate::exit::Failure;
use crate::{limits, text};

/// A key is used for this long at least.
const MIN_REKEY: Duration = Duration::from_secs(10);

/// Whom a sender seals for, and what it signs with.
#[derive(Clone, Debug)]
pub struct Recipients {
    /// What the list was read from.
    sources: Vec<String>,
    list: RecipientList,
    count: usize,
    skipped: Option<String>,
    signer: Signer,
    every: Option<Duration>,
}

impl Recipients {
    /// Reads them; `None` when there are to be none. From then on the process leaves no core dumps.
    ///
    /// # Errors
    ///
    /// One line that names the option and the cure.
    pub fn read(args: &RecipientArgs) -> Result<Option<Self>, Failure> {
        let Some(sign) = args.sign.as_ref().filter(|_| !args.to.is_empty()) else {
            return Ok(None);
        };
        if args.rekey_every.is_some_and(|every| every < MIN_REKEY) {
            let least = MIN_REKEY.as_secs();
            let message = format!("--rekey-every is too short: use at least {least} seconds");
            return Err(Failure::usage(message));
        }
        limits::no_core_dumps();
        let signer = signer(sign)?;
        let keys = keys(&args.to, &signer)?;
        Ok(Some(Self {
            sources: args.to.clone(),
            list: RecipientList::new(&keys.recipients),
            count: keys.recipients.len(),
            skipped: public::skipped(&keys),
            signer,
            every: args.rekey_every,
        }))
    }

    /// How a session is protected.
    pub(super) fn protect(&self) -> Protection {
        let keys = Keyring::without_group().with_signer(self.signer.clone());
        let known = Some(KnownKey::new(KeyOrigin::Recipients, &keys));
        let mut seal = SealConfig::new(keys);
        seal.recipients = Some(self.list.clone());
        seal.rekey_every = self.every;
        let count = text::count(self.count as u64, "recipient");
        let skipped = self.skipped.clone().unwrap_or_default();
        let line = Some(format!("sealed for {count}{skipped}"));
        Protection { seal: Some(seal), known, line, own: Vec::new() }
    }

    /// Reads the list again, for running sessions. When that fails it stays as it is, and people
    /// are told.
    pub fn read_again(&self) {
        let said = match keys(&self.sources, &self.signer) {
            Ok(keys) => {
                self.list.set(&keys.recipients);
                let count = text::count(keys.recipients.len() as u64, "recipient");
                let skipped = public::skipped(&keys).unwrap_or_default();
                format!("--to was read again: {count}{skipped}")
            }
            Err(error) => format!("error: {error}; the list stays as it was"),
        };
        // The reader may be gone.
        let _ = writeln!(std::io::stderr(), "{}", text::plain(&said));
    }
}

/// The keys of all sources.
fn keys(sources: &[String], signer: &Signer) -> Result<PublicKeys, Failure> {
    let mut all = PublicKeys::default();
    for source in sources {
        all.extend(public::read("--to", source)?);
    }
    let all = all.sorted();
    if all.recipients.is_empty() {
        let skipped = public::skipped(&all).unwrap_or_default();
        return Err(Failure::usage(format!(
            "--to has no key that can be used{skipped}: give one age1… or ssh-ed25519 …"
        )));
    }
    let own = RecipientKey::of_signer(signer.verifier());
    if own.is_some_and(|own| all.recipients.binary_search(&own).is_ok()) {
        return Err(Failure::usage(
            "the key of --sign is among those of --to, and one key must not do both: sign with \
             another one (ssh-keygen -t ed25519), or remove it from --to",
        ));
    }
    Ok(all)
}

/// What a sender signs with: an OpenSSH key, or that of a key file.
fn signer(path: &Path) -> Result<Signer, Failure> {
    let content = file::read("--sign", path)?;
    if public::is_key_file(&content) {
        let key = key_file("--sign", path, Side::Sender)?;
        if let KeyFile::Key(signer, _) = key {
            return Ok(signer);
        }
    }
    Signer::parse_ssh(&content).map_err(|error| {
        Failure::usage(format!("--sign {} cannot be used: {error}", text::path(path)))
    })
}
