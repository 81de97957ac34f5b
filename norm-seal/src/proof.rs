//! PROOF: how a receiver finds out that a sender is live, and no recording (`docs/wire.md` §11).
//!
//! A receiver sends a challenge: bytes that nobody can know before, because they follow from random
//! ones of its own. The sender signs the challenges that it has heard, several at a time.
//!
//! The same tells where a sender is that seems to have moved: it has to answer from there, and must
//! not be heard where it was meanwhile, though it is asked there as well.

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
/// A sender that is asked where it was has left it when nothing comes from there for this long, and
/// for the time over which receivers spread what they ask.
const SILENT_FOR: Duration = Duration::from_secs(2);
/// One that was heard where it was is not looked for elsewhere for this long.
const SETTLED_FOR: Duration = Duration::from_secs(2);

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
    /// It was heard where it was: no other address is asked before.
    settled_until: Timestamp,
}

/// Packets of a run come from another address than before.
struct Move {
    to: SocketAddr,
    began: Timestamp,
    /// What is asked at the new address; `None` when that was answered.
    there: Option<Asked>,
    /// What is asked where the sender was, to have something come from there.
    here: Asked,
}

impl Move {
    /// When the sender has left its address, if nothing comes from there until then.
    fn ends(&self, jitter: Duration) -> Timestamp {
        self.began + SILENT_FOR + jitter
    }

    /// When something is due.
    fn next(&self, jitter: Duration) -> Timestamp {
        let there = self.there.as_ref().map_or(self.ends(jitter), |asked| asked.next);
        there.min(self.here.next)
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
        let (moving, settled_until) = (None, Timestamp::ZERO);
        let of = Challenged { source, began: now, first, jitter, moving, settled_until };
        self.runs.insert(run, of);
    }

    /// Challenges a run at another address, and where it was. Another address that was challenged
    /// before, and has not answered twice, gives way to it.
    pub(crate) fn begin_at(&mut self, now: Timestamp, run: RunId, to: SocketAddr) {
        // It asks again by itself, until another machine claims the run.
        let stays = |it: &Move| it.to == to || it.there.as_ref().is_none_or(|it| it.sent < 2);
        let of = self.runs.get(&run).filter(|of| now >= of.settled_until);
        if of.is_none_or(|of| of.moving.as_ref().is_some_and(stays)) {
            return;
        }
        let [(there, _), (here, part)] = [self.draw(), self.draw()];
        let Some(of) = self.runs.get_mut(&run) else { return };
        let later = now + of.jitter * u32::from(part) / (1 << 16);
        let (there, here) = (Some(Asked::new(there, now)), Asked::new(here, later));
        of.moving = Some(Move { to, began: now, there, here });
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
            first.into_iter().chain(of.moving.as_ref().map(|it| it.next(of.jitter))).min()
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
            let Move { to, there, here, .. } = of.moving.as_mut()?;
            if let Some((challenge, _)) = there.as_mut().and_then(|asked| asked.poll(now)) {
                return Some(Due { run, source, to_group: false, moved_to: Some(*to), challenge });
            }
            let (challenge, to_group) = here.poll(now)?;
            let to_group = to_group && self.in_group;
            Some(Due { run, source, to_group, moved_to: None, challenge })
        })
    }

    /// The sender of a run has signed these. True if it is known to be live since now.
    pub(crate) fn answered(&mut self, run: RunId, signed: &[Challenge]) -> bool {
        let Some(of) = self.runs.get_mut(&run) else { return false };
        of.first.take_if(|asked| signed.contains(&asked.challenge)).is_some()
    }

    /// The same: it has heard what went to another address.
    pub(crate) fn answered_there(&mut self, run: RunId, signed: &[Challenge]) {
        let moving = self.runs.get_mut(&run).and_then(|of| of.moving.as_mut());
        if let Some(Move { there, .. }) = moving {
            let _ = there.take_if(|asked| signed.contains(&asked.challenge));
        }
    }

    /// A run that has moved, and where it is now: it has answered there, and nothing came from
    /// where it was. `heard_at` says when something came from there last. What came ends the claim
    /// of another address.
    pub(crate) fn settle(
        &mut self,
        now: Timestamp,
        heard_at: impl Fn(RunId) -> Option<Timestamp>,
    ) -> Option<(RunId, SocketAddr)> {
        self.runs.iter_mut().find_map(|(&run, of)| {
            let Challenged { moving, settled_until, jitter, .. } = of;
            if moving.take_if(|it| heard_at(run).is_some_and(|at| at > it.began)).is_some() {
                *settled_until = now + SETTLED_FOR;
            }
            let moved = moving.take_if(|it| it.there.is_none() && now >= it.ends(*jitter))?;
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
            let there = of.moving.as_mut().and_then(|it| it.there.as_mut());
            of.first.as_mut().into_iter().chain(there)
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

    #[test]
    fn claim_of_an_address_that_does_not_answer_gives_way_to_another_one() {
        let (mut challenges, start) = (challenged(), Timestamp::ZERO);
        challenges.begin_at(start, RUN, at(7));
        let mut asked = |now, claim: SocketAddr| {
            challenges.begin_at(now, RUN, claim);
            asked(&mut challenges, now).map(|(to, _)| to)
        };
        assert_eq!(asked(start, at(8)), Some(at(7)), "it is asked first");
        assert_eq!(asked(start + AGAIN, at(8)), Some(at(7)), "and again");
        assert_eq!(asked(start + AGAIN, at(8)), Some(at(8)), "then the other one");
        assert_eq!(asked(start + AGAIN, at(7)), None);
    }

    #[test]
    fn run_has_moved_when_it_answers_there_and_is_silent_where_it_was() {
        for heard in [None, Some(Duration::from_millis(1_500))] {
            let (mut challenges, start) = (challenged(), Timestamp::ZERO);
            let heard_at = |_: RunId| heard.map(|after| start + after);
            challenges.begin_at(start, RUN, at(7));
            let (_, challenge) = asked(&mut challenges, start).unwrap();
            assert_eq!(challenges.settle(start + SILENT_FOR, |_| None), None, "no answer");
            challenges.answered_there(RUN, &[challenge]);
            let early = start + SILENT_FOR - Duration::from_nanos(1);
            assert_eq!(challenges.settle(early, |_| None), None, "it may be heard yet");
            let moved = challenges.settle(start + SILENT_FOR, heard_at);
            assert_eq!(moved, heard.is_none().then_some((RUN, at(7))));
            // Nor is it asked there again at once.
            challenges.begin_at(start + SILENT_FOR, RUN, at(7));
            let is_asked = asked(&mut challenges, start + SILENT_FOR).is_some();
            assert_eq!(is_asked, heard.is_none());
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
