//! What may be known of a session's keys.

use norm_net::seal::{KeyId, Keyring, Verifier};
use serde::{Serialize, Serializer};

/// What names the keys of a session.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct KnownKey {
    /// What they are from.
    from: KeyOrigin,
    /// Names the secret of the group, in eight hex digits; null where the sender makes it.
    #[serde(serialize_with = "maybe_shown")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    key_id: Option<KeyId>,
    /// Public key of the sender that is believed, or that signs, in 64 hex digits; null with a
    /// phrase, and where several are believed.
    #[serde(serialize_with = "maybe_shown")]
    #[cfg_attr(test, schemars(with = "Option<String>"))]
    signer: Option<Verifier>,
}

/// What keys are from.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum KeyOrigin {
    /// A key file.
    File,
    /// A phrase.
    Phrase,
    /// Keys of the receivers that it is sealed for.
    Recipients,
    /// Keys of this receiver.
    Identity,
}

impl KnownKey {
    /// Of these keys.
    pub(crate) fn new(from: KeyOrigin, keys: &Keyring) -> Self {
        let signer = match keys.trusted() {
            [signer] => Some(*signer),
            _ => None,
        };
        Self { from, key_id: keys.key_id(), signer }
    }
}

fn maybe_shown<T: ToString, S: Serializer>(
    id: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    id.as_ref().map(ToString::to_string).serialize(serializer)
}
