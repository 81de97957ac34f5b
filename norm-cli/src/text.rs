//! Numbers and foreign text as people read them.

use std::borrow::Cow;
use std::time::Duration;

/// Text from the network or the file system, made safe for a terminal.
///
/// Control characters (which could move the cursor or colour the screen) and the marks that reverse
/// the reading direction become `\u{fffd}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        text.chars().map(|c| if is_unsafe(c) { '\u{fffd}' } else { c }).collect()
    } else {
        Cow::Borrowed(text)
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bits per second, as `98.5 Mbit/s`.
pub fn bit_rate(bits: f64) -> String {
    scaled(bits, 1000.0, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"])
}

/// Bytes, as `256 MiB`.
pub fn bytes(count: u64) -> String {
    scaled(count as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
}

/// Three significant digits, without zeros at the end.
fn scaled(value: f64, step: f64, units: &[&str]) -> String {
    let mut value = value.max(0.0);
    let mut unit = units.first().copied().unwrap_or_default();
    for next in units.iter().skip(1) {
        if value < step - step / 2000.0 {
            break;
        }
        value /= step;
        unit = next;
    }
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    let digits = format!("{value:.decimals$}");
    let digits =
        if decimals > 0 { digits.trim_end_matches('0').trim_end_matches('.') } else { &digits };
    format!("{digits} {unit}")
}

/// A time span, as `0.42 s`, `12 s`, `3 min 05 s` or `2 h 07 min`.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.995 {
        return format!("{seconds:.2} s");
    }
    estimate(seconds)
}

/// Seconds as [`span`] shows them, but never with fractions: an estimate deserves none.
pub fn estimate(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{whole} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// A fraction (0 to 1) as `5.0 %`.
pub fn share(fraction: f64) -> String {
    format!("{:.1} %", fraction * 100.0)
}

/// `1 receiver`, `2 receivers`, `1 directory`, `2 directories`.
pub fn count(number: u64, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_tricks_are_taken_out_and_other_text_is_left_alone() {
        assert_eq!(plain("\u{1b}[2Jhost\n\u{202e}"), "\u{fffd}[2Jhost\u{fffd}\u{fffd}");
        assert_eq!(plain("Bücher-Raum 3"), "Bücher-Raum 3");
    }

    #[test]
    fn sizes_and_rates_keep_three_digits() {
        let sizes: Vec<_> = [0, 999, 1023, 1024, 1536, 16 << 20, 107 << 20, u64::MAX]
            .into_iter()
            .map(bytes)
            .collect();
        let expected =
            ["0 B", "999 B", "1023 B", "1 KiB", "1.5 KiB", "16 MiB", "107 MiB", "16384 PiB"];
        assert_eq!(sizes, expected);
        assert_eq!(bit_rate(98_540_000.0), "98.5 Mbit/s");
        assert_eq!(bit_rate(999_999_999.0), "1 Gbit/s");
        assert_eq!(bit_rate(100e6), "100 Mbit/s");
        assert_eq!(bit_rate(-1.0), "0 bit/s");
    }

    #[test]
    fn times_get_coarser_as_they_get_longer() {
        let spans: Vec<_> = [0.417, 9.999, 59.6, 185.0, 7_620.0]
            .into_iter()
            .map(|seconds| span(Duration::from_secs_f64(seconds)))
            .collect();
        assert_eq!(spans, ["0.42 s", "10 s", "1 min 00 s", "3 min 05 s", "2 h 07 min"]);
        assert_eq!(estimate(4.4), "4 s");
    }

    #[test]
    fn counts_agree_with_their_nouns() {
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "receiver"), "0 receivers");
        assert_eq!(count(2, "directory"), "2 directories");
    }
}
