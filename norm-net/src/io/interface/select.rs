//! Which interface to take.

use std::net::IpAddr;

use super::list::{exists_without_address, list};
use super::route::{self, Route};
use super::{Because, Chosen, Interface, InterfaceError, InterfaceSpec};

/// Chooses the interface for a session with `group`, a multicast group or a unicast peer.
///
/// With `spec`, that one. Otherwise the one to which the routing table sends the group, by a route
/// of its own or the default route; otherwise the only one that is up and reaches other machines.
///
/// # Errors
///
/// When what is asked for does not exist, or when nothing decides; the message lists the
/// interfaces.
pub fn choose(spec: Option<&InterfaceSpec>, group: IpAddr) -> Result<Chosen, InterfaceError> {
    let interfaces = list().map_err(InterfaceError::List)?;
    if let Some(spec) = spec {
        return given(&interfaces, spec, group);
    }
    if group.is_multicast() {
        let routed = by_route(&interfaces, &route::read_routes(group), group);
        if let Some(chosen) = routed {
            return Ok(chosen);
        }
    }
    // Linux adds a route for ff00::/8 to every IPv6 interface, so its look-up is a guess there.
    let guesses = cfg!(target_os = "linux") && group.is_multicast() && group.is_ipv6();
    let local = if guesses { None } else { route::local_address_towards(group) };
    decide(&interfaces, local, group)
}

/// The interface that the user asked for.
pub(super) fn given(
    interfaces: &[Interface],
    spec: &InterfaceSpec,
    group: IpAddr,
) -> Result<Chosen, InterfaceError> {
    for interface in interfaces {
        let matches = |address: &&IpAddr| spec.matches(interface, **address);
        if !interface.addresses.iter().any(|address| matches(&address)) {
            continue;
        }
        let mut interface = interface.clone();
        let wanted = interface.addresses.iter().find(matches).copied();
        interface.fit(group);
        if !matches!(spec, InterfaceSpec::Name(_) | InterfaceSpec::Index(_)) {
            // A session of the other family may still name the interface by this address.
            interface.prefer(wanted);
        }
        if interface.address_like(group).is_none() {
            return Err(InterfaceError::NoAddress {
                name: interface.name,
                family: family(group),
                existing: interfaces.to_vec(),
            });
        }
        return Ok(Chosen { interface, because: Because::Given });
    }
    let existing = interfaces.to_vec();
    match spec {
        InterfaceSpec::Name(name) if exists_without_address(name) => {
            Err(InterfaceError::NoAddress { name: name.clone(), family: "IP", existing })
        }
        _ => Err(InterfaceError::NotFound { wanted: spec.to_string(), existing }),
    }
}

/// The interface that the routing table names for the group, if it can be used.
pub(super) fn by_route(
    interfaces: &[Interface],
    routes: &[Route],
    group: IpAddr,
) -> Option<Chosen> {
    let usable: Vec<Route> = routes
        .iter()
        .filter(|route| {
            let named = interfaces.iter().find(|one| one.name == route.interface);
            named.is_some_and(|one| one.up && one.address_like(group).is_some())
        })
        .cloned()
        .collect();
    let route = route::best(&usable, group)?;
    let mut interface = interfaces.iter().find(|one| one.name == route.interface)?.clone();
    interface.fit(group);
    let because = if route.prefix == 0 { Because::DefaultRoute } else { Because::RouteToGroup };
    Some(Chosen { interface, because })
}

/// Without a routing table: by the kernel's own look-up, else by there being only one.
pub(super) fn decide(
    interfaces: &[Interface],
    local: Option<IpAddr>,
    group: IpAddr,
) -> Result<Chosen, InterfaceError> {
    let with_local =
        interfaces.iter().find(|one| local.is_some_and(|ip| one.addresses.contains(&ip)));
    if let Some(interface) = with_local.filter(|one| !one.loopback || !group.is_multicast()) {
        let mut interface = interface.clone();
        interface.prefer(local);
        let because =
            if group.is_multicast() { Because::RouteToGroup } else { Because::RouteToPeer };
        return Ok(Chosen { interface, because });
    }
    let mut owners = interfaces.iter().filter(|one| one.addresses.contains(&group));
    if let (Some(owner), None) = (owners.next(), owners.next()) {
        // A link-local address of this machine, to which no route leads without its interface.
        let mut interface = owner.clone();
        interface.prefer(Some(group));
        return Ok(Chosen { interface, because: Because::RouteToPeer });
    }
    match candidates(interfaces, group).as_slice() {
        [] => {
            Err(InterfaceError::NoneUsable { family: family(group), existing: interfaces.to_vec() })
        }
        [only] => Ok(Chosen { interface: only.clone(), because: Because::OnlyInterface }),
        several => {
            let candidates = several.to_vec();
            Err(InterfaceError::Ambiguous { family: family(group), candidates })
        }
    }
}

/// The interfaces that could be meant. Nearly every one has a link-local IPv6 address, those of
/// containers and virtual machines too: such an interface counts only where none has another
/// address.
fn candidates(interfaces: &[Interface], group: IpAddr) -> Vec<Interface> {
    let usable = |one: &&Interface| !one.loopback && one.up && one.address_like(group).is_some();
    let mut candidates: Vec<Interface> = interfaces.iter().filter(usable).cloned().collect();
    if candidates.iter().any(|one| one.reaches_beyond_link(group)) {
        candidates.retain(|one| one.reaches_beyond_link(group));
    }
    for interface in &mut candidates {
        interface.fit(group);
    }
    candidates
}

/// The interfaces besides the one with this name that could be the right ones for the group.
pub(crate) fn others<'a>(
    all: &'a [Interface],
    name: &'a str,
    group: IpAddr,
) -> impl Iterator<Item = &'a Interface> {
    let all_candidates = candidates(all, group);
    let is_candidate = move |one: &Interface| all_candidates.iter().any(|it| it.name == one.name);
    all.iter().filter(move |one| one.name != name && is_candidate(one))
}

fn family(group: IpAddr) -> &'static str {
    if group.is_ipv4() { "IPv4" } else { "IPv6" }
}
