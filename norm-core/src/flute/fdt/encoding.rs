//! Content encodings, of FDT instances and of files.
//!
//! Names and numbers do not tell zlib's frame from bare DEFLATE reliably, because senders differ;
//! so the first bytes decide.

use core::fmt;
use std::borrow::Cow;
use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};
use flate2::write::GzEncoder;

/// What is decoded has at most this many times the bytes of what is encoded.
const MAX_RATIO: usize = 100;
/// And this many more, for what is very short.
const MIN_LIMIT: usize = 4096;

/// Why bytes cannot be decoded.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// They are damaged, or no encoding that is known.
    Damaged,
    /// They decode to more than is accepted.
    TooLarge,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "damaged, or no encoding that is known",
            Self::TooLarge => "decodes to more than is accepted",
        })
    }
}

impl core::error::Error for DecodeError {}

/// Decodes gzip, zlib or DEFLATE, whichever it is; `limit` bytes at most, and at most 100 times
/// what is encoded.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(encoded: &[u8], limit: usize) -> Result<Vec<u8>, DecodeError> {
    let limit = limit.min(encoded.len().saturating_mul(MAX_RATIO).saturating_add(MIN_LIMIT));
    match encoded {
        [0x1f, 0x8b, ..] => read(GzDecoder::new(encoded), limit),
        [first, second, ..] if is_zlib(*first, *second) => read(ZlibDecoder::new(encoded), limit),
        _ => read(DeflateDecoder::new(encoded), limit),
    }
}

/// Decodes gzip, zlib or DEFLATE, whichever it is, of `len` bytes encoded; at most 100 times as
/// many are written. Returns how many were.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] with a [`DecodeError`]; what reading or writing says.
pub fn decode_stream(encoded: impl Read, len: u64, out: &mut dyn Write) -> io::Result<u64> {
    let mut encoded = BufReader::new(encoded);
    let first = encoded.fill_buf()?;
    let is_gzip = first.starts_with(&[0x1f, 0x8b]);
    let is_zlib = matches!(first, [first, second, ..] if is_zlib(*first, *second));
    let mut decoded: Box<dyn Read + '_> = if is_gzip {
        Box::new(flate2::bufread::GzDecoder::new(encoded))
    } else if is_zlib {
        Box::new(flate2::bufread::ZlibDecoder::new(encoded))
    } else {
        Box::new(flate2::bufread::DeflateDecoder::new(encoded))
    };
    let limit = len.saturating_mul(MAX_RATIO as u64).saturating_add(MIN_LIMIT as u64);
    let (mut buffer, mut written) = (vec![0; 64 << 10], 0);
    loop {
        let read = decoded.read(&mut buffer).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => invalid(DecodeError::Damaged),
            _ => error,
        })?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(written);
        };
        written += read as u64;
        if written > limit {
            return Err(invalid(DecodeError::TooLarge));
        }
        out.write_all(bytes)?;
    }
}

fn invalid(error: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// The header of RFC 1950 §2.2: method 8, and a check of both bytes.
fn is_zlib(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31)
}

fn read(decoder: impl Read, limit: usize) -> Result<Vec<u8>, DecodeError> {
    let mut bytes = Vec::new();
    let limit = limit as u64;
    decoder.take(limit + 1).read_to_end(&mut bytes).map_err(|_| DecodeError::Damaged)?;
    if bytes.len() as u64 > limit { Err(DecodeError::TooLarge) } else { Ok(bytes) }
}

/// The same bytes as gzip.
pub fn gzip(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Memory takes everything.
    match encoder.write_all(bytes).and_then(|()| encoder.finish()) {
        Ok(encoded) => Cow::Owned(encoded),
        Err(_) => Cow::Borrowed(bytes),
    }
}

#[cfg(test)]
mod tests {
    use flate2::write::{DeflateEncoder, ZlibEncoder};

    use super::*;

    #[test]
    fn each_encoding_is_known_by_its_first_bytes() {
        let text = "<FDT-Instance Expires=\"1\"/>".repeat(20);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(text.as_bytes()).unwrap();
        let mut deflate = DeflateEncoder::new(Vec::new(), Compression::fast());
        deflate.write_all(text.as_bytes()).unwrap();
        let gzip = gzip(text.as_bytes()).into_owned();
        for encoded in [gzip, zlib.finish().unwrap(), deflate.finish().unwrap()] {
            assert_eq!(decode(&encoded, 1 << 20).as_deref(), Ok(text.as_bytes()));
            assert_eq!(decode(&encoded, text.len() - 1), Err(DecodeError::TooLarge));
            assert_eq!(decode(&encoded[..encoded.len() / 2], 1 << 20), Err(DecodeError::Damaged));
            let (len, mut out) = (encoded.len() as u64, Vec::new());
            assert_eq!(decode_stream(&encoded[..], len, &mut out).unwrap(), text.len() as u64);
            assert_eq!(out, text.as_bytes());
            let half = &encoded[..encoded.len() / 2];
            let error = decode_stream(half, len, &mut Vec::new()).unwrap_err();
            assert!(error.to_string().contains("damaged"), "{error}");
        }
    }

    #[test]
    fn bombs_are_stopped_at_the_ratio() {
        let bomb = gzip(&vec![0; 64 << 20]).into_owned();
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert_eq!(decode(&bomb, usize::MAX), Err(DecodeError::TooLarge));
        assert_eq!(decode(&[], 100), Err(DecodeError::Damaged));
        let len = bomb.len() as u64;
        let error = decode_stream(&bomb[..], len, &mut io::sink()).unwrap_err();
        assert!(error.to_string().contains("more than is accepted"), "{error}");
    }
}
