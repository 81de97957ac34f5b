//! The state of one file set while it arrives: which objects belong to it, whether what they say of
//! themselves fits together, what has been checked, and what to do next.
//!
//! Pure: no file, clock or engine in here. All numbers come from the network.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use norm_core::fileset::{
    ContentId, Hash, MAX_DIGEST_LIST_BYTES, MAX_MANIFEST_BYTES, MAX_PARTS, PartKind, SetDescriptor,
    SetId, digest_list_len,
};

use super::verify::Digests;

/// An object that turned out wrong is received again at most this many times.
pub const MAX_RESTARTS: u8 = 3;

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

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// It arrives, or is being checked.
    Arriving,
    /// Written and read back, with this hash.
    Hashed(Hash),
    /// The digest list: it was parsed, which checks it.
    Parsed,
}

#[derive(Copy, Clone, Debug)]
struct PartState {
    part: Part,
    written: bool,
    phase: Phase,
    restarts: u8,
}

/// What the checks so far say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not everything is here and checked yet.
    Pending,
    /// All is right.
    Good {
        /// The digest list's root.
        root: Hash,
    },
    /// These objects (by key) are wrong and must be received again.
    Again(Vec<u64>),
    /// An object was wrong every time.
    Hopeless,
}

/// One set that arrives.
#[derive(Debug)]
pub struct SetState {
    id: SetId,
    first_key: u64,
    /// The first key of its first layout: each other one has keys of its own after that.
    oldest_key: u64,
    objects: u32,
    payload_size: u64,
    content: ContentId,
    /// By index within the set: 0 is the manifest, the last one the digest list.
    parts: BTreeMap<u32, PartState>,
    digests: Option<Digests>,
}

impl SetState {
    /// The set of which the object with this key says that it is the part with this index.
    ///
    /// # Errors
    /// When that cannot be, or the set is too large.
    pub fn new(key: u64, index: u32, info: &SetDescriptor) -> Result<Self, SetError> {
        if info.parts > MAX_PARTS || digest_list_len(info.extents()) > MAX_DIGEST_LIST_BYTES as u64
        {
            return Err(SetError::TooManyObjects);
        }
        let first_key = key.checked_sub(u64::from(index)).ok_or(SetError::OutsideSet)?;
        if index >= info.parts {
            return Err(SetError::OutsideSet);
        }
        let &SetDescriptor { set: id, parts: objects, payload_size, content, .. } = info;
        let parts = BTreeMap::new();
        let oldest_key = first_key;
        Ok(Self { id, first_key, oldest_key, objects, payload_size, content, parts, digests: None })
    }

    /// The set.
    pub fn id(&self) -> SetId {
        self.id
    }

    /// What its sender says it is about.
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// Bytes in the payload.
    pub fn payload_size(&self) -> u64 {
        self.payload_size
    }

    /// Extents of payload.
    pub fn extents(&self) -> u32 {
        self.objects.saturating_sub(2)
    }

    /// Bytes of the digest list.
    pub fn digests_size(&self) -> u64 {
        digest_list_len(self.extents())
    }

    /// The keys of the set's objects.
    pub fn keys(&self) -> Range<u64> {
        self.first_key..self.first_key + u64::from(self.objects)
    }

    /// True of a key of one of its objects, in this layout or an earlier one.
    pub fn owns(&self, key: u64) -> bool {
        self.index(key).is_some()
    }

    /// Its sender has cut all objects anew: they have other keys, the first of them this one. What
    /// is known of them stays. A key that cannot be is ignored.
    pub fn move_to(&mut self, first_key: u64) {
        let moved = first_key.checked_sub(self.oldest_key);
        let whole = moved.and_then(|keys| keys.checked_rem(self.objects.into())) == Some(0);
        if whole && first_key > self.first_key {
            self.first_key = first_key;
        }
    }

    /// Bytes of all objects; without the manifest's while that is not known.
    pub fn bytes_total(&self) -> u64 {
        let manifest = self.parts.get(&0).map_or(0, |manifest| manifest.part.size);
        self.payload_size.saturating_add(manifest).saturating_add(digest_list_len(self.extents()))
    }

    /// Takes an object of the set whose size is known now.
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
        let said = (info.set, said_index, info.parts, info.payload_size, info.content);
        if said != (self.id, index, self.objects, self.payload_size, self.content) {
            return Err(SetError::Contradiction);
        }
        let kind = match index {
            0 => PartKind::Manifest,
            _ if index + 1 == self.objects => PartKind::DigestList,
            _ => PartKind::Payload,
        };
        if info.kind != kind {
            return Err(SetError::WrongKind);
        }
        let fits = match kind {
            PartKind::Manifest => size <= MAX_MANIFEST_BYTES as u64,
            PartKind::DigestList => size == digest_list_len(self.extents()),
            PartKind::Payload => self.extent_fits(index, info.offset, size),
        };
        if !fits {
            return Err(SetError::WrongSize);
        }
        let part = Part { kind, offset: info.offset, size };
        match self.parts.get(&index) {
            // A restarted object is opened again.
            Some(known) if known.part == part => Ok(part),
            Some(_) => Err(SetError::Contradiction),
            None => {
                let phase = Phase::Arriving;
                self.parts.insert(index, PartState { part, written: false, phase, restarts: 0 });
                Ok(part)
            }
        }
    }

    /// Extents follow each other without gap or overlap, from 0 to the end of the payload.
    fn extent_fits(&self, index: u32, offset: u64, size: u64) -> bool {
        let Some(end) = offset.checked_add(size) else { return false };
        let last = self.extents();
        let before = self.parts.range(1..index).next_back();
        let after = self.parts.range(index + 1..last + 1).next();
        // Extents in between that are not known yet have a byte at least.
        let starts = match before {
            Some((&i, p)) => follows(p.part.offset + p.part.size, offset, index - i),
            None => follows(0, offset, index),
        };
        let ends = match after {
            Some((&i, p)) => follows(end, p.part.offset, i - index),
            None => follows(end, self.payload_size, last - index + 1),
        };
        size > 0 && starts && ends
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
        self.parts.len() as u64 == u64::from(self.objects)
            && self.parts.values().all(|state| state.written)
    }

    /// What was read back of the manifest or an extent has this hash.
    pub fn hashed(&mut self, key: u64, hash: Hash) {
        if let Some(state) = self.state_mut(key) {
            state.phase = Phase::Hashed(hash);
        }
    }

    /// The digest list was read and is one.
    pub fn digests_parsed(&mut self, key: u64, digests: Digests) {
        if let Some(state) = self.state_mut(key) {
            state.phase = Phase::Parsed;
            self.digests = Some(digests);
        }
    }

    /// Wants an object again, whose bytes are wrong. False when that was tried often enough.
    pub fn again(&mut self, key: u64) -> bool {
        match self.state_mut(key) {
            Some(state) if state.restarts < MAX_RESTARTS => {
                state.written = false;
                state.phase = Phase::Arriving;
                state.restarts += 1;
                true
            }
            _ => false,
        }
    }

    /// Compares what was read back with the digest list. Objects that turn out wrong count as
    /// wanted again from here on.
    pub fn verdict(&mut self) -> Verdict {
        let Some(digests) = &self.digests else { return Verdict::Pending };
        let mut wrong = Vec::new();
        for (&index, state) in &self.parts {
            if let Phase::Hashed(hash) = state.phase
                && digests.expected(index) != Some(hash)
            {
                wrong.push(self.first_key + u64::from(index));
            }
        }
        let root = digests.root();
        if wrong.is_empty() {
            let all = self.parts.len() as u64 == u64::from(self.objects);
            let good = all && self.parts.values().all(|state| state.phase != Phase::Arriving);
            return if good { Verdict::Good { root } } else { Verdict::Pending };
        }
        let hope = wrong.iter().all(|&key| self.again(key));
        if hope { Verdict::Again(wrong) } else { Verdict::Hopeless }
    }

    fn state_mut(&mut self, key: u64) -> Option<&mut PartState> {
        self.parts.get_mut(&self.index(key)?)
    }

    fn index(&self, key: u64) -> Option<u32> {
        let place = key.checked_sub(self.oldest_key)?;
        let end = self.first_key + u64::from(self.objects);
        let index = place.checked_rem(self.objects.into())?;
        u32::try_from(index).ok().filter(|_| key < end)
    }
}

/// Whether something can begin at `start` when its predecessor, `steps` before, ends at `end`.
fn follows(end: u64, start: u64, steps: u32) -> bool {
    if steps == 1 { start == end } else { start >= end.saturating_add(u64::from(steps) - 1) }
}

#[cfg(test)]
mod tests;
