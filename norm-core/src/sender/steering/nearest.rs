//! The shortest round trip of the receiver that limits.

use core::time::Duration;

use crate::time::Timestamp;
use crate::wire::NodeId;

/// It counts for so long; then the way may be another one.
const KEPT: Duration = Duration::from_secs(600);

/// What is remembered, although somebody else limits meanwhile or nobody does.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Nearest {
    known: Option<Known>,
}

#[derive(Copy, Clone, Debug)]
struct Known {
    node: NodeId,
    rtt: Duration,
    /// When it was last about as short.
    at: Timestamp,
}

impl Nearest {
    /// The round trip of `node` is this now; the shortest one of it.
    pub(super) fn note(&mut self, now: Timestamp, node: NodeId, rtt: Duration) -> Duration {
        let known = self.known.filter(|known| known.node == node && now < known.at + KEPT);
        let known = match known {
            Some(known) if rtt > known.rtt + known.rtt / 16 => known,
            Some(known) => Known { rtt: rtt.min(known.rtt), at: now, ..known },
            None => Known { node, rtt, at: now },
        };
        self.known = Some(known);
        known.rtt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_is_remembered_for_one_receiver_and_not_for_ever() {
        let (ms, node) = (Duration::from_millis, NodeId);
        let mut nearest = Nearest::default();
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        assert_eq!(nearest.note(at(0), node(1), ms(7)), ms(7));
        assert_eq!(nearest.note(at(1), node(1), ms(5)), ms(5));
        assert_eq!(nearest.note(at(600), node(1), ms(9)), ms(5));
        assert_eq!(nearest.note(at(601), node(1), ms(9)), ms(9), "it may be another way");
        assert_eq!(nearest.note(at(602), node(2), ms(20)), ms(20), "it is another one's");
    }
}
