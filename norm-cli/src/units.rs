//! Rates and durations as users write them.
//!
//! Messages say what is wrong and what to use instead; the command line puts the option in front.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use norm_net::Pace;

/// A sending rate.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Rate {
    /// Bits per second, at least [`Rate::MIN`].
    Limit(u64),
    /// As fast as the kernel takes it.
    Max,
    /// As fast as the slowest receiver gets it.
    Auto,
}

impl Rate {
    /// Lower limit: below it a packet would need seconds.
    pub const MIN: u64 = 1_000;

    /// How a session sends at this rate.
    pub const fn pace(self) -> Pace {
        match self {
            Self::Limit(bits) => Pace::Fixed(bits),
            Self::Max => Pace::Unlimited,
            Self::Auto => Pace::AUTO,
        }
    }

    /// A plain rate in bits per second, for bounds.
    ///
    /// # Errors
    ///
    /// When the text is no number of bits per second.
    pub fn bits(text: &str) -> Result<u64, String> {
        match text.parse()? {
            Self::Limit(bits) => Ok(bits),
            _ => Err("use bits per second such as 200M, 1.5G or 64k".to_owned()),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let cure = "use bits per second such as 200M, 1.5G, 64k or 1000000, or auto, or max";
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        if text.eq_ignore_ascii_case("auto") {
            return Ok(Self::Auto);
        }
        if let Some(number) = text.strip_suffix("B/s").or_else(|| text.strip_suffix('B')) {
            let bits = decimal(number.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']));
            return Err(match bits {
                Some(_) => {
                    format!("B means bytes, but rates are in bits, eight times as many: {cure}")
                }
                None => format!("not a rate: {cure}"),
            });
        }
        let units = ["bit/s", "b/s", "bps", "bit"];
        let number = units.iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
        let (digits, scale) = match number.as_bytes().last() {
            Some(b'k' | b'K') => (&number[..number.len() - 1], 1e3),
            Some(b'm' | b'M') => (&number[..number.len() - 1], 1e6),
            Some(b'g' | b'G') => (&number[..number.len() - 1], 1e9),
            _ => (number, 1.0),
        };
        let bits = decimal(digits).ok_or_else(|| format!("not a rate: {cure}"))? * scale;
        if bits < Self::MIN as f64 {
            let meant = if bits > 0.0 && scale == 1.0 { digits } else { "200" };
            return Err(format!(
                "below {} bits per second, the minimum; for megabits per second use {meant}M",
                Self::MIN
            ));
        }
        if bits > 1e15 {
            return Err(format!("above every network's rate: {cure}"));
        }
        Ok(Self::Limit(bits.round() as u64))
    }
}

/// As `200 Mbit/s`, `unlimited rate` or `automatic rate`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(bits) => f.write_str(&crate::text::bit_rate(*bits as f64)),
            Self::Max => f.write_str("unlimited rate"),
            Self::Auto => f.write_str("automatic rate"),
        }
    }
}

/// An amount of memory in bytes, in powers of 1,024.
///
/// # Errors
///
/// When the text is no such number, or less than a transfer can do with.
pub fn memory(text: &str) -> Result<usize, String> {
    const MIN: usize = 16 << 20;
    let bytes = usize::try_from(size(text)?).map_err(|_| "too much".to_owned())?;
    if bytes < MIN { Err("too little: use at least 16M".to_owned()) } else { Ok(bytes) }
}

/// A number of bytes, in powers of 1,024.
///
/// # Errors
///
/// When the text is no such number, or 0.
pub fn size(text: &str) -> Result<u64, String> {
    let cure = "use a size such as 256M or 1G";
    let (digits, shift) = match text.as_bytes().last() {
        Some(b'k' | b'K') => (&text[..text.len() - 1], 10),
        Some(b'm' | b'M') => (&text[..text.len() - 1], 20),
        Some(b'g' | b'G') => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let bytes = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    bytes.filter(|bytes| *bytes > 0).ok_or_else(|| format!("not a size: {cure}"))
}

/// A duration in seconds, fractions allowed.
///
/// # Errors
///
/// When the text is no number, negative, or longer than a year.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let cure = "use seconds such as 5 or 0.5";
    let number = decimal(text).ok_or_else(|| format!("not a time: {cure}"))?;
    const YEAR: f64 = 366.0 * 24.0 * 3600.0;
    if number > YEAR {
        return Err(format!("longer than a year: {cure}"));
    }
    Ok(Duration::from_secs_f64(number))
}

/// A share in percent, 0 to below 100.
///
/// # Errors
///
/// When the text is no number in that range.
pub fn percent(text: &str) -> Result<f64, String> {
    decimal(text)
        .filter(|number| *number < 100.0)
        .ok_or_else(|| "use a percentage from 0 to 99.9, such as 5".to_owned())
}

/// Plain digits with at most one point: no sign, exponent, `inf` or `nan`, which `f64` would take.
fn decimal(text: &str) -> Option<f64> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if digits_only { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_powers_of_1024_and_has_a_minimum() {
        assert_eq!(memory("256M"), Ok(256 << 20));
        assert_eq!(memory("1g"), Ok(1 << 30));
        assert_eq!(memory("16384k"), Ok(16 << 20));
        assert_eq!(memory("33554432"), Ok(32 << 20));
        for wrong in ["", "M", "16383k", "-1", "1.5G", "99999999999999999999", "17179869184G"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_read_in_every_unit() {
        let limits = [
            ("200M", 200_000_000),
            ("1.5G", 1_500_000_000),
            ("64k", 64_000),
            ("64K", 64_000),
            ("12345", 12_345),
            ("0.25g", 250_000_000),
            ("10Mbit/s", 10_000_000),
            ("10Mbps", 10_000_000),
            ("10Mb/s", 10_000_000),
        ];
        for (text, bits) in limits {
            assert_eq!(text.parse(), Ok(Rate::Limit(bits)), "{text}");
        }
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("MAX".parse::<Rate>().unwrap(), Rate::Max);
        assert_eq!("auto".parse::<Rate>().unwrap(), Rate::Auto);
        assert!(Rate::bits("auto").is_err() && Rate::bits("2M") == Ok(2_000_000));
    }

    #[test]
    fn wrong_rates_are_refused_with_the_cure() {
        let bad =
            ["", "M", "fast", "-5M", "1e9", "inf", "NaN", "1.2.3M", "5 M", "10MB", "5Mi", "é"];
        for text in bad {
            let error = text.parse::<Rate>().unwrap_err();
            assert!(error.contains("200M"), "{text}: {error}");
        }
        for text in ["10MB", "10MB/s", "5000B"] {
            assert!(text.parse::<Rate>().unwrap_err().contains("bytes"), "{text}");
        }
        assert!("manyB".parse::<Rate>().unwrap_err().contains("not a rate"));
    }

    #[test]
    fn forgotten_unit_is_suggested() {
        assert!("100".parse::<Rate>().unwrap_err().contains("100M"));
        assert!("0".parse::<Rate>().unwrap_err().contains("200M"));
        assert!("0.9k".parse::<Rate>().unwrap_err().contains("200M"));
        assert!("1k".parse::<Rate>().is_ok());
        assert!("9999999999999999999999".parse::<Rate>().is_err());
    }

    #[test]
    fn rates_are_shown_as_people_say_them() {
        assert_eq!(Rate::Limit(100_000_000).to_string(), "100 Mbit/s");
        assert_eq!(Rate::Limit(1_500_000_000).to_string(), "1.5 Gbit/s");
        assert_eq!(Rate::Max.to_string(), "unlimited rate");
    }

    #[test]
    fn seconds_take_fractions_but_no_units() {
        assert_eq!(seconds("5"), Ok(Duration::from_secs(5)));
        assert_eq!(seconds("0.25"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("0"), Ok(Duration::ZERO));
        for text in ["", ".", "5s", "-1", "inf", "1e3", "99999999999"] {
            assert!(seconds(text).unwrap_err().contains("0.5"), "{text}");
        }
    }

    #[test]
    fn percentage_stays_below_100() {
        assert_eq!(percent("5"), Ok(5.0));
        assert_eq!(percent("0.5"), Ok(0.5));
        for text in ["100", "-1", "x", ""] {
            assert!(percent(text).is_err(), "{text}");
        }
    }
}
