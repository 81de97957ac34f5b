//! Numbers squeezed into a few bits (RFC 5401 §3.7.5, RFC 5740 §4.2.1 and §4.2.3.4).
//!
//! What is advertised must be the same on every platform: logarithms come from `libm`, powers of
//! ten from a table.

use core::time::Duration;

/// A round trip time in 8 bits: 1 µs to 1000 s, by microseconds at first, then by steps of 8 %.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantizedRtt(pub u8);

impl QuantizedRtt {
    /// 1 µs.
    pub const MIN: Self = Self(0);
    /// 1000 s.
    pub const MAX: Self = Self(255);
    /// The last code of the linear part, 32 µs.
    const LINEAR_MAX: u8 = 31;
    const MAX_SECONDS: f64 = 1000.0;
    /// Codes per factor of e.
    const STEPS: f64 = 13.0;

    /// The smallest code that stands for at least `rtt`, at most 1000 s.
    ///
    /// The RFC's formula, except that it rounds up in the linear part too, where the RFC would
    /// drop a fraction of a microsecond. So `to_duration` of it is never less than `rtt`.
    pub fn from_duration(rtt: Duration) -> Self {
        let micros = rtt.as_nanos().div_ceil(1000);
        if let Ok(code @ 0..=Self::LINEAR_MAX) = u8::try_from(micros.saturating_sub(1)) {
            return Self(code);
        }
        let seconds = rtt.as_secs_f64().min(Self::MAX_SECONDS);
        let code = 255.0 - Self::STEPS * libm::log(Self::MAX_SECONDS / seconds);
        // Up to 32.9 µs the formula gives the last linear code, which stands for less.
        Self((libm::ceil(code) as u8).max(Self::LINEAR_MAX + 1))
    }

    /// What the code stands for, without the part below a nanosecond.
    ///
    /// Encoding it again gives the same code, so that a value passed on does not creep.
    pub fn to_duration(self) -> Duration {
        if self.0 <= Self::LINEAR_MAX {
            return Duration::from_micros(u64::from(self.0) + 1);
        }
        let steps = f64::from(255 - self.0) / Self::STEPS;
        let nanos = Self::MAX_SECONDS * 1e9 / libm::exp(steps);
        Duration::from_nanos(nanos as u64)
    }
}

/// A number of receivers in 4 bits: 10, 50, 100, 500 … 500 million.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantizedGroupSize(pub u8);

impl QuantizedGroupSize {
    /// The recommended estimate, 10 000 (RFC 5740 §4.2.1).
    pub const DEFAULT: Self = Self(3);

    /// The smallest code that stands for at least `count`, at most 500 million.
    pub fn from_count(count: u64) -> Self {
        let ascending = (0..8).flat_map(|exponent| [Self(exponent), Self(exponent | 8)]);
        ascending.into_iter().find(|code| code.to_count() >= count).unwrap_or(Self(0x0f))
    }

    /// How many receivers; the four low bits count.
    pub fn to_count(self) -> u64 {
        let mantissa = if self.0 & 8 == 0 { 1 } else { 5 };
        mantissa * 10u64.pow(u32::from(self.0 & 7) + 1)
    }
}

/// A rate in 16 bits: 12 of mantissa (4096 would be 10.0), 4 of decimal exponent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantizedRate(pub u16);

/// Exact as `f64`, every one of them.
const POWERS_OF_TEN: [f64; 16] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

impl QuantizedRate {
    /// No rate: a receiver that has none yet. A sender must never advertise it.
    pub const ZERO: Self = Self(0);
    /// Just below 10^16 bytes per second.
    pub const MAX: Self = Self(0xffff);

    /// The nearest code, within 0.13 %. Not below 1 for any positive rate; 0 when it is not a
    /// positive number.
    ///
    /// The mantissa stops at 4095: the RFC's formula would round 999 999 up to 4096, which the 12
    /// bits make 0.
    pub fn from_bytes_per_second(rate: f64) -> Self {
        if rate.is_nan() || rate <= 0.0 {
            return Self::ZERO;
        }
        let above = POWERS_OF_TEN.iter().take_while(|&&power| power <= rate).count();
        let exponent = above.saturating_sub(1);
        let mantissa = (rate / POWERS_OF_TEN[exponent] * 409.6 + 0.5) as u16;
        Self(mantissa.clamp(1, 4095) << 4 | exponent as u16)
    }

    /// Bytes per second; 0 means "no value".
    pub fn to_bytes_per_second(self) -> f64 {
        let mantissa = f64::from(self.0 >> 4) * 10.0 / 4096.0;
        mantissa * POWERS_OF_TEN[usize::from(self.0 & 0x0f)]
    }
}

/// A fraction of lost packets in 32 bits.
///
/// RFC 5740 has the high 16 only; one known peer fills the reserved field with the low 16. Read
/// together, they are right for both (within 2^-16 where the low half is 0).
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuantizedLoss {
    /// cc_loss.
    pub high: u16,
    /// cc_reserved.
    pub low: u16,
}

impl QuantizedLoss {
    /// Nothing lost.
    pub const ZERO: Self = Self { high: 0, low: 0 };
    const ONE: f64 = u32::MAX as f64;

    /// From a fraction, held to 0..=1; NaN counts as 0.
    pub fn from_fraction(fraction: f64) -> Self {
        // A float cast saturates, and makes 0 of NaN.
        let all = libm::round(fraction * Self::ONE) as u32;
        Self { high: (all >> 16) as u16, low: all as u16 }
    }

    /// The fraction, 0..=1.
    pub fn to_fraction(self) -> f64 {
        f64::from(u32::from(self.high) << 16 | u32::from(self.low)) / Self::ONE
    }
}

#[cfg(test)]
mod tests;
