use std::fs::{self, OpenOptions};
use std::sync::Arc;

use norm_core::fileset::{
    ChunkHasher, DigestListWriter, Entry, EntryKind, ManifestWriter, TEMP_PREFIX,
};

use super::*;
use crate::sink::digests::Digests;
use crate::sink::resume::{self, ResumeProblem, State};
use crate::sink::spool_table::Spools;

const SET: ManifestHash = ManifestHash([0xab; 32]);
/// No chunks.
const NONE: [u32; 0] = [];

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn blocks_go_to_their_place_in_any_order() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 10).unwrap();
    let prefix = format!(".norm-{}", "ab".repeat(32));
    let expected = ["digests", "manifest", "payload"].map(|kind| format!("{prefix}.{kind}"));
    assert_eq!(names(dir.path()), expected);
    spool.write(SpoolFile::Payload, b"56789", 5).unwrap();
    spool.write(SpoolFile::Payload, b"01234", 0).unwrap();
    spool.write(SpoolFile::DigestList, b"list", 0).unwrap();
    assert_eq!(spool.written(), 14);
    assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), b"0123456789");
    drop(spool);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn stale_files_of_the_same_set_are_replaced() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")), b"stale and long").unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 3).unwrap();
    spool.take_room(|| true).unwrap();
    assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), [0; 3]);
}

#[test]
#[cfg(unix)]
fn link_in_place_of_a_spool_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let victim = dir.path().join("victim");
    fs::write(&victim, b"precious").unwrap();
    std::os::unix::fs::symlink(&victim, dir.path().join(format!("{TEMP_PREFIX}{SET}.payload")))
        .unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, 4).unwrap();
    spool.write(SpoolFile::Payload, b"evil", 0).unwrap();
    assert_eq!(fs::read(&victim).unwrap(), b"precious");
}

#[test]
#[cfg(target_os = "linux")]
fn receivers_do_not_share_the_files_of_a_set() {
    let dir = tempfile::tempdir().unwrap();
    let first = Spools::new(dir.path(), true).create(SET, 4).unwrap();
    let second = Spools::new(dir.path(), true).create(SET, 4).unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
    first.write(SpoolFile::Payload, b"mine", 0).unwrap();
    assert_eq!(fs::read(first.path(SpoolFile::Payload)).unwrap(), b"mine");
}

/// A manifest of files with these sizes.
fn manifest_of(sizes: &[u64]) -> (Vec<u8>, ManifestHash) {
    let mut writer = ManifestWriter::new();
    for (n, &size) in sizes.iter().enumerate() {
        let path = &format!("file-{n}");
        writer.push(&Entry { size, ..Entry::new(EntryKind::File, path) }).unwrap();
    }
    writer.finish()
}

/// A plan of files with these sizes.
fn plan(sizes: &[u64]) -> Plan {
    Plan::new(&manifest_of(sizes).0, sizes.iter().sum()).unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn payload_without_room_is_refused_when_its_files_are_known() {
    const SIZE: u64 = 8 << 40;
    let dir = tempfile::tempdir().unwrap();
    let spool = Spools::new(dir.path(), true).create(SET, SIZE).unwrap();
    let error = spool.check_room(&plan(&[SIZE])).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert!(error.to_string().contains("8796093022208 bytes to come"), "{error}");
    assert!(error.to_string().ends_with(" are free"), "what to do is the caller's: {error}");
    drop(spool);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn largest_file_that_is_copied_needs_room_twice() {
    let needs = |sizes: &[u64], present| Needs::new(&plan(sizes), None, present);
    assert_eq!(needs(&[50, 20, 30], 0), Needs { payload: 100, twice: 30, files: 3 });
    assert_eq!(needs(&[50, 20, 30], 70), Needs { payload: 30, twice: 30, files: 3 });
    assert_eq!(needs(&[50], 60), Needs { payload: 0, twice: 0, files: 1 });
    let says = |bytes, files| {
        let free = Free { bytes, files };
        let needs = needs(&[50, 20, 30], 0);
        needs.check(free, Path::new("out")).map_err(|error| error.to_string())
    };
    assert_eq!(says(None, None), Ok(()), "what is not told is not held against it");
    assert_eq!(says(Some(130), Some(3)), Ok(()));
    let short = says(Some(99), None).unwrap_err();
    assert_eq!(short, "100 bytes to come, but in out only 99 are free");
    let twice = says(Some(129), None).unwrap_err();
    assert!(twice.contains("and 30 more for a while, when the largest file gets"), "{twice}");
    let inodes = says(Some(130), Some(2)).unwrap_err();
    assert!(inodes.contains("3 files to come") && inodes.contains("inodes"), "{inodes}");
}

#[test]
fn files_in_place_need_no_room() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file-1"), [7; 20]).unwrap();
    fs::write(dir.path().join("file-2"), [7; 29]).unwrap();
    let plan = plan(&[50, 20, 30]);
    let files = InPlace::find(&plan, dir.path());
    let expected = Needs { payload: 80, twice: 30, files: 2 };
    assert_eq!(Needs::new(&plan, Some(&files), 0), expected);
}

#[test]
#[cfg(target_os = "linux")]
fn block_for_which_the_disk_has_no_room_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spools::new(dir.path(), true).create(SET, 10).unwrap();
    spool.payload = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let error = spool.write(SpoolFile::Payload, b"01234", 0).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    assert_eq!((spool.written(), spool.have().bytes()), (0, 0));
}

const MIB: usize = 1 << 20;
/// The manifest of a file of five MiB, and its hash.
fn manifest() -> (Vec<u8>, ManifestHash) {
    let mut writer = ManifestWriter::new();
    let size = 5 * MIB as u64;
    writer.push(&Entry { size, ..Entry::new(EntryKind::File, "file") }).unwrap();
    writer.finish()
}

/// What the manifest is the manifest of.
fn content() -> ManifestHash {
    manifest().1
}

/// A spool for five MiB of which the third and fourth are here.
fn begun(dir: &Path) -> Spool {
    let spool = Spools::new(dir, true).create(content(), 5 * MIB as u64).unwrap();
    spool.take_room(|| true).unwrap();
    spool.write(SpoolFile::Manifest, &manifest().0, 0).unwrap();
    spool.write(SpoolFile::Payload, &[7; 2 * MIB], 2 * MIB as u64).unwrap();
    spool.write(SpoolFile::DigestList, b"list", 0).unwrap();
    spool
}

fn open(dir: &Path) -> (Spool, Option<ResumeProblem>) {
    let mut spools = Spools::new(dir, true);
    let opened = spools.open(content(), 5 * MIB as u64).unwrap();
    (Arc::into_inner(opened.spool).unwrap(), opened.problem)
}

#[test]
fn unfinished_payload_stays_without_room_for_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    assert_eq!(spool.resumable(), Some(2 * MIB as u64));
    let payload = spool.path(SpoolFile::Payload);
    drop(spool);
    let kinds: Vec<String> =
        names(dir.path()).iter().map(|name| name.rsplit_once('.').unwrap().1.to_owned()).collect();
    assert_eq!(kinds, ["manifest", "payload", "state"]);
    assert_eq!(fs::metadata(&payload).unwrap().len(), 4 * MIB as u64);

    let (spool, problem) = open(dir.path());
    assert_eq!(problem, None);
    assert_eq!(spool.written(), 2 * MIB as u64);
    assert!(spool.have().covers(2 * MIB as u64, 4 * MIB as u64));
    let len = manifest().0.len() as u64;
    assert!(!spool.take_manifest(len + 1));
    assert!(spool.take_manifest(len));
    spool.take_room(|| true).unwrap();
    let bytes = fs::read(&payload).unwrap();
    assert_eq!(bytes.len(), 5 * MIB);
    assert!(bytes[2 * MIB..4 * MIB].iter().all(|&byte| byte == 7));
}

#[test]
fn payload_that_files_were_made_of_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    spool.file(SpoolFile::Payload).set_len(7 * MIB as u64 / 2).unwrap();
    assert_eq!(spool.resumable(), Some(3 * MIB as u64 / 2));
    let payload = spool.path(SpoolFile::Payload);
    drop(spool);
    assert_eq!(fs::metadata(&payload).unwrap().len(), 7 * MIB as u64 / 2, "no hole in its place");
    let (spool, problem) = open(dir.path());
    assert_eq!(problem, None);
    assert_eq!(spool.have().bytes(), 3 * MIB as u64 / 2);

    // Nothing is left that would be worth it.
    spool.file(SpoolFile::Payload).set_len(2 * MIB as u64 + 1).unwrap();
    assert_eq!(spool.resumable(), None);
    drop(spool);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn little_finished_or_unwanted_payload_is_not_kept() {
    let dir = tempfile::tempdir().unwrap();
    let little = Spools::new(dir.path(), true).create(SET, 5 * MIB as u64).unwrap();
    little.write(SpoolFile::Payload, &[7; MIB - 1], 0).unwrap();
    drop(little);
    assert!(names(dir.path()).is_empty());
    let finished = begun(dir.path());
    finished.discard();
    assert_eq!(finished.resumable(), None);
    drop(finished);
    assert!(names(dir.path()).is_empty());
    let fresh = Spools::new(dir.path(), false).create(SET, 5 * MIB as u64).unwrap();
    fresh.write(SpoolFile::Payload, &[7; 2 * MIB], 0).unwrap();
    drop(fresh);
    assert!(names(dir.path()).is_empty());
}

#[test]
fn sender_of_another_length_neither_gets_nor_removes_the_data() {
    let dir = tempfile::tempdir().unwrap();
    drop(begun(dir.path()));
    let mut spools = Spools::new(dir.path(), true);
    let lie = spools.open(content(), 1).unwrap();
    assert_eq!((lie.problem, lie.spool.have().bytes()), (None, 0));
    assert!(!lie.spool.is_first());
    drop(lie);
    let (spool, problem) = open(dir.path());
    assert_eq!(problem, None);
    assert!(spool.have().bytes() > 0);
}

#[test]
#[cfg(unix)]
fn files_of_another_user_are_not_used() {
    let dir = tempfile::tempdir().unwrap();
    drop(begun(dir.path()));
    let payload = names(dir.path()).into_iter().find(|name| name.ends_with("payload")).unwrap();
    if std::os::unix::fs::chown(dir.path().join(payload), Some(65_534), None).is_err() {
        return; // only root can give files away
    }
    let (spool, problem) = open(dir.path());
    assert_eq!((problem, spool.have().bytes()), (None, 0));
    let theirs = names(dir.path()).into_iter().filter(|name| name.ends_with("payload")).count();
    assert_eq!((theirs, spool.is_first()), (2, true), "it stays, and ours has another name");
}

#[test]
fn ranges_that_are_not_there_are_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    drop(begun(dir.path()));
    let name = names(dir.path()).into_iter().find(|name| name.ends_with("payload")).unwrap();
    let file = OpenOptions::new().write(true).open(dir.path().join(name)).unwrap();
    file.set_len(3 * MIB as u64).unwrap();
    let (spool, _) = open(dir.path());
    assert!(spool.have().covers(2 * MIB as u64, 3 * MIB as u64));
    assert_eq!(spool.have().bytes(), MIB as u64);
    // Nor after a crash, when the file has its length again.
    spool.take_room(|| true).unwrap();
    let state = fs::read(spool.names.state()).unwrap();
    assert_eq!(State::parse(&state).unwrap().have.bytes(), MIB as u64);
}

#[test]
fn forgotten_part_is_there_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    let before = spool.written();
    spool.forget(MIB as u64, 3 * MIB as u64);
    assert_eq!(before - spool.written(), MIB as u64);
    assert!(spool.is_unsaved());
    spool.save().unwrap();
    assert!(!spool.is_unsaved());
    drop(spool);
    let (spool, _) = open(dir.path());
    assert_eq!(spool.have().bytes(), MIB as u64);
    let len = manifest().0.len() as u64;
    spool.forget_list(len);
    assert!(!spool.take_manifest(len));
}

#[test]
#[cfg(unix)]
fn file_made_of_the_payload_is_never_touched_again() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, target) = (begun(dir.path()), dir.path().join("file"));
    fs::hard_link(spool.path(SpoolFile::Payload), &target).unwrap();
    assert_eq!(spool.resumable(), None, "it may become a file at any moment");
    drop(spool);
    assert_eq!(names(dir.path()), ["file"]);

    // A crash between the two names.
    fs::remove_file(&target).unwrap();
    let spool = begun(dir.path());
    let payload = spool.path(SpoolFile::Payload);
    drop(spool);
    fs::hard_link(&payload, &target).unwrap();
    let before = fs::read(&target).unwrap();
    let (spool, problem) = open(dir.path());
    assert!(problem.is_some());
    spool.write(SpoolFile::Payload, &[9; 100], 2 * MIB as u64).unwrap();
    assert!(fs::read(&target).unwrap() == before);
}

#[test]
#[cfg(unix)]
fn payload_with_a_files_mode_can_be_resumed() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    system::set_mode(spool.file(SpoolFile::Payload), 0o400).unwrap();
    let payload = spool.path(SpoolFile::Payload);
    drop(spool);
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(payload).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
#[cfg(target_os = "linux")]
fn data_that_another_receiver_resumes_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(begun(dir.path()));
    let (first, _) = open(dir.path());
    let second = Spools::new(dir.path(), true).open(content(), 5 * MIB as u64).unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
    assert_eq!(first.resumable(), Some(2 * MIB as u64));
}

/// Which chunks of the file of five MiB are damaged.
fn damaged(spool: &Spool) -> Vec<std::ops::Range<u64>> {
    spool.know_files(&Plan::new(&manifest().0, 5 * MIB as u64).unwrap());
    let all = 0..5 * MIB as u64;
    crate::sink::hash_chunks(spool, all, crate::sink::Reading::Whole, &AtomicBool::new(false))
        .unwrap()
}

#[test]
fn byte_flipped_in_what_was_kept_is_found_before_any_digest_list_comes() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    assert_eq!(damaged(&spool), [], "it is hashed");
    let payload = spool.path(SpoolFile::Payload);
    drop(spool);
    assert!(names(dir.path()).iter().any(|name| name.ends_with(".chunks")));
    let file = OpenOptions::new().write(true).open(&payload).unwrap();
    system::write_all_at(&file, &[8], 3 * MIB as u64 + 77).unwrap();
    let (spool, _) = open(dir.path());
    let (start, end) = (3 * MIB as u64, 4 * MIB as u64);
    let found = damaged(&spool);
    assert!(found.len() == 1 && found[0] == (start..end), "{found:?}");
    assert!(spool.have().covers(start, end), "that is for the session to forget");
    spool.forget(start, end);
    assert_eq!(damaged(&spool), []);
    spool.save().unwrap();
    drop(spool);
    let (spool, _) = open(dir.path());
    assert_eq!((damaged(&spool), spool.have().bytes()), (vec![], MIB as u64));
}

#[test]
fn verified_chunks_are_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let spool = begun(dir.path());
    assert_eq!(damaged(&spool), []);
    let mut writer = DigestListWriter::new(content());
    let (chunk, size) = ([7; MIB], 5 * MIB as u64);
    for offset in (0..5).map(|n| n * MIB as u64) {
        writer.push(&ChunkHasher::hash(offset, size, &chunk)).unwrap();
    }
    let digests = Arc::new(Digests::parse(&writer.finish().0, content()).unwrap());
    assert_eq!(spool.judge(&digests), NONE);
    spool.write(SpoolFile::Payload, &[9; 4 * MIB], 0).unwrap();
    let bytes = fs::read(spool.path(SpoolFile::Payload)).unwrap();
    assert_eq!((bytes[2 * MIB - 1], bytes[2 * MIB], bytes[4 * MIB - 1]), (9, 7, 7));
    assert_eq!(spool.judge(&digests), [0, 1], "these are not what they should be");
    assert_eq!(spool.not_verified(|_| false), [0, 1, 4]);
    assert_eq!(spool.not_verified(|file| file == 0), NONE);
}

#[test]
fn what_is_not_wanted_counts_as_here_and_is_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut plan = plan(&[4, 4, 4]);
    let mut places = 0..;
    plan.retain(|_, _| places.next() == Some(1));
    let spool = Spools::new(dir.path(), true).create(SET, 12).unwrap();
    spool.know_files(&plan);
    spool.check_room(&plan).unwrap();
    let unwanted: Vec<_> = spool.unwanted().unwrap().iter().collect();
    assert_eq!(unwanted, [(0, 4), (8, 12)]);
    spool.write(SpoolFile::Payload, b"aaaabb", 0).unwrap();
    assert_eq!(spool.written(), 2, "only what is wanted");
    assert!(!spool.has_all(0));
    spool.write(SpoolFile::Payload, b"bbcccc", 6).unwrap();
    assert!(spool.has_all(0));
    assert_eq!(fs::read(spool.path(SpoolFile::Payload)).unwrap(), b"\0\0\0\0bbbb\0\0\0\0");
    assert_eq!(spool.have().bytes(), 4);
    assert!(!spool.start_reading(0) && !spool.start_reading(2), "not wanted");
    assert_eq!(spool.not_verified(|file| !plan.is_wanted(file)), [1]);
}

#[test]
fn what_an_earlier_session_has_kept_counts_as_far_as_it_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let size = 3 * resume::MIN_BYTES;
    let third = size / 3;
    let (manifest, content) = manifest_of(&[third, third, third]);
    let open = || Spools::new(dir.path(), true).create(content, size).unwrap();
    let spool = open();
    spool.write(SpoolFile::Manifest, &manifest, 0).unwrap();
    spool.write(SpoolFile::Payload, &vec![7; (third + 10) as usize], 0).unwrap();
    drop(spool);
    let spool = open();
    assert_eq!(spool.written(), third + 10);
    let mut plan = Plan::new(&manifest, size).unwrap();
    let mut places = 0..;
    plan.retain(|_, _| places.next() == Some(1));
    spool.know_files(&plan);
    assert_eq!(spool.written(), 10);
    spool.begin_again();
    assert_eq!(spool.written(), 10);
}

#[test]
fn what_is_written_or_in_memory_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spools::new(dir.path(), true).create(ManifestHash([1; 32]), 100).unwrap();
    spool.write(SpoolFile::Payload, &[7; 20], 10).unwrap();
    let held = |start, end| spool.held(start, end).iter().collect::<Vec<_>>();
    assert_eq!(held(0, 100), [(10, 30)]);
    assert_eq!(held(20, 100), [(0, 10)]);
    assert_eq!(held(12, 25), [(0, 13)]);
    assert_eq!(held(30, 100), []);
    let part = Part { kind: norm_core::fileset::PartKind::Payload, offset: 20, size: 80 };
    spool.announce(&part, 30, 10);
    assert_eq!(held(20, 100), [(0, 10), (30, 40)]);
    let mut buffer = [0; 5];
    spool.read_held(&mut buffer, 25).unwrap();
    assert_eq!(buffer, [7; 5]);
    assert!(spool.read_held(&mut buffer, 50).is_err(), "it is in memory");
    assert_eq!(held(20, 100), [(0, 10), (30, 40)]);
    spool.file(SpoolFile::Payload).set_len(26).unwrap();
    assert!(spool.read_held(&mut buffer, 24).is_err());
    assert_eq!(held(0, 100), [(10, 24), (29, 30), (50, 60)]);
}
