//! How many attempts may be made at what is perhaps not authentic.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use norm_core::Timestamp;

/// A limit on attempts.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Limit {
    /// Attempts are counted anew after this time.
    turn: Duration,
    /// Attempts in one turn.
    attempts: u16,
    /// Those of them that one source address may take, or others that share its place.
    per_source: u16,
}

impl Limit {
    /// To open packets of runs that were not heard before, or to check the code of a HELLO: 20,000
    /// a second, 2 % of a core.
    pub(crate) const OPENING: Self =
        Self { turn: Duration::from_millis(10), attempts: 200, per_source: 50 };
    /// To check signatures of a HELLO: 100 a second.
    pub(crate) const HELLOS: Self =
        Self { turn: Duration::from_millis(100), attempts: 10, per_source: 5 };
    /// To answer requests for keys: 1,000 a second.
    pub(crate) const REQUESTS: Self =
        Self { turn: Duration::from_secs(1), attempts: 1000, per_source: 8 };
    /// To check answers to challenges that come from other addresses than the sender's: 500 a
    /// second, 2 % of a core.
    pub(crate) const ANSWERS: Self =
        Self { turn: Duration::from_millis(100), attempts: 50, per_source: 25 };
    /// To find that the signature of a packet does not hold: 2,000 a second, 8 % of a core.
    pub(crate) const SIGNATURES: Self =
        Self { turn: Duration::from_millis(100), attempts: 200, per_source: 200 };
}

/// Places that source addresses are spread over.
const PLACES: usize = 256;

/// Attempts to open what is perhaps not authentic. Forged runs come in any number; real ones send
/// again.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: Limit,
    since: Timestamp,
    used: u16,
    by_source: [u16; PLACES],
}

impl Budget {
    pub(crate) fn new(limit: Limit) -> Self {
        Self { limit, since: Timestamp::ZERO, used: 0, by_source: [0; PLACES] }
    }

    /// Takes one attempt; false when none is left now.
    pub(crate) fn take(&mut self, now: Timestamp, source: SocketAddr) -> bool {
        if !self.has_left(now, source) {
            return false;
        }
        self.used += 1;
        self.by_source[place(source.ip())] += 1;
        true
    }

    /// True when an attempt is left now.
    pub(crate) fn has_left(&mut self, now: Timestamp, source: SocketAddr) -> bool {
        let Limit { turn, attempts, per_source } = self.limit;
        if now >= self.since + turn {
            *self = Self { since: now, ..Self::new(self.limit) };
        }
        self.used < attempts && self.by_source[place(source.ip())] < per_source
    }
}

fn place(address: IpAddr) -> usize {
    let fold = |octets: &[u8]| octets.iter().fold(0_u8, |hash, byte| hash.rotate_left(3) ^ byte);
    match address {
        IpAddr::V4(ip) => fold(&ip.octets()).into(),
        IpAddr::V6(ip) => fold(&ip.octets()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> SocketAddr {
        ([192, 0, 2, host], 5740).into()
    }

    #[test]
    fn one_source_cannot_take_all_attempts() {
        let (mut budget, now) =
            (Budget::new(Limit::OPENING), Timestamp::since_epoch(Duration::from_secs(9)));
        let taken = |budget: &mut Budget, host| {
            (0..1000).filter(|_| budget.take(now, source(host))).count()
        };
        assert_eq!(taken(&mut budget, 1), 50);
        assert_eq!(taken(&mut budget, 2), 50);
        assert_eq!((3..=9).map(|host| taken(&mut budget, host)).sum::<usize>(), 100);
        assert!(!budget.take(now + Duration::from_millis(5), source(77)));
        assert!(budget.take(now + Duration::from_millis(10), source(1)));
    }
}
