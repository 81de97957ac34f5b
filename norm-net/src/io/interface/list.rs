//! Reads the machine's interfaces.

use std::io;

use super::Interface;

/// All interfaces with an IP address, in the system's order.
///
/// # Errors
///
/// When the system does not list them.
pub fn list() -> io::Result<Vec<Interface>> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for entry in if_addrs::get_if_addrs()? {
        let address = entry.ip();
        if let Some(known) = interfaces.iter_mut().find(|known| known.name == entry.name) {
            known.addresses.push(address);
            continue;
        }
        let flags = flags(&entry.name);
        let running = entry.is_oper_up();
        interfaces.push(Interface {
            index: entry.index.unwrap_or(0),
            v4: None,
            v6: None,
            addresses: vec![address],
            loopback: entry.is_loopback() || flags.is_some_and(|flags| flags & IFF_LOOPBACK != 0),
            up: flags.map_or(running, |flags| flags & IFF_UP != 0),
            running,
            mtu: attribute(&entry.name, "mtu").and_then(|text| text.parse().ok()),
            name: entry.name,
        });
    }
    for interface in &mut interfaces {
        interface.prefer(None);
    }
    Ok(interfaces)
}

/// Whether the system knows the name, even when the interface has no address.
pub(super) fn exists_without_address(name: &str) -> bool {
    attribute(name, "flags").is_some()
}

// From Linux's uapi/linux/if.h, the meaning of /sys/class/net/NAME/flags.
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

fn flags(name: &str) -> Option<u32> {
    u32::from_str_radix(attribute(name, "flags")?.strip_prefix("0x")?, 16).ok()
}

/// A value that Linux publishes about an interface; `None` elsewhere.
fn attribute(name: &str, attribute: &str) -> Option<String> {
    if name.contains('/') || name.starts_with('.') {
        return None; // not a name, and must not become a path
    }
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/{attribute}")).ok()?;
    Some(text.trim().to_owned())
}
