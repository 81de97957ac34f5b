//! Back-pressure: new data are not sent faster than the receivers that are waited for can take them.
//!
//! Now and then, by NORM_CMD(ACK_REQ), the sender asks some receivers how much more they can take
//! ([`ReceiveWindow`]); since the question travels among the data, the answer counts from where the data
//! were when it was asked. A receiver that can take nothing for a while, or does not answer, is not
//! waited for until it can and does.

use core::time::Duration;
use std::collections::BTreeMap;

use super::answers::{AnswerTime, Pace};
use crate::base::Timestamp;
use crate::norm::wire::{NodeId, ReceiveWindow};

/// What is known of a receiver.
#[derive(Copy, Clone, Debug)]
struct Allowed {
    /// Content bytes that had been sent when the question was asked that it answered last.
    asked: u64,
    /// It can take content up to here, in bytes sent for the first time.
    limit: u64,
    /// Since when it holds new data up.
    stalling: Option<Timestamp>,
    /// It held new data up for too long.
    ignored: bool,
    /// How fast it takes what is sent.
    pace: Pace,
}

impl Allowed {
    fn new(asked: u64, room: u64) -> Self {
        Self {
            asked,
            limit: asked.saturating_add(room),
            stalling: None,
            ignored: false,
            pace: Pace::default(),
        }
    }

    /// True when it is worth asking again: much of what it said it can take has been sent since. In
    /// calm times who has ample room is left alone at every second question: two more come before all
    /// of it was sent.
    fn is_due(&self, sent: u64, calm: bool) -> bool {
        let room = self.limit - self.asked;
        let halves = if calm && room >= AMPLE { 3 } else { 1 };
        sent >= self.limit || sent.saturating_sub(self.asked) >= step(room) / 2 * halves
    }
}

/// Bytes after which to ask a receiver again that has room for so many.
fn step(room: u64) -> u64 {
    (room / 4).clamp(FIRST / 8, LONGEST_STEP)
}

/// Who can take how much.
#[derive(Debug)]
pub(crate) struct Window {
    /// Those who can take least, as far as is known.
    receivers: BTreeMap<NodeId, Allowed>,
    /// Nobody's limit is below this.
    least: u64,
    /// Content bytes that had been sent when a question was asked, and when that was, by its number.
    asked: [(u64, Timestamp); 256],
    next_id: u8,
    /// Questions asked.
    questions: u64,
    asked_at: Timestamp,
    /// An answer takes less time than lies between two questions.
    calm: bool,
    answer_time: AnswerTime,
    /// Bytes after which to ask again: what the one with the least room needs, of those who answered
    /// the last question.
    step: u64,
    /// Nobody has answered it so far.
    unanswered: bool,
    /// The last receiver outside of the list that was asked.
    pub(crate) after: NodeId,
}

/// Receivers watched at a time.
const WATCHED: usize = 64;
/// Receivers asked at a time who are not watched.
const ASKED_BESIDE: usize = 16;
/// The same when all those are watched that can be.
const ASKED_BESIDE_FULL: usize = 8;
/// So much room is ample.
const AMPLE: u64 = 16 << 20;
/// What a receiver is thought to take before it has said so: little more than the smallest buffers
/// that systems give.
const FIRST: u64 = 256 << 10;
/// Questions are at most this far apart, ...
const LONGEST_STEP: u64 = 32 << 20;
/// ... and no more than needed to cause so many answers a second.
const ANSWERS_PER_SECOND: u32 = 20_000;
/// A receiver that can take nothing for this long stops holding up the rest.
const PATIENCE: Duration = Duration::from_millis(500);
/// A question that may have been lost is repeated after this, at least.
const REPEAT: Duration = Duration::from_millis(2);

impl Window {
    pub(crate) fn new() -> Self {
        Self {
            receivers: BTreeMap::new(),
            least: u64::MAX,
            asked: [(0, Timestamp::ZERO); 256],
            next_id: 0,
            questions: 0,
            asked_at: Timestamp::ZERO,
            calm: false,
            answer_time: AnswerTime::default(),
            step: FIRST / 4,
            unanswered: true,
            after: NodeId::NONE,
        }
    }

    /// True when it is time to ask; `sent` are the content bytes sent for the first time so far.
    pub(crate) fn must_ask(&self, now: Timestamp, sent: u64, grtt: Duration) -> bool {
        let (last, _) = self.asked[usize::from(self.next_id.wrapping_sub(1))];
        if self.questions == 0 {
            return true;
        }
        let moved = sent.saturating_sub(last) >= self.step;
        (moved && now >= self.asked_at + self.gap())
            || (self.is_full(sent) && now >= self.repeat_at(grtt))
    }

    /// The least time between two questions.
    fn gap(&self) -> Duration {
        let answers = u32::try_from(self.receivers.len()).unwrap_or(u32::MAX).max(1);
        Duration::from_secs(1) * answers / ANSWERS_PER_SECOND
    }

    fn repeat_at(&self, grtt: Duration) -> Timestamp {
        let usual = self.answer_time.longest().unwrap_or(grtt).min(grtt);
        self.asked_at + usual.max(REPEAT).max(self.gap())
    }

    /// How many are to be asked who are not watched.
    pub(crate) fn beside(&self) -> usize {
        if self.receivers.len() < WATCHED { ASKED_BESIDE } else { ASKED_BESIDE_FULL }
    }

    /// Notes that a question is asked of these and of those who are watched; returns its number.
    pub(crate) fn ask(&mut self, now: Timestamp, sent: u64, beside: &[NodeId]) -> u8 {
        for &node in beside {
            if self.receivers.len() < WATCHED {
                let new = Allowed::new(sent, FIRST);
                self.least = self.least.min(self.receivers.entry(node).or_insert(new).limit);
            }
        }
        let id = self.next_id;
        let longest = self.answer_time.longest();
        self.calm = longest.is_some_and(|longest| now.saturating_since(self.asked_at) > longest);
        self.asked[usize::from(id)] = (sent, now);
        (self.next_id, self.asked_at) = (id.wrapping_add(1), now);
        self.questions += 1;
        self.unanswered = true;
        id
    }

    /// Those who are watched and to be asked now: who has much room is asked rarely.
    pub(crate) fn due(&self, sent: u64) -> impl Iterator<Item = NodeId> + '_ {
        let due = self.receivers.iter().filter(move |(_, allowed)| allowed.is_due(sent, self.calm));
        due.map(|(&node, _)| node)
    }

    /// Takes an answer. With `paced` the rate is somebody else's decision: only memory counts then,
    /// not what a socket's buffer holds.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        node: NodeId,
        ack_id: u8,
        credit: ReceiveWindow,
        paced: bool,
    ) {
        let age = u64::from(self.next_id.wrapping_sub(ack_id).wrapping_sub(1));
        if age >= self.questions {
            return; // never asked
        }
        let (asked, asked_at) = self.asked[usize::from(ack_id)];
        let mut pace = self.receivers.get(&node).map_or(Pace::default(), |allowed| allowed.pace);
        pace.note(now, asked_at, asked);
        self.answer_time.note(now.saturating_since(asked_at));
        // A burst must also leave room for what comes beside: repair, and packets of others.
        let burst = if paced { u64::MAX } else { (credit.burst / 4 * 3).min(pace.ahead()) };
        let room = credit.bytes.min(burst);
        let new = Allowed { pace, ..Allowed::new(asked, room) };
        let full = self.receivers.len() >= WATCHED;
        if full && !self.receivers.contains_key(&node) {
            let richest = self.receivers.iter().max_by_key(|(_, allowed)| allowed.limit);
            let Some((&richest, allowed)) = richest else { return };
            if allowed.limit <= new.limit {
                return;
            }
            self.receivers.remove(&richest);
        }
        let allowed = self.receivers.entry(node).or_insert(new);
        if new.asked < allowed.asked {
            return; // overtaken by a later one
        }
        let was_least = allowed.limit <= self.least;
        (allowed.asked, allowed.limit, allowed.pace) = (new.asked, new.limit, new.pace);
        if room > 0 {
            (allowed.stalling, allowed.ignored) = (None, false);
        }
        let first = core::mem::take(&mut self.unanswered);
        self.step = step(room).min(if first { u64::MAX } else { self.step });
        self.least = self.least.min(new.limit);
        if was_least {
            self.find_least();
        }
    }

    fn find_least(&mut self) {
        let limits = self.receivers.values().map(|allowed| allowed.limit);
        self.least = limits.min().unwrap_or(u64::MAX);
    }

    /// Watches only these any longer.
    pub(crate) fn retain(&mut self, mut is_waited_for: impl FnMut(NodeId) -> bool) {
        self.receivers.retain(|&node, _| is_waited_for(node));
        self.find_least();
    }

    /// True when somebody who is waited for can take no more now. Whoever is the reason for too long
    /// is waited for no longer.
    pub(crate) fn stalls(&mut self, now: Timestamp, sent: u64) -> bool {
        let mut full = false;
        if !self.is_full(sent) {
            return full;
        }
        for allowed in self.receivers.values_mut() {
            if allowed.ignored || sent < allowed.limit {
                continue;
            }
            let since = *allowed.stalling.get_or_insert(now);
            allowed.ignored = now >= since + PATIENCE;
            full |= !allowed.ignored;
        }
        full
    }

    /// While new data are held up: for whom.
    pub(crate) fn holder(&self, sent: u64) -> Option<NodeId> {
        let full = self.receivers.iter().filter(|(_, a)| !a.ignored && sent >= a.limit);
        full.min_by_key(|(_, allowed)| allowed.limit).map(|(&node, _)| node)
    }

    /// While new data are held up: when to ask again, or to wait no longer.
    pub(crate) fn wakes(&self, grtt: Duration) -> Option<Timestamp> {
        let stalling = self.receivers.values().filter(|allowed| !allowed.ignored);
        let first = stalling.filter_map(|allowed| allowed.stalling).min()?;
        Some((first + PATIENCE).min(self.repeat_at(grtt)))
    }

    fn is_full(&self, sent: u64) -> bool {
        sent >= self.least
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::{LEAST_UNPACED, MOST_UNPACED};
    use super::*;

    const START: Timestamp = Timestamp::from_nanos(1_000_000_000);
    const MS: Duration = Duration::from_millis(1);
    const ONE: NodeId = NodeId(1);

    fn credit(room: u64) -> ReceiveWindow {
        ReceiveWindow { bytes: room, burst: u64::MAX }
    }

    #[test]
    fn data_lead_the_answer_by_the_room_that_it_tells_and_no_more() {
        let mut window = Window::new();
        assert!(window.must_ask(START, 0, MS));
        let first = window.ask(START, 0, &[ONE]);
        assert!(!window.stalls(START, FIRST - 1) && window.stalls(START, FIRST));
        assert!(window.must_ask(START + MS, FIRST / 2, MS));
        let second = window.ask(START + MS, 100_000, &[]);
        window.answered(START + MS, ONE, second, credit(1 << 20), true);
        let limit = 100_000 + (1 << 20);
        assert!(!window.stalls(START + MS, limit - 1) && window.stalls(START + MS, limit));
        // An older answer that comes late takes nothing back, and one that nobody asked for is none.
        window.answered(START + MS, ONE, first, credit(1 << 20), true);
        window.answered(START + MS, ONE, 200, credit(1 << 40), true);
        assert!(!window.stalls(START + MS, limit - 1) && window.stalls(START + MS, limit));
    }

    #[test]
    fn without_a_rate_a_socket_buffer_counts_too() {
        let mut window = Window::new();
        let id = window.ask(START, 0, &[ONE]);
        let answer = ReceiveWindow { bytes: 64 << 20, burst: 4 << 20 };
        window.answered(START + MS, ONE, id, answer, false);
        assert!(window.stalls(START, 3 << 20));
        assert!(!window.stalls(START, (3 << 20) - 1));
        window.answered(START + MS, ONE, id, answer, true);
        assert!(!window.stalls(START, 3 << 20));
    }

    #[test]
    fn without_a_rate_what_is_sent_ahead_is_what_a_receiver_takes_in_a_few_milliseconds() {
        let mut window = Window::new();
        let answer = ReceiveWindow { bytes: 64 << 20, burst: 64 << 20 };
        let (mut now, mut sent) = (START, 0);
        let mut ahead = |window: &mut Window, rate: u64| {
            for _ in 0..40 {
                let id = window.ask(now, sent, &[ONE]);
                now += MS * 3;
                sent += rate / 1000 * 3;
                window.answered(now, ONE, id, answer, false);
            }
            window.receivers[&ONE].limit - window.receivers[&ONE].asked
        };
        // 5 ms, and twice the 3 ms that the answer takes.
        let bytes = ahead(&mut window, 200_000_000);
        assert!((2_190_000..=2_200_000).contains(&bytes), "{bytes}");
        assert_eq!(ahead(&mut window, 2_000_000_000), MOST_UNPACED);
        assert_eq!(ahead(&mut window, 1_000_000), LEAST_UNPACED);
    }

    #[test]
    fn who_can_take_nothing_is_waited_for_a_while_and_again_when_it_can() {
        let mut window = Window::new();
        let mut now = START;
        let id = window.ask(now, 0, &[ONE]);
        window.answered(now, ONE, id, credit(0), true);
        let mut stalled = 0;
        while window.stalls(now, FIRST) {
            assert!(window.wakes(MS).is_some());
            let id = window.ask(now, FIRST, &[]);
            window.answered(now, ONE, id, credit(0), true);
            now += MS * 10;
            stalled += 1;
        }
        assert_eq!(stalled, 50);
        assert!(window.must_ask(now + MS * 10, FIRST, MS), "it is still asked");
        let id = window.ask(now, FIRST * 2, &[]);
        window.answered(START + MS, ONE, id, credit(1000), true);
        assert!(window.stalls(now, FIRST * 2 + 1000));
        window.retain(|node| node != ONE);
        assert!(!window.stalls(now, FIRST * 2 + 1000));
    }

    #[test]
    fn who_has_much_room_is_asked_rarely_and_who_has_little_sets_the_pace() {
        let (poor, rich) = (NodeId(1), NodeId(2));
        let mut window = Window::new();
        let id = window.ask(START, 0, &[poor, rich]);
        window.answered(START + MS, poor, id, credit(1 << 20), true);
        window.answered(START + MS, rich, id, credit(96 << 20), true);
        let (quarter, now) = (256 << 10, START + MS * 10);
        assert!(!window.must_ask(now, quarter - 1, MS) && window.must_ask(now, quarter, MS));
        assert_eq!(window.due(quarter).collect::<Vec<_>>(), [poor]);
        assert_eq!(window.due(12 << 20).collect::<Vec<_>>(), [poor, rich]);
        let id = window.ask(now, quarter, &[]);
        window.answered(START + MS, poor, id, credit(0), true);
        assert_eq!(window.due(quarter).collect::<Vec<_>>(), [poor], "it has no room");
        window.retain(|node| node == rich);
        assert!(!window.stalls(now, (96 << 20) - 1) && window.stalls(now, 96 << 20));
    }

    #[test]
    fn who_has_ample_room_is_asked_by_every_second_question_if_answers_come_in_time() {
        for (took, again) in [(MS * 5, 36), (MS * 300, 12)] {
            let mut window = Window::new();
            let id = window.ask(START, 0, &[ONE]);
            window.answered(START + took, ONE, id, credit(96 << 20), true);
            window.ask(START + MS * 200, 8 << 20, &[]);
            assert_eq!(window.due((again << 20) - 1).count(), 0);
            assert_eq!(window.due(again << 20).count(), 1);
        }
    }

    #[test]
    fn of_many_receivers_those_with_the_least_room_are_watched() {
        let mut window = Window::new();
        let everybody: Vec<NodeId> = (1..=100).map(NodeId).collect();
        let id = window.ask(START, 0, &everybody);
        assert_eq!(window.receivers.len(), WATCHED);
        for &node in &everybody {
            // The later, the less.
            window.answered(START + MS, node, id, credit(FIRST * 200 - u64::from(node.0)), true);
        }
        assert_eq!(window.receivers.len(), WATCHED);
        assert!(window.receivers.contains_key(&NodeId(100)));
        assert!(
            !window.stalls(START, FIRST * 200 - 101) && window.stalls(START, FIRST * 200 - 100)
        );
    }
}
