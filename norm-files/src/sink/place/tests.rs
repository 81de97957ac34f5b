use std::fs::{self, File, FileTimes};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::Preserve;
use crate::sink::backup::Backup;
use crate::sink::plan::PlanError;
use crate::sink::spool_files::SpoolFile;
use crate::sink::spool_table::Spools;
use crate::sink::system;
use norm_core::fileset::{Entry, EntryKind, ManifestHash, ManifestWriter, Mtime};

const SET: ManifestHash = ManifestHash([0x11; 32]);
const TIME: Mtime = Mtime { seconds: 1_500_000_000, nanos: 7_000 };

struct Fixture {
    dir: tempfile::TempDir,
    plan: Plan,
    spool: Option<Spool>,
    /// Files that have failed.
    failed: BTreeSet<usize>,
}

impl Fixture {
    /// A spool with these files' contents; a path that ends in `/` is a directory.
    fn new(files: &[(&str, &str)]) -> Self {
        let mut writer = ManifestWriter::new();
        let mut payload = String::new();
        for &(path, content) in files {
            let directory = path.ends_with('/');
            let kind = if directory { EntryKind::Directory } else { EntryKind::File };
            // Set-user-id must not come through.
            let (mode, size) = (0o104_751, content.len() as u64);
            let entry = Entry { mode, mtime: TIME, size, ..Entry::new(kind, path) };
            writer.push(&entry).unwrap();
            payload.push_str(content);
        }
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(SET, payload.len() as u64).unwrap();
        let file = spool.file(SpoolFile::Payload);
        system::write_all_at(file, payload.as_bytes(), 0).unwrap();
        let plan = Plan::new(&writer.finish().0, payload.len() as u64).unwrap();
        Self { dir, plan, spool: Some(spool), failed: BTreeSet::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn spool(&self) -> &Spool {
        self.spool.as_ref().unwrap()
    }

    fn place(&self, overwrite: bool) -> Result<Vec<String>, PlaceError> {
        self.place_all(overwrite).map(|(made, _)| made)
    }

    /// Files made, and those that were there before.
    fn place_all(&self, overwrite: bool) -> Result<(Vec<String>, Vec<String>), PlaceError> {
        let (mut new, mut before) = (Vec::new(), Vec::new());
        let run = AtomicBool::new(false);
        let mut made = |file: PlacedFile<'_>| {
            let path = file.path.strip_prefix(self.dir.path()).unwrap();
            let names = if file.placed == Placed::New { &mut new } else { &mut before };
            names.push(path.to_str().unwrap().to_owned());
        };
        let failed = &self.failed;
        let options = PlaceOptions { overwrite, ..PlaceOptions::default() };
        let count = place_set(self.spool(), &self.plan, failed, &options, &run, &mut made)?;
        assert_eq!(count, PlacedSet { present: before.len() as u64, ..PlacedSet::default() });
        Ok((new, before))
    }

    /// Everything in the output directory, once the spool is gone.
    fn left(&mut self) -> Vec<String> {
        self.spool = None;
        let mut names = Vec::new();
        list(self.dir.path(), "", &mut names);
        names.sort();
        names
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

fn list(directory: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            list(&entry.path(), &format!("{name}/"), names);
        }
        names.push(name);
    }
}

#[test]
fn files_and_directories_are_made_from_last_to_first() {
    let mut set = Fixture::new(&[
        ("d/", ""),
        ("d/inner/deep/", ""),
        ("first", "one"),
        ("d/empty", ""),
        ("d/inner/second", "two!"),
        ("implied/third", "three"),
        ("last", ""),
    ]);
    let made = set.place(false).unwrap();
    assert_eq!(made, ["last", "implied/third", "d/inner/second", "d/empty", "first"]);
    assert_eq!(set.read("first"), "one");
    assert_eq!(set.read("d/inner/second"), "two!");
    assert_eq!(set.read("implied/third"), "three");
    assert_eq!((set.read("last"), set.read("d/empty")), (String::new(), String::new()));
    let expected = [
        "d",
        "d/empty",
        "d/inner",
        "d/inner/deep",
        "d/inner/second",
        "first",
        "implied",
        "implied/third",
        "last",
    ];
    assert_eq!(set.left(), expected, "and no temporary file");
}

#[test]
#[cfg(unix)]
fn modes_and_times_are_the_senders_without_dangerous_bits() {
    use std::os::unix::fs::PermissionsExt;
    let set = Fixture::new(&[("d/", ""), ("d/a", "content"), ("b", "more"), ("d/e", "")]);
    set.place(false).unwrap();
    let time = UNIX_EPOCH + Duration::new(1_500_000_000, 7_000);
    for name in ["d", "d/a", "b", "d/e"] {
        let metadata = fs::metadata(set.path(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, 0o751, "{name}");
        assert_eq!(metadata.modified().unwrap(), time, "{name}");
    }
}

#[test]
#[cfg(unix)]
fn single_file_is_the_payload_itself() {
    use std::os::unix::fs::MetadataExt;
    let mut set = Fixture::new(&[("sub/only", "all of it")]);
    let inode = set.spool().file(SpoolFile::Payload).metadata().unwrap().ino();
    set.place(false).unwrap();
    assert_eq!(fs::metadata(set.path("sub/only")).unwrap().ino(), inode, "nothing was copied");
    assert_eq!(set.left(), ["sub", "sub/only"]);
    assert_eq!(set.read("sub/only"), "all of it");
}

#[test]
fn payload_shrinks_with_every_batch_placed() {
    let set = Fixture::new(&[("a", "0123456789"), ("b", "0123"), ("c", "01234567")]);
    let length = |set: &Fixture| set.spool().file(SpoolFile::Payload).metadata().unwrap().len();
    let mut lengths = vec![length(&set)];
    let (none, run) = (BTreeSet::new(), AtomicBool::new(false));
    place_set(set.spool(), &set.plan, &none, &PlaceOptions::default(), &run, &mut |_| {
        lengths.push(length(&set));
    })
    .unwrap();
    assert_eq!(lengths, [22, 10, 10, 10]);
}

#[test]
fn existing_files_are_not_touched() {
    for existing in ["a", "b"] {
        let mut set = Fixture::new(&[("a", "new a"), ("b", "new b")]);
        fs::write(set.path(existing), "old").unwrap();
        let error = set.place(false).unwrap_err();
        assert!(matches!(&error, PlaceError::Plan(PlanError::Exists(_))), "{error}");
        assert_eq!(set.read(existing), "old");
        set.spool().discard();
        assert_eq!(set.left(), [existing], "neither another file nor a temporary one");
    }
}

#[test]
#[cfg(unix)]
fn present_file_with_the_same_content_stays_as_it_is() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let time = UNIX_EPOCH + Duration::new(1_500_000_000, 7_000);
    let before_all = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for existing in [&["a"][..], &["d/b"], &["c"], &["empty"], &["a", "d/b", "c", "empty"]] {
        let files = [("a", "one"), ("d/b", "two!"), ("c", "three"), ("empty", "")];
        let mut set = Fixture::new(&files);
        let mut inodes = Vec::new();
        for &name in existing {
            fs::create_dir_all(set.path(name).parent().unwrap()).unwrap();
            let content = files.iter().find(|(path, _)| *path == name).unwrap().1;
            fs::write(set.path(name), content).unwrap();
            let there = File::open(set.path(name)).unwrap();
            // Not for others to read, whatever the sender's mode is.
            system::set_mode(&there, 0o600).unwrap();
            there.set_times(FileTimes::new().set_modified(before_all)).unwrap();
            inodes.push(fs::metadata(set.path(name)).unwrap().ino());
            // Of a run that was killed.
            fs::write(set.path(name).with_file_name(set.spool().part(0)), "half").unwrap();
        }
        let (made, mut before) = set.place_all(false).unwrap();
        before.reverse();
        assert_eq!(
            (made.len(), before),
            (4 - existing.len(), existing.iter().map(ToString::to_string).collect())
        );
        let now: Vec<u64> =
            existing.iter().map(|name| fs::metadata(set.path(name)).unwrap().ino()).collect();
        assert_eq!(now, inodes, "not made anew");
        for (name, content) in files {
            assert_eq!(set.read(name), content);
            let metadata = fs::metadata(set.path(name)).unwrap();
            let expected =
                if existing.contains(&name) { (0o600, before_all) } else { (0o751, time) };
            let mode = metadata.permissions().mode() & 0o7777;
            assert_eq!((mode, metadata.modified().unwrap()), expected, "{name}");
        }
        set.spool().discard();
        assert_eq!(set.left(), ["a", "c", "d", "d/b", "empty"], "and no temporary file");
    }
}

#[test]
#[cfg(unix)]
fn payload_by_another_name_is_not_cut() {
    let mut set = Fixture::new(&[("only", "all of it")]);
    fs::hard_link(set.spool().path(SpoolFile::Payload), set.path("only")).unwrap();
    assert_eq!(set.place_all(false).unwrap().1, ["only"]);
    assert_eq!(set.read("only"), "all of it");
    set.spool().discard();
    assert_eq!(set.left(), ["only"]);
    assert_eq!(set.read("only"), "all of it");
}

#[test]
fn file_of_the_same_size_and_other_content_is_in_the_way() {
    for existing in ["a", "b"] {
        let mut set = Fixture::new(&[("d/", ""), ("a", "new a"), ("b", "new b")]);
        fs::write(set.path(existing), "old !").unwrap();
        let error = set.place(false).unwrap_err();
        let PlaceError::Plan(PlanError::Differs(path)) = &error else { panic!("{error}") };
        assert_eq!(*path, set.path(existing));
        assert_eq!(set.read(existing), "old !");
        let payload = set.spool().file(SpoolFile::Payload).metadata().unwrap();
        assert_eq!(payload.len(), 10, "nothing of it is lost");
        assert_eq!(set.left(), [existing], "neither another file nor a temporary one");
    }
}

#[test]
#[cfg(unix)]
fn link_to_the_same_content_is_in_the_way() {
    let set = Fixture::new(&[("a", "new a")]);
    fs::write(set.path("other"), "new a").unwrap();
    std::os::unix::fs::symlink("other", set.path("a")).unwrap();
    assert!(matches!(set.place(false), Err(PlaceError::Plan(PlanError::Exists(_)))));
    assert!(fs::symlink_metadata(set.path("a")).unwrap().is_symlink());
}

#[test]
fn overwriting_replaces_files_and_no_directories() {
    let set = Fixture::new(&[("a", "new a"), ("b", "new b")]);
    fs::write(set.path("a"), "old a, which is longer").unwrap();
    fs::write(set.path("b"), "old b").unwrap();
    set.place(true).unwrap();
    assert_eq!((set.read("a"), set.read("b")), ("new a".to_owned(), "new b".to_owned()));

    let set = Fixture::new(&[("a", "new a")]);
    fs::create_dir(set.path("a")).unwrap();
    assert!(set.place(true).is_err());
    assert!(set.path("a").is_dir());
}

#[test]
#[cfg(unix)]
fn links_are_refused_as_folders_and_replaced_as_files() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let set = Fixture::new(&[("way/x", "content")]);
    symlink(outside.path(), set.path("way")).unwrap();
    assert!(matches!(set.place(false), Err(PlaceError::Plan(PlanError::InTheWay(_)))));
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);

    let victim = outside.path().join("victim");
    fs::write(&victim, "precious").unwrap();
    let set = Fixture::new(&[("x", "content")]);
    symlink(&victim, set.path("x")).unwrap();
    assert!(matches!(set.place(false), Err(PlaceError::Plan(PlanError::Exists(_)))));
    set.place(true).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
    assert_eq!(set.read("x"), "content");
}

#[test]
fn existing_directory_keeps_its_mode_and_perhaps_its_time() {
    for overwrite in [false, true] {
        let set = Fixture::new(&[("d/", ""), ("d/a", "x")]);
        fs::create_dir(set.path("d")).unwrap();
        let before = fs::metadata(set.path("d")).unwrap().permissions();
        set.place(overwrite).unwrap();
        let after = fs::metadata(set.path("d")).unwrap();
        assert_eq!(after.permissions(), before);
        let time = UNIX_EPOCH + Duration::new(1_500_000_000, 7_000);
        let set = cfg!(unix) && after.modified().unwrap() == time;
        assert_eq!(set, cfg!(unix) && overwrite);
    }
}

#[cfg(unix)]
mod on_unix {
    use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};

    use norm_core::fileset::{Hole, HoleList, Owner, Xattr, XattrList};

    use super::*;

    const FILE: Entry<'_> = Entry { mode: 0o640, mtime: TIME, ..Entry::new(EntryKind::File, "f") };

    fn file<'a>(path: &'a str, content: &str) -> Entry<'a> {
        Entry { size: content.len() as u64, path, ..FILE }
    }

    fn name(path: &str, to: u32) -> Entry<'_> {
        Entry::new(EntryKind::HardLink { to }, path)
    }

    fn link<'a>(path: &'a str, target: &'a str) -> Entry<'a> {
        Entry { mtime: TIME, ..Entry::new(EntryKind::SymbolicLink { target }, path) }
    }

    /// A spool with a payload for these entries.
    fn fixture(entries: &[Entry<'_>], payload: &str) -> Fixture {
        let mut writer = ManifestWriter::new();
        entries.iter().for_each(|entry| writer.push(entry).unwrap());
        let dir = tempfile::tempdir().unwrap();
        let spool = Spools::new(dir.path(), true).create(SET, payload.len() as u64).unwrap();
        system::write_all_at(spool.file(SpoolFile::Payload), payload.as_bytes(), 0).unwrap();
        let plan = Plan::new(&writer.finish().0, payload.len() as u64).unwrap();
        Fixture { dir, plan, spool: Some(spool), failed: BTreeSet::new() }
    }

    fn inode(set: &Fixture, name: &str) -> u64 {
        fs::symlink_metadata(set.path(name)).unwrap().ino()
    }

    #[test]
    fn links_are_made_as_they_are_and_last() {
        let entries = [link("d/a", "../../away"), link("loop", "loop"), file("d/f", "x")];
        let set = fixture(&entries, "x");
        set.place(false).unwrap();
        let leads = |name: &str| fs::read_link(set.path(name)).unwrap();
        assert_eq!((leads("d/a"), leads("loop")), ("../../away".into(), "loop".into()));
        let time = fs::symlink_metadata(set.path("d/a")).unwrap().modified().unwrap();
        assert_eq!(time, UNIX_EPOCH + Duration::new(1_500_000_000, 7_000));
    }

    #[test]
    fn link_that_is_there_stays_and_another_is_in_the_way_or_replaced() {
        let entries = [link("l", "a")];
        let set = fixture(&entries, "");
        symlink("a", set.path("l")).unwrap();
        let before = inode(&set, "l");
        set.place(false).unwrap();
        assert_eq!(inode(&set, "l"), before, "it leads where it should");

        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        for overwrite in [false, true] {
            let mut set = fixture(&entries, "");
            symlink(&victim, set.path("l")).unwrap();
            let placed = set.place(overwrite);
            assert_eq!(placed.is_ok(), overwrite, "{placed:?}");
            let expected = if overwrite { Path::new("a") } else { &victim };
            assert_eq!(fs::read_link(set.path("l")).unwrap(), expected);
            assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
            set.spool().discard();
            assert_eq!(set.left(), ["l"], "and no temporary file");
        }
        let set = fixture(&entries, "");
        fs::create_dir(set.path("l")).unwrap();
        assert!(set.place(true).is_err() && set.path("l").is_dir());
    }

    #[test]
    fn nothing_is_put_below_a_link_of_the_set_or_one_that_was_there() {
        let below = [link("l", "/tmp"), file("l/f", "x")];
        let mut writer = ManifestWriter::new();
        below.iter().for_each(|entry| writer.push(entry).unwrap());
        let refused = Plan::new(&writer.finish().0, 1).unwrap_err();
        assert!(matches!(refused, PlanError::Clash(_)), "{refused}");

        let outside = tempfile::tempdir().unwrap();
        for overwrite in [false, true] {
            let set = fixture(&[file("way/d/f", "x")], "x");
            symlink(outside.path(), set.path("way")).unwrap();
            let placed = set.place(overwrite);
            assert_eq!(placed.is_ok(), overwrite, "{placed:?}");
            let is_replaced = fs::symlink_metadata(set.path("way")).unwrap().is_dir();
            assert_eq!(is_replaced, overwrite);
            assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn names_of_one_file_are_one_file() {
        let entries =
            [file("a", "one"), name("d/b", 0), file("c", "two!"), name("e", 2), name("f", 2)];
        let mut set = fixture(&entries, "onetwo!");
        let made = set.place(false).unwrap();
        assert_eq!(made, ["c", "e", "f", "a", "d/b"]);
        for (name, same, content) in [("a", "d/b", "one"), ("c", "e", "two!"), ("c", "f", "two!")] {
            assert_eq!(inode(&set, name), inode(&set, same));
            assert_eq!(set.read(same), content);
        }
        assert_eq!(set.left(), ["a", "c", "d", "d/b", "e", "f"]);
    }

    #[test]
    fn names_are_given_only_to_files_that_were_made_here() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        // With the content of the file, and two names already.
        fs::write(&victim, "one").unwrap();
        let before = fs::metadata(&victim).unwrap();
        for planted in ["a", "b", "c"] {
            for overwrite in [false, true] {
                let mut set = fixture(&[file("a", "one"), name("b", 0), name("c", 0)], "one");
                fs::hard_link(&victim, set.path(planted)).unwrap();
                set.place(overwrite).unwrap();
                let others: Vec<&str> =
                    ["a", "b", "c"].into_iter().filter(|&n| n != planted).collect();
                assert_eq!(inode(&set, others[0]), inode(&set, others[1]));
                assert_ne!(inode(&set, others[0]), before.ino(), "{planted}");
                assert_eq!(inode(&set, planted) == before.ino(), !overwrite, "{planted}");
                let after = fs::metadata(&victim).unwrap();
                assert_eq!(fs::read_to_string(&victim).unwrap(), "one");
                assert_eq!(
                    (after.mode(), after.modified().unwrap()),
                    (before.mode(), before.modified().unwrap())
                );
                set.spool().discard();
                assert_eq!(set.left(), ["a", "b", "c"]);
            }
        }
    }

    #[test]
    fn file_with_several_names_is_replaced_and_never_written() {
        let outside = tempfile::tempdir().unwrap();
        let victim = outside.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let before = fs::metadata(&victim).unwrap();
        let set = fixture(&[file("a", "one"), file("b", "two")], "onetwo");
        fs::hard_link(&victim, set.path("a")).unwrap();
        fs::hard_link(&victim, set.path("b")).unwrap();
        set.place(true).unwrap();
        assert_eq!((set.read("a"), set.read("b")), ("one".to_owned(), "two".to_owned()));
        let after = fs::metadata(&victim).unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!((after.mode(), after.mtime()), (before.mode(), before.mtime()));
    }

    #[test]
    fn files_with_holes_are_sparse() {
        const GIB: u64 = 1 << 30;
        let mut holes = HoleList::default();
        holes.push(Hole { offset: 0, len: GIB });
        holes.push(Hole { offset: GIB + 3, len: GIB - 3 });
        let sparse = Entry { size: 2 * GIB, holes: holes.as_holes(), path: "s", ..FILE };
        for first in [true, false] {
            let other = file("o", "xyz");
            let entries = if first { [sparse, other] } else { [other, sparse] };
            let mut set = fixture(&entries, if first { "abcxyz" } else { "xyzabc" });
            set.place(false).unwrap();
            let opened = File::open(set.path("s")).unwrap();
            let metadata = opened.metadata().unwrap();
            assert_eq!(metadata.len(), 2 * GIB);
            assert!(metadata.blocks() * 512 <= 2 << 20, "{} blocks", metadata.blocks());
            let mut content = [1; 5];
            opened.read_exact_at(&mut content, GIB - 1).unwrap();
            assert_eq!(content, *b"\0abc\0");
            assert_eq!(set.read("o"), "xyz");
            assert_eq!(set.left(), ["o", "s"]);
        }
        // Once more: it is there.
        let mut set = fixture(&[sparse], "abc");
        set.place(false).unwrap();
        let placed = fs::read_dir(set.dir.path()).unwrap().count();
        assert_eq!((set.left(), placed > 0), (vec!["s".to_owned()], true));
        let again = Spools::new(set.dir.path(), true).create(SET, 3).unwrap();
        system::write_all_at(again.file(SpoolFile::Payload), b"abc", 0).unwrap();
        set.spool = Some(again);
        assert_eq!(set.place_all(false).unwrap().1, ["s"]);
    }

    #[test]
    fn directories_that_let_nothing_in_are_finished_last() {
        let directory =
            |path| Entry { mode: 0o555, mtime: TIME, ..Entry::new(EntryKind::Directory, path) };
        let set = fixture(&[directory("d"), directory("d/e"), file("d/e/f", "x")], "x");
        set.place(false).unwrap();
        for name in ["d", "d/e"] {
            let made = fs::metadata(set.path(name)).unwrap();
            assert_eq!(made.permissions().mode() & 0o7777, 0o555);
            assert_eq!(made.modified().unwrap(), UNIX_EPOCH + Duration::new(1_500_000_000, 7_000));
            // For the test to clean up.
            fs::set_permissions(set.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    #[test]
    fn special_modes_owners_and_attributes_are_set_where_that_is_wanted() {
        let mut xattrs = XattrList::default();
        xattrs.push(Xattr { name: b"security.x", value: b"no" }).unwrap();
        xattrs.push(Xattr { name: b"user.a", value: b"yes" }).unwrap();
        // Nobody's where we may give files away, else our own.
        let uid =
            if nix::unistd::geteuid().is_root() { 4_711 } else { nix::unistd::geteuid().as_raw() };
        let gid = if uid == 4_711 { 4_712 } else { nix::unistd::getegid().as_raw() };
        let owner = Some(Owner { uid, gid, user: "", group: "" });
        let entry = Entry { mode: 0o4750, owner, xattrs: xattrs.as_xattrs(), ..file("f", "x") };
        let place = |preserve| {
            let set = fixture(
                &[entry, Entry { size: 0, path: "d", kind: EntryKind::Directory, ..entry }],
                "x",
            );
            let options = PlaceOptions { preserve, ..PlaceOptions::default() };
            let run = AtomicBool::new(false);
            let placed =
                place_set(set.spool(), &set.plan, &set.failed, &options, &run, &mut |_| {})
                    .unwrap();
            (set, placed)
        };
        let (set, _) = place(Preserve::default());
        for name in ["f", "d"] {
            let made = fs::metadata(set.path(name)).unwrap();
            assert_eq!(made.mode() & 0o7777, 0o750);
            assert_eq!(made.uid(), nix::unistd::geteuid().as_raw());
            let mut names = [0; 100];
            let opened = File::open(set.path(name)).unwrap();
            assert!(rustix::fs::fgetxattr(&opened, "user.a", &mut names[..]).is_err());
        }
        let some =
            Preserve { special_modes: true, owner: true, xattrs: true, ..Preserve::default() };
        let (set, placed) = place(some);
        for name in ["f", "d"] {
            let made = fs::metadata(set.path(name)).unwrap();
            assert_eq!((made.uid(), made.gid()), (uid, gid), "{name}");
            assert_eq!(made.mode() & 0o7777, 0o4750, "{name}");
            let opened = File::open(set.path(name)).unwrap();
            let mut value = [0; 100];
            let has_xattrs = placed.refused.is_none();
            let read = rustix::fs::fgetxattr(&opened, "user.a", &mut value[..]);
            assert!(!has_xattrs || read == Ok(3), "{read:?}");
            assert!(rustix::fs::fgetxattr(&opened, "security.x", &mut value[..]).is_err());
        }
    }
}

#[test]
fn stopped_session_makes_no_more_files() {
    let mut set = Fixture::new(&[("a", "x"), ("b", "y")]);
    let stop = AtomicBool::new(false);
    let placed = place_set(
        set.spool(),
        &set.plan,
        &set.failed,
        &PlaceOptions::default(),
        &stop,
        &mut |_| {
            stop.store(true, Ordering::Relaxed);
        },
    );
    assert!(matches!(placed, Err(PlaceError::Stopped)));
    assert_eq!(set.left(), ["b"]);
}

#[test]
fn files_that_have_failed_get_no_name_and_the_others_do() {
    for failed in 0..3 {
        let mut set = Fixture::new(&[("a", "one"), ("b", "two"), ("c", "three")]);
        set.failed.insert(failed);
        set.place(false).unwrap();
        let mut expected = vec!["a", "b", "c"];
        expected.remove(failed);
        for name in &expected {
            let content = if *name == "a" { "one" } else { "two" };
            assert_eq!(set.read(name), if *name == "c" { "three" } else { content });
        }
        assert_eq!(set.left(), expected);
    }
}

#[test]
fn batches_are_bounded_and_the_first_file_of_the_payload_is_alone() {
    let plan = |sizes: &[u64]| {
        let mut writer = ManifestWriter::new();
        for (n, &size) in sizes.iter().enumerate() {
            let name = format!("{n:06}");
            writer.push(&Entry { size, ..Entry::new(EntryKind::File, &name) }).unwrap();
        }
        let (manifest, _) = writer.finish();
        Plan::new(&manifest, sizes.iter().sum()).unwrap()
    };
    let batches = |sizes: &[u64], failed: &[usize]| {
        let (plan, failed) = (plan(sizes), failed.iter().copied().collect());
        Batches::new(&plan, &failed).collect::<Vec<_>>()
    };
    const MIB: u64 = 1 << 20;
    assert_eq!(batches(&[1, 2, 3], &[]), [vec![2, 1], vec![0]]);
    assert_eq!(batches(&[0, 1, 0, 3], &[3]), [vec![2], vec![1], vec![0]]);
    let large = [MIB, 15 * MIB, MIB, MIB, 40 * MIB, 0];
    assert_eq!(batches(&large, &[]), [vec![5], vec![4], vec![3, 2], vec![1], vec![0]]);
    assert_eq!(batches(&[], &[]), Vec::<Vec<usize>>::new());
    let many = batches(&vec![1; 5000], &[]);
    assert_eq!(many.iter().map(Vec::len).collect::<Vec<_>>(), [2048, 2048, 903, 1]);
}

#[test]
fn thousand_files_are_placed_by_several_threads_each_once() {
    let names: Vec<_> =
        (0..1000).map(|n| (format!("d{}/f{n:04}", n % 7), format!("{n}"))).collect();
    let files: Vec<_> = names.iter().map(|(name, text)| (&**name, &**text)).collect();
    let set = Fixture::new(&files);
    let mut told = set.place(false).unwrap();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 1000, "each once");
    for (name, text) in &names {
        assert_eq!(&set.read(name), text);
    }
}

#[test]
#[cfg(unix)]
fn what_is_replaced_is_kept_unless_it_is_the_same() {
    let fixture = Fixture::new(&[("d/a", "aaa"), ("same", "ss"), ("new", "n"), ("way/f", "f")]);
    let kept = tempfile::tempdir().unwrap();
    let backup = Backup::open(kept.path(), fixture.dir.path()).unwrap();
    fs::create_dir(fixture.path("d")).unwrap();
    fs::write(fixture.path("d/a"), "old").unwrap();
    fs::write(fixture.path("same"), "ss").unwrap();
    std::os::unix::fs::symlink(kept.path(), fixture.path("way")).unwrap();
    let options =
        PlaceOptions { overwrite: true, backup: Some(&backup), ..PlaceOptions::default() };
    let run = AtomicBool::new(false);
    let spool = fixture.spool();
    let placed = place_set(spool, &fixture.plan, &fixture.failed, &options, &run, &mut |_| {});
    assert_eq!(placed.unwrap().backups, 2);
    assert_eq!(fs::read(kept.path().join("d/a")).unwrap(), b"old");
    assert_eq!(fs::read_link(kept.path().join("way")).unwrap(), kept.path());
    let mut names: Vec<_> =
        fs::read_dir(kept.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["d", "way"], "and nothing through the link");
    for (name, content) in [("d/a", "aaa"), ("same", "ss"), ("way/f", "f")] {
        assert_eq!(fs::read_to_string(fixture.path(name)).unwrap(), content);
    }
}

#[test]
#[cfg(unix)]
fn nothing_is_replaced_when_something_cannot_be_kept() {
    let fixture = Fixture::new(&[("a", "aaa"), ("d/b", "b")]);
    let kept = tempfile::tempdir().unwrap();
    let backup = Backup::open(kept.path(), fixture.dir.path()).unwrap();
    fs::write(fixture.path("a"), "old").unwrap();
    fs::create_dir(fixture.path("d")).unwrap();
    fs::write(fixture.path("d/b"), "older").unwrap();
    fs::write(kept.path().join("d"), "a file").unwrap();
    let options =
        PlaceOptions { overwrite: true, backup: Some(&backup), ..PlaceOptions::default() };
    let run = AtomicBool::new(false);
    let spool = fixture.spool();
    let placed = place_set(spool, &fixture.plan, &fixture.failed, &options, &run, &mut |_| {});
    let path = kept.path().join("d/b");
    assert!(matches!(placed, Err(PlaceError::Backup(at, _)) if at == path));
    assert_eq!(fs::read(fixture.path("a")).unwrap(), b"old");
    assert_eq!(fs::read(fixture.path("d/b")).unwrap(), b"older");
}
