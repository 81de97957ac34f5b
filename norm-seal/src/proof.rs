//! PROOF: how a receiver finds out that a sender is live, and no recording (`docs/wire.md` §11).
//!
//! A receiver sends a challenge: bytes that nobody can know before, because they follow from random
//! ones of its own. The sender signs the challenges that it has heard, several at a time.
//!
//! The same tells where a sender is that seems to have moved: it has to answer what it is asked
//! there, and must not be heard where it was meanwhile, though it is asked there as well then.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use norm_core::Timestamp;

use crate::backend::Prk;
use crate::header::RunId;

/// A challenge.
pub(crate) type Challenge = [u8; 8];

/// Challenges that a packet answers at most: no longer than a statement, more or less.
const PER_PACKET: usize = 32;
/// Time from one answer to the next.
const ANSWER_EVERY: Duration = Duration::from_millis(5);
/// Challenges that wait for an answer at most; further ones come again.
const MAX_WAITING: usize = 4096;
/// Runs that are challenged at once: as many as are introduced.
const MAX_RUNS: usize = 64;
/// Receivers spread their first challenges over this time at least, in milliseconds, so that there
/// are no more than [`PER_MS`] in each.
const JITTER: u16 = 50;
const PER_MS: usize = 2;
/// Time until a challenge is sent again, at first and at most; it doubles.
const AGAIN: Duration = Duration::from_millis(200);
const AGAIN_AT_MOST: Duration = Duration::from_secs(8);
/// Another address is looked at when nothing came for this long from where a sender was, and gives
/// way to a further one when nothing comes from there.
pub(crate) const QUIET: Duration = Duration::from_millis(250);
/// A sender has left its address when nothing comes from there for this long.
const LEFT_AFTER: Duration = Duration::from_secs(2);
/// After an answer the sender has this time to be heard where it was. Engines that have moved tell
/// that for half a second before content goes on.
const HEARD_WITHIN: Duration = Duration::from_millis(250);
/// Receivers spread what they ask at another address over this time at most.
const SPREAD_AT_MOST: Duration = Duration::from_secs(1);

/// The challenges in a packet of a receiver or a sender; `None` when it has none, or something
/// else.
pub(crate) fn parse(text: &[u8]) -> Option<&[Challenge]> {
    let (challenges, rest) = text.as_chunks();
    (rest.is_empty() && !challenges.is_empty() && challenges.len() <= PER_PACKET)
        .then_some(challenges)
}

/// What a sender has heard, and not answered yet.
#[derive(Default)]
pub(crate) struct Answers {
    waiting: VecDeque<Challenge>,
    next: Timestamp,
    /// Receivers that are expected.
    expected: usize,
}

impl Answers {
    /// Expects this number of receivers.
    pub(crate) fn expect(&mut self, receivers: usize) {
        self.expected = receivers;
    }

    /// Over how many milliseconds receivers are to spread their first challenges.
    pub(crate) fn jitter(&self) -> u16 {
        u16::try_from(self.expected / PER_MS).unwrap_or(u16::MAX).max(JITTER)
    }

    /// Takes a challenge.
    pub(crate) fn note(&mut self, challenge: Challenge) {
        if self.waiting.len() < MAX_WAITING && !self.waiting.contains(&challenge) {
            self.waiting.push_back(challenge);
        }
    }

    /// When an answer is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        (!self.waiting.is_empty()).then_some(self.next)
    }

    /// The answer that is due.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Option<Vec<u8>> {
        self.next().filter(|&due| due <= now)?;
        self.next = now + ANSWER_EVERY;
        let count = self.waiting.len().min(PER_PACKET);
        Some(self.waiting.drain(..count).flatten().collect())
    }
}

/// The runs that a receiver has challenged.
pub(crate) struct Challenges {
    runs: BTreeMap<RunId, Challenged>,
    /// Every second challenge goes to the group: firewalls may let that through alone.
    in_group: bool,
    /// What challenges follow from.
    secret: Prk,
    /// How many were drawn: no two are the same.
    drawn: u64,
}

struct Challenged {
    /// Where the sender was when it was introduced.
    source: SocketAddr,
    began: Timestamp,
    /// Whether it is live; `None` when it is.
    first: Option<Asked>,
    /// Over which time receivers spread what they ask of it.
    jitter: Duration,
    /// Whether it is at another address now.
    moving: Option<Move>,
}

/// Packets of a run come from another address than before.
struct Move {
    to: SocketAddr,
    /// When something came from there last.
    heard_there: Timestamp,
    /// When something came from where the sender was, last: what comes later ends this.
    heard_here: Timestamp,
    /// What is asked there; and, once that was answered, where the sender was, to have something
    /// come from there.
    asked: Asked,
    /// When it was answered.
    answered_at: Option<Timestamp>,
}

impl Move {
    /// When the sender has moved, if nothing comes from where it was until then.
    fn ends(&self) -> Option<Timestamp> {
        let answered_at = self.answered_at?;
        Some((self.heard_here + LEFT_AFTER).max(answered_at + HEARD_WITHIN))
    }

    /// When something is due.
    fn next(&self) -> Timestamp {
        self.ends().map_or(self.asked.next, |ends| ends.min(self.asked.next))
    }

    /// True when another address may take its place: nothing comes from this one, or it has not
    /// answered twice.
    fn gives_way(&self, now: Timestamp) -> bool {
        let is_mute = self.answered_at.is_none() && self.asked.sent >= 2;
        is_mute || now >= self.heard_there + QUIET
    }
}

/// A challenge that is not answered.
struct Asked {
    challenge: Challenge,
    next: Timestamp,
    wait: Duration,
    /// How often it was sent.
    sent: u32,
    /// The next one goes to the group, if that is allowed.
    is_second: bool,
}

/// A challenge that is to be sent.
pub(crate) struct Due {
    pub(crate) run: RunId,
    /// Where the sender was when it was introduced.
    pub(crate) source: SocketAddr,
    /// It is sent to the group instead.
    pub(crate) to_group: bool,
    /// Where it is asked whether it is there.
    pub(crate) moved_to: Option<SocketAddr>,
    pub(crate) challenge: Challenge,
}

impl Asked {
    fn new(challenge: Challenge, next: Timestamp) -> Self {
        Self { challenge, next, wait: AGAIN, sent: 0, is_second: false }
    }

    /// The challenge, if it is due, and whether it is one of those that may go to the group.
    fn poll(&mut self, now: Timestamp) -> Option<(Challenge, bool)> {
        if now < self.next {
            return None;
        }
        self.next = now + self.wait;
        self.wait = (self.wait * 2).min(AGAIN_AT_MOST);
        self.sent += 1;
        self.is_second = !self.is_second;
        Some((self.challenge, !self.is_second))
    }
}

impl Challenges {
    /// None yet. They follow from 32 random bytes of this process alone, which no packet shows.
    pub(crate) fn new(in_group: bool, seed: &[u8; 32]) -> Self {
        let secret = Prk::extract(b"norm-seal 1 challenge", seed);
        Self { runs: BTreeMap::new(), in_group, secret, drawn: 0 }
    }

    /// Challenges a run that has just been introduced.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        run: RunId,
        source: SocketAddr,
        jitter: Duration,
    ) {
        if self.runs.contains_key(&run) {
            return;
        }
        if self.runs.len() >= MAX_RUNS {
            let first = self.runs.iter().min_by_key(|(_, of)| of.began).map(|(run, _)| *run);
            first.map(|run| self.runs.remove(&run));
        }
        let (challenge, part) = self.draw();
        let first = Some(Asked::new(challenge, now + jitter * u32::from(part) / (1 << 16)));
        self.runs.insert(run, Challenged { source, began: now, first, jitter, moving: None });
    }

    /// A packet of a run came from another address: challenges it there. `heard_at` says when
    /// something came from where it was, last.
    pub(crate) fn begin_at(
        &mut self,
        now: Timestamp,
        (run, heard_at): (RunId, Timestamp),
        to: SocketAddr,
    ) {
        let Some(of) = self.runs.get_mut(&run) else { return };
        match of.moving.as_mut().filter(|it| it.heard_here == heard_at) {
            Some(it) if it.to == to => {
                it.heard_there = now;
                return;
            }
            Some(it) if !it.gives_way(now) => return,
            _ => {}
        }
        let jitter = of.jitter.min(SPREAD_AT_MOST);
        let (challenge, part) = self.draw();
        let asked = Asked::new(challenge, now + jitter * u32::from(part) / (1 << 16));
        let (heard_there, heard_here, answered_at) = (now, heard_at, None);
        if let Some(of) = self.runs.get_mut(&run) {
            of.moving = Some(Move { to, heard_there, heard_here, asked, answered_at });
        }
    }

    /// A challenge, and two bytes for the wait.
    fn draw(&mut self) -> (Challenge, u16) {
        let mut drawn = [0; 10];
        self.secret.expand(&[&self.drawn.to_be_bytes()], &mut drawn);
        self.drawn += 1;
        let part = drawn.last_chunk().copied().unwrap_or_default();
        (drawn.first_chunk().copied().unwrap_or_default(), u16::from_be_bytes(part))
    }

    /// When a challenge is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let asked = |of: &Challenged| {
            let first = of.first.as_ref().map(|asked| asked.next);
            first.into_iter().chain(of.moving.as_ref().map(Move::next)).min()
        };
        self.runs.values().filter_map(asked).min()
    }

    /// The challenge that is due.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Option<Due> {
        self.runs.iter_mut().find_map(|(&run, of)| {
            let source = of.source;
            if let Some((challenge, to_group)) = of.first.as_mut().and_then(|asked| asked.poll(now))
            {
                let to_group = to_group && self.in_group;
                return Some(Due { run, source, to_group, moved_to: None, challenge });
            }
            let Move { to, asked, answered_at, .. } = of.moving.as_mut()?;
            let (challenge, to_group) = asked.poll(now)?;
            let moved_to = answered_at.is_none().then_some(*to);
            let to_group = to_group && self.in_group && moved_to.is_none();
            Some(Due { run, source, to_group, moved_to, challenge })
        })
    }

    /// The sender of a run has signed these. True if it is known to be live since now.
    pub(crate) fn answered(&mut self, run: RunId, signed: &[Challenge]) -> bool {
        let Some(of) = self.runs.get_mut(&run) else { return false };
        of.first.take_if(|asked| signed.contains(&asked.challenge)).is_some()
    }

    /// The same: it has heard what went to another address. It is asked where it was from now on.
    pub(crate) fn answered_there(&mut self, now: Timestamp, run: RunId, signed: &[Challenge]) {
        let moving = self.runs.get_mut(&run).and_then(|of| of.moving.as_mut());
        let answered = moving.filter(|it| it.answered_at.is_none());
        if let Some(it) = answered.filter(|it| signed.contains(&it.asked.challenge)) {
            it.answered_at = Some(now);
            it.asked = Asked::new(it.asked.challenge, now);
        }
    }

    /// A run that has moved, and where it is now: it has answered there, and nothing came from
    /// where it was for long enough. `heard_at` says when something came from there last: what came
    /// later than before ends the claim of another address.
    pub(crate) fn settle(
        &mut self,
        now: Timestamp,
        heard_at: impl Fn(RunId) -> Option<Timestamp>,
    ) -> Option<(RunId, SocketAddr)> {
        self.runs.iter_mut().find_map(|(&run, of)| {
            let _ = of.moving.take_if(|it| heard_at(run) != Some(it.heard_here));
            let moved = of.moving.take_if(|it| it.ends().is_some_and(|ends| now >= ends))?;
            Some((run, moved.to))
        })
    }

    /// True when the sender of this run is live.
    pub(crate) fn is_live(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|of| of.first.is_none())
    }

    /// What could not be sealed before may be sent now.
    pub(crate) fn retry(&mut self, now: Timestamp) {
        let asked = self.runs.values_mut().flat_map(|of| {
            of.first.as_mut().into_iter().chain(of.moving.as_mut().map(|it| &mut it.asked))
        });
        asked.for_each(|asked| {
            asked.next = now;
            asked.wait = AGAIN;
        });
    }

    /// Forgets all: they were of another group.
    pub(crate) fn forget(&mut self) {
        self.runs.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: RunId = RunId([2; 12]);

    fn at(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 6003).into()
    }

    /// A run at the first address that is live.
    fn challenged() -> Challenges {
        let mut challenges = Challenges::new(false, &[1; 32]);
        challenges.begin(Timestamp::ZERO, RUN, at(1), Duration::ZERO);
        let first = challenges.poll(Timestamp::ZERO).unwrap().challenge;
        assert!(challenges.answered(RUN, &[first]));
        challenges
    }

    /// What is asked at another address now; what is due where the run was is passed over.
    fn asked(challenges: &mut Challenges, now: Timestamp) -> Option<(SocketAddr, Challenge)> {
        let all = core::iter::from_fn(|| challenges.poll(now));
        all.filter_map(|due| Some((due.moved_to?, due.challenge))).next()
    }

    const START: Timestamp = Timestamp::ZERO;

    #[test]
    fn claim_of_an_address_that_does_not_answer_gives_way_to_another_one() {
        let mut challenges = challenged();
        challenges.begin_at(START, (RUN, START), at(7));
        let mut asked = |now, claims: &[SocketAddr]| {
            claims.iter().for_each(|&claim| challenges.begin_at(now, (RUN, START), claim));
            asked(&mut challenges, now).map(|(to, _)| to)
        };
        assert_eq!(asked(START, &[at(8)]), Some(at(7)), "it is asked first");
        assert_eq!(asked(START + AGAIN, &[at(7), at(8)]), Some(at(7)), "and again");
        assert_eq!(asked(START + AGAIN, &[at(7), at(8)]), Some(at(8)), "then the other one");
        assert_eq!(asked(START + AGAIN, &[at(7)]), None);
    }

    #[test]
    fn claim_of_an_address_that_answered_gives_way_when_nothing_comes_from_there() {
        let mut challenges = challenged();
        challenges.begin_at(START, (RUN, START), at(7));
        let (_, challenge) = asked(&mut challenges, START).unwrap();
        challenges.answered_there(START, RUN, &[challenge]);
        let heard = START + LEFT_AFTER / 2;
        challenges.begin_at(heard, (RUN, START), at(7));
        challenges.begin_at(heard + QUIET - Duration::from_nanos(1), (RUN, START), at(8));
        assert_eq!(asked(&mut challenges, heard + QUIET), None);
        challenges.begin_at(heard + QUIET, (RUN, START), at(8));
        assert_eq!(asked(&mut challenges, heard + QUIET).map(|(to, _)| to), Some(at(8)));
        assert_eq!(challenges.settle(heard + LEFT_AFTER, |_| Some(START)), None, "no answer");
    }

    #[test]
    fn run_has_moved_when_it_answers_there_and_is_silent_where_it_was() {
        for (answered_after, ends_after) in [(0, 2_000), (1_750, 2_000), (1_751, 2_001)] {
            let mut challenges = challenged();
            challenges.begin_at(START, (RUN, START), at(7));
            let (_, challenge) = asked(&mut challenges, START).unwrap();
            let [answered, ends] =
                [answered_after, ends_after].map(|ms| START + Duration::from_millis(ms));
            assert_eq!(challenges.settle(answered, |_| Some(START)), None, "no answer");
            challenges.answered_there(answered, RUN, &[challenge]);
            let early = ends - Duration::from_nanos(1);
            assert_eq!(challenges.settle(early, |_| Some(START)), None, "it may be heard yet");
            assert!(challenges.next().is_some_and(|next| next <= ends));
            assert_eq!(challenges.settle(ends, |_| Some(START)), Some((RUN, at(7))));
            assert_eq!(challenges.settle(ends, |_| Some(START)), None);
        }
    }

    #[test]
    fn challenges_follow_from_the_seed_and_none_is_that_of_another_or_comes_twice() {
        let mut all = std::collections::BTreeSet::new();
        for seed in 0..10 {
            let mut challenges = Challenges::new(false, &[seed; 32]);
            (0..100).for_each(|_| assert!(all.insert(challenges.draw().0)));
        }
    }
}
