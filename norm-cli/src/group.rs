//! The address of a session, as users write it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use norm_net::Hint;

/// Where a session takes place when nothing else is asked for.
pub const DEFAULT_GROUP: &str = "239.255.57.40:5740";

/// Reads `ADDR:PORT`; IPv6 addresses stand in brackets.
///
/// # Errors
///
/// When there is no address, no port, or port 0; the message shows what to write.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(group) = text.parse::<SocketAddr>() {
        return if group.port() == 0 {
            Err(format!("port 0 is no port: write one from 1 to 65535, as in {DEFAULT_GROUP}"))
        } else if group.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
            Err(format!(
                "nothing is broadcast here: write a multicast group such as {DEFAULT_GROUP}"
            ))
        } else {
            Ok(group)
        };
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Err(format!("the port is missing: write {text}:5740"));
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
        return Err(format!("IPv6 needs brackets and a port: write [{address}]:5740"));
    }
    Err(format!("this is not ADDR:PORT: write for example {DEFAULT_GROUP} or [ff15::5740]:5740"))
}

/// Whether a session is with a group, or by unicast with one receiver.
pub fn is_multicast(group: SocketAddr) -> bool {
    match group.ip() {
        IpAddr::V4(ip) => ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

/// The protocol by which hosts join a group, which firewalls must let through.
pub fn membership(group: SocketAddr) -> &'static str {
    if group.is_ipv4() { "IGMP" } else { "MLD (ICMPv6)" }
}

/// What to know of a receiver's unicast address that is no address of this machine.
pub fn hint_if_foreign(group: SocketAddr) -> Option<Hint> {
    let ip = group.ip();
    let own =
        || norm_net::io::interface::list().map(|all| all.iter().any(|i| i.addresses.contains(&ip)));
    if is_multicast(group) || ip.is_unspecified() || ip.is_loopback() || own().unwrap_or(true) {
        return None;
    }
    Some(Hint::ForeignAddress { group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_a_group() {
        assert!(is_multicast(parse(DEFAULT_GROUP).unwrap()));
    }

    #[test]
    fn a_unicast_address_that_is_not_ours_is_worth_a_word() {
        for ours in
            [DEFAULT_GROUP, "127.0.0.1:6000", "0.0.0.0:6000", "[::1]:6000", "[ff15::1]:6000"]
        {
            assert_eq!(hint_if_foreign(parse(ours).unwrap()), None, "{ours}");
        }
        // For documentation, so nobody's.
        let hint = hint_if_foreign(parse("192.0.2.77:6000").unwrap()).unwrap().to_string();
        assert!(hint.contains("192.0.2.77") && hint.contains("port 6000"), "{hint}");
    }

    #[test]
    fn both_families_are_read() {
        assert_eq!(parse("239.1.2.3:6000").unwrap().port(), 6000);
        let v6 = parse("[ff15::1]:6000").unwrap();
        assert!(v6.is_ipv6() && v6.port() == 6000);
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        let cases = [
            ("239.1.2.3", "239.1.2.3:5740"),
            ("ff15::1", "[ff15::1]:5740"),
            ("[ff15::1]", "[ff15::1]:5740"),
            ("239.1.2.3:0", "1 to 65535"),
            ("239.1.2.3:70000", DEFAULT_GROUP),
            ("239.1.2:5740", DEFAULT_GROUP),
            ("255.255.255.255:5740", DEFAULT_GROUP),
            ("localhost:5740", DEFAULT_GROUP),
            ("", DEFAULT_GROUP),
        ];
        for (text, cure) in cases {
            let error = parse(text).unwrap_err();
            assert!(error.contains(cure), "{text}: {error}");
        }
    }
}
