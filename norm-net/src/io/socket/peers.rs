//! The machines that were heard.

use std::collections::BTreeSet;
use std::net::SocketAddr;

/// Machines that are remembered.
const MAX_PEERS: usize = 64;

/// Where packets came from.
#[derive(Debug, Default)]
pub(super) struct Peers {
    all: BTreeSet<SocketAddr>,
    /// The last one: mostly it is the next one, too.
    last: Option<SocketAddr>,
}

impl Peers {
    /// A packet has come from there.
    pub(super) fn note(&mut self, peer: SocketAddr) {
        if self.last != Some(peer) {
            self.last = Some(peer);
            if self.all.len() < MAX_PEERS {
                self.all.insert(peer);
            }
        }
    }

    /// All of them; they are noted anew from now on.
    pub(super) fn take(&mut self) -> impl Iterator<Item = SocketAddr> + use<> {
        self.last = None;
        std::mem::take(&mut self.all).into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_machine_is_remembered_once_and_not_too_many() {
        let peer = |n: u16| SocketAddr::from(([10, 0, 0, 1], n));
        let mut peers = Peers::default();
        for n in [1, 1, 2, 1] {
            peers.note(peer(n));
        }
        assert!(peers.take().eq([peer(1), peer(2)]));
        assert_eq!(peers.take().count(), 0);
        (0..1000).for_each(|n| peers.note(peer(n)));
        assert_eq!(peers.take().count(), MAX_PEERS);
    }
}
