//! Files of a set that its sender has withdrawn, because it can no longer send them.
//!
//! It says so in two ways. A digest list without hashes for a file is the last word: nothing can
//! have them. A notice only means that what is missing of a file will not come: where all of it is
//! here, and has the hashes of the list, the file is right.

use std::ops::Range;

use norm_core::base::range_set::RangeSet;

use super::digests::Digests;
use super::plan::Plan;

/// Separate ranges of entries that are remembered; further ones are found wrong in the end.
const MAX_RANGES: usize = 65_536;

/// What is known of withdrawn files. Files go by their places among all.
#[derive(Debug, Default)]
pub struct WithdrawnFiles {
    /// Entries that notices have named.
    named: RangeSet,
    /// Files among these.
    told: RangeSet,
    /// Those of them that were not taken yet.
    news: Vec<Range<usize>>,
    /// Files without hashes in the digest list.
    gone: RangeSet,
}

impl WithdrawnFiles {
    /// A notice names these entries. False when that is no news.
    pub fn note(&mut self, entries: &[Range<u32>], plan: Option<&Plan>) -> bool {
        let mut is_news = false;
        for range in entries {
            let (start, end) = (u64::from(range.start), u64::from(range.end));
            if self.named.covers(start, end) || self.named.pieces() >= MAX_RANGES {
                continue;
            }
            if let Some(plan) = plan {
                let new: Vec<_> = self.named.gaps(start, end).collect();
                new.into_iter().for_each(|(start, end)| self.tell(plan.files_of(start..end)));
            }
            self.named.insert(start, end);
            is_news = true;
        }
        is_news
    }

    /// The manifest is here: finds the files among the entries that were named.
    pub fn manifest_known(&mut self, plan: &Plan) {
        self.told = RangeSet::new();
        self.news.clear();
        let named: Vec<_> = self.named.iter().collect();
        named.into_iter().for_each(|(start, end)| self.tell(plan.files_of(start..end)));
    }

    fn tell(&mut self, files: Range<usize>) {
        if !files.is_empty() {
            self.told.insert(files.start as u64, files.end as u64);
            self.news.push(files);
        }
    }

    /// The files that notices have named since this was called last.
    pub fn take_news(&mut self) -> Vec<Range<usize>> {
        std::mem::take(&mut self.news)
    }

    /// The digest list is here: finds the files without hashes.
    pub fn list_known(&mut self, digests: &Digests, plan: &Plan) {
        self.gone = RangeSet::new();
        for &number in digests.withdrawn() {
            if let Some(chunk) = plan.chunks().chunk(number) {
                self.gone.insert(chunk.file as u64, chunk.file as u64 + 1);
            }
        }
    }

    /// True when a notice has named this file.
    pub fn is_told(&self, file: usize) -> bool {
        self.told.contains(file as u64)
    }

    /// True when this file has no hashes.
    pub fn is_gone(&self, file: usize) -> bool {
        self.gone.contains(file as u64)
    }

    /// True when nothing more of this file is to be had.
    pub fn contains(&self, file: usize) -> bool {
        self.is_told(file) || self.is_gone(file)
    }

    /// The files without hashes.
    pub fn gone(&self) -> impl Iterator<Item = usize> {
        self.gone.iter().flat_map(|(start, end)| start as usize..end as usize)
    }
}

#[cfg(test)]
mod tests {
    use norm_core::fileset::{
        CHUNK_BYTES, ChunkHash, DigestListWriter, Entry, EntryKind, ManifestHash, ManifestWriter,
    };

    use super::*;

    fn one(range: Range<u32>) -> Vec<Range<u32>> {
        vec![range; 1]
    }

    /// A folder, a file of two chunks, an empty file, a folder, and two small files.
    fn plan() -> (Plan, ManifestHash) {
        let mut writer = ManifestWriter::new();
        let sizes = [None, Some(CHUNK_BYTES + 1), Some(0), None, Some(5), Some(6)];
        for (number, size) in sizes.iter().enumerate() {
            let kind = if size.is_some() { EntryKind::File } else { EntryKind::Directory };
            let name = number.to_string();
            let size = size.unwrap_or_default();
            writer.push(&Entry { size, ..Entry::new(kind, &name) }).unwrap();
        }
        let (manifest, hash) = writer.finish();
        (Plan::new(&manifest, CHUNK_BYTES + 12).unwrap(), hash)
    }

    fn told(withdrawn: &WithdrawnFiles) -> Vec<usize> {
        (0..9).filter(|&file| withdrawn.is_told(file)).collect()
    }

    #[test]
    fn entries_that_were_named_become_files_when_the_manifest_is_here() {
        let (plan, _) = plan();
        let mut withdrawn = WithdrawnFiles::default();
        assert!(withdrawn.note(&one(3..5), None));
        assert!(!withdrawn.note(&one(4..5), None), "it is known");
        assert!(told(&withdrawn).is_empty());
        withdrawn.manifest_known(&plan);
        assert_eq!(told(&withdrawn), [2]);
        assert_eq!(withdrawn.take_news(), vec![2..3; 1]);
        assert!(withdrawn.note(&[0..2, 100..9_000], Some(&plan)));
        assert_eq!(told(&withdrawn), [0, 2]);
        assert_eq!(withdrawn.take_news(), vec![0..1; 1], "only what is new");
        assert!(withdrawn.note(&one(0..6), Some(&plan)));
        assert_eq!(told(&withdrawn), [0, 1, 2, 3]);
        assert_eq!(withdrawn.take_news(), [1..2, 3..4]);
        assert!(!withdrawn.note(&one(0..6), Some(&plan)) && withdrawn.take_news().is_empty());
        withdrawn.manifest_known(&plan);
        assert_eq!(withdrawn.take_news(), vec![0..4; 1], "another manifest may have other files");
        assert!(withdrawn.contains(3) && !withdrawn.contains(4) && !withdrawn.is_gone(0));
    }

    #[test]
    fn files_without_hashes_are_gone() {
        let (plan, manifest) = plan();
        let mut writer = DigestListWriter::new(manifest);
        writer.push_withdrawn().unwrap();
        writer.push(&ChunkHash([1; 32])).unwrap();
        writer.push(&ChunkHash([2; 32])).unwrap();
        writer.push_withdrawn().unwrap();
        let digests = Digests::parse(&writer.finish().0, manifest).unwrap();
        let mut withdrawn = WithdrawnFiles::default();
        withdrawn.list_known(&digests, &plan);
        assert_eq!(withdrawn.gone().collect::<Vec<_>>(), [0, 3]);
        assert!(withdrawn.contains(3) && !withdrawn.contains(2));
    }

    #[test]
    fn drawn_names_do_not_grow_without_bound() {
        let mut withdrawn = WithdrawnFiles::default();
        let entries: Vec<_> = (0..100_000).map(|n| 2 * n..2 * n + 1).collect();
        withdrawn.note(&entries, None);
        assert_eq!(withdrawn.named.pieces(), MAX_RANGES);
        assert!(!withdrawn.note(&one(900_000..900_001), None));
    }
}
