//! What is said when all that was heard has no seal of this session: another key, none, or another
//! group.

use norm_net::Security;
use norm_net::io::interface::Zoned;

/// Why nothing was taken, if that is the reason.
pub(super) fn message(security: &Security) -> Option<String> {
    if security.opened > 0 {
        return None;
    }
    other_key(security).or_else(|| no_seal(security)).or_else(|| other_group(security))
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
