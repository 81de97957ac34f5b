//! The header `Host`: a service of this machine is asked by an address or by the machine's name.
//!
//! A page in a browser can have a name of its own lead to this machine (DNS rebinding), and would
//! be let in as if it were of the service. Such a name is refused.

use std::net::{IpAddr, Ipv6Addr};

use super::number::decimal;

/// True when `host` names an address, or this machine, which is called `own`. A port may follow.
pub fn is_allowed(host: &str, own: Option<&str>) -> bool {
    let Some(name) = without_port(host.trim()) else { return false };
    if let Some(inner) = name.strip_prefix('[') {
        let inner = inner.strip_suffix(']');
        return inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok());
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_own = |own: &str| {
        let short = own.split('.').next().unwrap_or_default();
        let is_local = name.len().checked_sub(".local".len()).is_some_and(|len| {
            name.get(len..).is_some_and(|end| end.eq_ignore_ascii_case(".local"))
                && name.get(..len).is_some_and(|start| start.eq_ignore_ascii_case(short))
        });
        name.eq_ignore_ascii_case(own) || name.eq_ignore_ascii_case(short) || is_local
    };
    name.parse::<IpAddr>().is_ok_and(|address| address.is_ipv4())
        || name.eq_ignore_ascii_case("localhost")
        || own.is_some_and(|own| !own.is_empty() && !name.is_empty() && is_own(own))
}

/// What stands before the port; `None` when that is no port.
fn without_port(host: &str) -> Option<&str> {
    let end = match host.starts_with('[') {
        true => host.find(']')? + 1,
        false => host.find(':').unwrap_or(host.len()),
    };
    let (name, port) = host.split_at_checked(end)?;
    match port.strip_prefix(':') {
        Some(port) => decimal(port).filter(|&port| port <= u64::from(u16::MAX)).map(|_| name),
        None => port.is_empty().then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_the_own_name_are_allowed() {
        for host in [
            "192.0.2.1",
            "192.0.2.1:5740",
            "[2001:db8::1]",
            "[::1]:80",
            "localhost:5740",
            "Lab-7",
            "lab-7:80",
            "lab-7.local",
            "LAB-7.LOCAL:1",
            "lab-7.example.org",
            "lab-7.example.org.",
        ] {
            assert!(is_allowed(host, Some("lab-7.example.org")), "{host}");
        }
        assert!(is_allowed("127.0.0.1", None));
    }

    #[test]
    fn other_names_are_refused() {
        for host in [
            "",
            ":",
            ":80",
            "evil.example",
            "lab-7.evil.example",
            "lab-77",
            "192.0.2.1.evil.example",
            "192.0.2.1:x",
            "192.0.2.1:70000",
            "[::1",
            "[::1]x",
            "[lab-7]",
            "::1",
            "2001:db8::1",
            "127.1",
            "local",
            ".local",
            "lab-7.local.evil",
        ] {
            assert!(!is_allowed(host, Some("lab-7")), "{host}");
        }
        assert!(!is_allowed("", Some("")) && !is_allowed(".local", Some("")));
    }
}
