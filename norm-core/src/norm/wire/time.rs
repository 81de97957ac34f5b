//! Time on the wire: seconds and microseconds, as in NORM_CMD(CC) (RFC 5740 §4.2.3.4).

use super::ParseError;
use super::reader::Reader;

/// A moment on the sender's clock, or that moment plus a receiver's holding time.
///
/// Peers may send 1 000 000 microseconds and more; that is kept as it is and counted as seconds by
/// [`WireTime::to_nanos`].
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct WireTime {
    /// Seconds since an epoch of the sender's choice.
    pub sec: u32,
    /// Microseconds.
    pub usec: u32,
}

impl WireTime {
    /// In a response: "no NORM_CMD(CC) heard yet" (RFC 5740 §4.3.1). Never a send time, then.
    pub const ZERO: Self = Self { sec: 0, usec: 0 };

    /// True for the value that means "nothing heard".
    pub const fn is_zero(self) -> bool {
        self.sec == 0 && self.usec == 0
    }

    /// Drops the part below a microsecond; the seconds wrap after 2^32 (136 years).
    pub const fn from_nanos(nanos: u64) -> Self {
        Self { sec: (nanos / 1_000_000_000) as u32, usec: (nanos % 1_000_000_000 / 1_000) as u32 }
    }

    /// Nanoseconds since the sender's epoch. Cannot overflow: at most 2^32 s and 2^32 µs.
    pub const fn to_nanos(self) -> u64 {
        self.sec as u64 * 1_000_000_000 + self.usec as u64 * 1_000
    }

    pub(super) fn parse(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        Ok(Self { sec: reader.u32()?, usec: reader.u32()? })
    }

    pub(super) fn emit(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sec.to_be_bytes());
        out.extend_from_slice(&self.usec.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entire_microseconds_survive() {
        let nanos = 1_795_319_763_384_322_999;
        let time = WireTime::from_nanos(nanos);
        assert_eq!(time, WireTime { sec: 1_795_319_763, usec: 384_322 });
        assert_eq!(time.to_nanos(), nanos - 999);
    }

    #[test]
    fn surplus_microseconds_count_as_seconds() {
        let odd = WireTime { sec: 4, usec: 1_000_000 };
        assert_eq!(odd.to_nanos(), 5_000_000_000);
        let latest = WireTime { sec: u32::MAX, usec: u32::MAX };
        assert_eq!(latest.to_nanos(), 4_294_967_295_000_000_000 + 4_294_967_295_000);
    }

    #[test]
    fn zero_time_alone_means_nothing_heard() {
        assert!(WireTime::ZERO.is_zero());
        assert!(!WireTime { sec: 0, usec: 1 }.is_zero());
        assert!(!WireTime { sec: 1, usec: 0 }.is_zero());
    }
}
