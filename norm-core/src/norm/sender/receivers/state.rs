//! The receivers of a session, and what is known of the group as a whole.

use core::time::Duration;

use super::departures::Departures;
use super::group::{GroupRule, GroupTiming};
use super::grtt::Grtt;
use super::late_joiners::LateJoiners;
use super::member::{MemberStatus, Speaker};
use super::roster::{Attendance, RosterState};
use super::rtt_notices::PendingRttNotices;
use super::table::{Heard, MemberTable};
use crate::base::Timestamp;
use crate::norm::sender::config::{FeedbackFrom, SenderConfig};
use crate::norm::wire::{Identity, MemberReport, MemberState, NodeId};

/// Receivers, group round trip, and what individual receivers are still to be told.
#[derive(Debug)]
pub(crate) struct Receivers {
    members: MemberTable,
    grtt: Grtt,
    group: GroupRule,
    late_joiners: LateJoiners,
    rtt_notices: PendingRttNotices,
    departures: Departures,
    /// Without one every receiver is expected.
    roster: Option<RosterState>,
    own_node: NodeId,
}

impl Receivers {
    pub(crate) fn new(config: &SenderConfig, now: Timestamp) -> Self {
        Self {
            members: MemberTable::new(config.max_receivers, config.mode.lists_all_heard()),
            grtt: Grtt::new(&config.grtt, now),
            group: GroupRule::new(config),
            late_joiners: LateJoiners::default(),
            rtt_notices: PendingRttNotices::default(),
            departures: Departures::default(),
            roster: match &config.feedback {
                FeedbackFrom::Roster(roster) => Some(RosterState::new(roster.clone())),
                FeedbackFrom::Announced | FeedbackFrom::All => None,
            },
            own_node: config.node,
        }
    }

    pub(crate) fn members(&self) -> &MemberTable {
        &self.members
    }

    pub(crate) fn members_mut(&mut self) -> &mut MemberTable {
        &mut self.members
    }

    pub(crate) fn late_joiners(&self) -> &LateJoiners {
        &self.late_joiners
    }

    pub(crate) fn late_joiners_mut(&mut self) -> &mut LateJoiners {
        &mut self.late_joiners
    }

    pub(crate) fn rtt_notices_mut(&mut self) -> &mut PendingRttNotices {
        &mut self.rtt_notices
    }

    /// The group round trip that both sides' timers use.
    pub(crate) fn grtt(&self) -> Duration {
        self.grtt.get()
    }

    /// The group round trip, unless it is still a guess.
    pub(crate) fn measured_grtt(&self) -> Option<Duration> {
        self.grtt.is_measured().then(|| self.grtt.get())
    }

    /// Size and timers of the group. It is `counted` when queries find no new receivers.
    pub(crate) fn group(&self, counted: bool, streaming: bool) -> GroupTiming {
        let size = self.group.size(self.members.len(), counted, streaming);
        GroupTiming {
            grtt: self.grtt.get(),
            advertised: self.grtt.advertised(),
            size,
            backoff: self.group.backoff(size),
        }
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        self.grtt.tick(now);
    }

    /// Takes the name of a receiver that reports, before anything else of it counts. One whose
    /// place it takes is no longer listed.
    pub(crate) fn attend(
        &mut self,
        now: Timestamp,
        speaker: Speaker,
        report: &MemberReport<'_>,
    ) -> Attendance {
        let Some(roster) = &mut self.roster else { return Attendance::Expected };
        let attendance = roster.attend(now, speaker, report, &mut self.members);
        if let Attendance::Replaces(node) = attendance {
            self.members.forget(node);
        }
        attendance
    }

    /// Whether feedback counts that has no name: with a roster, that of listed receivers does.
    pub(crate) fn is_expected(&self, speaker: Speaker) -> bool {
        self.roster.is_none() || self.members.is_listed(speaker)
    }

    /// True of a receiver that is not listed, and may yet turn out to be in the roster.
    pub(crate) fn may_expect(&self, speaker: Speaker) -> bool {
        self.roster.as_ref().is_none_or(|roster| roster.may_expect(speaker))
    }

    /// Names in the roster under which no receiver has come, or one that left before content
    /// flowed; none without a roster.
    pub(crate) fn absent(&self) -> impl Iterator<Item = &str> {
        self.roster.iter().flat_map(|roster| roster.absent(&self.members))
    }

    /// Notes feedback; see [`MemberTable::heard`].
    pub(crate) fn heard(
        &mut self,
        now: Timestamp,
        speaker: Speaker,
        identity: Option<Identity>,
        joined: u64,
    ) -> Heard {
        if speaker.node == self.own_node {
            // Our own id is taken.
            return Heard::Collision(Identity([0; 16]));
        }
        self.members.heard(now, speaker, identity, joined)
    }

    /// A round trip with a listed receiver was measured.
    pub(crate) fn measured(&mut self, node: NodeId, rtt: Duration) {
        let believed = self.members.believe(node, rtt);
        if let Some(rtt) = believed.or((!self.grtt.is_measured()).then_some(rtt)) {
            self.grtt.sample(rtt);
        }
    }

    /// A round trip with a receiver that is not listed was measured, and is believed.
    pub(crate) fn measured_unlisted(&mut self, rtt: Duration) {
        self.grtt.sample(rtt);
    }

    /// A NACK came to the group, or to us alone.
    pub(crate) fn note_nack(&mut self, to_group: bool) {
        self.group.note_nack(to_group);
    }

    /// True when a receiver says again that it leaves.
    pub(crate) fn leaves_again(&mut self, report: &MemberReport<'_>) -> bool {
        self.departures.is_repeated(report.identity, leaves(report.state))
    }

    /// Notes what a receiver reports of itself; returns its status before, if it is listed. One
    /// that had left, and goes on, is active again.
    pub(crate) fn note_report(
        &mut self,
        node: NodeId,
        report: &MemberReport<'_>,
    ) -> Option<MemberStatus> {
        let status = self.members.note_report(node, report)?;
        let (identity, echo) = (report.identity, report.grtt_response);
        if leaves(report.state) {
            self.departures.note(identity, echo);
        } else if status == MemberStatus::Failed && self.departures.is_back(identity, echo) {
            self.members.set_status(node, MemberStatus::Active);
        }
        Some(status)
    }
}

/// A receiver in this state does not go on.
pub(crate) fn leaves(state: MemberState) -> bool {
    matches!(state, MemberState::Failed | MemberState::Leaving)
}
