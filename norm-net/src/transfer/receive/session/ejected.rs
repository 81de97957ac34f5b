//! A sender waits for us no longer: away, or on to its slow lane.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;

use super::end::Failure;
use super::{Engine, Session};
use crate::event::{Hint, Problem, ReceiveEvent};
use crate::io::error::NetError;

/// When nothing has begun in the slow lane for this long, a daemon goes back to its own group, and others
/// give up.
const LANE_PATIENCE: Duration = Duration::from_secs(60);
/// A daemon stays in the lane no longer than this for its confirmation to be heard.
const STAY: Duration = Duration::from_secs(10);
/// Bad news is believed when it is said again after this time, and within the other.
const AGAIN: Duration = Duration::from_millis(100);
const FORGOTTEN: Duration = Duration::from_secs(10);
/// Ports below are the system's.
const LOWEST_PORT: u16 = 1024;

/// What fails when there is nothing in a slow lane.
const LANE: &str = "what was on its way";

/// Where the session listens.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Whereabouts {
    /// In a slow lane since then.
    lane: Option<Timestamp>,
    /// When something was on its way there last.
    busy: Option<Timestamp>,
    /// Go there; `None`: home.
    next: Option<Option<SocketAddr>>,
    /// Who said first that it waits no longer, and when.
    told: Option<(SenderId, Timestamp)>,
}

impl Session {
    /// The sender says that we keep the others slow.
    pub(super) fn ejected(
        &mut self,
        engine: &mut Engine,
        now: Timestamp,
        remote: SenderId,
        lane: Option<SocketAddr>,
    ) {
        let sets = self.sets.iter().filter(|(_, set)| set.remote == remote);
        let waiting = sets.filter(|(_, set)| !set.state.all_written());
        let waiting: Vec<u64> = waiting.map(|(&number, _)| number).collect();
        if waiting.is_empty() || self.whereabouts.next.is_some() {
            return;
        }
        // One packet can be anybody's.
        match self.whereabouts.told {
            Some((by, at)) if by == remote && now < at + FORGOTTEN => {
                if now < at + AGAIN {
                    return;
                }
            }
            _ => {
                self.whereabouts.told = Some((remote, now));
                return;
            }
        }
        // A group somewhere, of the family of ours: no more can come of a lie than of the session's.
        let lane = lane.filter(|lane| {
            let here = self.policy.group;
            let fits = lane.ip().is_multicast() && lane.is_ipv4() == here.is_ipv4();
            fits && here.ip().is_multicast() && lane.port() >= LOWEST_PORT && *lane != here
        });
        // Of a set whose list of files is here: whoever sends it has something.
        let known = self.sets.values().any(|set| set.remote == remote && set.plan.is_some());
        let alone =
            known && self.plain.is_empty() && self.sets.values().all(|set| set.remote == remote);
        let lane = lane.filter(|_| alone && self.whereabouts.lane.is_none());
        self.events.send(ReceiveEvent::Evicted { sender: remote, separate_group: lane });
        let Some(lane) = lane else {
            for number in waiting {
                self.fail(engine, now, number, Failure::Ejected(Problem::Evicted));
            }
            return;
        };
        // The same set begins again there, and goes on with what is here.
        for number in waiting {
            self.leave(engine, number);
        }
        self.whereabouts =
            Whereabouts { lane: Some(now), next: Some(Some(lane)), ..Whereabouts::default() };
    }

    /// In a slow lane: elsewhere than hints and reports say.
    pub(super) fn is_in_lane(&self) -> bool {
        self.whereabouts.lane.is_some()
    }

    /// Nothing has begun there yet, and may.
    pub(super) fn waits_in_lane(&self, now: Timestamp) -> bool {
        let Whereabouts { lane, busy, .. } = self.whereabouts;
        busy.is_none() && lane.is_some_and(|since| now < since + LANE_PATIENCE)
    }

    /// The slow lane cannot be joined: what was on its way is not received.
    pub(in crate::transfer::receive) fn cannot_move(&mut self, now: Timestamp, error: &NetError) {
        self.whereabouts = Whereabouts::default();
        self.events.hint(Hint::SeparateGroupUnreachable { error: error.to_string() });
        let what = (LANE.to_owned(), true);
        self.end.failed(now, SenderId(u32::MAX), what, Failure::Ejected(Problem::Evicted));
    }

    /// Nothing more is to be had in the slow lane: a daemon goes home, others give up.
    pub(super) fn leave_lane(&mut self, now: Timestamp) {
        let Some(since) = self.whereabouts.lane else { return };
        if self.whereabouts.next.is_some() {
            return;
        }
        if !self.sets.is_empty() || !self.plain.is_empty() {
            self.whereabouts.busy = Some(now);
            return;
        }
        let owed = self.senders.values().any(|sender| sender.owes_release);
        let over = match self.whereabouts.busy {
            Some(busy) => !owed || now >= busy + STAY,
            None => now >= since + LANE_PATIENCE,
        };
        if !over {
            return;
        }
        if self.policy.daemon {
            self.whereabouts = Whereabouts { next: Some(None), ..Whereabouts::default() };
        } else if self.whereabouts.busy.is_none() && !self.end.has_failed(LANE) {
            let what = (LANE.to_owned(), true);
            self.end.failed(
                now,
                SenderId(u32::MAX),
                what,
                Failure::Ejected(Problem::SeparateGroupSilent),
            );
        }
    }

    /// True when the session is to listen elsewhere.
    pub(super) fn moves(&self) -> bool {
        self.whereabouts.next.is_some()
    }

    /// Where the session is to go on, if it is to move: to a slow lane, or home.
    pub(in crate::transfer::receive) fn take_move(&mut self) -> Option<SocketAddr> {
        let next = self.whereabouts.next.take()?;
        Some(next.unwrap_or(self.policy.group))
    }
}
