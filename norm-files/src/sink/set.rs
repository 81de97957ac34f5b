//! The state of one file set while it arrives: which objects belong to it, whether what they say of
//! themselves fits together, what has been checked, and what to do next.
//!
//! Pure: no file, clock or engine in here. All numbers come from the network.

mod extents;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use norm_core::base::range_set::RangeSet;
use norm_core::fileset::{
    ChunkMap, MAX_PARTS, ManifestHash, PartKind, SetDescriptor, SetId, SetSummary,
};

use super::digests::Digests;
use super::withdrawn::WithdrawnFiles;

/// A chunk, manifest or digest list that was wrong this often is not received again.
pub const MAX_TRIES: u8 = 3;
/// Bytes in a manifest at most: it is read as a whole.
pub const MAX_MANIFEST_READ: u64 = 1 << 30;

/// Why a set is not accepted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetError {
    /// More objects than numbers can tell apart.
    TooManyObjects,
    /// The object's number is not within the set it names.
    OutsideSet,
    /// Its kind is not the one of its place in the set.
    WrongKind,
    /// It describes the set differently from the first object heard.
    Contradiction,
    /// Its size is not possible at its place, or exceeds what is accepted.
    WrongSize,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooManyObjects => "the set has more objects than a session can tell apart",
            Self::OutsideSet => "an object claims a set to which its number does not belong",
            Self::WrongKind => "an object of the set is of the wrong kind for its place",
            Self::Contradiction => "the sender's objects describe the set differently",
            Self::WrongSize => "an object of the set has an impossible size",
        })
    }
}

impl std::error::Error for SetError {}

/// Where a part of the set is kept, and how much it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub kind: PartKind,
    /// The part's first byte within its file.
    pub offset: u64,
    /// Its bytes.
    pub size: u64,
}

#[derive(Copy, Clone, Debug)]
struct PartState {
    part: Part,
    written: bool,
    /// It is what it should be; extents are not checked as such.
    checked: bool,
    tries: u8,
}

/// One set that arrives.
#[derive(Debug)]
pub struct SetState {
    summary: SetSummary,
    first_key: u64,
    /// The first key of its first layout: each other one has keys of its own after that.
    oldest_key: u64,
    /// By index within the set.
    parts: BTreeMap<u32, PartState>,
    digests: Option<Arc<Digests>>,
    /// How often chunks were wrong.
    tries: BTreeMap<u32, u8>,
    /// Files that were wrong too often, by their places among all.
    failed: BTreeSet<usize>,
    /// What of the payload is to be received again, and was not asked for yet.
    again: RangeSet,
}

impl SetState {
    /// The set of which the object with this key says that it is the part with this index.
    ///
    /// # Errors
    /// When that cannot be, or the set is too large.
    pub fn new(key: u64, index: u32, info: &SetDescriptor) -> Result<Self, SetError> {
        if info.set.parts > MAX_PARTS {
            return Err(SetError::TooManyObjects);
        }
        if info.set.manifest_size > MAX_MANIFEST_READ {
            return Err(SetError::WrongSize);
        }
        let first_key = key.checked_sub(u64::from(index)).ok_or(SetError::OutsideSet)?;
        if index >= info.set.parts {
            return Err(SetError::OutsideSet);
        }
        Ok(Self {
            summary: info.set,
            first_key,
            oldest_key: first_key,
            parts: BTreeMap::new(),
            digests: None,
            tries: BTreeMap::new(),
            failed: BTreeSet::new(),
            again: RangeSet::new(),
        })
    }

    /// What its sender says of it.
    pub fn summary(&self) -> &SetSummary {
        &self.summary
    }

    /// The set.
    pub fn id(&self) -> SetId {
        self.summary.set
    }

    /// The hash that its manifest must have.
    pub fn manifest(&self) -> ManifestHash {
        self.summary.manifest
    }

    /// Bytes in the payload.
    pub fn payload_size(&self) -> u64 {
        self.summary.payload_size
    }

    /// The keys of the set's objects.
    pub fn keys(&self) -> Range<u64> {
        self.first_key..self.first_key + u64::from(self.summary.parts)
    }

    /// True of a key of one of its objects, in this layout or an earlier one.
    pub fn owns(&self, key: u64) -> bool {
        self.index(key).is_some()
    }

    /// Its sender has cut all objects anew: they have other keys, the first of them this one. What
    /// is known of them stays. A key that cannot be is ignored.
    pub fn move_to(&mut self, first_key: u64) {
        let moved = first_key.checked_sub(self.oldest_key);
        let whole = moved.and_then(|keys| keys.checked_rem(self.summary.parts.into())) == Some(0);
        if whole && first_key > self.first_key {
            self.first_key = first_key;
        }
    }

    /// Bytes of all objects.
    pub fn bytes_total(&self) -> u64 {
        let lists = self.summary.manifest_size + self.summary.list_size;
        self.payload_size().saturating_add(lists)
    }

    /// Takes an object of the set whose size is known now. It will have what is here of it now.
    ///
    /// # Errors
    /// Why it cannot be an object of this set.
    pub fn open(
        &mut self,
        key: u64,
        said_index: u32,
        info: &SetDescriptor,
        size: u64,
    ) -> Result<Part, SetError> {
        let index = self.index(key).ok_or(SetError::OutsideSet)?;
        if said_index != index || !info.set.agrees_with(&self.summary) {
            return Err(SetError::Contradiction);
        }
        if Some(info.kind) != self.summary.kind_of(index) {
            return Err(SetError::WrongKind);
        }
        let fits = match info.kind {
            PartKind::Manifest => size == self.summary.manifest_size,
            PartKind::DigestList => size == self.summary.list_size,
            PartKind::Payload => self.extent_fits(index, info.offset, size),
        };
        if !fits {
            return Err(SetError::WrongSize);
        }
        self.summary.content = self.summary.content.or(info.set.content);
        let part = Part { kind: info.kind, offset: info.offset, size };
        match self.parts.get(&index) {
            // A restarted object is opened again.
            Some(known) if known.part == part => {}
            Some(_) => return Err(SetError::Contradiction),
            None => {
                let new = PartState { part, written: false, checked: false, tries: 0 };
                self.parts.insert(index, new);
            }
        }
        if part.kind == PartKind::Payload && !self.is_written(key) {
            self.again.remove(part.offset, part.offset + part.size);
        }
        Ok(part)
    }

    /// Where the object's bytes belong; `None` before it is opened.
    pub fn part(&self, key: u64) -> Option<Part> {
        self.parts.get(&self.index(key)?).map(|state| state.part)
    }

    /// True when every block of the object is written, perhaps in an earlier layout.
    pub fn is_written(&self, key: u64) -> bool {
        self.index(key).and_then(|index| self.parts.get(&index)).is_some_and(|state| state.written)
    }

    /// Every block of the object is written; returns what is to be checked, unless it was written
    /// before.
    pub fn written(&mut self, key: u64) -> Option<Part> {
        let state = self.state_mut(key)?;
        let before = core::mem::replace(&mut state.written, true);
        (!before).then_some(state.part)
    }

    /// True when every object is written.
    pub fn all_written(&self) -> bool {
        self.parts.len() as u64 == u64::from(self.summary.parts)
            && self.parts.values().all(|state| state.written)
    }

    /// The manifest was read back, and is right.
    pub fn manifest_checked(&mut self, key: u64) {
        if let Some(state) = self.state_mut(key) {
            state.checked = true;
        }
    }

    /// The digest list was read and is one.
    pub fn digests_parsed(&mut self, key: u64, digests: Arc<Digests>) {
        if let Some(state) = self.state_mut(key) {
            state.checked = true;
            self.digests = Some(digests);
        }
    }

    /// The digest list, once it is here.
    pub fn digests(&self) -> Option<&Arc<Digests>> {
        self.digests.as_ref()
    }

    /// True when all is written, and manifest and digest list are what they should be.
    pub fn lists_are_checked(&self) -> bool {
        let is_checked = |state: &PartState| state.part.kind == PartKind::Payload || state.checked;
        self.all_written() && self.parts.values().all(is_checked)
    }

    /// Wants a manifest or digest list again, whose bytes are wrong. False when that was tried
    /// often enough.
    pub fn again(&mut self, key: u64) -> bool {
        match self.state_mut(key) {
            Some(state) if state.tries + 1 < MAX_TRIES => {
                state.written = false;
                state.checked = false;
                state.tries += 1;
                true
            }
            _ => false,
        }
    }

    /// A part of the payload that was here is damaged, and is wanted again.
    pub fn damaged(&mut self, place: Range<u64>) {
        self.again.insert(place.start, place.end);
    }

    /// Chunks do not have the hashes of the digest list: returns what of the payload is wanted
    /// again; nothing of files that are withdrawn. Files of which a chunk was wrong too often have
    /// failed.
    pub fn wrong(
        &mut self,
        chunks: &[u32],
        map: &ChunkMap,
        withdrawn: &WithdrawnFiles,
    ) -> Vec<Range<u64>> {
        let mut again = Vec::new();
        for &number in chunks {
            let chunk = map.chunk(number).filter(|chunk| !withdrawn.contains(chunk.file));
            let Some(chunk) = chunk else { continue };
            let tries = self.tries.entry(number).or_insert(0);
            *tries += 1;
            if *tries >= MAX_TRIES {
                self.failed.insert(chunk.file);
            }
            if !self.failed.contains(&chunk.file) {
                self.again.insert(chunk.payload, chunk.payload + chunk.len);
                again.push(chunk.range());
            }
        }
        again
    }

    /// Files that have failed, by their places among all.
    pub fn failed(&self) -> &BTreeSet<usize> {
        &self.failed
    }

    /// The keys of the extents that were written, of which something is wanted again: they count as
    /// not written from here on.
    pub fn take_restarts(&mut self) -> Vec<u64> {
        let mut keys = Vec::new();
        for (&index, state) in &mut self.parts {
            let Part { kind, offset, size } = state.part;
            let end = offset + size;
            let untouched = self.again.gaps(offset, end).map(|(from, to)| to - from).sum::<u64>();
            if kind == PartKind::Payload && state.written && untouched < size {
                state.written = false;
                self.again.remove(offset, end);
                keys.push(self.first_key + u64::from(index));
            }
        }
        keys
    }

    /// The extents that are not written as a whole, of which something is wanted again: their keys,
    /// and where that is in the extent.
    pub fn wanted_again(&self) -> Vec<(u64, Vec<Range<u64>>)> {
        let mut wanted = Vec::new();
        for (&index, state) in &self.parts {
            let Part { kind, offset, size } = state.part;
            if kind != PartKind::Payload || state.written {
                continue;
            }
            let places = self.again.overlaps(offset, offset + size);
            let places: Vec<_> = places.map(|(from, to)| from - offset..to - offset).collect();
            if !places.is_empty() {
                wanted.push((self.first_key + u64::from(index), places));
            }
        }
        wanted
    }

    /// What was wanted again of an extent was asked for.
    pub fn asked_again(&mut self, key: u64) {
        if let Some(Part { offset, size, .. }) = self.part(key) {
            self.again.remove(offset, offset + size);
        }
    }

    fn state_mut(&mut self, key: u64) -> Option<&mut PartState> {
        self.parts.get_mut(&self.index(key)?)
    }

    fn index(&self, key: u64) -> Option<u32> {
        let place = key.checked_sub(self.oldest_key)?;
        let end = self.first_key + u64::from(self.summary.parts);
        let index = place.checked_rem(self.summary.parts.into())?;
        u32::try_from(index).ok().filter(|_| key < end)
    }
}

#[cfg(test)]
mod tests;
