//! Which source gets which chunks: the one that asks first, as many as it sends in half a second.
//!
//! Fast sources ask more often, so each gets what its speed is worth. A source that has failed
//! rests, longer each time. When nothing else is left, chunks that are under way elsewhere for long
//! are fetched a second time, so that one slow source keeps nothing up.
//!
//! Pure: times are handed in, and nothing here asks anything.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use norm_core::base::range_set::RangeSet;

/// Chunks that a source gets at once.
const MAX_RUN: u32 = 16;
/// A source gets as many chunks as it sends in this time, about.
const RUN_TIME: f64 = 0.5;
/// A chunk that is under way for longer may be fetched a second time.
const SECOND_AFTER: Duration = Duration::from_secs(1);
/// Sources that fetch the same chunk at once.
const MAX_HOLDERS: usize = 2;
/// Rest after a first failure; it doubles with each one after that.
const FIRST_REST: Duration = Duration::from_millis(500);
const MAX_REST: Duration = Duration::from_secs(30);
/// A source that fails so often in a row is asked no more.
const MAX_FAILURES: u32 = 8;
/// Weight of the latest measurement of a speed.
const WEIGHT: f64 = 0.3;

/// What a source is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Fetch these chunks, one after the other.
    Fetch(Range<u32>),
    /// Ask again, at the latest after this time.
    Wait(Duration),
    /// There is nothing for it to do any more.
    Over,
}

/// What came of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// It was missing.
    New,
    /// Another source was faster.
    Known,
}

/// The chunks that are missing, and the sources.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Chunks that no source is at.
    missing: RangeSet,
    /// Chunks that sources are at.
    flights: BTreeMap<u32, Flight>,
    sources: Vec<Standing>,
}

#[derive(Debug)]
struct Flight {
    since: Duration,
    /// Sources that fetch it.
    holders: Vec<usize>,
}

/// How a source does.
#[derive(Debug, Default)]
struct Standing {
    /// Chunks that it does not have.
    lacks: RangeSet,
    /// Bytes per second, once it is measured.
    speed: Option<f64>,
    /// Failures in a row.
    failures: u32,
    rests_until: Duration,
    is_over: bool,
}

impl Schedule {
    /// With these chunks missing, and this number of sources.
    pub(super) fn new(missing: impl IntoIterator<Item = u32>, sources: usize) -> Self {
        let mut all = RangeSet::new();
        for chunk in missing {
            all.insert(chunk.into(), u64::from(chunk) + 1);
        }
        let sources = (0..sources).map(|_| Standing::default()).collect();
        Self { missing: all, flights: BTreeMap::new(), sources }
    }

    /// True when everything is here.
    pub(super) fn is_done(&self) -> bool {
        self.missing.pieces() == 0 && self.flights.is_empty()
    }

    /// What a source is to do now. `follows` tells of a chunk whether the next one comes with it.
    pub(super) fn next(
        &mut self,
        source: usize,
        chunk_bytes: u64,
        now: Duration,
        follows: impl Fn(u32) -> bool,
    ) -> Task {
        let Some(standing) = self.sources.get(source) else { return Task::Over };
        if self.is_done() || standing.is_over {
            return Task::Over;
        }
        if let Some(rest) = standing.rests_until.checked_sub(now).filter(|rest| !rest.is_zero()) {
            return Task::Wait(rest);
        }
        if let Some(chunks) = self.take(source, chunk_bytes, follows) {
            for chunk in chunks.clone() {
                self.missing.remove(chunk.into(), u64::from(chunk) + 1);
                self.flights.insert(chunk, Flight { since: now, holders: vec![source] });
            }
            return Task::Fetch(chunks);
        }
        let others = self.flights.iter_mut().filter(|(chunk, flight)| {
            let lacks = |standing: &Standing| standing.lacks.contains(u64::from(**chunk));
            !self.sources.get(source).is_some_and(lacks) && !flight.holders.contains(&source)
        });
        let mut is_wanted_later = false;
        for (&chunk, flight) in others {
            let has_room = flight.holders.len() < MAX_HOLDERS;
            if has_room && now.saturating_sub(flight.since) >= SECOND_AFTER {
                flight.holders.push(source);
                return Task::Fetch(chunk..chunk + 1);
            }
            is_wanted_later = true;
        }
        let holds = self.flights.values().any(|flight| flight.holders.contains(&source));
        if is_wanted_later || holds { Task::Wait(SECOND_AFTER / 4) } else { Task::Over }
    }

    /// The first chunks that are missing and that the source has, as many as it gets at once.
    fn take(
        &self,
        source: usize,
        chunk_bytes: u64,
        follows: impl Fn(u32) -> bool,
    ) -> Option<Range<u32>> {
        let standing = self.sources.get(source)?;
        let mut open = self.missing.iter().flat_map(|(from, to)| standing.lacks.gaps(from, to));
        let (first, end) = open.next()?;
        // They are numbers of chunks.
        let (first, end) = (first as u32, end as u32);
        let worth = standing.speed.map_or(1.0, |speed| speed * RUN_TIME / chunk_bytes as f64);
        let len = (worth as u32).clamp(1, MAX_RUN);
        let end = end.min(first.saturating_add(len));
        let last = (first..end - 1).find(|&chunk| !follows(chunk)).unwrap_or(end - 1);
        Some(first..last + 1)
    }

    /// A source has sent a chunk, and it is right.
    pub(super) fn arrived(&mut self, source: usize, chunk: u32) -> Arrived {
        if let Some(standing) = self.sources.get_mut(source) {
            standing.failures = 0;
        }
        let place = u64::from(chunk);
        let was_open = self.missing.contains(place);
        self.missing.remove(place, place + 1);
        let was_under_way = self.flights.remove(&chunk).is_some();
        if was_under_way || was_open { Arrived::New } else { Arrived::Known }
    }

    /// True when a chunk is still to come.
    pub(super) fn wants(&self, chunk: u32) -> bool {
        self.flights.contains_key(&chunk) || self.missing.contains(chunk.into())
    }

    /// A source has sent this number of bytes in this time.
    pub(super) fn measured(&mut self, source: usize, bytes: u64, took: Duration) {
        let Some(standing) = self.sources.get_mut(source) else { return };
        let speed = bytes as f64 / took.as_secs_f64().max(1e-6);
        standing.speed = Some(match standing.speed {
            Some(before) => before + WEIGHT * (speed - before),
            None => speed,
        });
    }

    /// A source has not sent these chunks; it rests. True when it is asked no more.
    pub(super) fn failed(&mut self, source: usize, chunks: Range<u32>, now: Duration) -> bool {
        self.let_go(source, chunks);
        let Some(standing) = self.sources.get_mut(source) else { return true };
        let times = 2_u32.saturating_pow(standing.failures.min(16));
        standing.rests_until = now + FIRST_REST.saturating_mul(times).min(MAX_REST);
        standing.failures += 1;
        standing.speed = standing.speed.map(|speed| speed / 2.0);
        standing.is_over |= standing.failures >= MAX_FAILURES;
        standing.is_over
    }

    /// A source does not have these chunks.
    pub(super) fn lacks(&mut self, source: usize, chunks: Range<u32>) {
        if let Some(standing) = self.sources.get_mut(source) {
            standing.lacks.insert(chunks.start.into(), chunks.end.into());
        }
        self.let_go(source, chunks);
    }

    /// A source is asked no more; the chunks that it was at are for others.
    pub(super) fn ban(&mut self, source: usize) {
        if let Some(standing) = self.sources.get_mut(source) {
            standing.is_over = true;
        }
        self.let_go(source, 0..u32::MAX);
    }

    /// A source is not at these chunks any more.
    pub(super) fn let_go(&mut self, source: usize, chunks: Range<u32>) {
        let missing = &mut self.missing;
        let range = chunks.clone();
        self.flights.retain(|&chunk, flight| {
            if !range.contains(&chunk) || !flight.holders.contains(&source) {
                return true;
            }
            flight.holders.retain(|holder| *holder != source);
            if flight.holders.is_empty() {
                missing.insert(chunk.into(), u64::from(chunk) + 1);
            }
            !flight.holders.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const AT_ONCE: Duration = Duration::ZERO;

    fn next(schedule: &mut Schedule, source: usize, now: Duration) -> Task {
        schedule.next(source, MIB, now, |_| true)
    }

    #[test]
    fn source_gets_as_many_chunks_as_it_sends_in_half_a_second() {
        let mut schedule = Schedule::new(0..100, 2);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(0..1));
        assert_eq!(next(&mut schedule, 1, AT_ONCE), Task::Fetch(1..2));
        schedule.measured(0, 8 * MIB, Duration::from_secs(1));
        schedule.measured(1, 1 << 40, Duration::from_secs(1));
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(2..6));
        assert_eq!(next(&mut schedule, 1, AT_ONCE), Task::Fetch(6..22));
        let cut = schedule.next(1, MIB, AT_ONCE, |chunk| chunk != 23);
        assert_eq!(cut, Task::Fetch(22..24), "what follows is elsewhere");
    }

    #[test]
    fn chunk_that_is_long_under_way_is_fetched_a_second_time() {
        let mut schedule = Schedule::new([7], 3);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(7..8));
        assert!(matches!(next(&mut schedule, 1, AT_ONCE), Task::Wait(_)));
        assert_eq!(next(&mut schedule, 1, SECOND_AFTER), Task::Fetch(7..8));
        assert!(matches!(next(&mut schedule, 2, SECOND_AFTER), Task::Wait(_)), "two are enough");
        assert!(schedule.wants(7));
        assert_eq!(schedule.arrived(1, 7), Arrived::New);
        assert_eq!(schedule.arrived(0, 7), Arrived::Known);
        assert!(schedule.is_done() && !schedule.wants(7));
        assert_eq!(next(&mut schedule, 0, SECOND_AFTER), Task::Over);
    }

    #[test]
    fn source_that_fails_rests_longer_each_time_and_is_given_up() {
        let mut schedule = Schedule::new([0], 1);
        let mut now = AT_ONCE;
        let mut before = Duration::ZERO;
        for failure in 1..=MAX_FAILURES {
            let Task::Fetch(chunks) = next(&mut schedule, 0, now) else { panic!("it is asked") };
            assert_eq!(schedule.failed(0, chunks, now), failure == MAX_FAILURES);
            match next(&mut schedule, 0, now) {
                Task::Wait(rest) => {
                    assert!(rest > before || rest == MAX_REST);
                    (before, now) = (rest, now + rest);
                }
                task => assert_eq!((task, failure), (Task::Over, MAX_FAILURES)),
            }
        }
        assert!(!schedule.is_done(), "it is missing still");
    }

    #[test]
    fn source_without_what_is_missing_has_nothing_to_do() {
        let mut schedule = Schedule::new(0..4, 2);
        schedule.lacks(0, 0..2);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(2..3));
        schedule.lacks(0, 2..3);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(3..4));
        schedule.arrived(0, 3);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Over);
        for chunk in 0..3 {
            assert_eq!(next(&mut schedule, 1, AT_ONCE), Task::Fetch(chunk..chunk + 1));
            schedule.arrived(1, chunk);
        }
        assert!(schedule.is_done());
    }

    #[test]
    fn chunks_of_a_banned_source_are_for_others() {
        let mut schedule = Schedule::new(0..3, 2);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Fetch(0..1));
        schedule.ban(0);
        assert_eq!(next(&mut schedule, 0, AT_ONCE), Task::Over);
        assert_eq!(next(&mut schedule, 1, AT_ONCE), Task::Fetch(0..1));
    }
}
