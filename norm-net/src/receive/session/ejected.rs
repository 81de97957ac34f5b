//! A sender waits for us no longer: away, or on to its slow lane.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;

use super::end::Failure;
use super::{Engine, Session};
use crate::receive::event::ReceiveEvent;

/// A daemon goes back to its own group when nothing has begun in the slow lane for this long.
const LANE_PATIENCE: Duration = Duration::from_secs(60);

/// Where the session listens.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Whereabouts {
    /// In a slow lane since then.
    lane: Option<Timestamp>,
    /// Something was on its way there.
    begun: bool,
    /// Go there; `None`: home.
    next: Option<Option<SocketAddr>>,
}

impl Session {
    /// The sender says that we keep the others slow.
    pub(super) fn ejected(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: u32,
        lane: Option<SocketAddr>,
    ) {
        let sets = self.sets.iter().filter(|(_, set)| set.remote == remote);
        let waiting = sets.filter(|(_, set)| !set.state.all_written());
        let waiting: Vec<u64> = waiting.map(|(&number, _)| number).collect();
        if waiting.is_empty() || self.whereabouts.next.is_some() {
            return;
        }
        // A group somewhere, of the family of ours: no more can come of a lie than of the session's.
        let lane = lane.filter(|lane| {
            let here = self.policy.group;
            let fits = lane.ip().is_multicast() && lane.is_ipv4() == here.is_ipv4();
            fits && here.ip().is_multicast() && lane.port() > 0 && *lane != here
        });
        let alone = self.plain.is_empty() && self.sets.values().all(|set| set.remote == remote);
        let lane = lane.filter(|_| alone && self.whereabouts.lane.is_none());
        self.events.send(ReceiveEvent::Ejected { lane });
        let Some(lane) = lane else {
            for number in waiting {
                let reason = "the sender waits for this receiver no longer, because it takes less than \
                              the others: receive again when its network or disk is faster, or have \
                              the sender use --slow lane or wait";
                self.fail(engine, now, number, Failure::Ejected(reason.to_owned()));
            }
            return;
        };
        // The same set begins again there.
        for number in waiting {
            self.sets.remove(&number);
        }
        engine.forget(remote);
        engine.store_mut().forget(remote);
        self.senders.remove(&remote);
        self.whereabouts = Whereabouts { lane: Some(now), begun: false, next: Some(Some(lane)) };
    }

    /// A daemon has nothing more to do in the slow lane.
    pub(super) fn leave_lane(&mut self, now: Timestamp) {
        let Some(since) = self.whereabouts.lane.filter(|_| self.policy.daemon) else { return };
        let busy = !self.sets.is_empty() || !self.plain.is_empty();
        self.whereabouts.begun |= busy;
        let owed = self.senders.values().any(|sender| sender.owes_release);
        let over = self.whereabouts.begun || now >= since + LANE_PATIENCE;
        if over && !busy && !owed && self.whereabouts.next.is_none() {
            self.whereabouts = Whereabouts { next: Some(None), ..Whereabouts::default() };
        }
    }

    /// True when the session is to listen elsewhere.
    pub(super) fn moves(&self) -> bool {
        self.whereabouts.next.is_some()
    }

    /// Where the session is to go on, if it is to move: to a slow lane, or home.
    pub(in crate::receive) fn take_move(&mut self) -> Option<SocketAddr> {
        let next = self.whereabouts.next.take()?;
        Some(next.unwrap_or(self.policy.group))
    }
}
