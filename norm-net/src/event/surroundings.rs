//! What a machine has besides the interface in use.

use std::net::IpAddr;

use crate::io::interface::{self, Interface};

/// Most interfaces that are named: hosts of containers have hundreds.
const MAX_OTHERS: usize = 8;

/// A network interface that a session does not use, and could.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct OtherInterface {
    /// Name in the system, such as `eth0`.
    pub name: String,
    /// Its addresses of the family of the group.
    pub addresses: Vec<IpAddr>,
}

impl OtherInterface {
    /// An interface with this name and these addresses.
    pub fn new(name: String, addresses: Vec<IpAddr>) -> Self {
        Self { name, addresses }
    }

    fn of(interface: &Interface, group: IpAddr) -> Self {
        let mut addresses = interface.addresses.clone();
        addresses.retain(|address| address.is_ipv4() == group.is_ipv4());
        Self::new(interface.name.clone(), addresses)
    }
}

/// As `eth0 (192.0.2.2)`.
impl std::fmt::Display for OtherInterface {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        write!(f, "{} ({})", self.name, addresses.join(", "))
    }
}

/// Looks at the machine as it is now: whether the interface with this name has a carrier, as far as
/// known, and which others could be the right ones for the group.
pub(super) fn look(name: &str, group: IpAddr) -> (bool, Vec<OtherInterface>) {
    let all = interface::list().unwrap_or_default();
    let has_carrier = all.iter().find(|one| one.name == name).is_none_or(|one| one.running);
    let others = interface::others(&all, name, group);
    (has_carrier, others.take(MAX_OTHERS).map(|one| OtherInterface::of(one, group)).collect())
}
