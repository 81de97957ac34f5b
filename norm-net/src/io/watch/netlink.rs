//! Changes as Linux tells them: rtnetlink(7). Nothing is asked for; messages are read as far as
//! they say which interface has lost what.

use std::io;
use std::net::IpAddr;

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};

use super::InterfaceChanges;

/// Groups of messages: links, IPv4 addresses, IPv6 addresses (uapi/linux/rtnetlink.h).
const GROUPS: u32 = 0x1 | 0x10 | 0x100;
/// Bytes of the largest message that the kernel sends, and more.
const BUFFER: usize = 1 << 15;
/// Messages read at a time.
const MAX_READS: usize = 64;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
/// Bytes of `struct nlmsghdr`: length, type, flags, sequence, port.
const HEADER: usize = 16;
/// Bytes of `struct ifaddrmsg`; both it and `struct ifinfomsg` begin with the family, and have the
/// interface's index at byte 4.
const ADDRESS_MESSAGE: usize = 8;
/// The address, and on a link to one peer the local address, which is the one meant there.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
/// Messages about a link as such; those of a bridge about its ports have another family.
const AF_UNSPEC: u8 = 0;

/// A socket that hears of links and addresses.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Netlink {
    /// Listens from now on.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.set_non_blocking(true)?;
        socket.bind(&SocketAddr::new(0, GROUPS))?;
        Ok(Self { socket, buffer: vec![0; BUFFER] })
    }

    /// What has happened since the last call; `None` when nothing has.
    pub(super) fn take(&mut self) -> Option<InterfaceChanges> {
        let mut changes = InterfaceChanges::default();
        let mut any = false;
        for _ in 0..MAX_READS {
            match self.socket.recv(&mut &mut self.buffer[..], 0) {
                Ok(len) => any |= read(self.buffer.get(..len).unwrap_or_default(), &mut changes),
                // Too much has happened for the socket's buffer.
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                    any = true;
                    changes.missed = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        any.then_some(changes)
    }
}

/// Reads messages. True when one of them is about a link or an address.
fn read(mut bytes: &[u8], changes: &mut InterfaceChanges) -> bool {
    let mut any = false;
    while let Some((kind, message, rest)) =
        split(bytes, 4, HEADER, |bytes| Some((u32_at(bytes, 0)? as usize, u16_at(bytes, 4)?)))
    {
        let relevant = matches!(kind, RTM_NEWLINK | RTM_DELLINK | RTM_NEWADDR | RTM_DELADDR);
        any |= relevant;
        match (kind, u32_at(message, 4)) {
            (RTM_DELLINK, Some(interface)) if message.first() == Some(&AF_UNSPEC) => {
                changes.note_loss(interface, None);
            }
            (RTM_DELADDR, Some(interface)) => {
                if let Some(address) = address(message.get(ADDRESS_MESSAGE..).unwrap_or_default()) {
                    changes.note_loss(interface, Some(address));
                }
            }
            _ => {}
        }
        bytes = rest;
    }
    any
}

/// The address in the attributes of a message about one.
fn address(mut attributes: &[u8]) -> Option<IpAddr> {
    let mut found = None;
    while let Some((kind, value, rest)) =
        split(attributes, 4, 4, |bytes| Some((u16_at(bytes, 0)?.into(), u16_at(bytes, 2)?)))
    {
        let ip = <[u8; 4]>::try_from(value).map(IpAddr::from);
        let ip = ip.or_else(|_| <[u8; 16]>::try_from(value).map(IpAddr::from)).ok();
        match kind {
            IFA_LOCAL => return ip,
            IFA_ADDRESS => found = ip,
            _ => {}
        }
        attributes = rest;
    }
    found
}

/// The first of several records: its kind, its content, and what follows it. Records begin with
/// their length, which counts the `header`, and are padded to `align` bytes.
fn split(
    bytes: &[u8],
    align: usize,
    header: usize,
    head: impl Fn(&[u8]) -> Option<(usize, u16)>,
) -> Option<(u16, &[u8], &[u8])> {
    let (len, kind) = head(bytes)?;
    let content = bytes.get(header..len)?;
    Some((kind, content, bytes.get(len.next_multiple_of(align)..).unwrap_or_default()))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, content: &[u8]) -> Vec<u8> {
        let mut bytes = (HEADER as u32 + content.len() as u32).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.resize(HEADER, 0);
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = (4 + value.len() as u16).to_ne_bytes().to_vec();
        bytes.extend_from_slice(&kind.to_ne_bytes());
        bytes.extend_from_slice(value);
        bytes
    }

    fn about(family: u8, interface: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut content = vec![family, 24, 0, 0];
        content.extend_from_slice(&interface.to_ne_bytes());
        content.extend(attributes.concat());
        content
    }

    #[test]
    fn losses_are_read() {
        let mut bytes = message(RTM_NEWADDR, &about(2, 5, &[attribute(1, &[10, 0, 0, 1])]));
        bytes.extend(message(
            RTM_DELADDR,
            &about(2, 7, &[attribute(1, &[10, 0, 0, 9]), attribute(2, &[10, 0, 0, 2])]),
        ));
        bytes.extend(message(RTM_DELADDR, &about(10, 7, &[attribute(1, &[0xfe; 16])])));
        bytes.extend(message(RTM_DELLINK, &about(AF_UNSPEC, 8, &[])));
        bytes.extend(message(RTM_DELLINK, &about(7, 9, &[])));
        let mut changes = InterfaceChanges::default();
        assert!(read(&bytes, &mut changes));
        let lost =
            |interface, address: &str| changes.has_lost(interface, Some(address.parse().unwrap()));
        assert!(lost(7, "10.0.0.2") && !lost(7, "10.0.0.9"), "the local address counts");
        assert!(lost(7, "fefe:fefe:fefe:fefe:fefe:fefe:fefe:fefe"));
        assert!(!lost(5, "10.0.0.1"), "it was added");
        assert!(lost(8, "10.0.0.1"), "all of it has gone");
        assert!(!lost(9, "10.0.0.1"), "a bridge has lost a port");
    }

    #[test]
    fn cut_messages_are_passed_over() {
        let whole = message(RTM_DELADDR, &about(2, 7, &[attribute(2, &[10, 0, 0, 2])]));
        for len in 0..whole.len() {
            let mut changes = InterfaceChanges::default();
            assert!(!read(&whole[..len], &mut changes));
            assert_eq!(changes, InterfaceChanges::default());
        }
        let mut changes = InterfaceChanges::default();
        let mut endless = message(RTM_NEWLINK, &[]);
        endless[..4].copy_from_slice(&0_u32.to_ne_bytes());
        assert!(!read(&endless, &mut changes), "a length of zero ends it");
        assert!(read(&message(RTM_DELADDR, &[]), &mut changes));
        assert_eq!(changes, InterfaceChanges::default());
    }

    #[test]
    fn socket_that_hears_of_nothing_does_not_wait() {
        if let Ok(mut netlink) = Netlink::open() {
            // Whatever happens on this machine meanwhile is read as well.
            for _ in 0..100 {
                let _ = netlink.take();
            }
        }
    }
}
