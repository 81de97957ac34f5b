//! Making a plan of a manifest.

use std::sync::Arc;

use norm_core::fileset::{ChunkMap, ContentError, Entry, EntryKind, Manifest};

use super::clash::{Clashes, check_all};
use super::problem::PlanError;
use super::{FilePlace, NamePlace, Plan, Position};
use crate::kept::KeptBytes;
use crate::names;

/// Reads a manifest whose payload must have this many bytes.
///
/// # Errors
/// When it is damaged, or lists what cannot be made.
pub(super) fn read(kept: KeptBytes, payload_size: u64) -> Result<Plan, PlanError> {
    let manifest = Manifest::parse(&kept).map_err(PlanError::Content)?;
    if manifest.payload_size() != payload_size {
        return Err(PlanError::Content(ContentError::SizeMismatch));
    }
    // There is room for no more entries than the manifest has bytes for.
    let files = manifest.len() as usize;
    let plan = Plan { files: Vec::with_capacity(files), ..Plan::default() };
    let chunks = ChunkMap::with_capacity(files);
    let mut reading = Reading { plan, chunks, ..Reading::default() };
    let mut entries = manifest.entries();
    loop {
        let position = entries.position();
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(PlanError::Content)?;
        let position = Position::try_from(position);
        let position = position.map_err(|_| PlanError::Content(ContentError::TooLarge))?;
        reading.add(&entry, position)?;
    }
    if !reading.clashes.are_complete() {
        check_all(&manifest)?;
    }
    let Reading { mut plan, mut chunks, .. } = reading;
    chunks.shrink_to_fit();
    plan.names.sort_by_key(|name| name.file);
    plan.files.shrink_to_fit();
    plan.directories.shrink_to_fit();
    plan.names.shrink_to_fit();
    plan.links.shrink_to_fit();
    plan.size = entries.size();
    plan.chunks = Arc::new(chunks);
    plan.left_out = manifest.left_out();
    plan.manifest = kept;
    Ok(plan)
}

/// A plan that is being read.
#[derive(Default)]
struct Reading {
    plan: Plan,
    clashes: Clashes,
    chunks: ChunkMap,
    /// The number of the next entry.
    number: u32,
}

impl Reading {
    /// Takes the next entry, which begins at this position of the manifest.
    fn add(&mut self, entry: &Entry<'_>, position: Position) -> Result<(), PlanError> {
        let unusable = || PlanError::Name(entry.path.to_owned());
        let path = names::to_path(entry.path).map_err(|_| unusable())?;
        self.clashes.add(&path, entry.kind == EntryKind::Directory)?;
        match entry.kind {
            EntryKind::File => {
                self.chunks.push(entry.size, entry.holes).map_err(PlanError::Content)?;
                self.plan.files.push(FilePlace { position, entry: self.number });
            }
            EntryKind::Directory => self.plan.directories.push(position),
            EntryKind::SymbolicLink { .. } if !cfg!(unix) => {
                return Err(PlanError::Unsupported(entry.path.to_owned()));
            }
            EntryKind::SymbolicLink { target } => {
                if target.contains('\0') {
                    return Err(unusable());
                }
                self.plan.links.push(position);
            }
            EntryKind::HardLink { to } => {
                // The manifest was checked: it is a file that came before.
                let file = self.plan.files.partition_point(|file| file.entry < to) as u32;
                self.plan.names.push(NamePlace { position, file });
            }
        }
        self.number += 1;
        Ok(())
    }
}
