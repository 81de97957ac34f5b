//! One sender as a receiver sees it.
//!
//! - `identity`: the ids and the address of the sender, and the identity that we use with it.
//! - `moves`: whether it is the same that speaks from another address.
//! - `timing`: the timing that it advertises; `path`, `loss`, `probes`, `sizes`: what is measured.
//! - `reordering`, `lateness`: in which order its packets come.
//! - `coding`: how its packets are read; `timeline`: how far it has come.
//! - `interest`: what is wanted of it, and what is here.
//! - `liveness`: whether it is heard.
//! - `acks`, `report`: what we owe it, apart from NACKs.

pub(super) mod acks;
pub(super) mod coding;
pub(super) mod identity;
pub(super) mod interest;
mod lateness;
pub(super) mod liveness;
mod loss;
pub(super) mod moves;
mod path;
pub(super) mod probes;
mod reordering;
pub(super) mod report;
pub(super) mod sizes;
pub(super) mod timeline;
pub(super) mod timing;

use core::net::SocketAddr;

use crate::base::Timestamp;
use crate::endpoint::{ObjectRef, PacketOverhead, SenderId};
use crate::norm::receiver::config::JoinPolicy;
use crate::norm::receiver::nack::state::NackState;
use crate::norm::receiver::timeout::TimeoutReason;
use crate::norm::wire::{MAX_OBJECTS, SenderFields};

use acks::Acks;
use coding::Coding;
use identity::{Alias, Source};
use interest::Interest;
use liveness::Liveness;
use moves::Moves;
use path::Path;
use report::ReportState;
use timeline::Timeline;

/// One sender: its parts, each of which keeps its own state.
#[derive(Debug)]
pub(crate) struct SenderState {
    pub(super) id: SenderId,
    pub(super) source: Source,
    pub(super) moves: Moves,
    pub(super) alias: Alias,
    pub(super) coding: Coding,
    pub(super) timeline: Timeline,
    pub(super) interest: Interest,
    pub(super) path: Path,
    pub(super) liveness: Liveness,
    pub(super) nack: NackState,
    pub(super) acks: Acks,
    pub(super) report: ReportState,
}

impl SenderState {
    /// A sender that is heard for the first time.
    pub(super) fn new(
        now: Timestamp,
        id: SenderId,
        source: Source,
        fields: &SenderFields,
        overhead: PacketOverhead,
    ) -> Self {
        let path = Path::new(fields, overhead);
        let liveness = Liveness::new(now, path.timing());
        Self {
            id,
            source,
            moves: Moves::default(),
            alias: Alias::default(),
            coding: Coding::new(),
            timeline: Timeline::new(),
            interest: Interest::new(),
            path,
            liveness,
            nack: NackState::new(now),
            acks: Acks::default(),
            report: ReportState::new(),
        }
    }

    /// An object of the sender.
    pub(super) fn object_ref(&self, key: u64) -> ObjectRef {
        ObjectRef { sender: self.id, key }
    }

    /// Notes where the sender is, seen from this machine: the interface may have another number.
    pub(super) fn note_address(&mut self, address: SocketAddr) {
        self.source.move_to(address);
    }

    /// Notes that the sender is heard, and the timing that it advertises, if that is believed.
    pub(super) fn note_heard(&mut self, now: Timestamp, fields: Option<&SenderFields>) {
        let old = self.path.timing();
        let was_silent = now > self.liveness.last_heard() + old.cycle();
        if was_silent && !self.moves.is_told(now) {
            self.nack.shorten(now, old);
        }
        self.liveness.note_heard(now);
        if fields.is_some_and(|fields| self.path.advertise(fields)) {
            let new = self.path.timing();
            self.nack.rescale(now, old, new);
            self.report.rescale(now, old.grtt, new.grtt);
        }
    }

    /// Decides whether and where reception begins (RFC 5740 §5.2): true when content of `key` is
    /// wanted. `may_begin`: reception may begin here even if only objects that begin are wanted.
    pub(super) fn synchronise(&mut self, join: JoinPolicy, key: u64, may_begin: bool) -> bool {
        let turning = self.timeline.is_turning();
        if let Some(first) = self.interest.first() {
            // In passes earlier objects come, too.
            return key >= first || (turning && self.interest.extend_to(key));
        }
        let first = match join {
            JoinPolicy::Current if !may_begin && !turning => return false,
            JoinPolicy::Current | JoinPolicy::Object => key,
            JoinPolicy::All => key.saturating_sub(MAX_OBJECTS.into()),
        };
        self.interest.begin(first);
        self.timeline.begin(key);
        true
    }

    /// The sender itself says where it is: what was concluded from packets before that, which are
    /// not signed, is forgotten.
    pub(super) fn prove(&mut self) {
        if !self.timeline.is_proved() {
            self.timeline = Timeline::new();
            self.interest.forget_beginning();
        }
    }

    /// True when everything that the sender is known to have is here, refused or given up.
    pub(super) fn has_all(&self) -> bool {
        self.interest.is_done_through(self.timeline.last_key())
    }

    /// The timers of the sender that run: when each ends, and what it is.
    fn timers(&self) -> [Option<(Timestamp, TimeoutReason)>; 6] {
        let named = |at: Option<Timestamp>, reason| at.map(|at| (at, reason));
        [
            self.nack.next(),
            named(self.acks.next(), TimeoutReason::Acknowledgment),
            named(self.acks.window_due(), TimeoutReason::ReceiveWindow),
            named(self.report.due(), TimeoutReason::MembershipReport),
            named(self.path.next_answer(), TimeoutReason::CongestionFeedback),
            named(Some(self.liveness.next_check()), TimeoutReason::SilenceCheck),
        ]
    }

    /// The timer that ends first.
    pub(super) fn next_timeout(&self) -> Option<(Timestamp, TimeoutReason)> {
        self.timers().into_iter().flatten().min()
    }

    /// True when a timer has ended.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.next_timeout().is_some_and(|(at, _)| at <= now)
    }
}

#[cfg(test)]
impl SenderState {
    /// A sender that was heard at time zero, with a group of 10 receivers and a GRTT of 10 ms.
    pub(super) fn example() -> Self {
        use crate::norm::wire::{InstanceId, NodeId, QuantizedGroupSize, QuantizedRtt};
        let fields = SenderFields {
            instance: InstanceId(9),
            grtt: QuantizedRtt::from_duration(core::time::Duration::from_millis(10)),
            backoff: 4,
            group_size: QuantizedGroupSize::from_count(10),
        };
        let address = SocketAddr::from(([10, 0, 0, 1], 5740));
        let source = Source { node: NodeId(1), instance: fields.instance, address };
        Self::new(Timestamp::ZERO, SenderId(0), source, &fields, PacketOverhead::IPV4)
    }
}
