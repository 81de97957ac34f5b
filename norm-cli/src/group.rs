//! The address of a session, as written on the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use norm_net::Hint;

/// The group when none is given.
pub const DEFAULT_GROUP: &str = "239.255.57.40:5740";

/// Reads `ADDR:PORT`; IPv6 addresses stand in brackets.
///
/// # Errors
///
/// When there is no address, no port, or port 0; the message says what to use.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    if let Ok(group) = text.parse::<SocketAddr>() {
        return if group.port() == 0 {
            Err(format!("port 0 cannot be used: use 1 to 65535, as in {DEFAULT_GROUP}"))
        } else if group.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) {
            Err(format!(
                "broadcast is not supported: use a multicast group such as {DEFAULT_GROUP}"
            ))
        } else {
            Ok(group)
        };
    }
    if text.parse::<Ipv4Addr>().is_ok() {
        return Err(format!("the port is missing: use {text}:5740"));
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse::<Ipv6Addr>() {
        return Err(format!("IPv6 needs brackets and a port: use [{address}]:5740"));
    }
    Err(format!("not ADDR:PORT: use for example {DEFAULT_GROUP} or [ff15::5740]:5740"))
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

/// A hint on a receiver's unicast address that is not an address of this machine.
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
    fn default_is_a_multicast_group() {
        assert!(is_multicast(parse(DEFAULT_GROUP).unwrap()));
    }

    #[test]
    fn foreign_unicast_address_has_a_hint() {
        for ours in
            [DEFAULT_GROUP, "127.0.0.1:6000", "0.0.0.0:6000", "[::1]:6000", "[ff15::1]:6000"]
        {
            assert_eq!(hint_if_foreign(parse(ours).unwrap()), None, "{ours}");
        }
        // For documentation (RFC 5737), so of no host.
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
    fn wrong_addresses_are_refused_with_the_cure() {
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
