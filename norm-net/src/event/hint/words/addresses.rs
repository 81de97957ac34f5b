//! About addresses of this machine that change.

use std::fmt;

use super::Hint;

pub(super) fn write(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::NoAddressYet { error } => {
            write!(f, "{error}; waiting until there is one that can be used")
        }
        Hint::AddressLost { interface, group } => {
            let family = if group.is_ipv4() { "IPv4" } else { "IPv6" };
            write!(
                f,
                "interface {interface} is gone or has no {family} address any more: nothing is \
                 sent or received until it has one. Is its cable plugged in, and does DHCP \
                 work?"
            )
        }
        Hint::AddressChanged { interface, from, to, .. } if from.ip() == to.ip() => {
            write!(f, "interface {interface} was made anew: going on there, at {to}")
        }
        Hint::AddressChanged { interface, from, to, source_specific } => {
            let (old, new) = (from.ip(), to.ip());
            write!(f, "the address on {interface} is {new} now, no longer {old}: going on")?;
            if *source_specific {
                write!(
                    f,
                    ". Machines that receive from {old} only do not follow: start them again \
                     with {new}"
                )?;
            }
            Ok(())
        }
        Hint::SocketsNotOpened { error } => write!(
            f,
            "the address of this machine has changed, but it cannot be used: {error}. Trying \
             again"
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::interface::Interface;
    use crate::io::socket::LinkChange;

    fn moved(group: &str, from: &str, to: &str) -> String {
        let interface = Interface {
            name: "eth0".to_owned(),
            index: 2,
            v4: None,
            v6: None,
            addresses: Vec::new(),
            loopback: false,
            up: true,
            running: true,
            mtu: None,
        };
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let change = LinkChange::Moved { interface, from, to };
        Hint::link_changed(&change, group.parse().unwrap()).to_string()
    }

    #[test]
    fn change_of_address_names_both_and_what_does_not_follow() {
        let words = moved("239.1.2.3:6000", "10.0.0.5:7", "10.0.0.9:7");
        assert_eq!(words, "the address on eth0 is 10.0.0.9 now, no longer 10.0.0.5: going on");
        for group in ["232.1.2.3:6000", "[ff3e::1]:6000"] {
            let words = moved(group, "10.0.0.5:7", "10.0.0.9:7");
            assert!(words.ends_with("do not follow: start them again with 10.0.0.9"), "{words}");
        }
        let words = moved("232.1.2.3:6000", "10.0.0.5:7", "10.0.0.5:9");
        assert_eq!(words, "interface eth0 was made anew: going on there, at 10.0.0.5:9");
    }
}
