//! The address of a session, as it enters keys.

use core::net::{IpAddr, SocketAddr};

/// Group and port of a session: keys are derived for it, so that nothing that was sealed for one
/// group opens in another one under the same secret.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionAddress([u8; 18]);

impl SessionAddress {
    /// That of a session in this group; IPv4 as an address that is mapped into IPv6 (RFC 4291
    /// §2.5.5.2). Unicast sessions have zeros: both ends know other addresses of each other.
    pub fn of(group: SocketAddr) -> Self {
        if !group.ip().is_multicast() {
            return Self::default();
        }
        let ip = match group.ip() {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&ip.octets());
        bytes[16..].copy_from_slice(&group.port().to_be_bytes());
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 18] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_differ_by_address_and_port_and_unicast_has_none() {
        let of = |text: &str| SessionAddress::of(text.parse().unwrap());
        assert_ne!(of("239.1.2.3:6003"), of("239.1.2.3:6004"));
        assert_ne!(of("239.1.2.3:6003"), of("239.1.2.4:6003"));
        assert_ne!(of("[ff15::1]:6003"), of("[ff15::2]:6003"));
        assert_eq!(of("192.0.2.1:6003"), SessionAddress::default());
        assert_eq!(of("[2001:db8::1]:1"), SessionAddress::default());
        assert_eq!(of("239.1.2.3:6003").bytes()[10..], [255, 255, 239, 1, 2, 3, 0x17, 0x73]);
    }
}
