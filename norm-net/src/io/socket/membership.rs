//! Membership in the session's group: joining, joining again, and saying so again.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use socket2::{InterfaceIndexOrAddress, SockRef};

use super::{LinkConfig, raw};
use crate::io::interface::Interface;

/// Where packets to the group came from last, each address once, the latest first: these stay
/// wanted while a membership is reported again.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Sources {
    latest: [Option<IpAddr>; raw::SOURCES],
}

impl Sources {
    /// A packet came from there.
    pub(super) fn note(&mut self, address: IpAddr) {
        let found = self.latest.iter().position(|known| *known == Some(address));
        let last = found.unwrap_or(raw::SOURCES - 1);
        if let Some(moved) = self.latest.get_mut(..=last) {
            moved.rotate_right(1);
        }
        self.latest[0] = Some(address);
    }

    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = IpAddr> {
        self.latest.iter().copied().flatten()
    }
}

/// What a socket joins.
#[derive(Copy, Clone, Debug)]
pub(super) struct Membership {
    group: IpAddr,
    source: Option<IpAddr>,
    /// Index of the interface; 0 when the system does not tell.
    index: u32,
    /// Address of the interface, for systems that name it so.
    v4: Option<Ipv4Addr>,
}

impl Membership {
    pub(super) fn new(config: &LinkConfig, interface: &Interface) -> Self {
        Self {
            group: config.group.ip(),
            source: config.source,
            index: interface.index,
            v4: interface.v4,
        }
    }

    /// Joins: the system tells the network.
    pub(super) fn join<'s>(&self, socket: impl Into<SockRef<'s>>) -> io::Result<()> {
        let socket = socket.into();
        match (self.group, self.source) {
            (IpAddr::V4(group), None) => socket.join_multicast_v4_n(&group, &self.place()?),
            (IpAddr::V4(group), Some(IpAddr::V4(source))) => {
                socket.join_ssm_v4(&source, &group, &self.v4()?)
            }
            (IpAddr::V6(group), None) => socket.join_multicast_v6(&group, self.index),
            (IpAddr::V6(group), Some(IpAddr::V6(source))) => {
                raw::join_ssm_v6(&*socket, source, group, self.index)
            }
            // Refused by `LinkConfig::check` before any socket is made.
            (_, Some(_)) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn leave<'s>(&self, socket: impl Into<SockRef<'s>>) -> io::Result<()> {
        let socket = socket.into();
        match (self.group, self.source) {
            (IpAddr::V4(group), None) => socket.leave_multicast_v4_n(&group, &self.place()?),
            (IpAddr::V4(group), Some(IpAddr::V4(source))) => {
                socket.leave_ssm_v4(&source, &group, &self.v4()?)
            }
            (IpAddr::V6(group), None) => socket.leave_multicast_v6(&group, self.index),
            (IpAddr::V6(group), Some(IpAddr::V6(source))) => {
                raw::leave_ssm_v6(&*socket, source, group, self.index)
            }
            (_, Some(_)) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Leaves and joins again: whatever the network has forgotten, it hears of this host anew.
    ///
    /// # Errors
    /// When joining fails; this socket is in no group then, and the next call tries again.
    pub(super) fn rejoin<'s>(&self, socket: impl Into<SockRef<'s>>) -> io::Result<()> {
        let socket = socket.into();
        // Fails when the interface is gone, or joining failed the last time.
        let _ = self.leave(&*socket);
        self.join(&*socket)
    }

    /// Has the system report the membership again, unasked, while packets from these sources, at
    /// least one, go on coming: for a moment only those are wanted, then all again, which is a
    /// change of the filter mode that the system reports (RFC 3376 §5.1, RFC 3810 §6.1). Of what is
    /// joined from one source only, leaving and joining at once becomes one such report.
    ///
    /// Nothing is reported while another socket of this host is in the same group, and by systems
    /// in the compatibility modes of IGMPv1, IGMPv2 and MLDv1.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] where the system cannot, and what the system says.
    pub(super) fn report_again<'s>(
        &self,
        socket: impl Into<SockRef<'s>>,
        sources: &Sources,
    ) -> io::Result<()> {
        let socket = socket.into();
        if !raw::HAS_SOURCE_FILTERS {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if self.source.is_some() {
            return self.rejoin(&*socket);
        }
        raw::filter_sources(&*socket, self.group, self.index, sources.all())?;
        // Whatever refuses that must not leave the others out for good.
        raw::filter_sources(&*socket, self.group, self.index, std::iter::empty())
            .or_else(|_| self.rejoin(&*socket))
    }

    fn place(&self) -> io::Result<InterfaceIndexOrAddress> {
        if self.index != 0 {
            return Ok(InterfaceIndexOrAddress::Index(self.index));
        }
        self.v4().map(InterfaceIndexOrAddress::Address)
    }

    fn v4(&self) -> io::Result<Ipv4Addr> {
        self.v4.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_sources_are_kept_once_each() {
        let mut sources = Sources::default();
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        for n in [1, 2, 1, 3, 4, 1, 5, 1] {
            sources.note(address(n));
        }
        assert_eq!(sources.all().collect::<Vec<_>>(), [1, 5, 4, 3].map(address));
    }
}
