//! Tells when the interfaces of this machine change: an address comes or goes, a link is made anew.
//!
//! Linux tells by itself (rtnetlink). Elsewhere, and where the system refuses that, the interfaces
//! are to be looked at now and then.

#[cfg(any(target_os = "linux", target_os = "android"))]
mod netlink;

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Time between two looks where the system does not tell of changes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Losses that are kept apart; of more, any interface may have had one.
const MAX_LOSSES: usize = 64;

/// What has happened to the interfaces.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct InterfaceChanges {
    losses: Vec<Loss>,
    /// Some are not known.
    missed: bool,
}

/// Something is no longer there, or was not for a moment.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Loss {
    /// Index of the interface.
    interface: u32,
    /// The address that it lost; `None` when all of it has gone.
    address: Option<IpAddr>,
}

impl InterfaceChanges {
    /// True when an interface has gone or has lost this address, even if both are there again:
    /// whatever was bound to it, or joined there, may have ended.
    pub(crate) fn has_lost(&self, interface: u32, address: Option<IpAddr>) -> bool {
        let concerns = |loss: &Loss| {
            loss.interface == interface && (loss.address.is_none() || loss.address == address)
        };
        self.missed || self.losses.iter().any(concerns)
    }

    /// Notes that an interface has lost an address, or has gone.
    fn note_loss(&mut self, interface: u32, address: Option<IpAddr>) {
        if self.losses.len() < MAX_LOSSES {
            self.losses.push(Loss { interface, address });
        } else {
            self.missed = true;
        }
    }
}

/// A source of changes.
#[derive(Debug)]
pub(crate) struct Watch {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    netlink: Option<netlink::Netlink>,
    next_look: Instant,
}

impl Watch {
    /// Watches from now on.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            // Without it, the interfaces are looked at.
            #[cfg(any(target_os = "linux", target_os = "android"))]
            netlink: netlink::Netlink::open().ok(),
            next_look: now + LOOK_EVERY,
        }
    }

    /// What has happened since the last call; `None` when nothing has. Where the system does not
    /// tell, something may have happened every two seconds. Does not wait.
    pub(crate) fn take(&mut self, now: Instant) -> Option<InterfaceChanges> {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        if let Some(netlink) = &mut self.netlink {
            return netlink.take();
        }
        if now < self.next_look {
            return None;
        }
        self.next_look = now + LOOK_EVERY;
        Some(InterfaceChanges::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2)));

    #[test]
    fn loss_concerns_its_interface_and_its_address() {
        let other = Some("192.0.2.3".parse().unwrap());
        let mut changes = InterfaceChanges::default();
        assert!(!changes.has_lost(2, ADDRESS));
        changes.note_loss(2, ADDRESS);
        assert!(changes.has_lost(2, ADDRESS));
        assert!(!changes.has_lost(2, other) && !changes.has_lost(3, ADDRESS));
        changes.note_loss(2, None);
        assert!(changes.has_lost(2, other), "the interface has gone, with all its addresses");
        (0..MAX_LOSSES as u32).for_each(|_| changes.note_loss(9, None));
        assert_eq!(changes.losses.len(), MAX_LOSSES);
        assert!(changes.has_lost(3, ADDRESS), "that many losses may be of any interface");
    }

    #[test]
    fn without_news_from_the_system_there_is_a_look_every_two_seconds() {
        let start = Instant::now();
        let mut watch = Watch::new(start);
        #[cfg(any(target_os = "linux", target_os = "android"))]
        {
            watch.netlink = None;
        }
        assert_eq!(watch.take(start), None);
        assert_eq!(watch.take(start + LOOK_EVERY), Some(InterfaceChanges::default()));
        assert_eq!(watch.take(start + LOOK_EVERY), None);
    }
}
