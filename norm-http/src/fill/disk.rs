//! What is here of a set, and where the rest goes.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::SystemTime;

use norm_core::fileset::{ContentError, ContentHash, digest_list_len};
use norm_files::receipts::Store;
use norm_files::sink::{
    Backup, CompareError, Comparer, Comparison, Digests, PlaceError, PlaceOptions, Placed, Plan,
    PlanError, Reading, Spool, SpoolFile, Spools, WholeSet, hash_chunks, keep_receipt, place_set,
    sweep,
};

use super::lists::Lists;
use super::{FillError, FillEvent, FillOptions, FillReport};

/// Threads that compare what is here.
const MAX_COMPARERS: usize = 4;

/// A set that is being filled.
#[derive(Debug)]
pub(super) struct Disk {
    spool: Arc<Spool>,
    plan: Arc<Plan>,
    digests: Arc<Digests>,
    content: ContentHash,
    /// Bytes of manifest and digest list.
    lists: (u64, u64),
    began: SystemTime,
    backup: Option<Backup>,
    /// Bytes that were here before anything was fetched.
    kept: u64,
    report: FillReport,
}

/// What is to be done.
pub(super) enum Prepared {
    /// Nothing: all of it is here.
    Unchanged(Box<FillReport>),
    /// What is missing is to be fetched.
    Disk(Box<Disk>),
}

impl Disk {
    /// Looks what is here of it, and makes room for the rest.
    pub(super) fn prepare(
        options: &FillOptions,
        lists: &Lists,
        stop: &Arc<AtomicBool>,
        watch: &mut dyn FnMut(FillEvent),
    ) -> Result<Prepared, FillError> {
        let directory = &options.directory;
        let cannot = |error: io::Error| FillError::Directory(directory.clone(), error.into());
        fs::create_dir_all(directory).map_err(cannot)?;
        let backup = open_backup(options)?;
        if !options.resume {
            sweep(directory, true);
        }
        let (plan, report) = plan(options, lists)?;
        let found = FillEvent::Found {
            url: lists.url.clone(),
            content: lists.content,
            files: report.files,
            bytes: plan.bytes(),
            is_proved: lists.is_proved,
        };
        watch(found);
        if let Some(report) = unchanged(options, lists, &report, stop) {
            return Ok(Prepared::Unchanged(Box::new(report)));
        }
        let present = plan.check(directory, options.overwrite).map_err(PlaceError::from)?;
        let spool = open(options, lists)?;
        spool.know_files(&plan);
        if present.is_some() || options.overwrite {
            spool.use_files_in_place(&plan);
        }
        spool.check_room(&plan).map_err(cannot)?;
        let digests = spool.parse_digests(lists.list.clone(), stop).map_err(stopped(directory))?;
        let digests = digests.ok().filter(|digests| digests.content() == Some(lists.content));
        let digests = digests.ok_or_else(|| FillError::Lists(lists.url.clone()))?;
        spool.write(SpoolFile::DigestList, &lists.list, 0).map_err(cannot)?;
        let mut disk = Self {
            spool,
            plan: Arc::new(plan),
            digests: Arc::new(digests),
            content: lists.content,
            lists: (lists.manifest.len() as u64, lists.list.len() as u64),
            began: SystemTime::now(),
            backup,
            kept: 0,
            report,
        };
        disk.look(options, stop)?;
        let (bytes_done, bytes_total) = (disk.kept, disk.plan.bytes());
        if bytes_done > 0 {
            watch(FillEvent::Resumed { bytes_done, bytes_total });
        }
        let wanted = || !stop.load(Ordering::Relaxed);
        disk.spool.take_room(wanted).map_err(cannot)?;
        Ok(Prepared::Disk(Box::new(disk)))
    }

    /// Compares what is here with the hashes.
    fn look(&mut self, options: &FillOptions, stop: &Arc<AtomicBool>) -> Result<(), FillError> {
        let all = 0..self.plan.chunks().payload_size();
        let failed = stopped(self.spool.directory());
        for place in hash_chunks(&self.spool, all, Reading::Whole, stop).map_err(failed)? {
            self.spool.forget(place.start, place.end);
        }
        self.forget_wrong();
        let (spool, plan) = (Arc::clone(&self.spool), Arc::clone(&self.plan));
        let digests = Arc::clone(&self.digests);
        let comparison = Comparison::new(spool, plan, digests, options.overwrite);
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_COMPARERS);
        let results = thread::scope(|scope| {
            let compare = || compare(&comparison, stop);
            let threads: Vec<_> = (0..threads).map(|_| scope.spawn(compare)).collect();
            threads.into_iter().map(thread::ScopedJoinHandle::join).collect::<Vec<_>>()
        });
        for result in results {
            match result {
                Ok(Ok(())) => {}
                Ok(Err(CompareError::Differs(error))) => return Err(PlaceError::from(error).into()),
                Ok(Err(CompareError::Io(error))) => return Err(self.cannot_write(error)),
                Err(_) => return Err(FillError::Damaged(self.spool.directory().to_owned())),
            }
        }
        self.forget_wrong();
        let missing = self.missing();
        self.kept = self.plan.bytes().saturating_sub(self.bytes_of(&missing));
        match stop.load(Ordering::Relaxed) {
            true => Err(FillError::Stopped),
            false => Ok(()),
        }
    }

    /// Forgets chunks that do not have their hashes; returns how many there were.
    fn forget_wrong(&self) -> usize {
        let wrong = self.spool.judge(&self.digests);
        let places = wrong.iter().filter_map(|&number| self.plan.chunks().chunk(number));
        places.map(|chunk| chunk.range()).for_each(|place| {
            self.spool.forget(place.start, place.end);
        });
        wrong.len()
    }

    /// What becomes of the set.
    pub(super) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Names the set.
    pub(super) fn content(&self) -> ContentHash {
        self.content
    }

    /// Bytes that were here before.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// The chunks that are wanted and not here, ascending.
    pub(super) fn missing(&self) -> Vec<u32> {
        self.spool.not_verified(|file| !self.plan.is_wanted(file))
    }

    /// Bytes in these chunks.
    pub(super) fn bytes_of(&self, chunks: &[u32]) -> u64 {
        let chunks = chunks.iter().filter_map(|&number| self.plan.chunks().chunk(number));
        chunks.map(|chunk| chunk.data).sum()
    }

    /// Writes a chunk, if it has its hash: false if not.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put(&self, number: u32, data: &[u8]) -> Result<bool, FillError> {
        let map = self.plan.chunks();
        let Some(chunk) = map.chunk(number) else { return Ok(false) };
        let hash = (data.len() as u64 == chunk.data).then(|| map.hash(number, data)).flatten();
        if hash.is_none() || hash != self.digests.chunk(number) {
            return Ok(false);
        }
        let written = self.spool.write(SpoolFile::Payload, data, chunk.payload);
        written.map_err(|error| self.cannot_write(error))?;
        Ok(true)
    }

    /// Writes down what is here, for the next time.
    pub(super) fn save(&self) {
        if self.spool.is_unsaved() {
            // What is not written down is fetched again.
            let _ = self.spool.save();
        }
    }

    /// Bytes that stay for the next time.
    pub(super) fn resumable(&self) -> u64 {
        self.spool.resumable().unwrap_or(0)
    }

    fn cannot_write(&self, error: io::Error) -> FillError {
        FillError::Directory(self.spool.directory().to_owned(), error.into())
    }

    /// Gives the files their names: everything is here.
    pub(super) fn finish(
        &self,
        options: &FillOptions,
        stop: &Arc<AtomicBool>,
        watch: &mut dyn FnMut(FillEvent),
    ) -> Result<FillReport, FillError> {
        watch(FillEvent::Verifying);
        let (spool, plan) = (&self.spool, &self.plan);
        let all = 0..plan.chunks().payload_size();
        let damaged = hash_chunks(spool, all, Reading::All, stop);
        let damaged = damaged.map_err(stopped(spool.directory()))?;
        damaged.iter().for_each(|place| spool.forget(place.start, place.end));
        if self.forget_wrong() + damaged.len() > 0 || !self.missing().is_empty() {
            return Err(FillError::Damaged(spool.directory().to_owned()));
        }
        let place = PlaceOptions {
            overwrite: options.overwrite,
            backup: self.backup.as_ref(),
            preserve: options.preserve,
        };
        let placed = place_set(spool, plan, &Default::default(), &place, stop, &mut |file| {
            watch(FillEvent::FileComplete {
                path: file.path.to_owned(),
                bytes: file.size,
                hash: file.hash,
                present: file.placed == Placed::Present,
            });
        })?;
        let store = Store::new(&options.state).filter(|_| options.only.is_none());
        if let Some(store) = store {
            let (manifest_len, list_len) = self.lists;
            let set = WholeSet { content: self.content, manifest_len, list_len };
            // Without one it is compared the next time.
            let _ = keep_receipt(&store, spool, plan, &set, self.began);
        }
        spool.discard();
        Ok(FillReport {
            present: placed.present,
            backups: placed.backups,
            bytes_kept: self.kept,
            refused: placed.refused,
            ..self.report.clone()
        })
    }
}

/// What the manifest becomes, and what a report says of it.
fn plan(options: &FillOptions, lists: &Lists) -> Result<(Plan, FillReport), FillError> {
    let plan = Plan::of(lists.manifest.clone(), lists.payload);
    let mut plan = plan.map_err(PlaceError::from)?;
    if digest_list_len(plan.chunks().chunks()) != lists.list.len() as u64 {
        let error = PlanError::Content(ContentError::SizeMismatch);
        return Err(PlaceError::from(error).into());
    }
    if let Some(only) = &options.only {
        only.choose(&mut plan);
        if plan.is_empty() {
            return Err(PlaceError::from(PlanError::NothingWanted).into());
        }
    }
    if !options.allow_sparse {
        plan.check_sparse().map_err(PlaceError::from)?;
    }
    let unwanted = plan.unwanted_files();
    let report = FillReport {
        content: options.only.is_none().then_some(lists.content),
        files: (plan.wanted_places().count() + plan.name_count()) as u64,
        unwanted,
        directories: plan.directory_count() as u64,
        links: plan.link_count() as u64,
        bytes: plan.bytes(),
        ..FillReport::default()
    };
    Ok((plan, report))
}

/// What is told of a set of which all is here, by a receipt.
fn unchanged(
    options: &FillOptions,
    lists: &Lists,
    report: &FillReport,
    stop: &AtomicBool,
) -> Option<FillReport> {
    let store = Store::new(&options.state).filter(|_| options.only.is_none())?;
    store.unchanged(&options.directory, lists.content, stop)?;
    let (present, bytes_kept) = (report.files, report.bytes);
    Some(FillReport { present, bytes_kept, unchanged: true, ..report.clone() })
}

fn open_backup(options: &FillOptions) -> Result<Option<Backup>, FillError> {
    let Some(path) = &options.backup_dir else { return Ok(None) };
    match Backup::open(path, &options.directory) {
        Ok(backup) => Ok(Some(backup)),
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            Err(FillError::BackupInOutput(path.clone()))
        }
        Err(error) => Err(FillError::Directory(path.clone(), error.into())),
    }
}

/// Opens the temporary files, with the manifest in them.
fn open(options: &FillOptions, lists: &Lists) -> Result<Arc<Spool>, FillError> {
    let busy = |error: io::Error| FillError::Busy(options.directory.clone(), error.into());
    let mut spools = Spools::new(&options.directory, options.resume);
    let opened = spools.open(lists.manifest_hash, lists.payload).map_err(busy)?;
    let spool = opened.spool;
    if !spool.take_manifest(lists.manifest.len() as u64) {
        spool.write(SpoolFile::Manifest, &lists.manifest, 0).map_err(busy)?;
    }
    Ok(spool)
}

fn compare(comparison: &Comparison, stop: &AtomicBool) -> Result<(), CompareError> {
    let mut comparer = Comparer::default();
    while !stop.load(Ordering::Relaxed) {
        match comparison.next(&mut comparer) {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error),
            None => break,
        }
    }
    Ok(())
}

fn stopped(directory: &Path) -> impl Fn(io::Error) -> FillError {
    move |error| match error.kind() {
        io::ErrorKind::Interrupted => FillError::Stopped,
        _ => FillError::Directory(directory.to_owned(), error.into()),
    }
}
