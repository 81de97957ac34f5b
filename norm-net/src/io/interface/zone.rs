//! Interfaces in IPv6 addresses: `fe80::1%eth0` is valid on that link only (RFC 4007 §11).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Shows an address with the name of its interface, where it has one: `[fe80::1%eth0]:5740`. The
/// standard library shows the interface's number. Both can be read back.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Zoned(pub SocketAddr);

impl fmt::Display for Zoned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => match zone_name(v6.scope_id()) {
                Some(name) => write!(f, "[{}%{name}]:{}", v6.ip(), v6.port()),
                None => v6.fmt(f),
            },
            other => other.fmt(f),
        }
    }
}

/// The index of the interface with this name, or of the one with this number; `None` when there is
/// no such interface with an address.
pub fn zone_index(zone: &str) -> Option<u32> {
    let number = zone.parse::<u32>().ok();
    let all = if_addrs::get_if_addrs().ok()?;
    all.into_iter()
        .find(|one| one.name == zone || (number.is_some() && one.index == number))
        .and_then(|one| one.index)
}

/// The name of the interface with this index; `None` when there is none with an address.
pub fn zone_name(index: u32) -> Option<String> {
    let all = if_addrs::get_if_addrs().ok()?;
    all.into_iter().find(|one| one.index == Some(index)).map(|one| one.name)
}

/// Whether an address is valid on one link only: unicast link-local, or multicast of interface or
/// link scope (RFC 4291 §2.7).
pub(crate) fn is_link_scoped(address: Ipv6Addr) -> bool {
    let multicast_scope = address.octets()[1] & 0x0f;
    address.is_unicast_link_local() || (address.is_multicast() && multicast_scope <= 2)
}

/// Whether an address is one that a host gives itself on a link, IPv4 ones among them (RFC 3927).
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
