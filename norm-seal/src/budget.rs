//! How many attempts runs may cost that were not heard before.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use norm_core::Timestamp;

/// Attempts are counted anew after this time.
const TURN: Duration = Duration::from_millis(10);
/// Attempts in one turn: 20,000 a second, 2 % of a core.
const ATTEMPTS: u16 = 200;
/// Those of them that one source address may take, or others that share its place.
const PER_SOURCE: u16 = 50;
/// Places that source addresses are spread over.
const PLACES: usize = 256;

/// Attempts to open what is perhaps not authentic. Forged runs come in any number; real ones send
/// again.
#[derive(Debug)]
pub(crate) struct Budget {
    since: Timestamp,
    used: u16,
    by_source: [u16; PLACES],
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { since: Timestamp::ZERO, used: 0, by_source: [0; PLACES] }
    }

    /// Takes one attempt; false when none is left now.
    pub(crate) fn take(&mut self, now: Timestamp, source: SocketAddr) -> bool {
        if now >= self.since + TURN {
            *self = Self { since: now, ..Self::new() };
        }
        let place = &mut self.by_source[place(source.ip())];
        if self.used >= ATTEMPTS || *place >= PER_SOURCE {
            return false;
        }
        self.used += 1;
        *place += 1;
        true
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
        let (mut budget, now) = (Budget::new(), Timestamp::since_epoch(Duration::from_secs(9)));
        let taken = |budget: &mut Budget, host| {
            (0..1000).filter(|_| budget.take(now, source(host))).count()
        };
        assert_eq!(taken(&mut budget, 1), 50);
        assert_eq!(taken(&mut budget, 2), 50);
        assert_eq!((3..=9).map(|host| taken(&mut budget, host)).sum::<usize>(), 100);
        assert!(!budget.take(now + TURN / 2, source(77)));
        assert!(budget.take(now + TURN, source(1)));
    }
}
