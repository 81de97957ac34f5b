//! Is content sent unasked, or only what receivers ask for?
//!
//! Decided once, before the first packet of a file's content: the list of files is out by then, and
//! receivers that have a part of the content report it. One round of reports is waited for, less
//! when a receiver has nothing, and more only when no receiver says anything of the content.

use core::time::Duration;

use crate::base::Timestamp;
use crate::norm::sender::config::Payload;
use crate::norm::sender::event::{Events, SenderEvent};
use crate::norm::sender::lifecycle::Lifecycle;
use crate::norm::sender::receivers::{Member, MemberTable};
use crate::norm::wire::MemberState;

/// The least part of the content, as its n-th part, that every receiver has where only the missing
/// rest is sent.
const MIN_PRESENT_PART: u64 = 20;
/// Most rounds of reports while receivers are listed that say nothing of the content.
const MAX_ROUNDS: u32 = 3;
/// Receivers of a larger group are looked at once in [`LOOK_INTERVAL`].
const SMALL_GROUP: usize = 1_000;
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Bytes of content: those that were sent, which tell of files, and those of all objects.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) sent: u64,
    pub(crate) total: u64,
}

/// Whether a file's content is sent unasked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unasked {
    /// It is.
    Send,
    /// It is not.
    Skip,
    /// That is not known yet.
    Wait,
}

/// The choice, and how far it has come.
#[derive(Debug)]
pub(crate) struct PayloadChoice {
    state: State,
}

#[derive(Copy, Clone, Debug)]
enum State {
    Chosen {
        on_request: bool,
    },
    /// Content is not to be sent yet.
    Open,
    /// Reports are waited for.
    Asked(Asked),
}

/// A round of reports.
#[derive(Copy, Clone, Debug)]
struct Asked {
    rounds: u32,
    /// The last query before it.
    after: u16,
    /// Until when its query is answered, once it is sent.
    answer_by: Option<Timestamp>,
    next_look: Timestamp,
}

/// What receivers have said of the content.
#[derive(Copy, Clone, Debug, Default)]
struct Reports {
    /// Receivers that are at work.
    active: usize,
    /// Those of them that know the content.
    informed: usize,
    /// The fewest bytes that one of these has.
    least: u64,
}

impl PayloadChoice {
    pub(crate) fn new(payload: Payload) -> Self {
        let state = match payload {
            Payload::All | Payload::Carousel { .. } => State::Chosen { on_request: false },
            Payload::Missing => State::Chosen { on_request: true },
            Payload::Auto => State::Open,
        };
        Self { state }
    }

    /// Only what receivers ask for is sent.
    pub(crate) fn is_on_request(&self) -> bool {
        matches!(self.state, State::Chosen { on_request: true })
    }

    /// When receivers are to be looked at again.
    pub(crate) fn next_look(&self) -> Option<Timestamp> {
        if let State::Asked(asked) = self.state { Some(asked.next_look) } else { None }
    }

    /// Content of a file is next.
    pub(crate) fn unasked(
        &mut self,
        now: Timestamp,
        members: &MemberTable,
        content: Progress,
        lifecycle: &mut Lifecycle,
        events: &mut Events,
    ) -> Unasked {
        let asked = match self.state {
            State::Chosen { on_request: true } => return Unasked::Skip,
            State::Chosen { on_request: false } => return Unasked::Send,
            State::Open => {
                self.ask(now, 1, lifecycle);
                return Unasked::Wait;
            }
            State::Asked(asked) => asked,
        };
        let large = members.announced() > SMALL_GROUP;
        if large && now < asked.next_look {
            return Unasked::Wait;
        }
        let answer_by = asked.answer_by.or_else(|| lifecycle.answer_by(asked.after));
        let reports = Reports::of(members);
        let Some(on_request) = reports.decide(content, answer_by.is_some_and(|by| now >= by))
        else {
            let look = now + LOOK_INTERVAL;
            let next_look = answer_by.map_or(look, |by| if large { by.min(look) } else { by });
            // A look that is due now would be due for ever.
            let next_look = next_look.max(now + LOOK_INTERVAL / 10);
            self.state = State::Asked(Asked { answer_by, next_look, ..asked });
            return Unasked::Wait;
        };
        if !on_request && reports.informed == 0 && reports.active > 0 && asked.rounds < MAX_ROUNDS {
            self.ask(now, asked.rounds + 1, lifecycle);
            return Unasked::Wait;
        }
        self.state = State::Chosen { on_request };
        if on_request {
            let Reports { informed: receivers, least: bytes_done, .. } = reports;
            events.push(SenderEvent::OnRequest { receivers, bytes_done });
            return Unasked::Skip;
        }
        Unasked::Send
    }

    fn ask(&mut self, now: Timestamp, rounds: u32, lifecycle: &mut Lifecycle) {
        let (after, next_look) = (lifecycle.ask_for_reports(now), now + LOOK_INTERVAL);
        self.state = State::Asked(Asked { rounds, after, answer_by: None, next_look });
    }
}

impl Reports {
    fn of(members: &MemberTable) -> Self {
        let mut reports = Self { least: u64::MAX, ..Self::default() };
        let active = members.iter().map(|(_, member)| member).filter(|member| member.is_active());
        for member in active {
            reports.active += 1;
            if knows_content(member) {
                reports.informed += 1;
                reports.least = reports.least.min(member.bytes_done);
            }
        }
        reports
    }

    /// Whether only the missing rest is to be sent; `None` while more reports may come, which is
    /// until the round is over.
    fn decide(&self, content: Progress, is_over: bool) -> Option<bool> {
        // Every receiver has what was just sent: the list of files may be long.
        let kept = self.least.saturating_sub(content.sent);
        let least = content.total.saturating_sub(content.sent) / MIN_PRESENT_PART;
        if self.informed > 0 && kept < least.max(1) {
            return Some(false); // all of it has to travel anyway
        }
        is_over.then_some(self.informed > 0)
    }
}

fn knows_content(member: &Member) -> bool {
    matches!(member.state, MemberState::Receiving | MemberState::Verifying | MemberState::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_of_files_that_was_just_sent_is_no_part_that_was_there_before() {
        let content = Progress { sent: 96, total: 207 };
        let decide = |informed: usize, least: u64, is_over: bool| {
            Reports { active: 1, informed, least }.decide(content, is_over)
        };
        assert_eq!(decide(1, 96, false), Some(false));
        assert_eq!(decide(1, 100, false), Some(false), "less than a twentieth");
        assert_eq!(decide(1, 101, false), None, "others may have less");
        assert_eq!(decide(1, 101, true), Some(true));
        assert_eq!(decide(0, u64::MAX, true), Some(false), "no receiver knows the content");
        let tiny = Progress { sent: 96, total: 99 };
        let none = Reports { active: 1, informed: 1, least: 96 };
        assert_eq!(none.decide(tiny, true), Some(false));
    }
}
