//! The shortest round trip of a receiver that limits.

use core::time::Duration;
use std::collections::VecDeque;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// It counts for so long; then the way may be another one.
const KEPT: Duration = Duration::from_secs(600);

/// So many receivers are remembered: who limited before may do so again.
const MOST: usize = 4;

/// The shortest round trips of those that limited of late.
#[derive(Clone, Debug, Default)]
pub(crate) struct Nearest {
    known: VecDeque<Known>,
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
    pub(crate) fn note(&mut self, now: Timestamp, node: NodeId, rtt: Duration) -> Duration {
        let place = self.known.iter().position(|known| known.node == node);
        let known = place.and_then(|place| self.known.remove(place));
        let known = match known.filter(|known| now < known.at + KEPT) {
            Some(known) if rtt > known.rtt + known.rtt / 16 => known,
            Some(known) => Known { rtt: rtt.min(known.rtt), at: now, ..known },
            None => Known { node, rtt, at: now },
        };
        self.known.truncate(MOST - 1);
        self.known.push_front(known);
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
        assert_eq!(nearest.note(at(603), node(1), ms(12)), ms(9), "it limits again");
        for other in 3..7 {
            nearest.note(at(604), node(other), ms(1));
        }
        assert_eq!(nearest.note(at(605), node(1), ms(12)), ms(12), "long ago");
    }
}
