//! Where a session is announced: in the group of its scope (RFC 2974 §3).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The UDP port of all announcements.
pub const SAP_PORT: u16 = 9875;

/// For sessions of global scope.
const GLOBAL: Ipv4Addr = Ipv4Addr::new(224, 2, 127, 254);
/// For those of one link, 224.0.0.0/24: the highest address, as for administrative scopes.
const LINK: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 255);
/// For those of an organization, 239.192.0.0/14 (RFC 2365 §6.2).
const ORGANIZATION: Ipv4Addr = Ipv4Addr::new(239, 195, 255, 255);
/// For those of a site, 239.255.0.0/16 (RFC 2365 §6.1), and all others from 239.0.0.0/8.
const SITE: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 255);

/// The group in which a session with this group is announced; `None` for what is no group.
pub fn sap_group(group: IpAddr) -> Option<IpAddr> {
    if !group.is_multicast() {
        return None;
    }
    Some(match group {
        IpAddr::V4(group) => IpAddr::V4(match group.octets() {
            [224, 0, 0, _] => LINK,
            [239, 192..=195, ..] => ORGANIZATION,
            [239, ..] => SITE,
            _ => GLOBAL,
        }),
        IpAddr::V6(group) => {
            let [first, ..] = group.segments();
            v6(first & 0xf).into()
        }
    })
}

/// All groups in which sessions of a family are announced, of the scopes that are in use.
pub fn sap_groups(is_v6: bool) -> impl Iterator<Item = IpAddr> {
    let v4 = [SITE, GLOBAL, ORGANIZATION, LINK].into_iter().map(IpAddr::V4);
    // Site, link, interface, admin, organization and global scope (RFC 7346 §2).
    let v6 = [5, 2, 1, 4, 8, 0xe].into_iter().map(|scope| v6(scope).into());
    v4.filter(move |_| !is_v6).chain(v6.filter(move |_| is_v6))
}

/// `FF0X::2:7FFE`.
fn v6(scope: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xff00 | scope, 0, 0, 0, 0, 0, 2, 0x7ffe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_is_announced_in_the_group_of_its_scope() {
        let cases = [
            ("224.2.128.1", "224.2.127.254"),
            ("232.1.2.3", "224.2.127.254"),
            ("239.255.57.40", "239.255.255.255"),
            ("239.1.2.3", "239.255.255.255"),
            ("239.194.0.1", "239.195.255.255"),
            ("224.0.0.200", "224.0.0.255"),
            ("ff15::57", "ff05::2:7ffe"),
            ("ff02::57", "ff02::2:7ffe"),
            ("ff3e::1", "ff0e::2:7ffe"),
        ];
        for (group, announced) in cases {
            let announced: IpAddr = announced.parse().unwrap();
            assert_eq!(sap_group(group.parse().unwrap()), Some(announced), "{group}");
            assert!(sap_groups(announced.is_ipv6()).any(|group| group == announced), "{group}");
        }
        for host in ["192.0.2.1", "fd00::1"] {
            assert_eq!(sap_group(host.parse().unwrap()), None);
        }
    }
}
