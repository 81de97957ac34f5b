//! The withdrawal notice of a file set: entries that its sender can no longer send, because the
//! files have changed, are gone or cannot be read.
//!
//! ```text
//!  0  magic "NSWD"
//!  4  version, 2
//!  5  reserved, 1 zero byte
//!  6  number of ranges, 16 bits, at least 1
//!  8  set id, 16 bytes
//! 24  of each range of entries, ascending: entries between it and the one before it (or from
//!     entry 0 on), entries in it less one; both in 7 bits a byte, the low ones first, with the
//!     high bit where another byte follows
//! ```
//!
//! Each notice stands alone: what it names stays withdrawn. So notices may be lost, repeated and
//! overtake each other, and a long list is cut into several.

use core::ops::Range;

use super::cursor::Cursor;
use super::{ContentError, MAX_ENTRIES, SetId};
use crate::base::range_set::RangeSet;

const MAGIC: [u8; 4] = *b"NSWD";
const VERSION: u8 = 2;
const HEADER_LEN: usize = 24;
/// Bytes of a number at most.
const MAX_NUMBER_BYTES: u32 = 4;

/// Entries of a file set that are withdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    /// The set.
    pub set: SetId,
    /// Numbers of entries in the manifest: ranges that are not empty, ascending, with gaps between.
    pub entries: Vec<Range<u32>>,
}

impl Withdrawal {
    /// Bytes of the longest notice that names one range.
    pub const MIN_LIMIT: usize = HEADER_LEN + 2 * MAX_NUMBER_BYTES as usize;

    /// True when these bytes are meant to be a notice.
    pub fn has_magic(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// Reads a notice.
    ///
    /// # Errors
    /// [`ContentError`] when it is malformed, or names entries that no manifest can have.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContentError> {
        let mut cursor = Cursor::new(bytes);
        cursor.preamble(MAGIC, VERSION)?;
        if cursor.u8()? != 0 {
            return Err(ContentError::BadField);
        }
        let count = cursor.u16()?;
        let set = SetId(cursor.array()?);
        // Each range takes two bytes at least.
        if cursor.remaining() < 2 * usize::from(count) {
            return Err(ContentError::Truncated);
        }
        let mut entries = Vec::with_capacity(count.into());
        let mut end = 0;
        for n in 0..count {
            let gap = number(&mut cursor)?;
            let start = end + gap;
            end = start + number(&mut cursor)? + 1;
            if (n > 0 && gap == 0) || end > MAX_ENTRIES {
                return Err(ContentError::BadField);
            }
            entries.push(start..end);
        }
        match (count, cursor.remaining()) {
            (0, _) => Err(ContentError::BadField),
            (_, 0) => Ok(Self { set, entries }),
            _ => Err(ContentError::TrailingBytes),
        }
    }

    /// Appends the notice. Ranges are as [`entries`](Self::entries) says.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0]);
        out.extend_from_slice(&(self.entries.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.set.0);
        let mut end = 0;
        for range in &self.entries {
            put_number(range.start - end, out);
            put_number(range.end - range.start - 1, out);
            end = range.end;
        }
    }

    /// Notices that name all these entries, of at most `limit` bytes each, but enough for one
    /// range.
    pub fn notices(set: SetId, entries: &RangeSet, limit: usize) -> Vec<Vec<u8>> {
        let limit = limit.max(Self::MIN_LIMIT);
        let per_notice = |len: usize| len > limit - 2 * MAX_NUMBER_BYTES as usize;
        let mut notices = Vec::new();
        let mut next = Self { set, entries: Vec::new() };
        let mut len = HEADER_LEN;
        for (start, end) in entries.iter() {
            let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end)) else { break };
            if per_notice(len) || next.entries.len() == usize::from(u16::MAX) {
                notices.push(next.encoded());
                next.entries.clear();
                len = HEADER_LEN;
            }
            let gap = start - next.entries.last().map_or(0, |last| last.end);
            len += number_len(gap) + number_len(end - start - 1);
            next.entries.push(start..end);
        }
        if !next.entries.is_empty() {
            notices.push(next.encoded());
        }
        notices
    }

    fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.emit(&mut out);
        out
    }
}

/// A number of at most [`MAX_NUMBER_BYTES`] bytes, the last of which is 0 in no other than 0.
fn number(cursor: &mut Cursor<'_>) -> Result<u32, ContentError> {
    let mut value = 0;
    for place in 0..MAX_NUMBER_BYTES {
        let byte = cursor.u8()?;
        value |= u32::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            let is_shortest = byte != 0 || place == 0;
            return if is_shortest { Ok(value) } else { Err(ContentError::BadField) };
        }
    }
    Err(ContentError::BadField)
}

fn put_number(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn number_len(value: u32) -> usize {
    (u32::BITS - value.leading_zeros()).div_ceil(7).max(1) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SET: SetId = SetId(*b"0123456789abcdef");

    fn set_of(ranges: &[Range<u32>]) -> RangeSet {
        let mut set = RangeSet::new();
        ranges.iter().for_each(|range| set.insert(range.start.into(), range.end.into()));
        set
    }

    fn bytes(numbers: &[u8], count: u16) -> Vec<u8> {
        let mut bytes = Withdrawal { set: SET, entries: Vec::new() }.encoded();
        bytes[6..8].copy_from_slice(&count.to_be_bytes());
        bytes.extend_from_slice(numbers);
        bytes
    }

    #[test]
    fn notice_is_as_documented() {
        let notices = Withdrawal::notices(SET, &set_of(&[0..1, 3..5, 700..701]), 400);
        let mut expected = b"NSWD\x02\x00\x00\x03".to_vec();
        expected.extend_from_slice(&SET.0);
        expected.extend_from_slice(&[0, 0, 2, 1, 0xb7, 0x05, 0]);
        assert_eq!(notices, [expected]);
        let parsed = Withdrawal::parse(&notices[0]).unwrap();
        assert_eq!(parsed, Withdrawal { set: SET, entries: vec![0..1, 3..5, 700..701] });
    }

    #[test]
    fn long_list_is_cut_into_notices_that_stand_alone() {
        let all = set_of(&(0..1000).map(|n| n * 5_000..n * 5_000 + 200).collect::<Vec<_>>());
        let notices = Withdrawal::notices(SET, &all, 300);
        assert!(notices.iter().all(|notice| notice.len() <= 300), "{}", notices.len());
        assert!(notices.len() < 20);
        let mut heard = RangeSet::new();
        for notice in notices.iter().rev() {
            for range in Withdrawal::parse(notice).unwrap().entries {
                heard.insert(range.start.into(), range.end.into());
            }
        }
        assert_eq!(heard, all);
        assert_eq!(Withdrawal::notices(SET, &all, 0).len(), 1000);
        assert!(Withdrawal::notices(SET, &RangeSet::new(), 300).is_empty());
    }

    #[test]
    fn malformed_notices_are_refused() {
        let error = |bytes: &[u8]| Withdrawal::parse(bytes).unwrap_err();
        let good = bytes(&[5, 0, 1, 2], 2);
        assert_eq!(Withdrawal::parse(&good).unwrap().entries, [5..6, 7..10]);
        for len in 0..good.len() {
            assert_eq!(error(&good[..len]), ContentError::Truncated);
        }
        let with = |at: usize, byte| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            bytes
        };
        assert_eq!(error(&with(0, b'X')), ContentError::BadMagic);
        assert_eq!(error(&with(4, 1)), ContentError::UnsupportedVersion(1));
        assert_eq!(error(&with(5, 1)), ContentError::BadField);
        assert_eq!(error(&bytes(&[], 0)), ContentError::BadField, "no range");
        assert_eq!(error(&bytes(&[0, 0, 0, 0], 2)), ContentError::BadField, "no gap");
        assert_eq!(error(&bytes(&[0, 0, 0], 1)), ContentError::TrailingBytes);
        assert_eq!(error(&bytes(&[0x80, 0, 0], 1)), ContentError::BadField, "a longer 0");
        assert_eq!(error(&bytes(&[0xff; 8], 1)), ContentError::BadField, "too long a number");
        let last = bytes(&[0xff, 0xff, 0xff, 7, 0], 1);
        assert_eq!(Withdrawal::parse(&last).unwrap().entries[0], MAX_ENTRIES - 1..MAX_ENTRIES);
        assert_eq!(error(&bytes(&[0xff, 0xff, 0xff, 7, 1], 1)), ContentError::BadField);
        let most = [0xff, 0xff, 0xff, 0x7f];
        assert_eq!(error(&bytes(&most.repeat(2), 1)), ContentError::BadField);
    }

    proptest! {
        #[test]
        fn notices_come_back_and_arbitrary_bytes_give_the_same_bytes_or_an_error(
            ranges in prop::collection::vec((0..MAX_ENTRIES, 1u32..2000), 1..50),
            tail in prop::collection::vec(any::<u8>(), 0..40),
            count in 0u16..6, limit in 0usize..500,
        ) {
            let ranges: Vec<Range<u32>> =
                ranges.iter().map(|&(start, len)| start..(start + len).min(MAX_ENTRIES)).collect();
            let all = set_of(&ranges);
            let mut heard = RangeSet::new();
            for notice in Withdrawal::notices(SET, &all, limit) {
                prop_assert!(notice.len() <= limit.max(Withdrawal::MIN_LIMIT));
                for range in Withdrawal::parse(&notice).unwrap().entries {
                    heard.insert(range.start.into(), range.end.into());
                }
            }
            prop_assert_eq!(heard, all);
            let drawn = bytes(&tail, count);
            if let Ok(parsed) = Withdrawal::parse(&drawn) {
                prop_assert_eq!(parsed.encoded(), drawn);
            }
        }
    }
}
