//! Times of NTP, which wrap every 136 years: next on 7 February 2036.

use core::time::Duration;

/// Seconds from 1900, where NTP begins, to 1970.
const TO_UNIX: i64 = 2_208_988_800;
/// Seconds of an era.
const ERA: i64 = 1 << 32;

/// A time of the 64-bit format of NTP.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NtpTime {
    /// Seconds since 1900, of an era that is not told.
    pub seconds: u32,
    /// Parts of a second, of 2^32.
    pub fraction: u32,
}

impl NtpTime {
    /// The time this long after 1970.
    pub fn from_unix(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(TO_UNIX as u64);
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self { seconds: seconds as u32, fraction: fraction as u32 }
    }

    /// Seconds since 1970, in the era that brings it nearest to `now`, which is in seconds since
    /// 1970, too.
    pub fn to_unix(self, now: i64) -> i64 {
        let here = i64::from(self.seconds) - TO_UNIX;
        let eras = now.saturating_sub(here).saturating_add(ERA / 2).div_euclid(ERA);
        here.saturating_add(eras.saturating_mul(ERA))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2036-02-07 06:28:16, when the seconds of NTP are 0 again.
    const WRAP: i64 = ERA - TO_UNIX;

    #[test]
    fn times_survive_the_era() {
        for unix in [0, 1, 1_700_000_000, WRAP - 1, WRAP, WRAP + 60, WRAP + ERA / 3] {
            let time = NtpTime::from_unix(Duration::from_secs(unix as u64));
            for now in [unix, unix - 315_360_000, unix + 315_360_000] {
                assert_eq!(time.to_unix(now), unix, "{now}");
            }
        }
        assert_eq!(NtpTime::from_unix(Duration::from_secs(WRAP as u64)).seconds, 0);
        let time = NtpTime { seconds: 60, fraction: 0 };
        assert_eq!(time.to_unix(WRAP - 6), WRAP + 60, "an expiry just after the wrap");
    }

    #[test]
    fn any_time_is_near_any_now() {
        for now in [i64::MIN, -1, 0, 1 << 40, i64::MAX] {
            for seconds in [0, 1, 1 << 31, u32::MAX] {
                let unix = NtpTime { seconds, fraction: 0 }.to_unix(now);
                let far = now.abs_diff(unix) > 1 << 31;
                assert!(!far || now.unsigned_abs() > 1 << 62, "{now} {seconds}");
            }
        }
    }

    #[test]
    fn fraction_is_that_of_the_second() {
        let time = NtpTime::from_unix(Duration::from_millis(1_500));
        assert_eq!((time.seconds, time.fraction), (TO_UNIX as u32 + 1, 1 << 31));
    }
}
