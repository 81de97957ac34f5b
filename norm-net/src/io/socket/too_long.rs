//! Packets that are longer than the interface takes.

use std::fmt;
use std::io;
use std::net::IpAddr;

use norm_core::endpoint::PacketOverhead;

use crate::io::interface::{self, Interface};

/// A packet is longer than the interface takes: its MTU was lowered after the session began, or the
/// packet was never to fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Bytes of the packet, all headers included.
    pub packet: u32,
    /// Name of the interface.
    pub interface: String,
    /// The longest packet that it takes, if the system tells.
    pub mtu: Option<u32>,
}

impl TooLong {
    /// A packet to this address with this many `bytes` of UDP payload does not leave through this
    /// interface.
    pub(super) fn new(bytes: usize, to: IpAddr, used: &Interface) -> Self {
        let packet = u32::try_from(bytes + PacketOverhead::to(to).bytes()).unwrap_or(u32::MAX);
        let interfaces = interface::list().unwrap_or_default();
        let now = interfaces.iter().find(|one| one.name == used.name);
        Self { packet, interface: used.name.clone(), mtu: now.and_then(|one| one.mtu) }
    }

    /// Bytes that a packet may have, all headers included.
    pub fn limit(&self) -> u32 {
        self.mtu.unwrap_or(u32::MAX).min(self.packet.saturating_sub(1))
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { packet, interface, mtu } = self;
        write!(f, "packets of {packet} bytes are too long for {interface}")?;
        mtu.map_or(Ok(()), |mtu| write!(f, ", whose MTU is {mtu}"))
    }
}

impl std::error::Error for TooLong {}

impl From<TooLong> for io::Error {
    fn from(error: TooLong) -> Self {
        Self::new(io::ErrorKind::InvalidInput, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_is_what_the_interface_takes_and_less_than_what_it_refused() {
        let too_long = |mtu| TooLong { packet: 1_428, interface: "eth0".to_owned(), mtu };
        let limits = [Some(1_400), Some(1_500), None].map(|mtu| too_long(mtu).limit());
        assert_eq!(limits, [1_400, 1_427, 1_427]);
        let words = io::Error::from(too_long(Some(1_400))).to_string();
        assert_eq!(words, "packets of 1428 bytes are too long for eth0, whose MTU is 1400");
    }
}
