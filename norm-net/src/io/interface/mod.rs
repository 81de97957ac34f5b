//! The network interfaces of this machine, and the choice of one for multicast.
//!
//! A multicast packet leaves through one interface and a group is joined on one interface; on a
//! machine with several, guessing wrong means silence. So the choice follows the routing table,
//! says why, and refuses with a list when nothing decides.

mod error;
mod list;
mod route;
mod select;
mod spec;
#[cfg(test)]
mod tests;
mod zone;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub use error::InterfaceError;
pub(crate) use error::Names;
pub use list::list;
pub use select::choose;
pub(crate) use select::others;
pub use spec::{InterfaceSpec, InvalidInterface};
pub(crate) use zone::is_link_scoped;
pub use zone::{Zoned, zone_index, zone_name};

use zone::is_link_local;

/// A network interface that has at least one IP address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Name in the system, such as `eth0`.
    pub name: String,
    /// Index in the system; 0 when the system does not tell.
    pub index: u32,
    /// IPv4 address to use: the one asked for, else the first that is not link-local, else any.
    pub v4: Option<Ipv4Addr>,
    /// IPv6 address to use: the one asked for, else the first that is not link-local, else any.
    pub v6: Option<Ipv6Addr>,
    /// All addresses, in the system's order.
    pub addresses: Vec<IpAddr>,
    /// Only reaches this machine.
    pub loopback: bool,
    /// Switched on by the administrator, as far as known.
    pub up: bool,
    /// Has a carrier, as far as known.
    pub running: bool,
    /// Largest IP packet in bytes, where the system tells.
    pub mtu: Option<u32>,
}

impl Interface {
    /// The address to use for traffic of the same family as `like`.
    pub fn address_like(&self, like: IpAddr) -> Option<IpAddr> {
        match like {
            IpAddr::V4(_) => self.v4.map(IpAddr::V4),
            IpAddr::V6(_) => self.v6.map(IpAddr::V6),
        }
    }

    /// Takes an address of the scope of `group`: on one link only, the link-local one (RFC 6724
    /// §5, rule 2), which every host of the link can answer.
    fn fit(&mut self, group: IpAddr) {
        let IpAddr::V6(group) = group else { return };
        let link_local =
            self.addresses.iter().copied().find(|ip| is_link_local(*ip) && ip.is_ipv6());
        if is_link_scoped(group) && link_local.is_some() {
            self.prefer(link_local);
        }
    }

    /// Whether an address of the family of `like` is known beyond the interface's own link.
    fn reaches_beyond_link(&self, like: IpAddr) -> bool {
        self.address_like(like).is_some_and(|ip| !is_link_local(ip))
    }

    /// Sets the preferred addresses from `addresses`; `wanted` wins over the order of preference.
    pub(crate) fn prefer(&mut self, wanted: Option<IpAddr>) {
        let v4 = |ip: &IpAddr| match ip {
            IpAddr::V4(ip) => Some(*ip),
            IpAddr::V6(_) => None,
        };
        let v6 = |ip: &IpAddr| match ip {
            IpAddr::V6(ip) => Some(*ip),
            IpAddr::V4(_) => None,
        };
        let beyond_link = || self.addresses.iter().filter(|ip| !is_link_local(**ip));
        let v4_beyond_link = beyond_link().find_map(v4);
        let v6_beyond_link = beyond_link().find_map(v6);
        self.v4 = v4_beyond_link.or_else(|| self.addresses.iter().find_map(v4));
        self.v6 = v6_beyond_link.or_else(|| self.addresses.iter().find_map(v6));
        match wanted {
            Some(IpAddr::V4(ip)) => self.v4 = Some(ip),
            Some(IpAddr::V6(ip)) => self.v6 = Some(ip),
            None => {}
        }
    }
}

/// As `eth0 (192.0.2.2, fd00::2)`, with `down` or `no carrier` where that is so.
impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (", self.name)?;
        for (position, address) in self.addresses.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{address}")?;
        }
        match (self.up, self.running) {
            (false, _) => f.write_str("; down)"),
            (true, false) => f.write_str("; no carrier)"),
            (true, true) => f.write_str(")"),
        }
    }
}

/// An interface together with the reason for taking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The interface.
    pub interface: Interface,
    /// Why this one.
    pub because: Because,
}

/// Why an interface was taken.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum Because {
    /// It was asked for.
    Given,
    /// The default route goes through it.
    DefaultRoute,
    /// A route to the group goes through it.
    RouteToGroup,
    /// A route to the peer goes through it.
    RouteToPeer,
    /// No other one is up and reaches other machines.
    OnlyInterface,
    /// Any would do: the session listens on every address.
    EveryAddress,
}

/// In a few words, fit for `using eth0 (…)`.
impl fmt::Display for Because {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "given",
            Self::DefaultRoute => "default route",
            Self::RouteToGroup => "route to the group",
            Self::RouteToPeer => "route to the peer",
            Self::OnlyInterface => "only interface up",
            Self::EveryAddress => "listening on every address",
        })
    }
}
