//! PROOF: how a receiver finds out that a sender is live, and no recording (`docs/wire.md` §11).
//!
//! A receiver sends a challenge: bytes that nobody has sent before, because they follow from its
//! own run. The sender signs the challenges that it has heard, several at a time.

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
    /// Challenges to other addresses so far: no two are the same.
    moves: u32,
}

struct Challenged {
    /// Where the sender was when it was introduced.
    source: SocketAddr,
    began: Timestamp,
    /// Whether it is live; `None` when it is.
    first: Option<Asked>,
    /// Whether it is at another address now.
    at: Option<(SocketAddr, Asked)>,
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
    /// None yet.
    pub(crate) fn new(in_group: bool) -> Self {
        Self { runs: BTreeMap::new(), in_group, moves: 0 }
    }

    /// Challenges a run that has just been introduced. The bytes, and the time until they are sent,
    /// follow from our own run, which nobody else has.
    pub(crate) fn begin(
        &mut self,
        now: Timestamp,
        draw: &Draw,
        source: SocketAddr,
        jitter: Duration,
    ) {
        if self.runs.contains_key(&draw.run) {
            return;
        }
        if self.runs.len() >= MAX_RUNS {
            let first = self.runs.iter().min_by_key(|(_, of)| of.began).map(|(run, _)| *run);
            first.map(|run| self.runs.remove(&run));
        }
        let (challenge, part) = draw.challenge(0);
        let next = now + jitter * u32::from(part) / (1 << 16);
        let first = Some(Asked::new(challenge, next));
        self.runs.insert(draw.run, Challenged { source, began: now, first, at: None });
    }

    /// Challenges a run at another address. One that was challenged before, and has not answered
    /// twice, gives way to it.
    pub(crate) fn begin_at(&mut self, now: Timestamp, draw: &Draw, to: SocketAddr) {
        let Some(of) = self.runs.get_mut(&draw.run) else { return };
        // It asks again by itself, until another machine claims the run.
        if of.at.as_ref().is_some_and(|(at, asked)| *at == to || asked.sent < 2) {
            return;
        }
        self.moves += 1;
        let (challenge, _) = draw.challenge(self.moves);
        of.at = Some((to, Asked::new(challenge, now)));
    }

    /// When a challenge is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        let asked = |of: &Challenged| {
            let first = of.first.as_ref().map(|asked| asked.next);
            first.into_iter().chain(of.at.as_ref().map(|(_, asked)| asked.next)).min()
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
            let (to, asked) = of.at.as_mut()?;
            let (challenge, _) = asked.poll(now)?;
            Some(Due { run, source, to_group: false, moved_to: Some(*to), challenge })
        })
    }

    /// The sender of a run has signed these. True if it is known to be live since now.
    pub(crate) fn answered(&mut self, run: RunId, signed: &[Challenge]) -> bool {
        let Some(of) = self.runs.get_mut(&run) else { return false };
        of.first.take_if(|asked| signed.contains(&asked.challenge)).is_some()
    }

    /// The same: where it is now, if it was asked there.
    pub(crate) fn moved(&mut self, run: RunId, signed: &[Challenge]) -> Option<SocketAddr> {
        let of = self.runs.get_mut(&run)?;
        let (to, _) = of.at.take_if(|(_, asked)| signed.contains(&asked.challenge))?;
        Some(to)
    }

    /// True when the sender of this run is live.
    pub(crate) fn is_live(&self, run: RunId) -> bool {
        self.runs.get(&run).is_some_and(|of| of.first.is_none())
    }

    /// What could not be sealed before may be sent now.
    pub(crate) fn retry(&mut self, now: Timestamp) {
        let asked = self.runs.values_mut().flat_map(|of| {
            of.first.as_mut().into_iter().chain(of.at.as_mut().map(|(_, asked)| asked))
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

/// What the challenges of our own run to another one follow from.
pub(crate) struct Draw {
    pub(crate) own: RunId,
    pub(crate) run: RunId,
}

impl Draw {
    /// The challenge with this number, and two bytes for the wait.
    fn challenge(&self, number: u32) -> (Challenge, u16) {
        let mut drawn = [0; 10];
        let secret = Prk::extract(b"norm-seal 1 challenge", &self.own.0);
        secret.expand(&[&self.run.0, &number.to_be_bytes()], &mut drawn);
        let part = drawn.last_chunk().copied().unwrap_or_default();
        (drawn.first_chunk().copied().unwrap_or_default(), u16::from_be_bytes(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claim_of_an_address_that_does_not_answer_gives_way_to_another_one() {
        let draw = Draw { own: RunId([1; 12]), run: RunId([2; 12]) };
        let at = |host: u8| SocketAddr::from(([192, 0, 2, host], 6003));
        let (mut challenges, start) = (Challenges::new(false), Timestamp::ZERO);
        challenges.begin(start, &draw, at(1), Duration::ZERO);
        challenges.answered(draw.run, &[draw.challenge(0).0]);
        challenges.begin_at(start, &draw, at(7));
        let mut asked = |now, claim: Option<SocketAddr>| {
            if let Some(claim) = claim {
                challenges.begin_at(now, &draw, claim);
            }
            challenges.poll(now).and_then(|due| due.moved_to)
        };
        assert_eq!(asked(start, Some(at(8))), Some(at(7)), "it is asked first");
        assert_eq!(asked(start + AGAIN, Some(at(8))), Some(at(7)), "and again");
        assert_eq!(asked(start + AGAIN, Some(at(8))), Some(at(8)), "then the other one");
        assert_eq!(asked(start + AGAIN, Some(at(7))), None);
    }
}
