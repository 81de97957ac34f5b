//! The files whose content is part of a payload.
//!
//! There may be millions. Of each it is kept where it is in the manifest and what is not there; the
//! rest is made when it is asked for.

use std::path::PathBuf;
use std::sync::Arc;

use norm_core::fileset::{ChunkMap, Entry, Mtime, SparseFile};

use super::examine::Ctime;
use crate::kept::KeptBytes;
use crate::names;

/// A file whose content is part of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Where to open it.
    pub path: PathBuf,
    /// Where its content begins in the payload.
    pub offset: u64,
    /// Bytes of content, holes included, at least 1.
    pub size: u64,
    /// Where its data are, if it has holes.
    pub sparse: Option<Arc<SparseFile>>,
    /// When it was last modified before the scan.
    pub mtime: Mtime,
    /// When its inode last changed before the scan.
    pub ctime: Ctime,
    /// Its number in the manifest.
    pub entry: u32,
}

impl SourceFile {
    /// Bytes of it in the payload: those outside of holes.
    pub fn data(&self) -> u64 {
        self.sparse.as_ref().map_or(self.size, |sparse| sparse.data())
    }
}

/// Something given, below which names are found.
#[derive(Clone, Debug)]
pub(super) struct Root {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Bytes of its name as it is sent; 0 when what is in it has no name before its own.
    pub(super) name_len: usize,
}

/// What is kept of a file.
#[derive(Copy, Clone, Debug)]
pub(super) struct SourcePlace {
    /// Where its entry begins in the manifest.
    position: u32,
    /// The number of the entry.
    entry: u32,
    /// The root that it is of.
    root: u32,
    /// When its inode last changed: seconds in two halves, and nanoseconds.
    ctime: [u32; 3],
}

impl SourcePlace {
    pub(super) fn new(position: u32, entry: u32, root: u32, ctime: Ctime) -> Self {
        Self { position, entry, root, ctime: ctime.to_words() }
    }
}

/// Files with content, in the order of the payload. Copies share what they hold.
#[derive(Clone, Debug)]
pub struct SourceFiles {
    manifest: KeptBytes,
    map: Arc<ChunkMap>,
    roots: Vec<Root>,
    places: Arc<Vec<SourcePlace>>,
    /// Times that were found since the scan.
    #[cfg(test)]
    times: Option<Vec<(Mtime, Ctime)>>,
}

impl SourceFiles {
    /// Those with these places, whose chunks are in the map in the same order.
    pub(super) fn new(
        manifest: KeptBytes,
        map: Arc<ChunkMap>,
        roots: Vec<Root>,
        mut places: Vec<SourcePlace>,
    ) -> Self {
        places.shrink_to_fit();
        Self {
            manifest,
            map,
            roots,
            places: Arc::new(places),
            #[cfg(test)]
            times: None,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where their chunks are.
    pub fn map(&self) -> &Arc<ChunkMap> {
        &self.map
    }

    /// The file with this index; `None` after the last one.
    pub fn get(&self, index: usize) -> Option<SourceFile> {
        let &SourcePlace { position, entry, root, ctime } = self.places.get(index)?;
        let ctime = Ctime::from_words(ctime);
        let found = Entry::at(&self.manifest, position as usize).ok()?;
        let file = SourceFile {
            path: self.roots.get(root as usize)?.path_of(found.path)?,
            offset: self.map.payload_of(index).start,
            size: found.size,
            sparse: self.map.sparse(index).cloned(),
            mtime: found.mtime,
            ctime,
            entry,
        };
        #[cfg(test)]
        if let Some(&(mtime, ctime)) = self.times.as_ref().and_then(|times| times.get(index)) {
            return Some(SourceFile { mtime, ctime, ..file });
        }
        Some(file)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = SourceFile> + '_ {
        (0..self.places.len()).filter_map(|index| self.get(index))
    }

    /// Takes all files for those that the scan has found, however they have changed.
    #[cfg(test)]
    pub fn find_again(&mut self) {
        let times = |file: SourceFile| match file.path.metadata() {
            Ok(now) => (super::mtime(&now), Ctime::of(&now)),
            Err(_) => (file.mtime, file.ctime),
        };
        self.times = Some(self.iter().map(times).collect());
    }
}

impl Root {
    /// Where something with this name is.
    fn path_of(&self, name: &str) -> Option<PathBuf> {
        let below = match self.name_len {
            0 => name,
            len if len == name.len() => return Some(self.path.clone()),
            // A slash is between them.
            len => name.get(len + 1..)?,
        };
        Some(self.path.join(names::of_system(below)))
    }
}
