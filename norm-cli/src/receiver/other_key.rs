//! What is said when all that was heard is sealed with another key.

use norm_net::Security;
use norm_net::io::interface::Zoned;

/// Why nothing was taken, if that is the reason.
pub(super) fn message(security: &Security) -> Option<String> {
    let key_id = security.other_key_id.as_ref().filter(|_| security.opened == 0)?;
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
