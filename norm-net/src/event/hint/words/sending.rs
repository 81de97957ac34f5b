//! About receivers, to those that send, and about what is sent.

use std::fmt;

use super::{Hint, group_traffic, interfaces};
use crate::event::path_text;
use crate::io::interface::Zoned;

pub(super) fn write(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::NoReceiver { group, interface, ttl, port, after, sends_anyway, .. } => {
            write!(
                f,
                "no receiver has answered on {} via {interface} for {} s: is one running, on \
                 this group and port? ",
                Zoned(*group),
                after.as_secs()
            )?;
            if group.ip().is_multicast() {
                write!(
                    f,
                    "With a router on the way, is the TTL ({ttl}) high enough and does it \
                     route multicast? Firewalls must let in {}, at the receivers and here, \
                     and here also UDP port {port}",
                    group_traffic(*group)
                )?;
            } else {
                write!(
                    f,
                    "Is this its address? Firewalls must let in UDP port {} there, and UDP \
                     port {port} here",
                    group.port()
                )?;
            }
            interfaces(hint, f)?;
            let all_the_same =
                ". Everything is sent once all the same, for receivers that may not answer";
            f.write_str(if *sends_anyway { all_the_same } else { "" })
        }
        Hint::ReceiversMissing { joined, wanted, after } => write!(
            f,
            "{joined} of {wanted} receivers joined; {} missing for {} s",
            wanted.saturating_sub(*joined),
            after.as_secs()
        ),
        Hint::PatternsUnused { patterns } => unused(patterns, f),
        Hint::LinksGiven { links, first } => given_links(*links, &path_text(first), f),
        Hint::NoReceiverLeft => {
            f.write_str("no receiver is left: all have failed, so the rest is not sent")
        }
        Hint::SegmentTooLong { wanted, used, mtu, interface } => write!(
            f,
            "segments of {wanted} bytes do not fit {} (MTU {mtu}): using {used} bytes",
            interface.as_deref().unwrap_or("the path")
        ),
        Hint::PacketTooLong { wanted, used, mtu, interface } => write!(
            f,
            "packets of {wanted} bytes do not fit {interface} (MTU {mtu}): using segments of \
             {used} bytes"
        ),
        Hint::SeparateGroupFailed { error } => write!(
            f,
            "the separate group cannot be opened, and receivers sent there get nothing: {error}"
        ),
        Hint::SeparateGroupEnded { error } => {
            write!(f, "sending to the separate group ended early: {error}")
        }
        _ => Ok(()),
    }
}

fn given_links(links: u64, first: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match links {
        1 => write!(f, "{first} is a symbolic link and is sent as one, without what it leads to"),
        _ => write!(
            f,
            "{links} of the paths are symbolic links, {first} for one: they are sent as such, \
             without what they lead to"
        ),
    }
}

fn unused(patterns: &[String], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match patterns {
        [one] => write!(f, "the pattern {one:?} has")?,
        all => write!(f, "the patterns {all:?} have")?,
    }
    f.write_str(
        " no effect: nothing that was found matches, or a later pattern decides. Patterns are \
         compared with names as they arrive",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn missing_receiver_is_asked_about_by_group_and_ttl() {
        let hint = |group: &str, sends_anyway| Hint::NoReceiver {
            group: group.parse().unwrap(),
            interface: "eth0".to_owned(),
            has_carrier: true,
            others: Vec::new(),
            ttl: 3,
            port: 4567,
            after: Duration::from_secs(5),
            sends_anyway,
        };
        let words = hint("239.1.2.3:7", true).to_string();
        assert!(words.contains("via eth0 for 5 s") && words.contains("TTL (3)"), "{words}");
        assert!(words.ends_with("for receivers that may not answer"), "{words}");
        let words = hint("10.1.2.3:7", false).to_string();
        assert!(words.ends_with("UDP port 7 there, and UDP port 4567 here"), "{words}");
    }
}
