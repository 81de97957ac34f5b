//! The objects of a session: what packets and tables say of each.

use core::fmt::Write as _;

use super::config::SenderConfig;
use super::error::SenderError;
use super::layout::LayoutChoice;
use super::profile::{Profile, Rules};
use crate::fec::Layout;
use crate::fileset::PartKind;
use crate::flute::fdt::{Fdt, FdtFile, FileAttributes, Oti, SetPart};
use crate::flute::wire::{Fti, IdWidths, Toi, Tsi};
use crate::transfer::{FileContent, ObjectMeta, ObjectSpec};

/// An object.
#[derive(Clone, Debug)]
pub(super) struct Object {
    toi: u64,
    layout: Layout,
    fti: Fti,
    location: String,
    part: Option<SetPart>,
    /// What the application says of its content.
    content: FileContent,
    /// Bytes of its entry in a table.
    entry: usize,
}

impl Object {
    pub(super) fn toi(&self) -> Toi {
        Toi::new(self.toi.into()).unwrap_or_default()
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    pub(super) fn fti(&self) -> &Fti {
        &self.fti
    }

    pub(super) fn entry_len(&self) -> usize {
        self.entry
    }

    /// True of the manifest and the digest list of a set, which receivers need before all else.
    pub(super) fn is_set_list(&self) -> bool {
        self.part.is_some_and(|part| part.part.kind != PartKind::Payload)
    }

    /// Its entry in a table.
    pub(super) fn file(&self, rules: &Rules) -> FdtFile {
        let (size, content, hashes) = (self.layout.size(), &self.content, rules.hashes);
        FdtFile {
            toi: self.toi(),
            location: self.location.clone(),
            attributes: FileAttributes {
                content_length: if content.is_encoded { content.len } else { Some(size) },
                transfer_length: rules.transfer_length.then_some(size),
                content_type: rules.content_type.map(str::to_owned),
                content_encoding: content.is_encoded.then(|| "gzip".to_owned()),
                content_md5: content.md5.filter(|_| hashes.md5),
                content_digest: content.sha256.filter(|_| hashes.sha256),
                blake3: content.blake3.filter(|_| hashes.blake3),
                set_part: self.part,
                oti: Oti::of(&self.fti),
                ..FileAttributes::default()
            },
            groups: Vec::new(),
            elements: Vec::new(),
        }
    }
}

/// All objects, in the order of their TOIs.
#[derive(Debug)]
pub(super) struct Objects {
    list: Vec<Object>,
    next_toi: u64,
    choice: LayoutChoice,
    profile: Profile,
    rules: &'static Rules,
    /// What stands before the names of files.
    base: String,
    tsi: Tsi,
    gzip_table: bool,
    /// Bytes of a signature of what speaks for the sender; 0 if nothing is signed.
    signature: usize,
    /// Bytes of all entries.
    entries: usize,
    bytes: u64,
}

impl Objects {
    pub(super) fn new(choice: LayoutChoice, config: &SenderConfig, first_toi: u64) -> Self {
        Self {
            list: Vec::new(),
            next_toi: first_toi,
            choice,
            profile: config.profile,
            rules: config.profile.rules(),
            base: config.location_base.clone(),
            tsi: Tsi::new(config.tsi).unwrap_or_default(),
            gzip_table: config.fdt_gzip,
            signature: config.signature,
            entries: 0,
            bytes: 0,
        }
    }

    /// Bytes of a signature of what speaks for the sender; 0 if nothing is signed.
    pub(super) fn signature(&self) -> usize {
        self.signature
    }

    /// Adds an object; returns its key, which is its TOI.
    pub(super) fn add(&mut self, spec: &ObjectSpec) -> Result<u64, SenderError> {
        let toi = self.next_toi;
        if toi > self.rules.max_toi {
            return Err(SenderError::Objects { max: self.rules.max_toi });
        }
        let layout = self.choice.layout(spec.size)?;
        if matches!(spec.meta, ObjectMeta::SetPart { .. }) && !self.rules.set_parts {
            return Err(SenderError::SetPart { profile: self.profile });
        }
        let content = match &spec.meta {
            ObjectMeta::File { content, .. } => content.clone(),
            _ => FileContent::default(),
        };
        if content.is_encoded && !self.rules.encoded {
            return Err(SenderError::Encoded { profile: self.profile });
        }
        let (location, part) = self.describe(&spec.meta, toi);
        let fti = Fti::of(&layout);
        let mut object = Object { toi, layout, fti, location, part, content, entry: 0 };
        object.entry = entry_len(&object, self.rules);
        let limit = self.rules.max_table;
        if self.entries.saturating_add(object.entry).saturating_add(TABLE_FRAME) > limit {
            return Err(SenderError::Table { limit });
        }
        self.entries += object.entry;
        self.bytes += spec.size;
        self.next_toi += 1;
        self.list.push(object);
        Ok(toi)
    }

    fn describe(&self, meta: &ObjectMeta, toi: u64) -> (String, Option<SetPart>) {
        match meta {
            ObjectMeta::SetPart { index, part } => {
                (format!("norm-set:{index}"), Some(SetPart { index: *index, part: *part }))
            }
            ObjectMeta::File { name: Some(name), .. } if !name.is_empty() => {
                (format!("{}{}", self.base, percent_encoded(name)), None)
            }
            ObjectMeta::File { .. } | ObjectMeta::Opaque(_) => {
                (format!("{}object-{toi}", self.base), None)
            }
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Object> {
        self.list.get(index)
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Object> {
        self.list.iter()
    }

    /// Bytes of content.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn tsi(&self) -> Tsi {
        self.tsi
    }

    pub(super) fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// True when the table travels in gzip.
    pub(super) fn has_gzip_table(&self) -> bool {
        self.gzip_table
    }

    /// The widths of ids in all packets: those that the largest TOI so far needs.
    pub(super) fn widths(&self) -> IdWidths {
        let last = self.list.last().map(Object::toi).unwrap_or_default();
        IdWidths::for_ids(self.tsi, last)
    }

    /// The files of these objects.
    pub(super) fn files(&self, range: core::ops::Range<usize>) -> Vec<FdtFile> {
        let objects = self.list.get(range).unwrap_or_default();
        objects.iter().map(|object| object.file(self.rules)).collect()
    }
}

/// Bytes of a table without entries, at most.
pub(super) const TABLE_FRAME: usize = 256;

/// Bytes that an object takes in a table.
fn entry_len(object: &Object, rules: &Rules) -> usize {
    let empty = Fdt::default();
    let one = Fdt { files: vec![object.file(rules)], ..Fdt::default() };
    one.emit(rules.namespace).len().saturating_sub(empty.emit(rules.namespace).len())
}

/// The name as a relative reference: all but unreserved characters and `/` as `%XX` (RFC 3986
/// §2.3). A colon in the first segment is encoded as well, so that no scheme is seen in it.
fn percent_encoded(name: &[u8]) -> String {
    let mut out = String::with_capacity(name.len());
    for &byte in name {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Memory takes everything.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_relative_references() {
        assert_eq!(percent_encoded(b"a b/c:d.txt"), "a%20b/c%3Ad.txt");
        assert_eq!(percent_encoded(b"caf\xc3\xa9%~_-"), "caf%C3%A9%25~_-");
    }
}
