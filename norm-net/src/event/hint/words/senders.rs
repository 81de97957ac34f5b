//! About senders, to those that receive.

use std::fmt;

use super::{Hint, group_traffic, interfaces};
use crate::io::interface::Zoned;

pub(super) fn write(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::NoSender { .. } => missing_sender(hint, f),
        Hint::Unseen { address, group, after, .. } => write!(
            f,
            "the sender {} does not see this receiver: for {} s it has asked, and no answer \
             has arrived. A firewall there must let in {} and UDP port {}; \
             with a router between, the TTL here must be above 1",
            Zoned(*address),
            after.as_secs(),
            group_traffic(*group),
            address.port()
        ),
        Hint::SenderSilent { after, timeout, source } => {
            write!(f, "the sender has been silent for {} s; ", after.as_secs())?;
            if let Some(source) = source {
                write!(
                    f,
                    "only {source} is listened to: if the sender has another address now, \
                     listen to that; "
                )?;
            }
            f.write_str("waiting for it")?;
            match timeout {
                Some(limit) => write!(f, ": giving up after {} s", limit.as_secs_f64()),
                None => Ok(()),
            }
        }
        Hint::SenderIgnored { address, name } if name.is_empty() => {
            write!(f, "the sender at {address} is ignored: another one is wanted")
        }
        Hint::SenderIgnored { address, name } => {
            write!(f, "the sender {name} at {address} is ignored: another one is wanted")
        }
        Hint::OtherProtocol { .. } | Hint::OtherSession { .. } => other_session(hint, f),
        Hint::TooManySenders { limit } => {
            write!(f, "{limit} senders were heard, which is odd; further ones are not shown")
        }
        Hint::NotAFileSet { address, .. } => write!(
            f,
            "{} sends something that is not a file set of this version; it is ignored",
            Zoned(*address)
        ),
        Hint::StreamIgnored { address, .. } => {
            write!(f, "{} sends a stream, not files; it is ignored", Zoned(*address))
        }
        Hint::NotVerified { address, .. } => write!(
            f,
            "{}: this sender's protocol has no checksums; files are complete but not verified",
            Zoned(*address)
        ),
        _ => Ok(()),
    }
}

/// What is not the session that is received.
fn other_session(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::OtherProtocol { address, is_flute: true } => write!(
            f,
            "{address} sends by FLUTE in this group, one way, and this receiver expects NORM"
        ),
        Hint::OtherProtocol { address, .. } => {
            write!(f, "{address} sends by NORM in this group, and this receiver expects FLUTE")
        }
        Hint::OtherSession { address, tsi, wanted } => {
            write!(f, "heard FLUTE packets with TSI {tsi} from {address}, waiting for TSI {wanted}")
        }
        _ => Ok(()),
    }
}

fn missing_sender(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Hint::NoSender { group, interface, after, .. } = hint else { return Ok(()) };
    write!(
        f,
        "no sender heard on {} via {interface} for {} s: is the sender running, on \
         this group and port, through the right interface",
        Zoned(*group),
        after.as_secs()
    )?;
    if group.ip().is_multicast() {
        write!(
            f,
            ", with a TTL above 1 if a router is between? A firewall here must let in \
             {}. A switch with IGMP or MLD snooping but no querier may also be in the \
             way",
            group_traffic(*group)
        )?;
    } else {
        write!(f, "? A firewall here must let in UDP port {}", group.port())?;
    }
    interfaces(hint, f)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::{OtherInterface, SenderId};

    #[test]
    fn missing_sender_is_told_with_ports_and_other_interfaces() {
        let eth1 = OtherInterface::new("eth1".to_owned(), vec!["10.1.0.5".parse().unwrap()]);
        let hint = |group: &str, has_carrier, others| {
            let (group, interface) = (group.parse().unwrap(), "eth0".to_owned());
            let after = Duration::from_secs(5);
            Hint::NoSender { group, interface, has_carrier, others, after }.to_string()
        };
        let words = hint("239.1.2.3:7", false, vec![eth1]);
        assert!(words.contains("must let in UDP port 7 and IGMP."), "{words}");
        assert!(words.contains(". eth0 has no carrier. Other interfaces here: eth1 (10.1.0.5)"));
        let words = hint("[ff15::1]:7", true, Vec::new());
        assert!(words.contains("UDP port 7 and MLD (ICMPv6).") && !words.contains("carrier"));
        let words = hint("10.1.2.3:7", true, Vec::new());
        assert!(words.ends_with("interface? A firewall here must let in UDP port 7"), "{words}");
    }

    #[test]
    fn unseen_receiver_names_the_ports_at_the_sender() {
        let (address, group) = (([10, 1, 2, 3], 4567).into(), ([239, 1, 2, 3], 7).into());
        let (sender, after) = (SenderId(0), Duration::from_secs(5));
        let words = Hint::Unseen { sender, address, group, after }.to_string();
        assert!(words.contains("10.1.2.3:4567 does not see this receiver"), "{words}");
        assert!(words.contains("UDP port 7 and IGMP and UDP port 4567"), "{words}");
    }
}
