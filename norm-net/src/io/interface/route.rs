//! What the routing table says about a group.
//!
//! Linux publishes its main table as text; elsewhere (and for unicast peers) connecting a UDP
//! socket makes the kernel look the route up and tell the local address, without sending anything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use super::spec::in_network;

/// A usable line of the routing table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) interface: String,
    pub(super) network: IpAddr,
    pub(super) prefix: u8,
    pub(super) metric: u32,
}

const RTF_UP: u32 = 0x1;
const RTF_REJECT: u32 = 0x200;

/// The routes of the family of `group`; empty where the system does not publish them.
pub(super) fn read_routes(group: IpAddr) -> Vec<Route> {
    let (path, parse): (_, fn(&str) -> Vec<Route>) = match group {
        IpAddr::V4(_) => ("/proc/net/route", parse_v4),
        IpAddr::V6(_) => ("/proc/net/ipv6_route", parse_v6),
    };
    std::fs::read_to_string(path).map(|text| parse(&text)).unwrap_or_default()
}

/// Parses `/proc/net/route`; lines that do not parse are passed over.
pub(super) fn parse_v4(text: &str) -> Vec<Route> {
    text.lines().skip(1).filter_map(parse_v4_line).collect()
}

/// Columns: interface, destination, gateway, flags, references, use, metric, mask, …
fn parse_v4_line(line: &str) -> Option<Route> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let hex = |column: usize| u32::from_str_radix(columns.get(column)?, 16).ok();
    if hex(3)? & (RTF_UP | RTF_REJECT) != RTF_UP {
        return None;
    }
    // Addresses are network-order words printed as host integers.
    let network = Ipv4Addr::from(hex(1)?.to_ne_bytes());
    let prefix = u8::try_from(hex(7)?.count_ones()).ok()?;
    let metric = columns.get(6)?.parse().ok()?;
    let interface = (*columns.first()?).to_owned();
    Some(Route { interface, network: IpAddr::V4(network), prefix, metric })
}

/// Parses `/proc/net/ipv6_route`; lines that do not parse are passed over.
pub(super) fn parse_v6(text: &str) -> Vec<Route> {
    text.lines().filter_map(parse_v6_line).collect()
}

/// Columns: destination, its prefix, source, its prefix, next hop, metric, references, use, flags,
/// interface; all numbers hexadecimal.
fn parse_v6_line(line: &str) -> Option<Route> {
    let columns: Vec<&str> = line.split_whitespace().collect();
    let hex = |column: usize| u32::from_str_radix(columns.get(column)?, 16).ok();
    if hex(8)? & (RTF_UP | RTF_REJECT) != RTF_UP {
        return None;
    }
    let network = Ipv6Addr::from_bits(u128::from_str_radix(columns.first()?, 16).ok()?);
    let prefix = u8::try_from(hex(1)?).ok()?;
    let interface = (*columns.get(9)?).to_owned();
    Some(Route { interface, network: IpAddr::V6(network), prefix, metric: hex(5)? })
}

/// The route that a packet to `group` takes: the longest prefix, then the lowest metric.
///
/// The ff00::/8 route that Linux adds for every IPv6 interface says nothing and is passed over.
pub(super) fn best(routes: &[Route], group: IpAddr) -> Option<&Route> {
    let automatic = |route: &Route| {
        route.prefix == 8 && route.network == IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0))
    };
    routes
        .iter()
        .filter(|route| in_network(group, route.network, route.prefix) && !automatic(route))
        .min_by_key(|route| (std::cmp::Reverse(route.prefix), route.metric))
}

/// The local address from which the kernel would send to `peer`. Sends nothing.
pub(super) fn local_address_towards(peer: IpAddr) -> Option<IpAddr> {
    let any = match peer {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).ok()?;
    // The discard port: no port is special, and nothing is sent to it.
    socket.connect(SocketAddr::new(peer, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip()).filter(|address| !address.is_unspecified())
}
