//! Makes the files and links of a plan, one by one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use norm_core::base::range_set::RangeSet;

use super::outcome::{PlaceError, PlaceOptions, Placed, PlacedFile, failed};
use crate::sink::existing::{Received, is_identical, is_of_size};
use crate::sink::metadata::{DEFAULT_FILE_MODE, MetadataSetter, RefusedMetadata, Wanted};
use crate::sink::output::{Place, Tree};
use crate::sink::plan::{Plan, PlanError, PlannedFile, PlannedLink};
use crate::sink::spool::Spool;
use crate::sink::spool_files::{SpoolFile, create_new_at, remove_stale};
use crate::sink::system::{self, FileKind};

/// What is known while a set is placed.
pub(super) struct Placer<'a> {
    spool: &'a Spool,
    plan: &'a Plan,
    overwrite: bool,
    cancel: &'a AtomicBool,
    /// Which of the threads it is of, from 0 on.
    thread: usize,
    pub(super) metadata: MetadataSetter,
    pub(super) refused: Option<RefusedMetadata>,
}

/// Which files are present already.
#[derive(Default)]
pub(super) struct Present {
    /// Those with their own names, by their places among all.
    files: RangeSet,
    /// Which of the other names are there.
    names: RangeSet,
}

impl Present {
    /// Which files of a plan, and which of their other names, are present already.
    ///
    /// # Errors
    /// When one has the right size and other content.
    pub(super) fn find(
        placer: &Placer<'_>,
        tree: &mut Tree,
        failed_files: &BTreeSet<usize>,
    ) -> Result<Self, PlaceError> {
        let mut present = Self::default();
        for (at, file) in placer.plan.wanted().filter(|(at, _)| !failed_files.contains(at)) {
            if placer.is_present(tree, at, &file, &file.path)? {
                present.files.insert(at as u64, at as u64 + 1);
            }
            for (number, path) in placer.plan.name_range(at).zip(placer.plan.names_of(at)) {
                if placer.is_present(tree, at, &file, &path)? {
                    present.names.insert(number as u64, number as u64 + 1);
                }
            }
        }
        Ok(present)
    }

    /// The names of a file, its own first, and whether it is present under each.
    fn names(&self, plan: &Plan, at: usize, file: &PlannedFile) -> Vec<(PathBuf, bool)> {
        let own = (file.path.clone(), self.files.contains(at as u64));
        let others = plan.name_range(at).zip(plan.names_of(at));
        let others = others.map(|(number, path)| (path, self.names.contains(number as u64)));
        std::iter::once(own).chain(others).collect()
    }
}

impl<'a> Placer<'a> {
    pub(super) fn new(
        spool: &'a Spool,
        plan: &'a Plan,
        options: PlaceOptions<'_>,
        cancel: &'a AtomicBool,
    ) -> Self {
        let PlaceOptions { overwrite, preserve, .. } = options;
        let metadata = MetadataSetter::new(preserve);
        Self { spool, plan, overwrite, cancel, thread: 0, metadata, refused: None }
    }

    /// The same for another thread, which are numbered from 0 on.
    pub(super) fn of_thread(self, thread: usize) -> Self {
        Self { thread, ..self }
    }

    /// True when a file is in its place already.
    ///
    /// # Errors
    /// When one of the same size is there, with other content.
    fn is_present(
        &self,
        tree: &mut Tree,
        at: usize,
        file: &PlannedFile,
        path: &Path,
    ) -> Result<bool, PlaceError> {
        let target = self.path(path);
        let in_place = self.spool.in_place().filter(|files| files.has(file));
        // What may be replaced is looked at only where it was compared.
        if self.overwrite && in_place.is_none() {
            return Ok(false);
        }
        let place = match tree.place(path) {
            Ok(place) => place,
            Err(error) if error.kind() == io::ErrorKind::NotFound && in_place.is_none() => {
                return Ok(false);
            }
            Err(error) => return Err(failed(&target, error)),
        };
        if in_place.is_none() && !is_of_size(&place, file.size) {
            return Ok(false);
        }
        let same = match in_place {
            Some(files) => files.is_identical(self.payload(), file, self.cancel),
            None => is_identical(&self.received(at, file), &place, self.cancel),
        };
        match same.map_err(|error| failed(&target, error))? {
            true => Ok(true),
            false => Err(PlanError::Differs(target).into()),
        }
    }

    /// Places a file with its other names.
    pub(super) fn place(&mut self, tree: &mut Tree, at: usize, present: &Present) -> Outcome {
        let mut outcome = Outcome { at, names: Vec::with_capacity(1), error: None };
        let plan = self.plan;
        let Some(file) = plan.file(at) else { return outcome };
        if self.cancel.load(Ordering::Relaxed) {
            outcome.error = Some(PlaceError::Stopped);
            return outcome;
        }
        let names = present.names(plan, at, &file);
        let mut making = Making { at, file: &file, made: None };
        for (path, is_present) in names {
            let place = tree.make_place(&path);
            match place.and_then(|place| self.place_name(&mut making, &place, is_present)) {
                Ok(placed) => outcome.names.push((self.path(&path), placed)),
                Err(error) => {
                    outcome.error = Some(failed(&self.path(&path), error));
                    break;
                }
            }
        }
        outcome
    }

    /// Takes what another one has noted.
    pub(super) fn absorb(&mut self, other: Self) {
        RefusedMetadata::join(&mut self.refused, other.refused);
    }

    /// Says of a file that it is placed, under each of its names; returns how many of these were
    /// present before.
    pub(super) fn tell(&self, outcome: &Outcome, placed: &mut dyn FnMut(PlacedFile<'_>)) -> u64 {
        let Some(file) = self.plan.file(outcome.at) else { return 0 };
        let (size, hash) = (file.size, self.spool.file_hash(outcome.at));
        for (path, result) in &outcome.names {
            placed(PlacedFile { path, size, hash, placed: *result });
        }
        outcome.names.iter().filter(|(_, placed)| *placed == Placed::Present).count() as u64
    }

    /// Gives a file one of its names, unless it was `present` when it was looked at, and is still.
    fn place_name(
        &mut self,
        making: &mut Making<'_>,
        place: &Place,
        present: bool,
    ) -> io::Result<Placed> {
        let file = making.file;
        if present && is_of_size(place, file.size) {
            // A run that was killed may have made it, and left this.
            let _ = self.part(place).remove();
            if self.overwrite {
                let set = place.open().and_then(|open| self.set(&open, file));
                RefusedMetadata::note(&mut self.refused, &place.path(), set);
            }
            return Ok(Placed::Present);
        }
        if self.spool.in_place().is_some_and(|files| files.has(file)) {
            // It was compared and is gone: the payload does not have it.
            let gone = PlanError::Differs(place.path());
            return Err(io::Error::new(io::ErrorKind::NotFound, gone));
        }
        if let Some((made, first)) = &making.made {
            self.link(made, first, place)?;
            return Ok(Placed::New);
        }
        let (made, set) = match is_first(file).then(|| self.rename_payload(file, place)) {
            Some(Err(error)) if error.kind() != io::ErrorKind::CrossesDevices => return Err(error),
            Some(Ok(made)) => made,
            // Names of two file systems cannot do that; a copy can.
            Some(Err(_)) | None => self.make_copy(making.at, file, place)?,
        };
        RefusedMetadata::note(&mut self.refused, &place.path(), set);
        making.made = Some((made, place.clone()));
        Ok(Placed::New)
    }

    /// Cuts files off the payload that are in their places, from the last one on. What cannot be
    /// cut takes room for a while.
    pub(super) fn cut(&self, tree: &mut Tree, outcomes: &[Outcome]) {
        let mut end = None;
        for outcome in outcomes {
            let Some(file) = self.plan.file(outcome.at) else { break };
            let is_new = outcome.names.iter().all(|(_, placed)| *placed == Placed::New);
            if outcome.error.is_some() || (!is_new && self.is_payload(tree, outcome.at, &file)) {
                break;
            }
            if file.data > 0 && !is_first(&file) {
                end = Some(file.offset);
            }
        }
        if let Some(end) = end {
            let _ = system::set_len(self.payload(), end);
        }
    }

    /// True when a file that is present may be the payload by another name: it would be cut itself.
    fn is_payload(&self, tree: &mut Tree, at: usize, file: &PlannedFile) -> bool {
        let mut is_other = |path: &Path| {
            let place = tree.place(path);
            place.and_then(|place| place.is_file(self.payload())).is_ok_and(|same| !same)
        };
        !is_other(&file.path) || !self.plan.names_of(at).all(|path| is_other(&path))
    }

    /// Gives the payload itself the file's name. Returns it, and whether mode and the like could be
    /// set.
    fn rename_payload(&mut self, file: &PlannedFile, place: &Place) -> io::Result<Made> {
        system::set_len(self.payload(), file.size)?;
        let set = self.set(self.spool.file(SpoolFile::Payload), file);
        place.flush(self.payload())?;
        let root = Tree::new(self.spool.directory(), false)?;
        let path = self.spool.path(SpoolFile::Payload);
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        root.root().place(name).rename_to(place, self.overwrite)?;
        Ok((self.payload().try_clone()?, set))
    }

    /// Makes a file of a part of the payload. Returns it, and whether mode and the like could be
    /// set.
    fn make_copy(&mut self, at: usize, file: &PlannedFile, place: &Place) -> io::Result<Made> {
        let part = self.part(place);
        let copied = self.copy(at, file, &part);
        let made = copied.and_then(|made| {
            part.rename_to(place, self.overwrite)?;
            Ok(made)
        });
        made.inspect_err(|_| drop(part.remove()))
    }

    fn copy(&mut self, at: usize, file: &PlannedFile, part: &Place) -> io::Result<Made> {
        let to = create_new_at(part)?;
        match self.plan.chunks().sparse(at) {
            None => system::copy(self.payload(), file.offset, file.size, &to, 0)?,
            Some(sparse) => {
                system::set_len(&to, file.size)?;
                for piece in sparse.pieces(0..file.data) {
                    let from = file.offset + piece.data;
                    system::copy(self.payload(), from, piece.len, &to, piece.offset)?;
                }
            }
        }
        let set = self.set(&to, file);
        part.flush(&to)?;
        Ok((to, set))
    }

    /// Gives a file that was made another name.
    fn link(&self, made: &File, first: &Place, place: &Place) -> io::Result<()> {
        if !self.overwrite {
            return place.link_file(made, first);
        }
        let part = self.part(place);
        remove_stale(&part)?;
        part.link_file(made, first)?;
        let renamed = part.rename_to(place, true);
        if renamed.is_err() {
            let _ = part.remove();
        }
        renamed
    }

    /// Makes a symbolic link, unless it is there and leads where it should.
    pub(super) fn place_link(&mut self, tree: &mut Tree, link: &PlannedLink) -> io::Result<()> {
        let place = tree.make_place(&link.path)?;
        match place.look()? {
            Some(there) if there.kind == FileKind::Link && place.read_link()? == link.target => {
                return Ok(());
            }
            Some(there) if there.kind == FileKind::Directory => {
                let way = PlanError::IsDirectory(place.path());
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, way));
            }
            Some(_) if self.overwrite => {
                let part = self.part(&place);
                remove_stale(&part)?;
                part.make_link(&link.target)?;
                part.rename_to(&place, true).inspect_err(|_| drop(part.remove()))?;
            }
            Some(_) => return Err(io::ErrorKind::AlreadyExists.into()),
            None => place.make_link(&link.target)?,
        }
        let set = self.metadata.set_link(&place, link);
        RefusedMetadata::note(&mut self.refused, &place.path(), set);
        Ok(())
    }

    fn set(&mut self, made: &File, file: &PlannedFile) -> io::Result<()> {
        let wanted = Wanted {
            mode: file.mode,
            default_mode: DEFAULT_FILE_MODE,
            mtime: file.mtime,
            attributes: &file.attributes,
        };
        self.metadata.set(made, wanted)
    }

    fn received(&self, at: usize, file: &PlannedFile) -> Received<'_> {
        let sparse = self.plan.chunks().sparse(at).map(|sparse| &**sparse);
        Received { payload: self.payload(), offset: file.offset, size: file.size, sparse }
    }

    /// What is being placed.
    pub(super) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// True when a place has the content of the file with this place among all.
    pub(super) fn has_content(
        &self,
        at: usize,
        file: &PlannedFile,
        place: &Place,
    ) -> io::Result<bool> {
        is_identical(&self.received(at, file), place, self.cancel)
    }

    /// Where something is to be.
    pub(super) fn path(&self, below: &Path) -> PathBuf {
        self.spool.directory().join(below)
    }

    fn part(&self, place: &Place) -> Place {
        place.beside(self.spool.part(self.thread))
    }

    fn payload(&self) -> &'a File {
        self.spool.file(SpoolFile::Payload)
    }
}

/// A file that was made, and whether mode and the like could be set.
type Made = (File, io::Result<()>);

/// A file that is being placed, perhaps under several names.
struct Making<'a> {
    at: usize,
    file: &'a PlannedFile,
    /// What was made of it here, and under which name.
    made: Option<(File, Place)>,
}

/// True of the file that is alone in the payload in the end, which gets its name.
pub(super) fn is_first(file: &PlannedFile) -> bool {
    file.offset == 0 && file.size > 0 && file.data == file.size
}

/// What became of a file and its other names.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Its place in the plan.
    at: usize,
    /// The names that it has now.
    names: Vec<(PathBuf, Placed)>,
    /// Why it has not all of them.
    error: Option<PlaceError>,
}

impl Outcome {
    /// Its place in the plan.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// True when it does not have all of its names.
    pub(super) fn is_error(&self) -> bool {
        self.error.is_some()
    }

    /// Why it does not have all of its names.
    pub(super) fn into_error(self) -> Option<PlaceError> {
        self.error
    }
}
