//! Single ranges of bytes (RFC 9110 §14).

use core::fmt;
use core::ops::Range;

use super::number::decimal;

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Everything.
    All,
    /// These bytes, at least one.
    Part(Range<u64>),
    /// What cannot be had: bytes after the end, several ranges at once, or nonsense. The answer is
    /// 416: servers that answer several ranges in ways of their own have kept clients in loops.
    Unsatisfiable,
}

/// What the header `Range` asks for of something with `size` bytes. Other units than bytes are
/// ignored (RFC 9110 §14.2).
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some(header) = header else { return Wanted::All };
    let Some((unit, ranges)) = header.split_once('=') else { return Wanted::Unsatisfiable };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Wanted::All;
    }
    match part(ranges.trim(), size) {
        Some(part) if !part.is_empty() => Wanted::Part(part),
        _ => Wanted::Unsatisfiable,
    }
}

fn part(range: &str, size: u64) -> Option<Range<u64>> {
    let (first, last) = range.split_once('-')?;
    if first.is_empty() {
        let len = decimal(last)?.min(size);
        return Some(size - len..size);
    }
    let first = decimal(first)?;
    let end = if last.is_empty() { size } else { decimal(last)?.checked_add(1)?.min(size) };
    (first < end).then_some(first..end)
}

/// Where the bytes of an answer are: the header `Content-Range` (RFC 9110 §14.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The bytes that follow; `None` in an answer that has none (416).
    pub part: Option<Range<u64>>,
    /// Bytes of all; `None` when that is not told.
    pub size: Option<u64>,
}

impl ContentRange {
    /// The header, from its text; `None` when it is malformed or contradicts itself.
    pub fn parse(header: &str) -> Option<Self> {
        let (unit, rest) = header.trim().split_once(' ')?;
        let (part, size) = rest.trim().split_once('/')?;
        if !unit.eq_ignore_ascii_case("bytes") {
            return None;
        }
        let size = if size == "*" { None } else { Some(decimal(size)?) };
        if part == "*" {
            return size.map(|size| Self { part: None, size: Some(size) });
        }
        let (first, last) = part.split_once('-')?;
        let (first, end) = (decimal(first)?, decimal(last)?.checked_add(1)?);
        let fits = first < end && size.is_none_or(|size| end <= size);
        fits.then_some(Self { part: Some(first..end), size })
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes ")?;
        match &self.part {
            Some(part) => write!(f, "{}-{}", part.start, part.end.saturating_sub(1))?,
            None => f.write_str("*")?,
        }
        match self.size {
            Some(size) => write!(f, "/{size}"),
            None => f.write_str("/*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn single_ranges_are_understood() {
        let cases = [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-5", Wanted::Part(2..6)),
            ("bytes=7-", Wanted::Part(7..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-99", Wanted::Part(0..10)),
            ("bytes=5-99", Wanted::Part(5..10)),
            ("Bytes = 5-9", Wanted::Part(5..10)),
            ("lines=1-2", Wanted::All),
        ];
        for (header, expected) in cases {
            assert_eq!(wanted(Some(header), 10), expected, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::All);
    }

    #[test]
    fn several_ranges_and_nonsense_cannot_be_had() {
        let wrong = [
            "bytes=10-",
            "bytes=10-12",
            "bytes=5-4",
            "bytes=-0",
            "bytes=",
            "bytes=-",
            "bytes",
            "bytes=0-1,3-4",
            "bytes=0-1, 3-4",
            "bytes=+1-2",
            "bytes=a-b",
            "bytes=1",
            "bytes=0-18446744073709551615",
            "bytes=99999999999999999999-",
        ];
        for header in wrong {
            assert_eq!(wanted(Some(header), 10), Wanted::Unsatisfiable, "{header}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable, "there is no byte");
    }

    #[test]
    fn content_range_says_where_bytes_are() {
        let parse = ContentRange::parse;
        let part = |part, size| Some(ContentRange { part: Some(part), size });
        assert_eq!(parse("bytes 0-0/1"), part(0..1, Some(1)));
        assert_eq!(parse("bytes 2-5/*"), part(2..6, None));
        assert_eq!(parse("bytes */10"), Some(ContentRange { part: None, size: Some(10) }));
        for wrong in [
            "",
            "bytes",
            "bytes */*",
            "bytes 2-1/10",
            "bytes 2-10/10",
            "2-5/10",
            "bytes 2-5",
            "bytes 0-18446744073709551615/*",
            "lines 2-5/10",
            "bytes +2-5/10",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn content_range_comes_back(start in 0_u64..1 << 40, len in 1_u64..1 << 40, more: u32) {
            let size = Some(start + len + u64::from(more));
            let range = ContentRange { part: Some(start..start + len), size };
            prop_assert_eq!(ContentRange::parse(&range.to_string()), Some(range));
        }
    }
}
