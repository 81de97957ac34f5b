//! Hints that follow from what a session finds.

use std::net::{IpAddr, SocketAddr};

use norm_files::source::FileSet;

use super::super::surroundings;
use super::{BufferKind, Hint};
use crate::io::interface::Interface;
use crate::io::membership::Recovered;
use crate::io::socket::{Buffers, LinkChange};

impl Hint {
    /// Which buffers of a link are smaller than asked for.
    pub(crate) fn small_buffers(buffers: Buffers) -> impl Iterator<Item = Self> {
        let Buffers { recv_asked, recv_granted, send_asked, send_granted } = buffers;
        [
            (BufferKind::Receive, recv_asked, recv_granted),
            (BufferKind::Send, send_asked, send_granted),
        ]
        .into_iter()
        .filter(|&(_, asked, granted)| granted < asked)
        .map(|(buffer, asked, granted)| Self::SmallBuffer { buffer, asked, granted })
    }

    /// What to say when the network had forgotten that this machine is in this group.
    pub(crate) fn forgotten(group: SocketAddr, recovered: Recovered) -> Self {
        let Recovered { silence, lasted } = recovered;
        Self::Forgotten { group, silence, lasted }
    }

    /// What to say of an interface that cannot send or receive.
    pub(crate) fn no_carrier(interface: &Interface) -> Option<Self> {
        let (is_up, name) = (interface.up, interface.name.clone());
        (!is_up || !interface.running).then_some(Self::NoCarrier { interface: name, is_up })
    }

    /// Which patterns were given for nothing.
    pub(crate) fn unused_patterns(found: &FileSet) -> Option<Self> {
        let patterns = found.unused_patterns.clone();
        (!patterns.is_empty()).then_some(Self::PatternsUnused { patterns })
    }

    /// That paths to send are links, if some are.
    pub(crate) fn given_links(found: &FileSet) -> Option<Self> {
        let links = found.given_links.len() as u64;
        found.given_links.first().map(|first| Self::LinksGiven { links, first: first.clone() })
    }

    /// The same with what there is on this machine now.
    pub(crate) fn with_surroundings(mut self) -> Self {
        if let Self::NoReceiver { group, interface, has_carrier, others, .. }
        | Self::NoSender { group, interface, has_carrier, others, .. } = &mut self
        {
            (*has_carrier, *others) = surroundings::look(interface, group.ip());
        }
        self
    }

    /// What has become of the interface of a session with this group.
    pub(crate) fn link_changed(change: &LinkChange, group: SocketAddr) -> Self {
        match change {
            LinkChange::Lost { interface } => {
                Self::AddressLost { interface: interface.clone(), group }
            }
            LinkChange::Moved { interface, from, to } => Self::AddressChanged {
                interface: interface.name.clone(),
                from: *from,
                to: *to,
                source_specific: is_source_specific(group.ip()),
            },
            LinkChange::Failed { error } => Self::SocketsNotOpened { error: error.to_string() },
        }
    }
}

/// Groups that are joined from one source only (RFC 4607).
fn is_source_specific(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.octets()[0] == 232,
        IpAddr::V6(group) => group.segments()[0] & 0xfff0 == 0xff30,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffer_that_was_granted_needs_no_hint() {
        let buffers = Buffers { recv_asked: 2, recv_granted: 2, send_asked: 3, send_granted: 1 };
        let hints: Vec<Hint> = Hint::small_buffers(buffers).collect();
        let expected = Hint::SmallBuffer { buffer: BufferKind::Send, asked: 3, granted: 1 };
        assert_eq!(hints, [expected]);
    }
}
