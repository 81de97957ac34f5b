//! The shortest round trips of receivers that are or were the CLR.

use core::time::Duration;
use std::collections::VecDeque;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// How long a shortest round trip counts; then the path may be another one.
const VALIDITY: Duration = Duration::from_secs(600);

/// Most receivers that are remembered: an earlier CLR may be it again.
const MAX_KNOWN: usize = 4;

/// The shortest round trips of the latest CLRs.
#[derive(Clone, Debug, Default)]
pub(super) struct ShortestRtts {
    known: VecDeque<Known>,
}

#[derive(Copy, Clone, Debug)]
struct Known {
    node: NodeId,
    rtt: Duration,
    /// When it was last about as short.
    at: Timestamp,
}

impl ShortestRtts {
    /// The round trip of `node` is this now; returns its shortest one.
    pub(super) fn note(&mut self, now: Timestamp, node: NodeId, rtt: Duration) -> Duration {
        let place = self.known.iter().position(|known| known.node == node);
        let known = place.and_then(|place| self.known.remove(place));
        let known = match known.filter(|known| now < known.at + VALIDITY) {
            Some(known) if rtt > known.rtt + known.rtt / 16 => known,
            Some(known) => Known { rtt: rtt.min(known.rtt), at: now, ..known },
            None => Known { node, rtt, at: now },
        };
        self.known.truncate(MAX_KNOWN - 1);
        self.known.push_front(known);
        known.rtt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortest_round_trip_is_remembered_per_receiver_for_a_while() {
        let (ms, node) = (Duration::from_millis, NodeId);
        let mut shortest = ShortestRtts::default();
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        assert_eq!(shortest.note(at(0), node(1), ms(7)), ms(7));
        assert_eq!(shortest.note(at(1), node(1), ms(5)), ms(5));
        assert_eq!(shortest.note(at(600), node(1), ms(9)), ms(5));
        assert_eq!(shortest.note(at(601), node(1), ms(9)), ms(9), "it may be another path");
        assert_eq!(shortest.note(at(602), node(2), ms(20)), ms(20), "it is another receiver's");
        assert_eq!(shortest.note(at(603), node(1), ms(12)), ms(9), "it is the CLR again");
        for other in 3..7 {
            shortest.note(at(604), node(other), ms(1));
        }
        assert_eq!(shortest.note(at(605), node(1), ms(12)), ms(12), "long ago");
    }
}
