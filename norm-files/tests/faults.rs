//! Every system call of the sink fails once, with each error that is likely for it, while a file
//! set is received. Whatever happens: nothing is claimed that is not so, nothing that was there
//! before is touched, and what had come is there for the next session.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]
#![expect(clippy::disallowed_methods, reason = "these are no calls of the sink")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use norm_core::fileset::{
    CHUNK_BYTES, ChunkHasher, DigestListWriter, Entry, EntryKind, Manifest, ManifestHash,
    ManifestWriter, Mtime, PartKind,
};
use norm_files::sink::faults::{Fault, inject};
use norm_files::sink::{
    Call, Digests, Part, PlaceOptions, PlacedSet, Plan, Reading, Spool, SpoolFile, Spools,
    hash_chunks, place_set, sweep,
};

const MIB: usize = 1 << 20;
const BLOCK: usize = 256 << 10;
/// No chunks.
const NONE: [u32; 0] = [];
const TIME: Mtime = Mtime { seconds: 1_500_000_000, nanos: 0 };

/// The files of the set: names and sizes.
const FILES: [(&str, usize); 4] =
    [("first", MIB), ("folder/inner/second", 300_077), ("third", 5_000), ("empty", 0)];

/// Other names: hard links, by the places of their files.
const NAMES: [(&str, u32); 2] = [("folder/name", 2), ("another", 4)];
/// Symbolic links.
const LINKS: [(&str, &str); 2] = [("link", "folder/name"), ("folder/away", "/nowhere")];

/// Errors that are likely for a call.
fn likely(call: Call) -> &'static [i32] {
    use libc::{
        EACCES, EBUSY, EDQUOT, EFBIG, EINVAL, EIO, EMFILE, EMLINK, ENOENT, ENOLCK, ENOSPC, ENOSYS,
        EOPNOTSUPP, EPERM, EROFS, ESTALE, EXDEV,
    };
    match call {
        Call::Open => &[EACCES, EMFILE, ENOENT, EIO, ESTALE],
        Call::Create => &[EACCES, EROFS, ENOSPC, EDQUOT, EMFILE, ENOENT, EIO, ESTALE],
        Call::Look => &[EACCES, ENOENT, EIO, ESTALE],
        Call::Stat | Call::Read => &[EIO, ESTALE],
        Call::Write | Call::Copy => &[ENOSPC, EDQUOT, EFBIG, EIO, ESTALE],
        Call::SetLen => &[EPERM, EFBIG, ENOSPC, EIO],
        Call::Allocate => &[ENOSPC, EDQUOT, EFBIG, EOPNOTSUPP, ENOSYS, EINVAL, EIO],
        Call::Release => &[EOPNOTSUPP, ENOSYS, EIO],
        Call::Rename => &[EACCES, EPERM, ENOSPC, EDQUOT, EROFS, EBUSY, EIO, ESTALE, EXDEV],
        Call::Link => &[EPERM, EOPNOTSUPP, ENOSYS, EMLINK, EACCES, ENOSPC, EIO, EXDEV],
        Call::Remove => &[EACCES, EPERM, EBUSY, EROFS, EIO, ENOENT],
        Call::MakeLink => &[EACCES, ENOSPC, EDQUOT, EROFS, EIO],
        Call::SetOwner | Call::SetAttribute => &[EPERM, EOPNOTSUPP, EROFS, EIO],
        Call::MakeDirectory => &[EACCES, ENOSPC, EDQUOT, EROFS, EMLINK, EIO],
        Call::List => &[EACCES, ENOENT, EIO],
        Call::Lock => &[EOPNOTSUPP, ENOSYS, ENOLCK, EIO],
        Call::SetMode => &[EPERM, EACCES, EOPNOTSUPP, ENOSYS, EROFS, EIO],
        Call::SetTimes => &[EPERM, EACCES, EOPNOTSUPP, ENOSYS, EINVAL, EROFS, EIO],
        Call::Sync => &[ENOSPC, EDQUOT, EIO, EINVAL, EOPNOTSUPP],
        Call::Close => &[ENOSPC, EDQUOT, EIO],
        Call::Room | Call::Kind => &[ENOSYS, EACCES, EIO],
    }
}

/// What is sent.
struct Source {
    manifest: Vec<u8>,
    payload: Vec<u8>,
    digests: Vec<u8>,
    hash: ManifestHash,
}

impl Source {
    fn new() -> Self {
        let mut writer = ManifestWriter::new();
        let directory = EntryKind::Directory;
        let entry = Entry { mode: 0o755, mtime: TIME, ..Entry::new(directory, "folder") };
        writer.push(&entry).unwrap();
        let mut payload = Vec::new();
        for (path, size) in FILES {
            let entry = Entry { kind: EntryKind::File, mode: 0o640, mtime: TIME, path, ..entry };
            writer.push(&Entry { size: size as u64, ..entry }).unwrap();
            payload.extend_from_slice(&content_of(path, size));
        }
        for (path, to) in NAMES {
            writer.push(&Entry::new(EntryKind::HardLink { to }, path)).unwrap();
        }
        for (path, target) in LINKS {
            let kind = EntryKind::SymbolicLink { target };
            writer.push(&Entry { mtime: TIME, ..Entry::new(kind, path) }).unwrap();
        }
        let (manifest, hash) = writer.finish();
        let mut list = DigestListWriter::new(hash);
        for (path, size) in FILES {
            for (n, chunk) in content_of(path, size).chunks(MIB).enumerate() {
                let offset = n as u64 * CHUNK_BYTES;
                list.push(&ChunkHasher::hash(offset, size as u64, chunk)).unwrap();
            }
        }
        Self { hash, manifest, payload, digests: list.finish().0 }
    }

    fn part(&self, kind: PartKind) -> (Part, &[u8]) {
        let bytes = match kind {
            PartKind::Manifest => &self.manifest,
            PartKind::Payload => &self.payload,
            PartKind::DigestList => &self.digests,
        };
        (Part { kind, offset: 0, size: bytes.len() as u64 }, bytes)
    }
}

fn content_of(path: &str, size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 251) as u8 ^ path.as_bytes()[0]).collect()
}

/// What came of a session.
#[derive(Debug, Default)]
struct Outcome {
    /// It says that all is here.
    placed: Option<PlacedSet>,
    /// Bytes of the payload that it says it keeps.
    kept: Option<u64>,
    /// Bytes of the payload that it found.
    found: u64,
    /// Bytes of the payload that were there when it failed.
    had: u64,
    /// Why it failed.
    error: String,
}

/// Receives the set as a session does.
fn receive(directory: &Path, source: &Source) -> Outcome {
    let mut outcome = Outcome::default();
    sweep(directory, false);
    let mut spools = Spools::new(directory, true);
    let opened = match spools.open(source.hash, source.payload.len() as u64) {
        Ok(opened) => opened,
        Err(error) => return Outcome { error: error.to_string(), ..outcome },
    };
    let spool = opened.spool;
    outcome.found = spool.have().bytes();
    match follow(&spool, source) {
        Ok(placed) => {
            spool.discard();
            outcome.placed = Some(placed);
        }
        Err(error) => {
            outcome.error = error;
            outcome.had = spool.have().bytes();
            outcome.kept = spool.resumable();
        }
    }
    outcome
}

fn follow(spool: &Spool, source: &Source) -> Result<PlacedSet, String> {
    let run = AtomicBool::new(false);
    let write = |kind| store(spool, source, kind).map_err(|error| format!("write: {error}"));
    let read = |which, kind| {
        let len = source.part(kind).1.len() as u64;
        spool.read_whole(which, len).map_err(|error| format!("read back: {error}"))
    };
    write(PartKind::Manifest)?;
    let manifest = read(SpoolFile::Manifest, PartKind::Manifest)?;
    let plan = Plan::new(&manifest, source.payload.len() as u64).unwrap();
    plan.check(spool.directory(), false).map_err(|error| error.to_string())?;
    spool.know_files(&plan);
    spool.use_files_in_place(&plan);
    spool.check_room(&plan).map_err(|error| error.to_string())?;
    spool.take_room(|| true).map_err(|error| format!("room: {error}"))?;
    write(PartKind::Payload)?;
    write(PartKind::DigestList)?;
    let list = read(SpoolFile::DigestList, PartKind::DigestList)?;
    let digests = Digests::parse(&list, source.hash).map(Arc::new);
    let digests = digests.map_err(|error| error.to_string())?;
    let damaged = hash_chunks(spool, 0..source.payload.len() as u64, Reading::All, &run);
    assert_eq!(damaged.map_err(|error| format!("hash: {error}"))?, []);
    assert_eq!(Manifest::parse(&manifest).unwrap().hash(), source.hash);
    assert_eq!(spool.judge(&digests), NONE, "written is not what was read");
    assert_eq!(spool.not_verified(|_| false), NONE);
    let none = BTreeSet::new();
    place_set(spool, &plan, &none, &PlaceOptions::default(), &run, &mut |_| {})
        .map_err(|error| error.to_string())
}

/// Writes the blocks that are not there: every third one first, so that some are out of order.
fn store(spool: &Spool, source: &Source, kind: PartKind) -> std::io::Result<()> {
    let (part, bytes) = source.part(kind);
    let blocks: Vec<_> = bytes.chunks(BLOCK).enumerate().collect();
    let (early, late): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|(n, _)| n % 3 == 0);
    for (n, block) in early.into_iter().chain(late) {
        let (start, end) = ((n * BLOCK) as u64, (n * BLOCK + block.len()) as u64);
        if kind != PartKind::Payload || !spool.have().covers(start, end) {
            spool.write_block(&part, block, start)?;
        }
        if n == 4 {
            // When it fails there is less to resume with.
            let _ = spool.save();
        }
    }
    Ok(())
}

/// Names below a directory that are not temporary, and how many are.
fn names(directory: &Path, files: &mut Vec<String>, prefix: &str) -> usize {
    let mut temporary = 0;
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            temporary += names(&entry.path(), files, &format!("{prefix}{name}/"));
        } else if name.starts_with(".norm-") {
            temporary += 1;
        } else {
            files.push(format!("{prefix}{name}"));
        }
    }
    temporary
}

/// Checks that each file that has its name is whole, and returns their bytes.
fn check_files(directory: &Path, what: &str) -> u64 {
    let mut found = Vec::new();
    names(directory, &mut found, "");
    let mut bytes = 0;
    for name in found {
        if let Some((_, target)) = LINKS.into_iter().find(|(path, _)| *path == name) {
            let found = fs::read_link(directory.join(&name)).unwrap();
            assert_eq!(found, Path::new(target), "{what}: {name}");
            continue;
        }
        if let Some((_, to)) = NAMES.into_iter().find(|(path, _)| *path == name) {
            let (path, size) = FILES[to as usize - 1];
            let content = fs::read(directory.join(&name)).unwrap();
            assert!(content == content_of(path, size), "{what}: {name} is not what was sent");
            continue;
        }
        let content = fs::read(directory.join(&name)).unwrap();
        if name == "other" {
            assert_eq!(content, b"precious", "{what}: what was there before");
            continue;
        }
        let (path, size) = FILES.into_iter().find(|(path, _)| *path == name).unwrap();
        assert!(content == content_of(path, size), "{what}: {name} is not what was sent");
        bytes += size as u64;
    }
    bytes
}

/// Leaves what a session does that ends early: returns how much that is.
fn interrupt(directory: &Path, source: &Source) -> u64 {
    let _quiet = inject(&[]);
    let payload = source.payload.len() as u64;
    let spool = Spools::new(directory, true).create(source.hash, payload).unwrap();
    spool.write(SpoolFile::Manifest, &source.manifest, 0).unwrap();
    spool.write(SpoolFile::Payload, &source.payload[..5 * BLOCK], 0).unwrap();
    (5 * BLOCK) as u64
}

/// Receives with this fault, then without, perhaps after a session that ended early. Returns true
/// when the first time succeeded.
fn try_fault(source: &Source, faults: &[Fault], resume: bool) -> bool {
    let what = format!("{faults:?}, resumed: {resume}");
    let dir = directory();
    let directory = dir.path();
    let left = if resume { interrupt(directory, source) } else { 0 };
    let injection = inject(faults);
    let first = receive(directory, source);
    assert!(injection.has_hit(&faults[0]), "{what}: it did not come to that");
    drop(injection);
    let placed = check_files(directory, &what);
    let total = source.payload.len() as u64;
    if let Some(set) = &first.placed {
        assert_eq!(placed, total, "{what}: complete, and something is missing");
        for name in NAMES.map(|name| name.0).into_iter().chain(LINKS.map(|link| link.0)) {
            assert!(fs::symlink_metadata(directory.join(name)).is_ok(), "{what}: no {name}");
        }
        assert_eq!(set.present, 2, "{what}");
    }
    let quiet = inject(&[]);
    let second = receive(directory, source);
    drop(quiet);
    assert!(second.placed.is_some(), "{what}: not even without it: {second:?} after {first:?}");
    assert_eq!(check_files(directory, &what), total, "{what}");
    if first.placed.is_none() {
        assert!(!first.error.is_empty(), "{what}");
        // What it said that it keeps is there.
        let kept = first.kept.unwrap_or(0);
        assert!(second.found >= kept, "{what}: {kept} bytes kept, {} found", second.found);
        // What is in place is not written.
        let there = second.found + placed;
        assert!(there >= first.had || first.had < MIB as u64, "{what}: {first:?}, {second:?}");
        assert!(there >= left, "{what}: {left} bytes were there before: {first:?}, {second:?}");
    }
    first.placed.is_some()
}

/// Calls of a session in which nothing fails, less those of a placed set's end.
fn calls(source: &Source, faults: &[Fault], resume: bool) -> Vec<Call> {
    let dir = directory();
    if resume {
        interrupt(dir.path(), source);
    }
    let injection = inject(faults);
    let outcome = receive(dir.path(), source);
    assert!(outcome.placed.is_some(), "{outcome:?}");
    injection.calls()
}

/// True when this call writes the account of what is there, which is made anew for each.
fn is_state(calls: &[Call], call: Call, after: usize) -> bool {
    let mut places = calls.iter().enumerate().filter(|&(_, other)| *other == call);
    let (at, _) = places.nth(after).unwrap();
    // After it is made, or opened.
    call == Call::Write && matches!(calls[at - 1], Call::Create | Call::Stat)
}

/// An output directory with three files, in memory where that is possible: many are made.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap());
    fs::write(dir.path().join("other"), "precious").unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    fs::write(dir.path().join("third"), content_of("third", 5_000)).unwrap();
    dir
}

#[test]
fn each_call_fails_once_and_nothing_is_lost_or_claimed() {
    try_all(false);
}

#[test]
fn each_call_of_a_resumed_session_fails_once_and_nothing_is_lost_or_claimed() {
    try_all(true);
}

fn try_all(resume: bool) {
    let source = Source::new();
    // A share: all that is not known to be a local disk is flushed.
    let share = Fault { call: Call::Kind, after: None, errno: libc::ENOSYS };
    let calls = calls(&source, &[share], resume);
    let mut kinds = calls.clone();
    kinds.sort();
    kinds.dedup();
    let tried = [Call::Sync, Call::Close, Call::SetMode, Call::Copy, Call::Link, Call::Lock];
    for call in tried.into_iter().chain([Call::MakeLink]) {
        assert!(kinds.contains(&call), "{call:?} is not tried");
    }
    let (mut tried, mut survived) = (0, 0);
    for call in kinds {
        let count = calls.iter().filter(|&&other| other == call).count();
        for after in 0..count {
            for &errno in likely(call).iter().take(if resume { 2 } else { usize::MAX }) {
                let fault = Fault { call, after: Some(after), errno };
                let complete = try_fault(&source, &[fault, share], resume);
                tried += 1;
                survived += usize::from(complete);
                let harmless = matches!(
                    call,
                    Call::SetMode | Call::SetTimes | Call::Lock | Call::Release | Call::Kind
                );
                assert!(complete || !harmless, "{fault:?} is no reason to fail");
                let matters = match call {
                    Call::Write | Call::Copy | Call::Close => true,
                    Call::Sync => ![libc::EINVAL, libc::EOPNOTSUPP].contains(&errno),
                    _ => false,
                };
                assert!(!(complete && matters) || is_state(&calls, call, after), "{fault:?}");
            }
        }
    }
    println!("{tried} faults, {survived} of them without harm");
    assert!(tried > 200, "{tried}");
}
