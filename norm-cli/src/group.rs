//! The address of a session, as written on the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use norm_net::Hint;
use norm_net::io::interface::{InterfaceSpec, zone_index, zone_name};

/// The group when none is given.
pub const DEFAULT_GROUP: &str = "239.255.57.40:5740";

/// Reads `ADDR:PORT`; IPv6 addresses stand in brackets, perhaps with an interface, as in
/// `[fe80::1%eth0]:5740`.
///
/// # Errors
///
/// When there is no address, no port, or port 0, or no such interface; the message says what to
/// use.
pub fn parse(text: &str) -> Result<SocketAddr, String> {
    let (text, zone) = split_zone(text)?;
    let text = text.as_str();
    if let Ok(mut group) = text.parse::<SocketAddr>() {
        if let (SocketAddr::V6(group), Some(zone)) = (&mut group, zone) {
            group.set_scope_id(zone);
        }
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

/// Takes the interface out of an address: the rest, and the interface's index.
fn split_zone(text: &str) -> Result<(String, Option<u32>), String> {
    let Some((address, rest)) = text.split_once('%') else { return Ok((text.to_owned(), None)) };
    let (zone, end) = rest.split_once(']').unwrap_or((rest, ""));
    let bracket = if rest.contains(']') { "]" } else { "" };
    let without = format!("{address}{bracket}{end}");
    if address.trim_start_matches('[').parse::<Ipv6Addr>().is_err() {
        return Err(format!("%{zone} names an interface, which only IPv6 addresses do"));
    }
    let index = zone_index(zone).ok_or_else(|| {
        format!("no interface is called '{zone}', or it has no address{}", existing_interfaces())
    })?;
    Ok((without, Some(index)))
}

/// `: there are lo, eth0`, for the end of a message.
fn existing_interfaces() -> String {
    let all = norm_net::io::interface::list().unwrap_or_default();
    let names: Vec<_> = all.into_iter().map(|one| one.name).collect();
    if names.is_empty() { String::new() } else { format!(": there are {}", names.join(", ")) }
}

/// Reads an address; an interface in it may be there and means nothing, as the session's is used.
///
/// # Errors
///
/// When it is no address.
pub fn parse_source(text: &str) -> Result<IpAddr, String> {
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    address.parse().map_err(|_| "invalid IP address syntax: use for example 192.0.2.10".to_owned())
}

/// The name of the interface that an address has in it.
pub fn zone(address: SocketAddr) -> Option<String> {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => zone_name(v6.scope_id()),
        _ => None,
    }
}

/// The interface of a session: the one given, else the one in the address of its group.
pub fn interface(given: Option<&InterfaceSpec>, group: SocketAddr) -> Option<InterfaceSpec> {
    given.cloned().or_else(|| zone(group).map(InterfaceSpec::Name))
}

/// An address as other machines are to use it: interfaces are called otherwise there.
pub fn elsewhere(mut address: SocketAddr) -> SocketAddr {
    if let SocketAddr::V6(v6) = &mut address {
        v6.set_scope_id(0);
    }
    address
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
    #[cfg(target_os = "linux")]
    fn interface_in_an_address_is_read_and_shown() {
        use norm_net::io::interface::Zoned;

        for text in ["[fe80::1%lo]:5740", "[ff02::57%1]:5740"] {
            let group = parse(text).unwrap();
            assert_eq!(interface(None, group), Some(InterfaceSpec::Name("lo".to_owned())));
            assert!(Zoned(group).to_string().contains("%lo]:5740"), "{}", Zoned(group));
            assert!(!elsewhere(group).to_string().contains('%'));
        }
        let given = InterfaceSpec::Name("eth7".to_owned());
        assert_eq!(interface(Some(&given), parse("[::1%lo]:1").unwrap()), Some(given));
        assert_eq!(interface(None, parse(DEFAULT_GROUP).unwrap()), None);
        let unknown = parse("[fe80::1%eth9nine]:5740").unwrap_err();
        assert!(unknown.contains("'eth9nine'") && unknown.contains("lo"), "{unknown}");
        assert!(parse("10.1.2.3%lo:5740").unwrap_err().contains("only IPv6"));
        assert!(parse("[fe80::1%lo]").unwrap_err().contains("[fe80::1]:5740"));
        assert_eq!(parse_source("fe80::1%lo").unwrap(), parse_source("fe80::1").unwrap());
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
