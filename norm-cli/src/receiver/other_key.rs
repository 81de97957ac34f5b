//! What is said when all that was heard is refused: another key or none, another group or sender,
//! or a session that has expired.

use norm_net::Security;
use norm_net::io::interface::Zoned;

use crate::exit::Code;

/// Why nothing was taken, if that is the reason.
pub(super) fn message(security: &Security) -> Option<String> {
    why(security).map(|(_, words)| words)
}

/// Why nothing was taken, if that is the reason, and how the program ends then. Senders that have
/// the key come before those that do not.
pub(super) fn why(security: &Security) -> Option<(Code, String)> {
    if security.opened > 0 {
        return None;
    }
    let of = |code| move |words| (code, words);
    let signer = other_signer(security).map(of(Code::Signer));
    let expired = || expired(security).map(of(Code::Expired));
    let list = || not_listed(security).map(of(Code::Key));
    let key = || other_key(security).or_else(|| no_seal(security));
    let key = || key().or_else(|| other_group(security)).map(of(Code::Key));
    signer.or_else(expired).or_else(list).or_else(key)
}

/// The sender that was heard has no key for this machine.
fn not_listed(security: &Security) -> Option<String> {
    let from = Zoned(security.not_listed_address?);
    Some(format!(
        "what is sent by {from} is sealed for its recipients, and none of the keys of --identity \
         is among them: have one added to norm-send --to there"
    ))
}

/// Another sender of the group was heard.
fn other_signer(security: &Security) -> Option<String> {
    let from = Zoned(security.other_signer_address?);
    let signs = security.other_signer.as_ref().map_or_else(
        || "does not sign".to_owned(),
        |key| format!("signs with the key {}…", &key[..key.len().min(16)]),
    );
    Some(format!(
        "{from} sends in this group, but {signs}, and another sender is believed here: give the \
         .join file that was made with its key, or its key with --trust, or find out who sends \
         there"
    ))
}

/// The session that was heard has expired.
fn expired(security: &Security) -> Option<String> {
    let from = Zoned(security.expired_address?);
    Some(format!(
        "what is sent by {from} has expired: it is a recording, or a clock is wrong; set the \
         clocks of both machines, or start the sender again"
    ))
}

/// What was heard has no seal, and a key is given here.
fn no_seal(security: &Security) -> Option<String> {
    let from = Zoned(security.unsealed_address?);
    Some(format!(
        "packets without a seal heard from {from}, and a key is given here: start its norm-send \
         with --key, or leave --key out here"
    ))
}

/// What was heard is sealed with the key that is given here, and does not open.
fn other_group(security: &Security) -> Option<String> {
    let from = Zoned(security.not_authentic_address?);
    Some(format!(
        "what is sent by {from} is sealed with the key given here, but for another group, or it is \
         damaged: give the same --group here as there"
    ))
}

fn other_key(security: &Security) -> Option<String> {
    let key_id = security.other_key_id.as_ref()?;
    let from = security.other_key_address.map(Zoned);
    let from = from.map(|from| format!(" by {from}")).unwrap_or_default();
    Some(match &security.key_id {
        Some(own) => format!(
            "what is sent{from} is sealed with key {key_id}, and the key given here is {own}: give \
             the key file of that group with --key, or the phrase for this --group"
        ),
        None => format!(
            "what is sent{from} is sealed with key {key_id}, and no key is given here: give the \
             key file of that group with --key"
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_seals_and_other_groups_are_the_reason_only_when_nothing_opened() {
        let mut security = Security::default();
        security.not_authentic_address = "192.0.2.1:5740".parse().ok();
        let group = message(&security).unwrap();
        assert!(group.contains("by 192.0.2.1:5740") && group.contains("--group"), "{group}");
        security.unsealed_address = "192.0.2.2:5740".parse().ok();
        let unsealed = message(&security).unwrap();
        assert!(unsealed.contains("without a seal heard from 192.0.2.2:5740"), "{unsealed}");
        assert!(unsealed.contains("norm-send with --key, or leave --key out"), "{unsealed}");
        security.opened = 1;
        assert_eq!(message(&security), None);
    }

    #[test]
    fn other_signers_and_expired_sessions_have_codes_of_their_own() {
        let mut security = Security::default();
        security.other_key_id = Some("01020304".to_owned());
        assert_eq!(why(&security).unwrap().0, Code::Key);
        security.expired_address = "192.0.2.1:5740".parse().ok();
        let (code, words) = why(&security).unwrap();
        assert!(code == Code::Expired && words.contains("192.0.2.1:5740"), "{words}");
        security.other_signer_address = "192.0.2.2:5740".parse().ok();
        let (code, words) = why(&security).unwrap();
        assert!(code == Code::Signer && words.contains("does not sign"), "{words}");
        security.other_signer = Some("ab".repeat(32));
        let (_, words) = why(&security).unwrap();
        assert!(words.contains("abababababababab…"), "{words}");
        security.opened = 1;
        assert_eq!(why(&security), None);
    }

    #[test]
    fn other_key_is_the_reason_only_when_nothing_else_opened() {
        let mut security = Security::default();
        assert_eq!(message(&security), None);
        security.other_key_id = Some("01020304".to_owned());
        security.other_key_address = "192.0.2.1:5740".parse().ok();
        let without = message(&security).unwrap();
        assert!(without.contains("by 192.0.2.1:5740") && without.contains("no key"), "{without}");
        security.key_id = Some("0a0b0c0d".to_owned());
        let other = message(&security).unwrap();
        assert!(other.contains("01020304") && other.contains("0a0b0c0d"), "{other}");
        security.opened = 1;
        assert_eq!(message(&security), None);
    }
}
