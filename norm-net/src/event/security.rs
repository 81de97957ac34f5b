//! How a session was protected.

use std::net::SocketAddr;

#[cfg(feature = "serde")]
use super::serial;
use crate::io::keys_not_made::KeysNotMade;
use crate::io::seal::SealState;

/// How a session was protected, and what did not pass its gate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Security {
    /// How.
    pub mode: SecurityMode,
    /// Names the session's key, in eight hex digits; null without one.
    pub key_id: Option<String>,
    /// Which key of the session that is, counted from 0; null where there is only one.
    pub epoch: Option<u16>,
    /// What is proved of the packets that were taken; nothing when there were none.
    pub proved: Proved,
    /// Packets that were sealed with this key, for this session, and not heard before.
    pub opened: u64,
    /// Packets that were dropped unseen: without the key, damaged, or heard before.
    pub dropped: u64,
    /// Packets that were sealed with another key, for which this session has none.
    pub other_key_packets: u64,
    /// Names the key of the first of these; null when there were none.
    pub other_key_id: Option<String>,
    /// Where that one came from; null when there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub other_key_address: Option<SocketAddr>,
    /// Packets without a seal, as of a session without a key, at a session with one.
    pub unsealed_packets: u64,
    /// Where the first of these came from; null when there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub unsealed_address: Option<SocketAddr>,
    /// Packets of senders that were sealed with this key, but not for this session, or damaged.
    pub not_authentic_packets: u64,
    /// Where the first of these came from; null when there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub not_authentic_address: Option<SocketAddr>,
    /// Public key that has signed the session that was heard, in 64 hex digits; null when none was,
    /// and with a phrase.
    pub signer: Option<String>,
    /// Sessions that were refused because another key than the one of the key file has signed
    /// them, or none: how often that was heard.
    pub other_signer_hellos: u64,
    /// Where the first of these came from; null when there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub other_signer_address: Option<SocketAddr>,
    /// The key that had signed it, in 64 hex digits; null when there was none.
    pub other_signer: Option<String>,
    /// Sessions that were refused because their time is over: how often that was heard.
    pub expired_hellos: u64,
    /// Where the first of these came from; null when there were none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub expired_address: Option<SocketAddr>,
    /// Where a session was heard from that has no key for this machine; null when there was none.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub not_listed_address: Option<SocketAddr>,
    /// The sender that has gone on to a key that this machine did not get; null when none has.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::maybe_address"))]
    pub left_out_address: Option<SocketAddr>,
    /// Why other keys, which were due, could not be made for the recipients: those before are in
    /// use; null when nothing is wrong.
    pub keys_not_made: Option<KeysNotMade>,
    /// The first of the recipients' keys that cannot be used; null when all can.
    pub unusable_recipient: Option<String>,
}

/// How a session was protected.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum SecurityMode {
    /// Not at all: any machine on the network can read it, and send in any name.
    #[default]
    None,
    /// Everything is sealed with a key that all members of the group share.
    Group,
    /// Everything is sealed with a key that the sender has made, and hands to each recipient.
    Recipients,
}

/// What is proved of packets that were taken.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum Proved {
    /// Nothing.
    #[default]
    Nothing,
    /// They are of the group: of any member, which need not be the sender.
    Member,
    /// What the sender says is signed with its own key; content is of the group.
    Sender,
}

impl Security {
    pub(crate) fn of(state: &SealState) -> Self {
        let unopened = state.unopened;
        let other_signer = state.other_signer.first.and_then(|(key, _)| key);
        Self {
            mode: match state.key_id {
                _ if state.has_recipients => SecurityMode::Recipients,
                Some(_) => SecurityMode::Group,
                None => SecurityMode::None,
            },
            key_id: state.key_id.map(|id| id.to_string()),
            epoch: state.epoch.map(|epoch| epoch.0),
            proved: match state.opened {
                0 => Proved::Nothing,
                _ if state.is_trusted => Proved::Sender,
                _ => Proved::Member,
            },
            opened: state.opened,
            dropped: state.dropped,
            other_key_packets: unopened.packets,
            other_key_id: unopened.first.map(|(id, _)| id.to_string()),
            other_key_address: unopened.first.map(|(_, address)| address),
            unsealed_packets: state.unsealed.packets,
            unsealed_address: state.unsealed.first,
            not_authentic_packets: state.not_authentic.packets,
            not_authentic_address: state.not_authentic.first,
            signer: state.signer.map(|key| key.to_string()),
            other_signer_hellos: state.other_signer.hellos,
            other_signer_address: state.other_signer.first.map(|(_, address)| address),
            other_signer: other_signer.map(|key| key.to_string()),
            expired_hellos: state.expired.packets,
            expired_address: state.expired.first,
            not_listed_address: state.not_listed.first,
            left_out_address: state.left_out.first,
            keys_not_made: state.keys_not_made,
            unusable_recipient: state.unusable.1.map(|key| key.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use norm_seal::{KeyId, Verifier};

    use super::*;

    #[test]
    fn nothing_is_proved_when_nothing_opened() {
        let state = SealState { key_id: Some(KeyId([1; 4])), dropped: 3, ..SealState::default() };
        let security = Security::of(&state);
        assert_eq!((security.mode, security.proved), (SecurityMode::Group, Proved::Nothing));
        let security = Security::of(&SealState { opened: 1, ..state });
        assert_eq!((security.proved, security.signer), (Proved::Member, None));
        let signer = Some(Verifier([0xab; 32]));
        let state = SealState { opened: 1, signer, is_trusted: true, ..state };
        let security = Security::of(&state);
        assert_eq!((security.proved, security.signer), (Proved::Sender, Some("ab".repeat(32))));
        assert_eq!(Security::of(&SealState::default()).proved, Proved::Nothing);
    }
}
