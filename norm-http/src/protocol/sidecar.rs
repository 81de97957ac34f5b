//! The file beside the files of a set on a web server: `NAME.norm`, with manifest and digest list.
//!
//! ```text
//!  0  magic "NSET"
//!  4  version, 1
//!  5  reserved, 3 zero bytes
//!  8  bytes of the manifest, 64 bits
//! 16  bytes of the digest list, 64 bits
//! 24  manifest
//!     digest list
//! ```
//!
//! Numbers are big-endian. The digest list ends with the content hash, which covers the list and
//! the manifest but for where holes are.

use std::fmt;
use std::io::{self, Write};

use norm_core::fileset::is_digest_list_len;
use norm_files::complete::CompleteSet;

const MAGIC: [u8; 8] = *b"NSET\x01\0\0\0";
/// Bytes before the manifest.
pub const HEADER_BYTES: usize = 24;
/// Bytes of a manifest at most.
pub const MAX_MANIFEST_BYTES: u64 = norm_files::sink::MAX_MANIFEST_READ;
/// What is added to the name of a file or folder.
pub const EXTENSION: &str = ".norm";

/// Where manifest and digest list are in the file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Sidecar {
    /// Bytes of the manifest.
    pub manifest_len: u64,
    /// Bytes of the digest list.
    pub digests_len: u64,
}

/// What is wrong with such a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SidecarError {
    /// It is something else, or of another version.
    NoSidecar,
    /// It says that it is longer than any can be, or no list can be as long.
    BadLength,
}

impl fmt::Display for SidecarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSidecar => "it is no .norm file, or one of another version",
            Self::BadLength => "the .norm file gives impossible lengths",
        })
    }
}

impl std::error::Error for SidecarError {}

impl Sidecar {
    /// The header of a file.
    ///
    /// # Errors
    /// When it is none, or says what cannot be.
    pub fn parse(header: &[u8; HEADER_BYTES]) -> Result<Self, SidecarError> {
        let (magic, lengths) = header.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(SidecarError::NoSidecar);
        }
        let (lengths, _) = lengths.as_chunks();
        let [manifest_len, digests_len] = lengths else { return Err(SidecarError::NoSidecar) };
        let manifest_len = u64::from_be_bytes(*manifest_len);
        let digests_len = u64::from_be_bytes(*digests_len);
        if manifest_len > MAX_MANIFEST_BYTES || !is_digest_list_len(digests_len) {
            return Err(SidecarError::BadLength);
        }
        Ok(Self { manifest_len, digests_len })
    }

    /// The header of a file.
    pub fn emit(self) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&self.manifest_len.to_be_bytes());
        header[16..].copy_from_slice(&self.digests_len.to_be_bytes());
        header
    }

    /// Writes the file of a set.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(set: &CompleteSet, out: &mut dyn Write) -> io::Result<()> {
        let (manifest, digests) = (set.manifest(), set.list());
        let (manifest_len, digests_len) = (manifest.len() as u64, digests.len() as u64);
        out.write_all(&Self { manifest_len, digests_len }.emit())?;
        out.write_all(manifest)?;
        out.write_all(digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_comes_back() {
        let sidecar = Sidecar { manifest_len: 1 << 20, digests_len: 76 + 32 };
        assert_eq!(Sidecar::parse(&sidecar.emit()), Ok(sidecar));
    }

    #[test]
    fn impossible_lengths_are_refused_before_anything_is_allocated() {
        let parse = |manifest_len, digests_len| {
            Sidecar::parse(&Sidecar { manifest_len, digests_len }.emit())
        };
        assert!(parse(MAX_MANIFEST_BYTES, 76).is_ok());
        for (manifest, digests) in
            [(MAX_MANIFEST_BYTES + 1, 76), (u64::MAX, 76), (1, 0), (1, 77), (1, u64::MAX)]
        {
            assert_eq!(parse(manifest, digests), Err(SidecarError::BadLength));
        }
        let mut header = Sidecar { manifest_len: 1, digests_len: 76 }.emit();
        for at in 0..8 {
            header[at] ^= 1;
            assert_eq!(Sidecar::parse(&header), Err(SidecarError::NoSidecar));
            header[at] ^= 1;
        }
    }
}
