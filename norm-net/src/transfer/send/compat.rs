//! Sending as the NORM implementation of the NRL does: every file is a NORM_OBJECT_FILE of its own,
//! named by its NORM_INFO, under a Reed-Solomon code.
//!
//! No checksums, modes or times travel, and no empty directories: that protocol has no place for
//! them.

use std::path::PathBuf;

use bytes::Bytes;
use norm_core::fec::{Layout, LayoutError, Points, RsCode, RsForm, Scheme};
use norm_core::fileset::{Entry, EntryKind, Manifest, text_to_name};
use norm_core::norm::sender::ObjectSpec;
use norm_core::norm::wire::MAX_OBJECTS;

use super::SendError;
use norm_files::source::FileSet;

/// Which FEC encoding id is used towards receivers of other makes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CompatFec {
    /// Id 5, the NRL library's own choice: up to 255 symbols per block.
    Id5,
    /// Id 2 over GF(2^16): longer blocks, 2^16 of them at most.
    Id2,
    /// Id 129: the same code as id 5; the only one that Wireshark dissects.
    Id129,
}

/// Sending to receivers of other makes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Compat {
    /// The FEC encoding id.
    pub fec: CompatFec,
    /// Source symbols in the longest block, at least 1.
    pub block_len: u16,
    /// Parity symbols that can be had of each block; with ids 5 and 129 at most 255 with the source
    /// symbols, with id 2 at most 4,096 of each.
    pub parity: u16,
}

impl Compat {
    /// The segment size that the NRL's examples use.
    pub const SEGMENT_SIZE: u16 = 1400;

    /// The usual blocks for an id: 64 symbols and 16 of parity, with id 2 240 and 32.
    pub const fn new(fec: CompatFec) -> Self {
        let (block_len, parity) = match fec {
            CompatFec::Id5 | CompatFec::Id129 => (64, 16),
            CompatFec::Id2 => (240, 32),
        };
        Self { fec, block_len, parity }
    }

    /// The code, or what is wrong with the numbers.
    pub(super) fn scheme(&self) -> Result<Scheme, SendError> {
        let form = match self.fec {
            CompatFec::Id5 => RsForm::Id5,
            // Other makes tell the field by the number of symbols: short blocks are of GF(2^8).
            CompatFec::Id2 if u32::from(self.block_len) + u32::from(self.parity) <= 255 => {
                RsForm::Id2Bits8
            }
            CompatFec::Id2 => RsForm::Id2Bits16,
            CompatFec::Id129 => RsForm::Id129,
        };
        let code = RsCode::new(form, Points::Rizzo, self.block_len, self.parity);
        code.map(Scheme::ReedSolomon).map_err(|error| {
            let (block_len, parity) = (self.block_len, self.parity);
            SendError::Config(format!(
                "blocks of {block_len} symbols with {parity} of parity cannot be coded: {error}"
            ))
        })
    }

    fn number(&self) -> u8 {
        match self.fec {
            CompatFec::Id5 => 5,
            CompatFec::Id2 => 2,
            CompatFec::Id129 => 129,
        }
    }
}

/// The objects of a session: one for each file.
#[derive(Debug, Default)]
pub(super) struct FilePlan {
    files: Vec<PlannedFile>,
    /// Directories that cannot be sent, one line each.
    pub(super) skipped: Vec<String>,
}

#[derive(Debug)]
struct PlannedFile {
    name: Bytes,
    /// Where its content begins in the payload.
    offset: u64,
    size: u64,
}

impl FilePlan {
    /// Makes objects of the files that were found.
    ///
    /// # Errors
    /// When there are too many, or one has a name or a size that the protocol has no room for.
    pub(super) fn new(
        found: &FileSet,
        compat: &Compat,
        segment_size: u16,
    ) -> Result<Self, SendError> {
        let scheme = compat.scheme()?;
        let unreadable = |_| SendError::Config("the list of files cannot be read back".to_owned());
        let head = Manifest::parse(&found.manifest).map_err(unreadable)?;
        let mut plan = Self::default();
        // The directory entered last, as long as nothing in it was.
        let mut empty: Option<String> = None;
        let mut entries = head.entries();
        loop {
            let offset = entries.offset();
            let Some(entry) = entries.next() else { break };
            let entry = entry.map_err(unreadable)?;
            let within = |directory: &String| {
                entry.path.strip_prefix(directory.as_str()).is_some_and(|p| p.starts_with('/'))
            };
            if let Some(directory) = empty.take_if(|directory| !within(directory)) {
                plan.skip(&directory);
            }
            empty = (entry.kind == EntryKind::Directory).then(|| entry.path.to_owned());
            if entry.kind == EntryKind::File {
                check(&entry, compat, scheme, segment_size)?;
                let name = Bytes::copy_from_slice(&text_to_name(entry.path));
                plan.files.push(PlannedFile { name, offset, size: entry.size });
            }
        }
        if let Some(directory) = empty {
            plan.skip(&directory);
        }
        if plan.files.len() > usize::from(MAX_OBJECTS) {
            return Err(SendError::TooLarge(format!(
                "{} files are more than the {MAX_OBJECTS} that the NRL's protocol can number: send \
                 them in parts, or in an archive",
                plan.files.len()
            )));
        }
        if plan.files.is_empty() {
            return Err(SendError::Config(
                "there are only empty directories, which the NRL's protocol cannot send".to_owned(),
            ));
        }
        Ok(plan)
    }

    fn skip(&mut self, directory: &str) {
        self.skipped.push(format!("{directory}: an empty directory, which this mode cannot send"));
    }

    /// The objects in the order in which they are sent.
    pub(super) fn specs(&self) -> impl Iterator<Item = ObjectSpec> + '_ {
        self.files.iter().map(|file| ObjectSpec {
            size: file.size,
            info: Some(file.name.clone()),
            file: true,
        })
    }

    /// Where each object's content begins in the payload.
    pub(super) fn offsets(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.offset).collect()
    }
}

/// Refuses a file that does not fit the protocol.
fn check(
    entry: &Entry<'_>,
    compat: &Compat,
    scheme: Scheme,
    segment_size: u16,
) -> Result<(), SendError> {
    if text_to_name(entry.path).len() > usize::from(segment_size) {
        return Err(SendError::NameTooLong { path: PathBuf::from(entry.path) });
    }
    let Scheme::ReedSolomon(code) = scheme else { return Ok(()) };
    let Err(error) = Layout::reed_solomon(entry.size, segment_size, code) else { return Ok(()) };
    if error == LayoutError::OddSymbol {
        return Err(SendError::Config(format!("segments of {segment_size} bytes: {error}")));
    }
    let cure = match compat.fec {
        CompatFec::Id2 => "use FEC id 5 or 129, or cut it up",
        CompatFec::Id5 => "use FEC id 129, or cut it up",
        CompatFec::Id129 => "cut it up",
    };
    Err(SendError::TooLarge(format!(
        "{} ({} bytes) is too large for FEC id {}: {cure}",
        entry.path,
        entry.size,
        compat.number()
    )))
}

#[cfg(test)]
mod tests;
