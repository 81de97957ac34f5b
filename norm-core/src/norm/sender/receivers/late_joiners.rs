//! Receivers that come when an object's beginning has gone by. Those of other makes begin with the
//! next object, unless a FLUSH that lists them says that they are meant (RFC 5740 §5.2).

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::wire::NodeId;

/// Who is to be listed, and when.
#[derive(Debug, Default)]
pub(crate) struct Welcome {
    /// With how often each is still to be listed.
    guests: Vec<(NodeId, u32)>,
    next: Timestamp,
}

/// A FLUSH may be lost; one that has begun is listed no more.
const TIMES: u32 = 4;
/// As many at once; there will be time for the others when everything is sent.
const MAX_GUESTS: usize = 64;
/// Between two of them, at least.
const PAUSE: Duration = Duration::from_millis(100);

impl Welcome {
    /// Somebody has come.
    pub(crate) fn invite(&mut self, node: NodeId) {
        if self.guests.len() < MAX_GUESTS && !self.guests.iter().any(|&(guest, _)| guest == node) {
            self.guests.push((node, TIMES));
        }
    }

    /// It asks for content: it has begun.
    pub(crate) fn seat(&mut self, node: NodeId) {
        self.guests.retain(|&(guest, _)| guest != node);
    }

    /// Nobody need be listed any more.
    pub(crate) fn close(&mut self) {
        self.guests.clear();
    }

    /// Those to be listed now; counts them.
    pub(crate) fn take(&mut self, now: Timestamp, round_trip: Duration) -> Vec<NodeId> {
        if now < self.next || self.guests.is_empty() {
            return Vec::new();
        }
        self.next = now + PAUSE.max(round_trip * 2);
        let mut nodes: Vec<NodeId> = self.guests.iter().map(|&(guest, _)| guest).collect();
        nodes.sort_unstable();
        self.guests.iter_mut().for_each(|(_, left)| *left -= 1);
        self.guests.retain(|&(_, left)| left > 0);
        nodes
    }

    /// When somebody is to be listed next.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        (!self.guests.is_empty()).then_some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guests_are_listed_a_few_times_or_until_they_ask_and_not_all_the_time() {
        let mut welcome = Welcome::default();
        assert_eq!(welcome.next(), None);
        (2..4).for_each(|node| welcome.invite(NodeId(node)));
        welcome.invite(NodeId(2));
        let mut now = Timestamp::from_nanos(1_000_000_000);
        assert_eq!(welcome.take(now, PAUSE), [NodeId(2), NodeId(3)]);
        assert_eq!(welcome.take(now + PAUSE, PAUSE), [], "too soon");
        welcome.seat(NodeId(3));
        let mut times = 1;
        while let Some(next) = welcome.next() {
            assert!(next > now);
            now = next;
            assert_eq!(welcome.take(now, PAUSE), [NodeId(2)]);
            times += 1;
        }
        assert_eq!(times, TIMES);
    }
}
