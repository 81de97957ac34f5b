//! How a user names an interface: by name, by one of its addresses, or by the network it is in.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use super::Interface;

/// Which interface is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSpec {
    /// The one with this name.
    Name(String),
    /// The one with this address.
    Address(IpAddr),
    /// The one with this index.
    Index(u32),
    /// The one with this address and this name or index, written `fe80::1%eth0`.
    Zone {
        /// The address.
        address: Ipv6Addr,
        /// The name or index.
        zone: String,
    },
    /// The one with an address in this network, written `10.0.0.0/8`.
    Network {
        /// An address in the network; bits after the prefix do not matter.
        address: IpAddr,
        /// Length of the prefix in bits, at most 32 or 128.
        prefix: u8,
    },
}

impl InterfaceSpec {
    /// Whether this interface is meant, by this one of its addresses.
    pub(super) fn matches(&self, interface: &Interface, address: IpAddr) -> bool {
        match self {
            Self::Name(wanted) => *wanted == interface.name,
            Self::Address(wanted) => *wanted == address,
            Self::Index(wanted) => *wanted == interface.index,
            Self::Zone { address: wanted, zone } => {
                let is_zone = *zone == interface.name || zone.parse() == Ok(interface.index);
                is_zone && IpAddr::V6(*wanted) == address
            }
            Self::Network { address: network, prefix } => in_network(address, *network, *prefix),
        }
    }
}

impl fmt::Display for InterfaceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => write!(f, "{address}"),
            Self::Index(index) => write!(f, "number {index}"),
            Self::Zone { address, zone } => write!(f, "{address}%{zone}"),
            Self::Network { address, prefix } => write!(f, "{address}/{prefix}"),
        }
    }
}

impl FromStr for InterfaceSpec {
    type Err = InvalidInterface;

    fn from_str(text: &str) -> Result<Self, InvalidInterface> {
        let invalid = || InvalidInterface(text.to_owned());
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| invalid())?;
            let prefix: u8 = prefix.parse().map_err(|_| invalid())?;
            if prefix > if address.is_ipv4() { 32 } else { 128 } {
                return Err(invalid());
            }
            return Ok(Self::Network { address, prefix });
        }
        if let Some((address, zone)) = text.split_once('%')
            && let Ok(address) = address.parse()
        {
            let zone = zone.to_owned();
            return if zone.is_empty() { Err(invalid()) } else { Ok(Self::Zone { address, zone }) };
        }
        if text.is_empty() || text.contains(char::is_whitespace) {
            return Err(invalid());
        }
        Ok(Self::Name(text.to_owned()))
    }
}

/// Text that names no interface in any form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidInterface(String);

impl fmt::Display for InvalidInterface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' names no interface: give a name (eth0), an address of it (192.0.2.2) \
             or its network (192.0.2.0/24)",
            self.0
        )
    }
}

impl std::error::Error for InvalidInterface {}

/// Whether `address` is in the network; families never mix.
pub(super) fn in_network(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let (differing_bits, width) = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits() ^ b.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits(), 128),
        _ => return false,
    };
    let host_bits = width - u32::from(prefix).min(width);
    differing_bits.checked_shr(host_bits).unwrap_or(0) == 0
}
