//! Reading big-endian fields from bytes of unknown origin.

use super::ContentError;

/// What is left to read. Every read either advances or fails.
#[derive(Copy, Clone, Debug)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn remaining(&self) -> usize {
        self.0.len()
    }

    pub(super) fn bytes(&mut self, len: usize) -> Result<&'a [u8], ContentError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(ContentError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ContentError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(ContentError::Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, ContentError> {
        self.array().map(u8::from_be_bytes)
    }

    pub(super) fn u16(&mut self) -> Result<u16, ContentError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, ContentError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, ContentError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn i64(&mut self) -> Result<i64, ContentError> {
        self.array().map(i64::from_be_bytes)
    }

    /// The magic and the version that every format begins with.
    pub(super) fn preamble(&mut self, magic: [u8; 4], version: u8) -> Result<(), ContentError> {
        if self.array()? != magic {
            return Err(ContentError::BadMagic);
        }
        match self.u8()? {
            known if known == version => Ok(()),
            other => Err(ContentError::UnsupportedVersion(other)),
        }
    }
}
