//! A receiver's own keys, and whom it believes.

use norm_net::SealConfig;
use norm_net::seal::{Identity, Keyring, Verifier};

use super::{KeyOrigin, KnownKey, Protection, file, public};
use crate::args::IdentityArgs;
use crate::exit::Failure;
use crate::text;

/// Keys of one receiver at most.
const MAX_IDENTITIES: usize = 8;

/// A receiver's own keys, and whom it believes.
#[derive(Clone, Debug)]
pub struct Own {
    identities: Vec<Identity>,
    trusted: Vec<Verifier>,
}

impl Own {
    /// Reads them.
    pub(super) fn read(args: &IdentityArgs) -> Result<Self, Failure> {
        let mut identities = Vec::new();
        for path in &args.identity {
            let content = file::read("--identity", path)?;
            let found = Identity::parse(&content).map_err(|error| {
                let path = text::path(path);
                Failure::usage(format!("--identity {path} cannot be used: {error}"))
            })?;
            identities.extend(found);
        }
        if identities.len() > MAX_IDENTITIES {
            return Err(Failure::usage(format!(
                "--identity has more than {MAX_IDENTITIES} keys: leave out those that no sender \
                 seals for"
            )));
        }
        let mut trusted = Vec::new();
        for value in &args.trust {
            trusted.extend(public::trusted("--trust", value)?);
        }
        let own = |key: &Verifier| {
            identities.iter().any(|identity: &Identity| identity.ed25519() == Some(key.0))
        };
        if trusted.iter().any(own) {
            return Err(Failure::usage(
                "a key of --identity is among those of --trust, and one key must not do both: \
                 sign with another one at the sender",
            ));
        }
        Ok(Self { identities, trusted })
    }

    /// How a session is protected.
    pub(super) fn protect(&self) -> Protection {
        let keys = Keyring::of_recipient(self.identities.clone());
        let keys = self.trusted.iter().fold(keys, |keys, sender| keys.with_trusted(*sender));
        let own = self.identities.iter().map(|own| own.public().to_string()).collect();
        let known = Some(KnownKey::new(KeyOrigin::Identity, &keys));
        let senders = text::count(self.trusted.len() as u64, "key");
        let line = Some(format!("takes what is sealed for this machine and signed by {senders}"));
        Protection { seal: Some(SealConfig::new(keys)), known, line, own }
    }
}
