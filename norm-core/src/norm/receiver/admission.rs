//! Which senders are followed, where the user wants only some: by address, or by the name that a
//! sender's queries carry. Neither proves anything: both can be forged.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeSet;

use crate::norm::wire::{Cmd, Command, MembershipQuery, Message};

/// Senders that are told of as ignored.
const MAX_TOLD: usize = 16;

/// The senders that are followed; by default all are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SenderFilter {
    /// Only those at this address.
    pub address: Option<IpAddr>,
    /// Only those of this name. A sender counts as one from its first membership query on.
    pub name: Option<String>,
}

/// Applies a filter to senders that are not followed yet.
#[derive(Debug)]
pub(super) struct Admission {
    filter: SenderFilter,
    told: BTreeSet<SocketAddr>,
}

/// What becomes of a sender that is heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Admitted {
    /// It is followed.
    Yes,
    /// It is not, at least for now.
    No,
    /// It is not, which the user does not know yet: it has this name, if it has said one.
    Ignored(String),
}

impl Admission {
    pub(super) fn new(filter: SenderFilter) -> Self {
        Self { filter, told: BTreeSet::new() }
    }

    /// A message of a sender at this address that is not followed.
    pub(super) fn decide(&mut self, address: SocketAddr, message: &Message<'_>) -> Admitted {
        let SenderFilter { address: wanted, name: wanted_name } = &self.filter;
        let name = announced_name(message);
        let is_other = wanted.is_some_and(|wanted| wanted != address.ip());
        let is_named = wanted_name.as_deref().is_none_or(|wanted| name == Some(wanted));
        if !is_other && is_named {
            return Admitted::Yes;
        }
        // A name that was not heard yet may be the right one.
        if (!is_other && name.is_none())
            || self.told.len() >= MAX_TOLD
            || !self.told.insert(address)
        {
            return Admitted::No;
        }
        Admitted::Ignored(name.unwrap_or_default().to_owned())
    }
}

/// The name that a sender says of itself in this message.
fn announced_name<'a>(message: &Message<'a>) -> Option<&'a str> {
    match message {
        Message::Cmd(Cmd { command: Command::Application(application), .. }) => {
            MembershipQuery::sender_name(application.content)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::wire::{
        Application, Extensions, InstanceId, QuantizedGroupSize, QuantizedRtt, SenderFields,
        WireTime,
    };

    /// What becomes of a sender at 192.0.2.`host` whose query has this name, if it has sent one.
    fn decide(admission: &mut Admission, host: u8, name: Option<&str>) -> Admitted {
        let mut content = Vec::new();
        let send_time = WireTime::ZERO;
        let query =
            MembershipQuery::Query { round: 1, window_ms: 0, send_time, confirmed: 0, listed: 0 };
        match name {
            Some(name) => query.emit_named(name, 1000, &mut content),
            None => content.extend_from_slice(b"something else"),
        }
        let application = Application { reserved: [0; 3], content: &content };
        let message = Message::Cmd(Cmd {
            sender: SenderFields {
                instance: InstanceId(1),
                grtt: QuantizedRtt(0),
                backoff: 0,
                group_size: QuantizedGroupSize(0),
            },
            extensions: Extensions::EMPTY,
            command: Command::Application(application),
        });
        admission.decide(SocketAddr::from(([192, 0, 2, host], 5740)), &message)
    }

    #[test]
    fn sender_of_the_wanted_name_is_followed_and_others_are_told_of_once() {
        let name = Some("teacher".to_owned());
        let mut admission = Admission::new(SenderFilter { name, ..SenderFilter::default() });
        assert_eq!(decide(&mut admission, 1, None), Admitted::No, "it may be called so");
        assert_eq!(decide(&mut admission, 1, Some("teacher")), Admitted::Yes);
        assert_eq!(decide(&mut admission, 2, Some("pupil")), Admitted::Ignored("pupil".into()));
        assert_eq!(decide(&mut admission, 2, Some("pupil")), Admitted::No);
    }

    #[test]
    fn sender_at_the_wanted_address_is_followed() {
        let address = Some(IpAddr::from([192, 0, 2, 1]));
        let mut admission = Admission::new(SenderFilter { address, ..SenderFilter::default() });
        assert_eq!(decide(&mut admission, 1, None), Admitted::Yes);
        assert_eq!(decide(&mut admission, 2, None), Admitted::Ignored(String::new()));
        let mut all = Admission::new(SenderFilter::default());
        assert_eq!(decide(&mut all, 2, None), Admitted::Yes);
    }
}
