//! Sizes, rates, shares and times on the command line. Messages say what to write instead.

use core::str::FromStr;
use core::time::Duration;

use bytesize::ByteSize;

/// Bytes, such as `40GB` or `1.5GiB`.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let advice = "write a number and kB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 40GB";
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(format!("this is not a size: {advice}"));
    }
    ByteSize::from_str(text).map(|size| size.0).map_err(|_| format!("this is not a size: {advice}"))
}

/// Bits per second, such as `200M`.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    let advice = "write bits per second such as 200M, 1.5G or 64k";
    let number =
        ["bit/s", "bps", "bit"].iter().find_map(|unit| text.strip_suffix(unit)).unwrap_or(text);
    let (digits, scale) = match number.as_bytes().last() {
        Some(b'k' | b'K') => (&number[..number.len() - 1], 1e3),
        Some(b'm' | b'M') => (&number[..number.len() - 1], 1e6),
        Some(b'g' | b'G') => (&number[..number.len() - 1], 1e9),
        _ => (number, 1.0),
    };
    let bits = decimal(digits).ok_or_else(|| format!("this is not a rate: {advice}"))? * scale;
    if bits < 10_000.0 {
        return Err(format!("too slow: for megabits write {digits}M"));
    }
    Ok(bits.round() as u64)
}

/// A share in percent, 0 to 50, as a fraction.
pub(super) fn share(text: &str) -> Result<f64, String> {
    let number = decimal(text.strip_suffix('%').unwrap_or(text).trim_end());
    let share = number.filter(|number| *number <= 50.0).map(|number| number / 100.0);
    share.ok_or_else(|| "write a share from 0% to 50%, such as 2%".to_owned())
}

/// A number of receivers and their loss, such as `3:10%`.
pub(super) fn bad(text: &str) -> Result<(u32, f64), String> {
    let advice = "write a number of receivers and their loss, 0% to 50%, such as 3:10%";
    let parts = text.split_once(':').and_then(|(count, loss)| Some((count.parse().ok()?, loss)));
    let (count, loss) = parts.ok_or_else(|| advice.to_owned())?;
    Ok((count, share(loss).map_err(|_| advice.to_owned())?))
}

/// A time such as `5ms` or `1.5s`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let advice = "write a time such as 5ms, 250us or 1s";
    humantime::parse_duration(text).map_err(|_| format!("this is not a time: {advice}"))
}

/// Digits with at most one point. `f64` would also accept signs, exponents, `inf` and `nan`.
fn decimal(text: &str) -> Option<f64> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if digits_only { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_powers_of_ten_and_of_two() {
        let sizes = [
            ("40GB", 40_000_000_000),
            ("64MiB", 64 << 20),
            ("1.5 kB", 1500),
            ("7", 7),
            ("2TiB", 2 << 40),
        ];
        for (text, bytes) in sizes {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GB", "-1GB", "40 apples", "inf", "1e3e"] {
            assert!(size(text).unwrap_err().contains("40GB"), "{text}");
        }
    }

    #[test]
    fn rates_are_read_in_every_unit() {
        for (text, bits) in [("200M", 200_000_000), ("1.5Gbit/s", 1_500_000_000), ("64k", 64_000)] {
            assert_eq!(rate(text), Ok(bits), "{text}");
        }
        for text in ["", "M", "fast", "-5M", "1e9", "inf", "10MB", "é"] {
            assert!(rate(text).unwrap_err().contains("200M"), "{text}");
        }
        assert!(rate("200").unwrap_err().contains("200M"), "advice for a missing unit");
    }

    #[test]
    fn percent_sign_of_a_share_is_optional() {
        assert_eq!(share("2%"), Ok(0.02));
        assert_eq!(share("2.5 %"), Ok(0.025));
        assert_eq!(share("0"), Ok(0.0));
        for text in ["51%", "-1%", "nan", "%", "two"] {
            assert!(share(text).unwrap_err().contains("2%"), "{text}");
        }
        assert_eq!(bad("3:10%"), Ok((3, 0.1)));
        for text in ["3", "3:", ":10%", "3:99%", "-3:1%", "3,10%"] {
            assert!(bad(text).unwrap_err().contains("3:10%"), "{text}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(time("5ms"), Ok(Duration::from_millis(5)));
        for text in ["", "5", "-5ms", "fast"] {
            assert!(time(text).unwrap_err().contains("5ms"), "{text}");
        }
    }
}
