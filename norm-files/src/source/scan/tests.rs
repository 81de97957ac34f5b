use std::fs::{self, File, create_dir, create_dir_all, write};
use std::time::{Duration, UNIX_EPOCH};

use tempfile::{TempDir, tempdir};

use super::*;
use crate::Preserve;
use crate::source::Rule;
use norm_core::fileset::{Manifest, Mtime};

fn scan_one(path: impl Into<PathBuf>) -> Result<FileSet, ScanError> {
    scan(&[path.into()])
}

/// Kind, path and size of each entry of the manifest.
fn entries(set: &FileSet) -> Vec<(EntryKind<'_>, String, u64)> {
    let manifest = Manifest::parse(&set.manifest).unwrap();
    manifest
        .entries()
        .map(|entry| entry.map(|e| (e.kind, e.path.to_owned(), e.size)).unwrap())
        .collect()
}

fn names(set: &FileSet) -> Vec<String> {
    entries(set).into_iter().map(|(_, name, _)| name).collect()
}

/// `tree` with files of 3, 0 and 5 bytes, and an empty directory.
fn tree() -> TempDir {
    let dir = tempdir().unwrap();
    let tree = dir.path().join("tree");
    create_dir_all(tree.join("b/empty")).unwrap();
    write(tree.join("b/x"), b"").unwrap();
    write(tree.join("c"), b"12345").unwrap();
    write(tree.join("a"), b"123").unwrap();
    dir
}

#[test]
fn tree_is_listed_by_name_with_directories_first() {
    let dir = tree();
    let set = scan_one(dir.path().join("tree")).unwrap();
    use EntryKind::{Directory, File};
    let expected = [
        (Directory, "tree", 0),
        (File, "tree/a", 3),
        (Directory, "tree/b", 0),
        (Directory, "tree/b/empty", 0),
        (File, "tree/b/x", 0),
        (File, "tree/c", 5),
    ];
    assert_eq!(entries(&set), expected.map(|(kind, name, size)| (kind, name.to_owned(), size)));
    assert_eq!((set.file_count, set.directories, set.payload_size), (3, 3, 8));
    let content: Vec<_> = set.files.iter().map(|f| (f.offset, f.size)).collect();
    assert_eq!(content, [(0, 3), (3, 5)], "empty files have no content to read");
    assert!(set.left_out.is_empty());
}

#[test]
fn paths_keep_their_order_and_only_their_last_component() {
    let dir = tree();
    let tree = dir.path().join("tree");
    let set = scan(&[tree.join("c"), tree.join("b"), tree.join("a")]).unwrap();
    assert_eq!(names(&set), ["c", "b", "b/empty", "b/x", "a"]);
    assert_eq!(set.files.get(1).unwrap().offset, 5);
}

#[test]
fn directory_with_a_slash_or_dots_at_the_end_stands_for_what_is_in_it() {
    let dir = tree();
    for path in ["tree/", "tree/.", "tree/b/.."] {
        let set = scan_one(dir.path().join(path)).unwrap();
        assert_eq!(names(&set), ["a", "b", "b/empty", "b/x", "c"], "{path}");
    }
    assert!(scan_one("/").unwrap_err().to_string().contains("name what is in it"));
    let empty = scan_one(dir.path().join("tree/b/empty/"));
    assert!(matches!(empty, Err(ScanError::NothingLeft)));
    let both = scan(&[dir.path().join("tree/a"), dir.path().join("tree/")]);
    assert!(matches!(both, Err(ScanError::SameName { .. })), "a comes from both");
}

#[test]
fn excluded_files_and_directories_are_not_entered_and_told() {
    let dir = tree();
    let rules = vec![Rule::exclude("/tree/b"), Rule::exclude("c"), Rule::exclude("*.o")];
    let selection = Selection::new([dir.path().join("tree")]).with(|s| s.rules = rules);
    let set = scan(selection).unwrap();
    assert_eq!(names(&set), ["tree", "tree/a"]);
    let [LeftOut { reason: Reason::Excluded, count: 2, first }] = &set.left_out[..] else {
        panic!("{:?}", set.left_out)
    };
    assert!(first[0].ends_with("tree/b") && first[1].ends_with("tree/c"), "{first:?}");
    assert_eq!(set.unused_patterns, ["*.o"]);
}

#[test]
fn given_paths_may_be_excluded_but_not_all_of_them() {
    let dir = tree();
    let paths = [dir.path().join("tree/a"), dir.path().join("tree/c")];
    let select = |pattern| Selection::new(paths.clone()).with(|s| s.rules.push(pattern));
    assert_eq!(names(&scan(select(Rule::exclude("c"))).unwrap()), ["a"]);
    let nothing = scan(select(Rule::exclude("*")));
    assert!(matches!(nothing, Err(ScanError::NothingLeft)));
}

#[test]
fn temporary_files_of_a_transfer_are_not_sent() {
    let dir = tree();
    let left = dir.path().join(format!("{TEMP_PREFIX}1234.payload"));
    write(&left, b"half").unwrap();
    let error = scan_one(&left).unwrap_err().to_string();
    assert!(error.contains("unfinished"), "{error}");
}

#[test]
fn no_paths_and_missing_paths_are_told_apart() {
    assert!(matches!(scan(&[]), Err(ScanError::NoPaths)));
    let error = scan_one("/no/such/file").unwrap_err().to_string();
    assert!(error.contains("/no/such/file") && error.contains("check the name"), "{error}");
}

#[test]
fn two_paths_with_one_name_are_refused_and_both_named() {
    let dir = tree();
    let other = dir.path().join("other");
    create_dir(&other).unwrap();
    write(other.join("a"), b"").unwrap();
    let (first, second) = (dir.path().join("tree/a"), other.join("a"));
    let error = scan(&[first.clone(), second.clone()]).unwrap_err().to_string();
    assert!(error.contains(&*first.to_string_lossy()), "{error}");
    assert!(error.contains(&*second.to_string_lossy()), "{error}");
}

#[cfg(unix)]
mod on_unix {
    use std::ffi::OsStr;
    use std::fs::Permissions;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// The links among the entries: where each leads.
    fn links(set: &FileSet) -> Vec<(String, String)> {
        let found = entries(set).into_iter().filter_map(|(kind, name, _)| match kind {
            EntryKind::SymbolicLink { target } => Some((name, target.to_owned())),
            _ => None,
        });
        found.collect()
    }

    #[test]
    fn links_are_sent_as_they_are_and_special_files_are_left_out_and_told() {
        let dir = tree();
        let tree = dir.path().join("tree");
        symlink("/etc/passwd", tree.join("link")).unwrap();
        symlink(".", tree.join("loop")).unwrap();
        symlink(OsStr::from_bytes(b"no\xffwhere"), tree.join(OsStr::from_bytes(b"\xff"))).unwrap();
        let _socket = UnixListener::bind(tree.join("socket")).unwrap();
        let set = scan_one(&tree).unwrap();
        assert_eq!((set.file_count, set.links), (3, 3));
        let expected = [
            ("tree/link", "/etc/passwd"),
            ("tree/loop", "."),
            ("tree/\u{f7ff}", "no\u{f7ff}where"),
        ];
        assert_eq!(links(&set), expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
        let [sockets] = &set.left_out[..] else { panic!("{:?}", set.left_out) };
        assert_eq!((sockets.reason, sockets.count), (Reason::Socket, 1));
        assert!(sockets.first[0].ends_with("tree/socket"), "{sockets:?}");
        let told = Manifest::parse(&set.manifest).unwrap().left_out();
        assert_eq!((told.sockets, told.all()), (1, 1));
    }

    #[test]
    fn links_are_followed_if_that_is_wanted_but_in_no_circle() {
        let dir = tree();
        let tree = dir.path().join("tree");
        symlink("c", tree.join("link")).unwrap();
        symlink("..", tree.join("b/loop")).unwrap();
        symlink("self", tree.join("self")).unwrap();
        symlink("b", tree.join("twice")).unwrap();
        symlink("nowhere", tree.join("z")).unwrap();
        let follow = |path: PathBuf| scan(Selection::new([path]).with(|s| s.follow_links = true));
        let set = follow(tree.clone()).unwrap();
        let expected = [
            "",
            "/a",
            "/b",
            "/b/empty",
            "/b/x",
            "/c",
            "/link",
            "/twice",
            "/twice/empty",
            "/twice/x",
        ];
        assert_eq!(names(&set), expected.map(|name| format!("tree{name}")));
        assert_eq!((set.links, set.file_count), (0, 5));
        let [broken] = &set.left_out[..] else { panic!("{:?}", set.left_out) };
        assert_eq!((broken.reason, broken.count), (Reason::BrokenLink, 4));
        let contents = follow(tree.join("")).unwrap();
        assert_eq!(contents.left_out[0].count, 4, "the directory itself is above, too");
    }

    #[test]
    fn standalone_files_are_sent_without_links_and_holes() {
        let dir = tree();
        let tree = dir.path().join("tree");
        symlink("c", tree.join("link")).unwrap();
        fs::hard_link(tree.join("a"), tree.join("a2")).unwrap();
        File::create(tree.join("sparse")).unwrap().set_len(1 << 20).unwrap();
        let set = scan(Selection::new([tree]).with(|s| s.standalone = true)).unwrap();
        assert_eq!((set.links, set.file_count, set.payload_size), (0, 5, 3 + 3 + 5 + (1 << 20)));
        assert_eq!(set.left_out[0].reason, Reason::SymbolicLink);
    }

    #[test]
    fn content_of_a_file_with_several_names_is_sent_once() {
        let dir = tree();
        let tree = dir.path().join("tree");
        fs::hard_link(tree.join("a"), tree.join("b/a2")).unwrap();
        fs::hard_link(tree.join("a"), tree.join("d")).unwrap();
        let set = scan_one(&tree).unwrap();
        let hard = entries(&set).into_iter().filter_map(|(kind, name, _)| match kind {
            EntryKind::HardLink { to } => Some((name, to)),
            _ => None,
        });
        let expected = [("tree/b/a2".to_owned(), 1), ("tree/d".to_owned(), 1)];
        assert_eq!(hard.collect::<Vec<_>>(), expected);
        assert_eq!((set.file_count, set.payload_size, set.files.len()), (5, 8, 2));
    }

    #[test]
    fn holes_are_found_and_do_not_travel() {
        use std::os::unix::fs::FileExt;
        let dir = tempdir().unwrap();
        let file = File::create(dir.path().join("sparse")).unwrap();
        file.write_all_at(b"data", 8 << 20).unwrap();
        file.set_len(16 << 30).unwrap();
        let set = scan_one(dir.path().join("sparse")).unwrap();
        if set.payload_size == 16 << 30 {
            return; // a file system without holes
        }
        assert!(set.payload_size <= 1 << 20, "{}", set.payload_size);
        assert_eq!(set.files.get(0).unwrap().size, 16 << 30);
        assert_eq!(set.files.get(0).unwrap().data(), set.payload_size);
        let manifest = Manifest::parse(&set.manifest).unwrap();
        let entry = manifest.entries().next().unwrap().unwrap();
        assert_eq!((entry.size, entry.holes.len()), (16 << 30, 2));
        let all = File::create(dir.path().join("all")).unwrap();
        all.set_len(1 << 20).unwrap();
        let set = scan_one(dir.path().join("all")).unwrap();
        assert_eq!((set.payload_size, set.files.len(), set.map.chunks()), (0, 1, 0));
    }

    #[test]
    fn owner_attributes_and_special_modes_are_sent_where_that_is_wanted() {
        let dir = tree();
        let (tree, c) = (dir.path().join("tree"), dir.path().join("tree/c"));
        fs::set_permissions(&c, Permissions::from_mode(0o4750)).unwrap();
        let set = |name: &str| {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(&c, name, name.as_bytes(), flags)
        };
        let has_xattrs = set("user.b").and_then(|()| set("user.a")).is_ok();
        let entry = |preserve| {
            let set = scan(Selection::new([c.clone()]).with(|s| s.preserve = preserve)).unwrap();
            let manifest = Manifest::parse(&set.manifest).unwrap();
            let entry = manifest.entries().next().unwrap().unwrap();
            let owner = entry.owner.map(|owner| (owner.uid, owner.user.to_owned()));
            let xattrs: Vec<_> = entry.xattrs.iter().map(|x| x.name.to_owned()).collect();
            (entry.mode, owner, xattrs)
        };
        assert_eq!(entry(Preserve::default()), (0o750, None, Vec::new()));
        let all =
            Preserve { special_modes: true, owner: true, xattrs: true, ..Preserve::default() };
        let (mode, owner, xattrs) = entry(all);
        assert_eq!(mode, 0o4750);
        let uid = std::os::unix::fs::MetadataExt::uid(&fs::metadata(&tree).unwrap());
        assert_eq!(owner.as_ref().map(|owner| owner.0), Some(uid));
        assert!(uid != 0 || owner.is_some_and(|(_, name)| name == "root"));
        assert_eq!(xattrs, if has_xattrs { vec![&b"user.a"[..], b"user.b"] } else { vec![] });
    }

    /// Of each given link, with and without a slash at the end and links followed, the names that
    /// rsync copies: `rsync -a` and `rsync -aL`, version 3.5.0.
    #[test]
    fn given_links_are_sent_as_by_rsync() {
        let dir = tree();
        for (name, target) in [("to-b", "tree/b"), ("to-c", "tree/c"), ("to-none", "none")] {
            symlink(target, dir.path().join(name)).unwrap();
        }
        let scan_given = |name: &str, follows: bool| {
            let given = [dir.path().join(name)];
            scan(Selection::new(given).with(|s| s.follow_links = follows))
        };
        let cases: [(&str, bool, &[&str]); 8] = [
            ("to-b", false, &["to-b"]),
            ("to-b/", false, &["empty", "x"]),
            ("to-b/.", false, &["empty", "x"]),
            ("to-b", true, &["to-b", "to-b/empty", "to-b/x"]),
            ("to-b/", true, &["empty", "x"]),
            ("to-c", false, &["to-c"]),
            ("to-c", true, &["to-c"]),
            ("to-none", false, &["to-none"]),
        ];
        for (name, follows, expected) in cases {
            let set = scan_given(name, follows).unwrap();
            assert_eq!(names(&set), expected, "{name} {follows}");
            let is_link = !follows && !name.contains('/');
            assert_eq!(set.links, u64::from(is_link), "{name} {follows}");
        }
        let set = scan_given("to-none", false).unwrap();
        assert_eq!(links(&set), [("to-none".to_owned(), "none".to_owned())]);
        assert_eq!(set.given_links, [dir.path().join("to-none")]);
        for (name, follows) in [("to-c/", false), ("to-c/", true), ("to-none", true)] {
            let error = scan_given(name, follows).unwrap_err();
            assert!(matches!(error, ScanError::Unreadable { .. }), "{name}: {error}");
        }
    }

    #[test]
    fn given_link_leads_to_what_is_sent_where_none_can_be() {
        let dir = tree();
        symlink("tree/c", dir.path().join("link")).unwrap();
        let alone = Selection::new([dir.path().join("link")]).with(|s| s.standalone = true);
        let set = scan(alone).unwrap();
        assert_eq!((names(&set), set.links, set.file_count), (vec!["link".to_owned()], 0, 1));
    }

    #[test]
    fn a_special_file_given_by_the_user_is_refused() {
        let dir = tempdir().unwrap();
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let error = scan_one(dir.path().join("socket")).unwrap_err().to_string();
        assert!(error.contains("copy it to a file"), "{error}");
    }

    #[test]
    fn name_that_is_not_utf8_arrives_as_it_was() {
        let dir = tempdir().unwrap();
        let name = OsStr::from_bytes(b"caf\xe9");
        write(dir.path().join(name), b"x").unwrap();
        let set = scan_one(dir.path().join(name)).unwrap();
        assert_eq!(names(&set), ["caf\u{f7e9}"]);
        let arrives = names::to_path("d/caf\u{f7e9}").unwrap();
        assert_eq!(arrives, dir.path().join("d").strip_prefix(dir.path()).unwrap().join(name));
    }

    #[test]
    fn unreadable_file_is_told_before_anything_is_sent() {
        let dir = tree();
        let file = dir.path().join("tree/c");
        fs::set_permissions(&file, Permissions::from_mode(0o000)).unwrap();
        if File::open(&file).is_ok() {
            return; // a privileged user may read everything
        }
        let error = scan_one(dir.path().join("tree")).unwrap_err().to_string();
        assert!(error.contains("tree/c") && error.contains("permissions"), "{error}");
    }

    #[test]
    fn mode_and_time_are_listed() {
        let dir = tree();
        let path = dir.path().join("tree/a");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let before_1970 = UNIX_EPOCH - Duration::from_millis(1_250);
        for (time, seconds, nanos) in [
            (before_1970, -2, 750_000_000),
            (UNIX_EPOCH - Duration::from_secs(7), -7, 0),
            (UNIX_EPOCH + Duration::from_millis(1_500), 1, 500_000_000),
        ] {
            File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
            let set = scan_one(&path).unwrap();
            let manifest = Manifest::parse(&set.manifest).unwrap();
            let entry = manifest.entries().next().unwrap().unwrap();
            assert_eq!((entry.mode, entry.mtime), (0o640, Mtime { seconds, nanos }));
            assert_eq!(set.files.get(0).unwrap().mtime, entry.mtime);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn files_whose_size_is_not_told_are_refused_or_skipped() {
    for path in ["/proc/self/status", "/sys/kernel/uevent_seqnum"] {
        if Path::new(path).exists() {
            let error = scan_one(path).unwrap_err();
            assert!(matches!(error, ScanError::UnknownSize { .. }), "{path}: {error}");
            assert!(error.to_string().contains("copy it to a disk"), "{error}");
        }
    }
    let set = scan_one("/proc/sys/net/core").unwrap();
    assert_eq!(set.payload_size, 0, "{:?}", set.left_out);
    assert_eq!(set.left_out[0].reason, Reason::UnknownSize, "{:?}", set.left_out);
}

#[test]
fn sparse_file_has_its_size() {
    let dir = tempdir().unwrap();
    File::create(dir.path().join("holes")).unwrap().set_len(5_000_000).unwrap();
    let set = scan_one(dir.path().join("holes")).unwrap();
    assert_eq!((set.files.get(0).unwrap().size, set.file_count), (5_000_000, 1));
}
