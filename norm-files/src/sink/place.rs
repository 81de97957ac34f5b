//! Places the files of a verified set: gives them their final names.
//!
//! From the last file to the first, the payload is cut off after what was copied; so the disk holds
//! the payload and the files at hand, not everything twice. The first file, alone in the payload by
//! then, is not copied at all: the payload itself gets its name. For a set of one file nothing is
//! copied. Small files are copied by several threads at a time ([`workers`]).
//!
//! A file that is present already, with the content that it should have, stays as it is, mode and
//! time too: it may be the same file as one elsewhere (a hard link), or not be meant for others to
//! read.
//!
//! All or nothing: what is in the way is found before the first file is placed. What is replaced is
//! kept by then, if it is to be ([`super::backup`]).
//!
//! Everything is made through open directories, never through a link ([`super::output`]). Other
//! names of a file (hard links) are made with it, of its open file: only of files that were made
//! here. Symbolic links are last.
//!
//! A file appears under its final name in one step, whole, with mode and time, if the file system
//! takes these. Its blocks may still be in the system's cache then: on a local disk nothing is
//! flushed (`fsync`), as with `cp`; a power failure in the seconds after can lose content. Shares
//! may refuse what they took, so they are asked first ([`super::flush`]).

mod back_up;
mod outcome;
mod placer;
mod workers;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

use super::metadata::{DEFAULT_DIRECTORY_MODE, MetadataSetter, RefusedMetadata, Wanted, set_time};
use super::output::Tree;
use super::plan::{Plan, PlannedDirectory};
use super::spool::Spool;
pub use outcome::{PlaceError, PlaceOptions, Placed, PlacedFile, PlacedSet, failed};

use back_up::BackingUp;
use placer::{Placer, Present};
use workers::{Batches, Workers};

/// Makes directories, files and links, but for those that are not wanted and those of files with
/// these places in the plan, which have failed; says each finished file to `placed`.
///
/// # Errors
/// When something is in the way, the system refuses, or `cancel` was set.
pub fn place_set(
    spool: &Spool,
    plan: &Plan,
    failed_files: &BTreeSet<usize>,
    options: &PlaceOptions<'_>,
    cancel: &AtomicBool,
    placed: &mut dyn FnMut(PlacedFile<'_>),
) -> Result<PlacedSet, PlaceError> {
    let root = spool.directory();
    if spool.is_moved() {
        return Err(PlaceError::Gone(root.to_owned()));
    }
    let overwrite = options.overwrite;
    plan.check(root, overwrite)?;
    let opened = Tree::new(root, overwrite);
    let mut tree = opened.map_err(|error| PlaceError::Io(root.to_owned(), error.into()))?;
    let new_placer = || Placer::new(spool, plan, *options, cancel);
    let placer = new_placer();
    let present = Present::find(&placer, &mut tree, failed_files)?;
    let backups = match options.backup.filter(|_| overwrite) {
        Some(backup) => BackingUp::new(&placer, &mut tree, backup).all(failed_files)?,
        None => 0,
    };
    for directory in plan.directories() {
        let path = &directory.path;
        tree.make(path).map_err(|error| failed(&root.join(path), error))?;
    }
    let mut workers = Workers::new(tree, new_placer);
    let mut count = 0;
    for batch in Batches::new(plan, failed_files) {
        count += workers.place(&batch, &present, placed)?;
    }
    let (mut tree, mut placer) = workers.join();
    for link in plan.links() {
        let path = root.join(&link.path);
        placer.place_link(&mut tree, &link).map_err(|error| failed(&path, error))?;
    }
    let Placer { mut metadata, mut refused, .. } = placer;
    finish_directories(&mut tree, plan, overwrite, &mut metadata, &mut refused);
    Ok(PlacedSet { present: count, backups, refused, ..PlacedSet::default() })
}

/// Sets modes and times of directories: last, because files change the times of the directories
/// that they are made in; those within before those above, which may let nothing in afterwards.
/// Directories that were there before stay as they are, or have their time set where files in them
/// are replaced.
fn finish_directories(
    tree: &mut Tree,
    plan: &Plan,
    overwrite: bool,
    metadata: &mut MetadataSetter,
    refused: &mut Option<RefusedMetadata>,
) {
    let depth = |directory: &PlannedDirectory| directory.path.components().count();
    let depths = plan.directories().map(|directory| depth(&directory));
    let mut depths: Vec<(usize, usize)> = depths.enumerate().map(|(at, n)| (n, at)).collect();
    depths.sort_unstable_by_key(|&(depth, at)| (std::cmp::Reverse(depth), at));
    for directory in depths.into_iter().filter_map(|(_, at)| plan.directory(at)) {
        if !cfg!(unix) {
            continue;
        }
        let opened = tree.place(&directory.path).and_then(|place| {
            let opened = place.open_directory();
            opened.map(|file| (place.path(), file))
        });
        if tree.was_made(&directory.path) {
            let wanted = Wanted {
                mode: directory.mode,
                default_mode: DEFAULT_DIRECTORY_MODE,
                mtime: directory.mtime,
                attributes: &directory.attributes,
            };
            match opened {
                Ok((path, file)) => {
                    RefusedMetadata::note(refused, &path, metadata.set(&file, wanted));
                }
                Err(error) => RefusedMetadata::note(refused, &directory.path, Err(error)),
            }
        } else if let (true, Ok((_, file))) = (overwrite, opened) {
            // It may belong to another user.
            let _ = set_time(&file, directory.mtime);
        }
    }
}

#[cfg(test)]
mod tests;
