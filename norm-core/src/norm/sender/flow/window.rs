//! The receive windows of the receivers that are waited for.
//!
//! Now and then, by NORM_CMD(ACK_REQ), the sender asks some receivers how much more they can take
//! ([`ReceiveWindow`]); since the question travels among the data, the answer counts from where the
//! data were when it was asked. A receiver that can take nothing for a while, or does not answer,
//! is not waited for until it can and does.

use core::time::Duration;
use std::collections::BTreeMap;

use super::answers::{self, AnswerTime, Pace};
use crate::base::Timestamp;
use crate::norm::wire::{NodeId, ReceiveWindow};

/// What decides the rate of new data.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pacing {
    /// Flow control alone: what memory and sockets of receivers hold.
    None,
    /// The application: only the memory of receivers counts.
    Fixed,
    /// A controller, which is at this rate: what sockets hold counts besides what is under way.
    Controlled {
        /// Bytes per second.
        bytes: u64,
    },
}

/// What is known of the receive window of a receiver.
#[derive(Copy, Clone, Debug)]
struct KnownWindow {
    /// Content bytes that had been sent when the question was asked that it answered last.
    asked: u64,
    /// It can take content up to here, in bytes sent for the first time.
    limit: u64,
    /// When it began to hold new data up.
    stalled_at: Option<Timestamp>,
    /// It held new data up for too long.
    ignored: bool,
    /// How fast it takes what is sent.
    pace: Pace,
}

impl KnownWindow {
    fn new(asked: u64, room: u64) -> Self {
        Self {
            asked,
            limit: asked.saturating_add(room),
            stalled_at: None,
            ignored: false,
            pace: Pace::default(),
        }
    }

    /// True when it is worth asking again: much of what it said it can take was sent since. While
    /// answers are `prompt`, a receiver with ample room is left alone at every second question: two
    /// more come before all of its room is used.
    fn is_due(&self, sent: u64, prompt: bool) -> bool {
        let room = self.limit - self.asked;
        let halves = if prompt && room >= AMPLE_ROOM { 3 } else { 1 };
        sent >= self.limit || sent.saturating_sub(self.asked) >= step(room) / 2 * halves
    }

    /// It holds new data up.
    fn is_full(&self, sent: u64) -> bool {
        !self.ignored && sent >= self.limit
    }

    /// Takes a newer answer.
    fn update(&mut self, new: &Self, has_room: bool) {
        self.asked = new.asked;
        self.limit = new.limit;
        self.pace = new.pace;
        if has_room {
            self.stalled_at = None;
            self.ignored = false;
        }
    }
}

/// Bytes after which to ask a receiver again that has this much room.
fn step(room: u64) -> u64 {
    (room / 4).clamp(FIRST_ROOM / 8, MAX_STEP)
}

/// A question to receivers.
#[derive(Copy, Clone, Debug)]
struct Question {
    /// Content bytes that had been sent.
    sent: u64,
    at: Timestamp,
}

/// The receive windows of some receivers, and when they are asked.
#[derive(Debug)]
pub(super) struct ReceiveWindows {
    /// The receivers that can take least, as far as is known.
    receivers: BTreeMap<NodeId, KnownWindow>,
    /// No window ends before this.
    lowest: u64,
    /// By number.
    questions: [Question; 256],
    next_id: u8,
    /// Questions asked so far.
    asked: u64,
    asked_at: Timestamp,
    /// An answer takes less time than lies between two questions.
    prompt: bool,
    answer_time: AnswerTime,
    /// Bytes after which to ask again: what the receiver with the least room needs, of those that
    /// answered the last question.
    step: u64,
    /// The last question has no answer so far.
    unanswered: bool,
}

/// Most receivers whose windows are watched.
const MAX_WATCHED: usize = 64;
/// Further receivers that a question asks.
const ASKED_BESIDES: usize = 16;
/// Further receivers that a question asks when no more windows can be watched.
const ASKED_BESIDES_FULL: usize = 8;
/// Most receivers whose sockets bound a controlled rate. Where questions are lost, one of many
/// always has no answer, and its socket would stop the sender although it is empty.
const MAX_CONTROLLED: usize = 16;
/// Longest round trip to a receiver whose socket bounds a controlled rate. From farther away, less
/// is under way in a socket than on the path, and an answer that is lost costs too much.
const MAX_CONTROLLED_RTT: Duration = Duration::from_millis(2);
/// Room of a receiver that need not be asked often, in bytes.
const AMPLE_ROOM: u64 = 16 << 20;
/// Room that a receiver is assumed to have before it has answered: little more than the smallest
/// buffers that systems give.
const FIRST_ROOM: u64 = 256 << 10;
/// The same where something else decides the rate, and only its memory counts: the smallest that
/// programs can be given.
const FIRST_ROOM_PACED: u64 = 16 << 20;
/// Most bytes between two questions.
const MAX_STEP: u64 = 32 << 20;
/// Most answers in a second that questions may cause.
const MAX_ANSWERS_PER_SECOND: u32 = 20_000;
/// A receiver that can take nothing for this long stops holding up the others.
const STALL_LIMIT: Duration = Duration::from_millis(500);
/// Shortest time after which a question that may have been lost is repeated.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(2);

impl ReceiveWindows {
    pub(super) fn new() -> Self {
        Self {
            receivers: BTreeMap::new(),
            lowest: u64::MAX,
            questions: [Question { sent: 0, at: Timestamp::ZERO }; 256],
            next_id: 0,
            asked: 0,
            asked_at: Timestamp::ZERO,
            prompt: false,
            answer_time: AnswerTime::default(),
            step: FIRST_ROOM / 4,
            unanswered: true,
        }
    }

    /// True when it is time to ask; `sent` are the content bytes sent for the first time so far.
    pub(super) fn must_ask(&self, now: Timestamp, sent: u64, grtt: Duration) -> bool {
        let last = self.questions[usize::from(self.next_id.wrapping_sub(1))];
        if self.asked == 0 {
            return true;
        }
        // The nearest limit may be that of a receiver whose answer was lost.
        let step = self.step.min(step(self.lowest.saturating_sub(last.sent)));
        let moved = sent.saturating_sub(last.sent) >= step;
        (moved && now >= self.asked_at + self.interval())
            || (self.is_full(sent) && now >= self.repeat_at(grtt))
    }

    /// The shortest time between two questions.
    fn interval(&self) -> Duration {
        let answers = u32::try_from(self.receivers.len()).unwrap_or(u32::MAX).max(1);
        Duration::from_secs(1) * answers / MAX_ANSWERS_PER_SECOND
    }

    fn repeat_at(&self, grtt: Duration) -> Timestamp {
        let answered_in = self.answer_time.longest().unwrap_or(grtt).min(grtt);
        self.asked_at + answered_in.max(MIN_REPEAT_INTERVAL).max(self.interval())
    }

    /// Number of receivers to be asked whose windows are not watched.
    pub(super) fn besides(&self) -> usize {
        if self.receivers.len() < MAX_WATCHED { ASKED_BESIDES } else { ASKED_BESIDES_FULL }
    }

    /// Notes that a question asks the watched receivers and these `besides`; returns its number.
    pub(super) fn ask(
        &mut self,
        now: Timestamp,
        sent: u64,
        besides: &[NodeId],
        pacing: Pacing,
    ) -> u8 {
        let room = if pacing == Pacing::None { FIRST_ROOM } else { FIRST_ROOM_PACED };
        for &node in besides {
            if self.receivers.len() < MAX_WATCHED {
                let new = KnownWindow::new(sent, room);
                self.lowest = self.lowest.min(self.receivers.entry(node).or_insert(new).limit);
            }
        }
        let id = self.next_id;
        let longest = self.answer_time.longest();
        self.prompt = longest.is_some_and(|longest| now.saturating_since(self.asked_at) > longest);
        self.questions[usize::from(id)] = Question { sent, at: now };
        self.next_id = id.wrapping_add(1);
        self.asked_at = now;
        self.asked += 1;
        self.unanswered = true;
        id
    }

    /// Watched receivers that are to be asked now; those with much room are asked rarely.
    pub(super) fn due(&self, sent: u64) -> impl Iterator<Item = NodeId> + '_ {
        let due = self.receivers.iter().filter(move |(_, window)| window.is_due(sent, self.prompt));
        due.map(|(&node, _)| node)
    }

    /// Takes an answer.
    pub(super) fn answered(
        &mut self,
        now: Timestamp,
        node: NodeId,
        ack_id: u8,
        answer: ReceiveWindow,
        pacing: Pacing,
    ) {
        let age = u64::from(self.next_id.wrapping_sub(ack_id).wrapping_sub(1));
        if age >= self.asked {
            return; // never asked
        }
        let question = self.questions[usize::from(ack_id)];
        let mut pace = self.receivers.get(&node).map_or(Pace::default(), |window| window.pace);
        pace.note(now, question.at, question.sent);
        self.answer_time.note(now.saturating_since(question.at));
        let room = answer.bytes.min(self.burst(answer, &pace, pacing));
        let new = KnownWindow { pace, ..KnownWindow::new(question.sent, room) };
        if !self.make_place(node, &new) {
            return;
        }
        let window = self.receivers.entry(node).or_insert(new);
        if new.asked < window.asked {
            return; // overtaken by a later one
        }
        let was_lowest = window.limit <= self.lowest;
        window.update(&new, room > 0);
        let first = core::mem::take(&mut self.unanswered);
        self.step = step(room).min(if first { u64::MAX } else { self.step });
        self.lowest = self.lowest.min(new.limit);
        if was_lowest {
            self.find_lowest();
        }
    }

    /// What a receiver's socket can take until the next answer, in bytes.
    fn burst(&self, answer: ReceiveWindow, pace: &Pace, pacing: Pacing) -> u64 {
        // It must also leave room for repair, and for packets of others.
        let socket = answer.burst / 4 * 3;
        match pacing {
            Pacing::None => socket.min(pace.ahead()),
            Pacing::Fixed => u64::MAX,
            Pacing::Controlled { bytes } if self.bounds_sockets(pace) => {
                // On a short way all that is ahead may be in the socket. On a longer one more is
                // under way than fits into it, and the rate may rise.
                let way = answers::bytes_in(bytes, pace.shortest() * 4 + self.interval() * 2);
                socket.min(answers::ahead(bytes)).max(way)
            }
            Pacing::Controlled { .. } => u64::MAX,
        }
    }

    /// Whether sockets bound a controlled rate: in a small group that is near.
    fn bounds_sockets(&self, pace: &Pace) -> bool {
        self.receivers.len() <= MAX_CONTROLLED && pace.shortest() <= MAX_CONTROLLED_RTT
    }

    /// Makes a place for a receiver that is not watched, if it can take less than another; false
    /// when it cannot.
    fn make_place(&mut self, node: NodeId, new: &KnownWindow) -> bool {
        if self.receivers.len() < MAX_WATCHED || self.receivers.contains_key(&node) {
            return true;
        }
        let highest = self.receivers.iter().max_by_key(|(_, window)| window.limit);
        let Some((&highest, window)) = highest else { return false };
        let lower = new.limit < window.limit;
        if lower {
            self.receivers.remove(&highest);
        }
        lower
    }

    fn find_lowest(&mut self) {
        let limits = self.receivers.values().map(|window| window.limit);
        self.lowest = limits.min().unwrap_or(u64::MAX);
    }

    /// Watches only these receivers any longer.
    pub(super) fn retain(&mut self, mut is_waited_for: impl FnMut(NodeId) -> bool) {
        self.receivers.retain(|&node, _| is_waited_for(node));
        self.find_lowest();
    }

    /// True when a receiver that is waited for can take no more now. A receiver that is the reason
    /// for too long is not waited for any longer.
    pub(super) fn stalls(&mut self, now: Timestamp, sent: u64) -> bool {
        let mut full = false;
        if !self.is_full(sent) {
            return full;
        }
        for window in self.receivers.values_mut().filter(|window| window.is_full(sent)) {
            let since = *window.stalled_at.get_or_insert(now);
            window.ignored = now >= since + STALL_LIMIT;
            full |= !window.ignored;
        }
        full
    }

    /// While new data are held up: the receiver that can take least.
    pub(super) fn holder(&self, sent: u64) -> Option<NodeId> {
        let full = self.receivers.iter().filter(|(_, window)| window.is_full(sent));
        full.min_by_key(|(_, window)| window.limit).map(|(&node, _)| node)
    }

    /// While new data are held up: when to ask again, or to wait no longer.
    pub(super) fn wakes(&self, grtt: Duration) -> Option<Timestamp> {
        let stalling = self.receivers.values().filter(|window| !window.ignored);
        let first = stalling.filter_map(|window| window.stalled_at).min()?;
        Some((first + STALL_LIMIT).min(self.repeat_at(grtt)))
    }

    fn is_full(&self, sent: u64) -> bool {
        sent >= self.lowest
    }
}

#[cfg(test)]
mod tests;
