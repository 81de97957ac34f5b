//! The LCT header (RFC 5651 §5.1).
//!
//! ```text
//! | V 4 | C 2 | PSI 2 | S 1 | O 2 | H 1 | T 1 | R 1 | A 1 | B 1 | HDR_LEN 8 | CP 8 |
//! | congestion control information, C + 1 words                                     |
//! | TSI, S words and a half with H                                                  |
//! | TOI, O words and a half with H                                                  |
//! | T: sender current time, R: expected residual time; only with RFC 3451           |
//! | extensions ...                                                                  |
//! ```
//!
//! T and R are reserved since RFC 5651, and both specifications call themselves version 1: a
//! receiver has to know by the session which one it reads ([`TimeFields`]).

use super::ext::Extensions;
use super::{IdWidths, ParseError, Toi, Tsi};

/// The LCT version of RFC 3451 and RFC 5651.
const VERSION: u8 = 1;
/// Close Session, in the second byte.
const CLOSE_SESSION: u8 = 0x02;
/// Close Object, in the second byte.
const CLOSE_OBJECT: u8 = 0x01;
/// Sender Current Time follows the TOI (RFC 3451 §5.1), in the second byte.
const HAS_SCT: u8 = 0x08;
/// Expected Residual Time follows that, in the second byte.
const HAS_ERT: u8 = 0x04;

/// What two bits of the header mean.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TimeFields {
    /// Reserved, and ignored (RFC 5651): FLUTE version 2.
    Reserved,
    /// Words with times follow the TOI (RFC 3451): FLUTE version 1. They are skipped.
    InHeader,
}

/// A header, but for its extensions.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Two bits that each protocol above LCT gives its own meaning.
    pub psi: u8,
    /// Words of congestion control information: 1 to 4.
    pub cci_words: u8,
    /// Congestion control information.
    pub cci: u128,
    /// How wide `tsi` and `toi` are on the wire.
    pub widths: IdWidths,
    /// The session; 0 where the header has no TSI.
    pub tsi: Tsi,
    /// The object; `None` where the header has no TOI.
    pub toi: Option<Toi>,
    /// No more packets of the session follow (A).
    pub close_session: bool,
    /// No more packets of the object follow (B).
    pub close_object: bool,
    /// How the payload is to be read; with FLUTE the FEC encoding id (RFC 6726 §5).
    pub codepoint: u8,
}

impl Header {
    /// A header without congestion control information, of the widths that suit the ids.
    pub const fn new(tsi: Tsi, toi: Toi, codepoint: u8) -> Self {
        Self {
            psi: 0,
            cci_words: 1,
            cci: 0,
            widths: IdWidths::for_ids(tsi, toi),
            tsi,
            toi: Some(toi),
            close_session: false,
            close_object: false,
            codepoint,
        }
    }

    /// Bytes on the wire without extensions: 8 to 40.
    #[expect(clippy::len_without_is_empty, reason = "a header is never empty")]
    pub fn len(&self) -> usize {
        4 + self.cci_len() + self.widths.tsi_len() + self.widths.toi_len()
    }

    fn cci_len(&self) -> usize {
        usize::from(self.cci_words.clamp(1, 4)) * 4
    }

    /// Reads a header and its extensions off the front of a datagram; returns the rest, too.
    ///
    /// # Errors
    /// [`ParseError`].
    pub fn parse(
        datagram: &[u8],
        times: TimeFields,
    ) -> Result<(Self, Extensions<'_>, &[u8]), ParseError> {
        let &[first, second, words, codepoint] =
            datagram.first_chunk().ok_or(ParseError::Truncated)?;
        if first >> 4 != VERSION {
            return Err(ParseError::Version);
        }
        let (header, rest) =
            datagram.split_at_checked(usize::from(words) * 4).ok_or(ParseError::Truncated)?;
        let (widths, cci_words) = (IdWidths::from_flags(second), (first >> 2 & 3) + 1);
        let mut fields = Fields(header.get(4..).ok_or(ParseError::HeaderLength)?);
        let cci = fields.take(usize::from(cci_words) * 4)?;
        let tsi = fields.take(widths.tsi_len())?;
        let toi = fields.take(widths.toi_len())?;
        if times == TimeFields::InHeader {
            let words = u32::from(second & HAS_SCT != 0) + u32::from(second & HAS_ERT != 0);
            fields.take(words as usize * 4)?;
        }
        let parsed = Self {
            psi: first & 3,
            cci_words,
            cci,
            widths,
            // Both have as many bits as there is room for at most.
            tsi: Tsi::new(tsi as u64).unwrap_or_default(),
            toi: Toi::new(toi).filter(|_| widths.toi_len() > 0),
            close_session: second & CLOSE_SESSION != 0,
            close_object: second & CLOSE_OBJECT != 0,
            codepoint,
        };
        Ok((parsed, Extensions::from_bytes(fields.0)?, rest))
    }

    /// Appends the header and these extensions. Bits that a field has no room for are dropped.
    pub fn emit(&self, extensions: Extensions<'_>, out: &mut Vec<u8>) {
        let words = (self.len() + extensions.as_bytes().len()) / 4;
        let closes = u8::from(self.close_session) << 1 | u8::from(self.close_object);
        out.push(VERSION << 4 | (self.cci_words.clamp(1, 4) - 1) << 2 | self.psi & 3);
        out.push(self.widths.to_flags() | closes);
        // Extensions are bounded so that all of it fits.
        out.push(u8::try_from(words).unwrap_or(u8::MAX));
        out.push(self.codepoint);
        push_low(out, self.cci, self.cci_len());
        push_low(out, self.tsi.get().into(), self.widths.tsi_len());
        push_low(out, self.toi.unwrap_or_default().get(), self.widths.toi_len());
        out.extend_from_slice(extensions.as_bytes());
    }
}

/// The low `len` bytes of a number, 16 at most, big-endian.
fn push_low(out: &mut Vec<u8>, number: u128, len: usize) {
    let bytes = number.to_be_bytes();
    out.extend(bytes.iter().skip(bytes.len().saturating_sub(len)));
}

/// What is left of a header.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    /// A big-endian number of `len` bytes, 16 at most.
    fn take(&mut self, len: usize) -> Result<u128, ParseError> {
        let (field, rest) = self.0.split_at_checked(len).ok_or(ParseError::HeaderLength)?;
        self.0 = rest;
        Ok(field.iter().fold(0, |number, &byte| number << 8 | u128::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header::new(Tsi::new(0x0102).unwrap(), Toi::new(0x0304).unwrap(), 6)
    }

    fn bytes(header: &Header) -> Vec<u8> {
        let mut out = Vec::new();
        header.emit(Extensions::EMPTY, &mut out);
        out
    }

    #[test]
    fn fields_stand_where_the_rfc_says() {
        let mut header = header();
        assert_eq!(bytes(&header), [0x10, 0x10, 3, 6, 0, 0, 0, 0, 1, 2, 3, 4]);
        header.widths = IdWidths::WORDS;
        (header.close_session, header.close_object, header.psi) = (true, true, 2);
        header.cci = 0x0506_0708;
        let long = [0x12, 0xa3, 4, 6, 5, 6, 7, 8, 0, 0, 1, 2, 0, 0, 3, 4];
        assert_eq!(bytes(&header), long);
        header.toi = None;
        header.widths = header.widths.without_toi();
        assert_eq!(bytes(&header), [0x12, 0x83, 3, 6, 5, 6, 7, 8, 0, 0, 1, 2]);
    }

    #[test]
    fn ids_of_a_half_and_whole_words_are_big_endian_as_a_whole() {
        let mut header = header();
        header.widths = IdWidths::new(1, 1, true).unwrap();
        header.tsi = Tsi::new(0x0102_0304_0506).unwrap();
        header.toi = Toi::new(0x0708_090a_0b0c);
        let bytes = bytes(&header);
        assert_eq!(bytes.get(8..), Some(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12][..]));
        let parsed = Header::parse(&bytes, TimeFields::Reserved).unwrap().0;
        assert_eq!(parsed, header);
    }

    #[test]
    fn times_of_the_older_header_are_skipped_where_they_are() {
        let old = [0x10, 0x1c, 5, 0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 1, 1, 1, 2, 2, 2, 2, 9];
        let (header, extensions, rest) = Header::parse(&old, TimeFields::InHeader).unwrap();
        assert_eq!((header.toi, extensions.as_bytes(), rest), (Toi::new(2), &[][..], &[9][..]));
        let new = [0x10, 0x1c, 3, 0, 0, 0, 0, 0, 0, 1, 0, 2, 9];
        let (header, _, rest) = Header::parse(&new, TimeFields::Reserved).unwrap();
        assert_eq!((header.toi, rest), (Toi::new(2), &[9][..]));
        assert_eq!(Header::parse(&new, TimeFields::InHeader).err(), Some(ParseError::HeaderLength));
    }

    #[test]
    fn headers_that_cannot_be_are_refused() {
        let parse = |bytes: &[u8]| Header::parse(bytes, TimeFields::Reserved).err();
        let good = bytes(&header());
        assert_eq!(parse(&good), None);
        assert_eq!(parse(&[]), Some(ParseError::Truncated));
        assert_eq!(parse(&good[..11]), Some(ParseError::Truncated));
        let mut wrong = good.clone();
        wrong[0] = 0x20;
        assert_eq!(parse(&wrong), Some(ParseError::Version));
        wrong[0] = 0x10;
        for words in 0..3 {
            wrong[2] = words;
            assert_eq!(parse(&wrong), Some(ParseError::HeaderLength), "{words}");
        }
        wrong[2] = 4;
        assert_eq!(parse(&wrong), Some(ParseError::Truncated));
    }
}
