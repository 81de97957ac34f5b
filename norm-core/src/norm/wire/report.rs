//! NORM_REPORT (RFC 5740 §4.4.1): a common header and whatever follows.

use super::header::{COMMON_LEN, Emit};
use super::reader::Reader;
use super::{Extensions, ParseError};

/// A report. Its content is open in the RFC; in native mode it is a [`super::MemberReport`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Report<'a> {
    /// None from us.
    pub extensions: Extensions<'a>,
    /// The report itself.
    pub content: &'a [u8],
}

impl<'a> Report<'a> {
    pub(super) fn parse(fields: &Reader<'a>, content: &'a [u8]) -> Result<Self, ParseError> {
        Ok(Self { extensions: Extensions::from_bytes(fields.rest())?, content })
    }
}

impl Emit for Report<'_> {
    const KIND: u8 = 6;

    fn base_len(&self) -> usize {
        COMMON_LEN
    }

    fn extensions(&self) -> Extensions<'_> {
        self.extensions
    }

    fn payload(&self) -> &[u8] {
        self.content
    }

    fn emit_fields(&self, _out: &mut Vec<u8>) {}
}
