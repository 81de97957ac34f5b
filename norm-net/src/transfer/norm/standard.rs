//! Sending in standard mode, as the NORM implementation of the NRL does: every file is a
//! NORM_OBJECT_FILE of its own, named by its NORM_INFO, under a Reed-Solomon code.
//!
//! No checksums, modes or times travel, and no empty directories: RFC 5740 has no place for them.

use norm_core::fec::{Layout, LayoutError, Points, RsCode, RsForm, Scheme};
use norm_core::fileset::{Entry, text_to_name};
use norm_core::norm::MAX_OBJECTS;
use norm_files::source::FileSet;

use crate::transfer::config_problem::ConfigProblem;
use crate::transfer::objects::{FilePlan, entry_path};
use crate::transfer::send::SendError;

/// Which FEC encoding id is used towards other implementations.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StandardFec {
    /// Id 5, the NRL library's own choice: up to 255 symbols per block.
    Id5,
    /// Id 2 over GF(2^16): longer blocks, 2^16 of them at most.
    Id2,
    /// Id 129: the same code as id 5; the only one that Wireshark dissects.
    Id129,
}

/// How files are sent in standard mode: RFC 5740 only, to other implementations.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Standard {
    /// The FEC encoding id.
    pub fec: StandardFec,
    /// Source symbols in the longest block, at least 1.
    pub block_len: u16,
    /// Parity symbols that can be had of each block; with ids 5 and 129 at most 255 with the source
    /// symbols, with id 2 at most 4,096 of each.
    pub parity: u16,
}

impl Standard {
    /// The segment size that the NRL's examples use.
    pub const SEGMENT_SIZE: u16 = 1400;

    /// The default blocks for an id: 64 symbols and 16 of parity; with id 2, 240 and 32.
    pub const fn new(fec: StandardFec) -> Self {
        let (block_len, parity) = match fec {
            StandardFec::Id5 | StandardFec::Id129 => (64, 16),
            StandardFec::Id2 => (240, 32),
        };
        Self { fec, block_len, parity }
    }

    /// Refuses numbers of symbols that no code has.
    pub(crate) fn check(&self) -> Result<(), SendError> {
        self.scheme().map(|_| ())
    }

    /// The objects of a session: the files that were found.
    ///
    /// # Errors
    /// When there are too many, or one has a name or a size that the protocol has no room for.
    pub(super) fn plan(&self, found: &FileSet, segment_size: u16) -> Result<FilePlan, SendError> {
        let scheme = self.scheme()?;
        let max = MAX_OBJECTS.into();
        FilePlan::new(found, max, |entry| check(entry, self, scheme, segment_size))
    }

    /// The code, or what is wrong with the numbers.
    pub(super) fn scheme(&self) -> Result<Scheme, SendError> {
        let form = match self.fec {
            StandardFec::Id5 => RsForm::Id5,
            // Other implementations tell the field by the number of symbols: short blocks are of
            // GF(2^8).
            StandardFec::Id2 if u32::from(self.block_len) + u32::from(self.parity) <= 255 => {
                RsForm::Id2Bits8
            }
            StandardFec::Id2 => RsForm::Id2Bits16,
            StandardFec::Id129 => RsForm::Id129,
        };
        let code = RsCode::new(form, Points::Rizzo, self.block_len, self.parity);
        let Self { block_len, parity, .. } = *self;
        code.map(Scheme::ReedSolomon)
            .map_err(|error| SendError::Config(ConfigProblem::Code { block_len, parity, error }))
    }
}

impl StandardFec {
    /// The FEC encoding id.
    pub const fn id(self) -> u8 {
        match self {
            Self::Id5 => 5,
            Self::Id2 => 2,
            Self::Id129 => 129,
        }
    }
}

/// Refuses a file that does not fit the protocol.
fn check(
    entry: &Entry<'_>,
    standard: &Standard,
    scheme: Scheme,
    segment_size: u16,
) -> Result<(), SendError> {
    if text_to_name(entry.path).len() > usize::from(segment_size) {
        return Err(SendError::NameTooLong { path: entry_path(entry) });
    }
    let Scheme::ReedSolomon(code) = scheme else { return Ok(()) };
    let Err(error) = Layout::reed_solomon(entry.size, segment_size, code) else { return Ok(()) };
    if error == LayoutError::OddSymbol {
        return Err(SendError::Config(ConfigProblem::Segment { segment_size, error }));
    }
    let (path, bytes) = (entry_path(entry), entry.size);
    Err(SendError::FileTooLarge { path, bytes, fec: standard.fec })
}

#[cfg(test)]
mod tests;
