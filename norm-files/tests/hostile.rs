//! Manifests that no honest sender makes, applied to a real folder with traps in it: nothing is
//! written or changed outside of it, and nothing panics.
//!
//! `NORM_TEST_HOSTILE` says how many are drawn; `NORM_SIM_SEED` repeats one.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a helper of a test fails like the test itself")]
#![expect(clippy::disallowed_methods, reason = "these are no calls of the sink")]

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use norm_core::Rng;
use norm_core::fileset::{
    CHUNK_BYTES, Entry, EntryKind, Hole, HoleList, ManifestHash, ManifestWriter, Mtime, Owner,
    Xattr, XattrList,
};
use norm_files::Preserve;
use norm_files::sink::{
    Part, Parts, PlaceOptions, Plan, Spools, StandaloneFile, path_of, place_set,
};

/// Payloads that are written at most, in bytes.
const MAX_PAYLOAD: u64 = 64 << 10;

/// A folder to receive into, and what must not change.
struct Sandbox {
    dir: tempfile::TempDir,
    /// What the outside looks like.
    before: String,
}

impl Sandbox {
    fn new() -> Self {
        let in_memory = tempfile::tempdir_in("/dev/shm");
        let dir = in_memory.unwrap_or_else(|_| tempfile::tempdir().unwrap());
        let outside = dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::create_dir(outside.join("empty")).unwrap();
        fs::write(outside.join("victim"), "precious").unwrap();
        fs::set_permissions(outside.join("victim"), Permissions::from_mode(0o640)).unwrap();
        fs::hard_link(outside.join("victim"), outside.join("again")).unwrap();
        let mut sandbox = Self { dir, before: String::new() };
        sandbox.plant();
        sandbox.before = sandbox.look();
        sandbox
    }

    fn out(&self) -> PathBuf {
        self.dir.path().join("out")
    }

    fn outside(&self) -> PathBuf {
        self.dir.path().join("outside")
    }

    /// Makes the output folder anew, with traps.
    fn plant(&self) {
        let out = self.out();
        if out.exists() {
            open_up(&out);
            fs::remove_dir_all(&out).unwrap();
        }
        fs::create_dir(&out).unwrap();
        symlink(self.outside(), out.join("way")).unwrap();
        symlink("../outside/victim", out.join("link")).unwrap();
        symlink("loop", out.join("loop")).unwrap();
        fs::create_dir(out.join("d")).unwrap();
        symlink("../../outside", out.join("d/way")).unwrap();
        fs::write(out.join("f"), "old").unwrap();
        fs::hard_link(self.outside().join("victim"), out.join("hard")).unwrap();
    }

    /// All that must not change, as text.
    fn look(&self) -> String {
        let mut text = format!("{:?}\n", names(self.dir.path()));
        for path in ["", "empty", "victim", "again"] {
            let path = self.outside().join(path);
            let found = fs::symlink_metadata(&path).unwrap();
            let content = if found.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
            let listed = if found.is_dir() { names(&path) } else { Vec::new() };
            let (mode, owner) = (found.mode(), (found.uid(), found.gid()));
            let time = (found.mtime(), found.mtime_nsec(), found.ino());
            text += &format!("{path:?} {mode:o} {owner:?} {time:?} {content:?} {listed:?}\n");
        }
        text
    }
}

fn names(directory: &Path) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

/// Lets what is in directories be removed, whatever their modes are.
fn open_up(directory: &Path) {
    fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            open_up(&entry.path());
        }
    }
}

/// One of these.
fn pick<'a, T: ?Sized>(rng: &mut Rng, all: &[&'a T]) -> &'a T {
    all[rng.below(all.len() as u64) as usize]
}

/// A path or target that may lead anywhere.
fn path(rng: &mut Rng, outside: &str) -> String {
    let long = "n".repeat(300);
    let parts = [
        "..",
        ".",
        "",
        "a",
        "b",
        "d",
        "f",
        "way",
        "link",
        "loop",
        "hard",
        "outside",
        "victim",
        "empty",
        "\u{f7ae}\u{f7ae}",
        "..\u{f7ff}",
        "a\0b",
        ".norm-x.part",
        ".NORM-",
        "\\",
        "C:",
        "é\n",
        &long,
    ];
    let mut path = match rng.below(8) {
        0 => "/".to_owned(),
        1 => format!("{outside}/"),
        2 => "../outside/".to_owned(),
        _ => String::new(),
    };
    for n in 0..=rng.below(4) {
        if n > 0 {
            path.push('/');
        }
        path.push_str(pick(rng, &parts));
    }
    if path.is_empty() { "x".to_owned() } else { path }
}

fn size(rng: &mut Rng) -> u64 {
    match rng.below(12) {
        0 => 1 << 62,
        1 => u64::MAX - rng.below(3),
        2 => 16 << 40,
        3 => 1 << 40,
        4 => CHUNK_BYTES * rng.below(4) + rng.below(3),
        _ => rng.below(20),
    }
}

fn holes(rng: &mut Rng, size: u64) -> HoleList {
    let mut holes = HoleList::default();
    let mut at = 0;
    for _ in 0..rng.below(4) {
        let (offset, len) = match rng.below(8) {
            0 => (rng.next_u64(), rng.next_u64()),
            1 => (0, size),
            2 => (0, 1 << 62),
            _ => (u64::wrapping_add(at, rng.below(3)), 1 + rng.below(size.clamp(1, 1 << 50))),
        };
        holes.push(Hole { offset, len });
        at = offset.saturating_add(len).saturating_add(1);
    }
    holes
}

/// A manifest, which may be damaged, and the bytes of its payload.
fn manifest(rng: &mut Rng, outside: &str) -> (Vec<u8>, u64) {
    let mut writer = ManifestWriter::new();
    for _ in 0..rng.below(12) {
        let (path, target) = (path(rng, outside), path(rng, outside));
        let mut xattrs = XattrList::default();
        for name in ["security.capability", "trusted.x", "user.a"] {
            if rng.chance(0.2) {
                xattrs.push(Xattr { name: name.as_bytes(), value: b"\x01\0\0\x02value" }).unwrap();
            }
        }
        // The system reads the highest number as no change.
        let ids = [0, 7, u32::MAX - 1, u32::MAX, rng.next_u32()];
        let mut id = || ids[rng.below(ids.len() as u64) as usize];
        let (uid, gid) = (id(), id());
        let owner = Owner { uid, gid, user: pick(rng, &["", "root", "x\0"]), group: "" };
        let kind = match rng.below(8) {
            0..3 => EntryKind::File,
            3 => EntryKind::Directory,
            4 | 5 => EntryKind::SymbolicLink { target: &target },
            _ => EntryKind::HardLink { to: rng.below(u64::from(writer.entries()) + 2) as u32 },
        };
        let mut entry = Entry::new(kind, &path);
        let (size, seconds) = (size(rng), rng.next_u64() as i64);
        let holes = holes(rng, size);
        if !matches!(kind, EntryKind::HardLink { .. }) {
            entry.mode = rng.next_u32();
            entry.mtime = Mtime { seconds, nanos: rng.below(1_000_000_000) as u32 };
            entry.owner = rng.chance(0.3).then_some(owner);
            entry.xattrs = xattrs.as_xattrs();
        }
        if kind == EntryKind::File {
            (entry.size, entry.holes) = (size, holes.as_holes());
        }
        // What no manifest can say is left to the damage below.
        let _ = writer.push(&entry);
    }
    let payload = writer.payload_size();
    let (mut bytes, _) = writer.finish();
    if rng.chance(0.3) {
        for _ in 0..=rng.below(4) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.next_u64() as u8;
        }
        if rng.chance(0.5) {
            let number = [1 << 62, u64::MAX, 1 << 42, 0][rng.below(4) as usize];
            let at = rng.below(bytes.len() as u64 - 7) as usize;
            bytes[at..at + 8].copy_from_slice(&number.to_be_bytes());
        }
    }
    (bytes, payload)
}

/// Receives the set of a manifest, as far as a receiver would; true if files were made.
fn receive(sandbox: &Sandbox, rng: &mut Rng, manifest: &[u8], payload: u64) -> bool {
    let Ok(plan) = Plan::new(manifest, payload) else { return false };
    let preserve = Preserve {
        special_modes: rng.chance(0.5),
        owner: rng.chance(0.5),
        xattrs: rng.chance(0.5),
        all_xattrs: rng.chance(0.5),
        acls: rng.chance(0.5),
    };
    let options = PlaceOptions { overwrite: rng.chance(0.5), preserve, ..PlaceOptions::default() };
    if plan.check_sparse().is_err() && rng.chance(0.5) {
        return false;
    }
    // What is found to be in the way may be so later.
    if plan.check(&sandbox.out(), options.overwrite).is_err() && rng.chance(0.5) {
        return false;
    }
    if payload > MAX_PAYLOAD {
        return false;
    }
    let content = vec![b'o'; payload as usize];
    let spool = Spools::new(&sandbox.out(), true).create(ManifestHash([9; 32]), payload).unwrap();
    spool.know_files(&plan);
    spool.use_files_in_place(&plan);
    let part = Part { kind: norm_core::fileset::PartKind::Payload, offset: 0, size: payload };
    spool.write_block(&part, &content, 0).unwrap();
    let run = AtomicBool::new(false);
    let placed = place_set(&spool, &plan, &BTreeSet::new(), &options, &run, &mut |_| {}).is_ok();
    spool.discard();
    placed
}

fn one(sandbox: &Sandbox, seed: u64) -> bool {
    let mut rng = Rng::new(seed);
    sandbox.plant();
    let before = sandbox.look();
    assert_eq!(before, sandbox.before, "seed {seed}: what was planted changed it");
    let outside = sandbox.outside().to_str().unwrap().to_owned();
    let (bytes, payload) = manifest(&mut rng, &outside);
    let placed = receive(sandbox, &mut rng, &bytes, payload);
    assert_eq!(sandbox.look(), before, "seed {seed} (NORM_SIM_SEED={seed} repeats it)");
    placed
}

#[test]
fn drawn_manifests_change_nothing_outside() {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (first, count) = match number("NORM_SIM_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("NORM_TEST_HOSTILE").unwrap_or(10_000)),
    };
    let (next, placed) = (AtomicU64::new(first), AtomicU64::new(0));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let sandbox = Sandbox::new();
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        break;
                    }
                    placed.fetch_add(u64::from(one(&sandbox, seed)), Ordering::Relaxed);
                }
                open_up(&sandbox.out());
            });
        }
    });
    let placed = placed.into_inner();
    println!("{count} manifests, of which {placed} became files");
    assert!(count < 1_000 || placed > count / 20, "{placed} of {count}");
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 200 << 10, "{peak} KiB of memory");
}

/// A set with one file in a directory, and its payload.
fn file_in_directory() -> (Plan, Vec<u8>) {
    let mut writer = ManifestWriter::new();
    let directory = Entry { mode: 0o777, ..Entry::new(EntryKind::Directory, "d/e") };
    writer.push(&directory).unwrap();
    let file = Entry { size: 3, mode: 0o666, ..Entry::new(EntryKind::File, "d/e/victim") };
    writer.push(&file).unwrap();
    let link = EntryKind::SymbolicLink { target: "victim" };
    writer.push(&Entry::new(link, "d/e/again")).unwrap();
    writer.push(&Entry::new(EntryKind::HardLink { to: 1 }, "d/name")).unwrap();
    (Plan::new(&writer.finish().0, 3).unwrap(), b"new".to_vec())
}

#[test]
fn directory_that_is_swapped_for_a_link_meanwhile_leads_nowhere() {
    let sandbox = Sandbox::new();
    let (out, over) = (sandbox.out(), AtomicBool::new(false));
    fs::remove_file(out.join("d/way")).unwrap();
    let (plan, content) = file_in_directory();
    let parts = Arc::new(Parts::new(&out));
    let (mut placed, mut refused) = (0, 0);
    thread::scope(|scope| {
        scope.spawn(|| {
            // A directory, a link in its place, nothing, and so on.
            let (d, moved) = (out.join("d"), out.join("moved"));
            while !over.load(Ordering::Relaxed) {
                let _ = fs::remove_dir_all(&moved);
                let _ = fs::rename(&d, &moved);
                let _ = symlink(sandbox.outside(), &d);
                thread::yield_now();
                let _ = fs::remove_file(&d);
            }
        });
        for turn in 0..2_000u64 {
            let options = PlaceOptions { overwrite: turn % 2 == 0, ..PlaceOptions::default() };
            let spool = Spools::new(&out, true).create(ManifestHash([8; 32]), 3).unwrap();
            let part = Part { kind: norm_core::fileset::PartKind::Payload, offset: 0, size: 3 };
            spool.write_block(&part, &content, 0).unwrap();
            let (none, run) = (BTreeSet::new(), AtomicBool::new(false));
            match place_set(&spool, &plan, &none, &options, &run, &mut |_| {}) {
                Ok(_) => placed += 1,
                Err(_) => refused += 1,
            }
            spool.discard();
            let name = path_of(Some(b"d/e/victim")).unwrap();
            if let Ok(file) = StandaloneFile::new(&parts, &name, 3, true) {
                let _ = file.write(b"new", 0).map(|()| file.place(&options, &run));
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    println!("{placed} placed, {refused} refused");
    assert_eq!(sandbox.look(), sandbox.before);
}

#[test]
fn planted_temporary_names_are_neither_written_nor_followed() {
    let sandbox = Sandbox::new();
    let out = sandbox.out();
    fs::remove_file(out.join("d/way")).unwrap();
    fs::create_dir(out.join("d/e")).unwrap();
    let (plan, content) = file_in_directory();
    let before = sandbox.look();
    for trap in 0..2 {
        let spool = Spools::new(&out, true).create(ManifestHash([7; 32]), 3).unwrap();
        let victim = sandbox.outside().join("victim");
        for name in [spool.part(0), "victim".to_owned(), "again".to_owned()] {
            let place = out.join("d/e").join(name);
            let _ = fs::remove_file(&place);
            if trap == 0 { symlink(&victim, place) } else { fs::hard_link(&victim, place) }
                .unwrap();
        }
        let part = Part { kind: norm_core::fileset::PartKind::Payload, offset: 0, size: 3 };
        spool.write_block(&part, &content, 0).unwrap();
        let options = PlaceOptions { overwrite: true, ..PlaceOptions::default() };
        let (none, run) = (BTreeSet::new(), AtomicBool::new(false));
        place_set(&spool, &plan, &none, &options, &run, &mut |_| {}).unwrap();
        spool.discard();
        assert_eq!(sandbox.look(), before);
        assert_eq!(fs::read(out.join("d/e/victim")).unwrap(), b"new");
        let ino = |name: &str| fs::symlink_metadata(out.join(name)).unwrap().ino();
        assert_eq!(ino("d/e/victim"), ino("d/name"));
    }
}
