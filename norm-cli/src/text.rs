//! Numbers and foreign text as people read them.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// Characters of a session's name that are shown at most.
const MAX_NAME: usize = 40;

/// Text from the network or the file system, made safe for a terminal.
///
/// Control characters (which could move the cursor or colour the screen) and the marks that reverse
/// the reading direction are escaped, as `\n` or `\u{1b}`.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().any(is_unsafe) {
        let mut safe = String::with_capacity(text.len());
        for c in text.chars() {
            if is_unsafe(c) { safe.extend(c.escape_default()) } else { safe.push(c) }
        }
        Cow::Owned(safe)
    } else {
        Cow::Borrowed(text)
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A path, with what is not UTF-8 escaped as `\xe9`.
pub fn path(path: &Path) -> Cow<'_, str> {
    norm_net::event::path_text(path)
}

/// The last part of a path, safe for a terminal.
pub fn file_name(path: &Path) -> String {
    plain(&os_text(path.file_name().unwrap_or(path.as_os_str()))).into_owned()
}

/// A word of the system, escaped like a path.
pub fn os_text(word: &OsStr) -> Cow<'_, str> {
    path(Path::new(word))
}

/// At most `width` characters of a text: `…` stands for its middle, so that both ends can be read.
pub fn shorten(text: &str, width: usize) -> Cow<'_, str> {
    let len = text.chars().count();
    if len <= width {
        return Cow::Borrowed(text);
    }
    let left = width.saturating_sub(1);
    let tail = len - left.div_ceil(2);
    let head = text.chars().take(left / 2);
    Cow::Owned(head.chain(['…']).chain(text.chars().skip(tail)).take(width).collect())
}

/// The name of a session, which may be made up: escaped, and not too long to be read.
pub fn name(name: &str) -> String {
    // The end of a very long one is not read at all.
    let start: String = name.chars().take(4 * MAX_NAME).collect();
    shorten(&plain(&start), MAX_NAME).into_owned()
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
    fn control_characters_are_escaped_and_other_text_stays() {
        assert_eq!(plain("\u{1b}[2Jhost\n\u{202e}"), "\\u{1b}[2Jhost\\n\\u{202e}");
        assert_eq!(plain("Bücher-Raum 3"), "Bücher-Raum 3");
    }

    #[test]
    #[cfg(unix)]
    fn names_that_are_not_utf8_are_escaped() {
        use std::os::unix::ffi::OsStrExt;

        let name = |bytes: &'static [u8]| path(Path::new(OsStr::from_bytes(bytes))).into_owned();
        assert_eq!(name(b"in/caf\xe9.iso"), "in/caf\\xe9.iso");
        assert_eq!(name(b"\xff\xc3"), "\\xff\\xc3");
        assert_eq!(name("in/café.iso".as_bytes()), "in/café.iso");
    }

    #[test]
    fn long_text_is_shortened_in_its_middle() {
        assert_eq!(shorten("image.iso", 9), "image.iso");
        assert_eq!(shorten("debian-13.1.0.iso", 10), "debi…0.iso");
        assert_eq!(shorten("größer.iso", 5), "gr…so");
        let shortest = [2, 1, 0].map(|width| shorten("image.iso", width).into_owned());
        assert_eq!(shortest, ["…o", "…", ""]);
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
