use std::collections::HashMap;
use std::fs;

use proptest::prelude::*;

use super::*;
use norm_core::fileset::{ContentError, Entry, ManifestWriter};

fn manifest(entries: &[(&str, EntryKind<'_>, u64)]) -> (Vec<u8>, u64) {
    let mut writer = ManifestWriter::new();
    for &(path, kind, size) in entries {
        writer.push(&Entry { size, ..Entry::new(kind, path) }).unwrap();
    }
    let size = writer.payload_size();
    (writer.finish().0, size)
}

fn plan(entries: &[(&str, EntryKind<'_>, u64)]) -> Result<Plan, PlanError> {
    let (manifest, size) = manifest(entries);
    Plan::new(&manifest, size)
}

const FILE: EntryKind<'_> = EntryKind::File;
const DIR: EntryKind<'_> = EntryKind::Directory;

#[test]
fn files_know_their_place_in_the_payload() {
    let plan = plan(&[("d", DIR, 0), ("d/a", FILE, 10), ("e", FILE, 0), ("b", FILE, 5)]).unwrap();
    let files: Vec<_> =
        plan.files().map(|f| (f.path.to_str().unwrap().to_owned(), f.offset, f.size)).collect();
    let expected = [("d/a", 0, 10), ("e", 10, 0), ("b", 10, 5)];
    assert_eq!(files, expected.map(|(path, offset, size)| (path.to_owned(), offset, size)));
    assert_eq!((plan.directory_count(), plan.directories().count()), (1, 1));
    assert_eq!(plan.bytes(), 15);
}

#[test]
fn names_stay_inside_and_empty_ones_are_refused() {
    let plan = plan(&[("../../etc/passwd", FILE, 1), ("/abs", FILE, 1)]).unwrap();
    let paths: Vec<_> = plan.files().map(|file| file.path).collect();
    assert_eq!(paths, [Path::new("etc/passwd"), Path::new("abs")]);
    assert!(matches!(self::plan(&[("../..", FILE, 1)]), Err(PlanError::Name(_))));
}

#[test]
fn two_entries_for_one_place_are_refused() {
    let clash =
        |entries: &[(&str, EntryKind<'_>, u64)]| matches!(plan(entries), Err(PlanError::Clash(_)));
    assert!(clash(&[("a", FILE, 1), ("./a", FILE, 1)]), "reduced to the same name");
    assert!(clash(&[("a", FILE, 1), ("a", DIR, 0)]));
    assert!(clash(&[("a", DIR, 0), ("a", FILE, 1)]));
    assert!(clash(&[("a", FILE, 1), ("a/b", FILE, 1)]), "a file as directory");
    assert!(clash(&[("a/b/c", FILE, 1), ("a", FILE, 1)]));
    assert!(!clash(&[("a", DIR, 0), ("a", DIR, 0), ("a/b", FILE, 1), ("a/c", FILE, 1)]));
}

/// Whether a set with these paths has a clash, by a table of all that is claimed.
fn clashes(entries: &[(String, bool)]) -> bool {
    let mut claims: HashMap<PathBuf, bool> = HashMap::new();
    let mut claim = |path: &Path, is_directory| match claims.insert(path.to_owned(), is_directory) {
        Some(before) => before && is_directory,
        None => true,
    };
    !entries.iter().all(|(path, is_directory)| {
        let path = names::to_path(path).unwrap();
        let mut above = path.ancestors().skip(1).filter(|above| !above.as_os_str().is_empty());
        above.all(|above| claim(above, true)) && claim(&path, *is_directory)
    })
}

proptest! {
    #[test]
    fn clashes_are_found_in_any_order(
        mut entries in prop::collection::vec(
            ("(\\./|//)?[ab!](/?[a0\\-\u{f780}]){0,3}", any::<bool>()), 0..7,
        ),
        order in any::<bool>(),
    ) {
        if order {
            entries.sort_by_key(|(path, _)| names::to_path(path).unwrap());
        }
        let list: Vec<_> =
            entries.iter().map(|(path, dir)| (&**path, if *dir { DIR } else { FILE }, 0)).collect();
        let plan = plan(&list);
        prop_assert_eq!(matches!(plan, Err(PlanError::Clash(_))), clashes(&entries));
        prop_assert!(plan.is_err() || plan.unwrap().paths().count() == entries.len());
    }
}

#[test]
fn files_below_a_file_are_found_with_others_between_in_the_order_of_bytes() {
    let clash = |order: [usize; 3]| {
        let entries = [("a", FILE, 1), ("a-b", FILE, 1), ("a/b", FILE, 1)];
        matches!(plan(&order.map(|at| entries[at])), Err(PlanError::Clash(_)))
    };
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert!(clash(order), "{order:?}");
    }
}

#[test]
fn everything_is_read_again_where_it_is_in_the_manifest() {
    use norm_core::fileset::Owner;
    let mut writer = ManifestWriter::new();
    let owner = Owner { uid: 7, gid: 8, user: "u", group: "g" };
    let mtime = norm_core::fileset::Mtime { seconds: 5, nanos: 6 };
    let entry =
        |kind, path| Entry { mode: 0o640, mtime, owner: Some(owner), ..Entry::new(kind, path) };
    writer.push(&entry(DIR, "d")).unwrap();
    writer.push(&Entry { size: 3, ..entry(FILE, "d/a") }).unwrap();
    writer.push(&Entry::new(EntryKind::HardLink { to: 1 }, "d/b")).unwrap();
    writer.push(&Entry { size: 4, ..entry(FILE, "d/c") }).unwrap();
    writer.push(&Entry::new(EntryKind::HardLink { to: 1 }, "e")).unwrap();
    #[cfg(unix)]
    writer.push(&entry(EntryKind::SymbolicLink { target: "../x" }, "l")).unwrap();
    let plan = Plan::new(&writer.finish().0, 7).unwrap();
    let file = plan.file(1).unwrap();
    assert_eq!((&*file.path, file.offset, file.size, file.data), (Path::new("d/c"), 3, 4, 4));
    assert_eq!((file.mode, file.mtime), (0o640, mtime));
    assert_eq!(file.attributes.owner(), Some(&PlannedOwner::from(owner)));
    let names = |file| plan.names_of(file).collect::<Vec<_>>();
    assert_eq!((names(0), names(1)), (vec!["d/b".into(), "e".into()], vec![]));
    let directory = plan.directory(0).unwrap();
    assert_eq!((&*directory.path, directory.mode, directory.mtime), (Path::new("d"), 0o640, mtime));
    let paths: Vec<_> = plan.paths().collect();
    let links = plan.link_count();
    assert_eq!(paths.len(), 5 + links);
    assert_eq!(paths[..4], ["d/a", "d/c", "d/b", "e"].map(PathBuf::from));
    assert_eq!(paths.last(), Some(&PathBuf::from("d")));
    assert_eq!(plan.links().map(|link| link.target).collect::<Vec<_>>(), vec!["../x"; links]);
    assert_eq!((plan.nth_path(5 + links), plan.file(2), plan.directory(1)), (None, None, None));
}

#[test]
fn damaged_manifest_or_one_of_another_payload_is_refused() {
    let (manifest, size) = manifest(&[("a", FILE, 7)]);
    let error = Plan::new(&manifest, size + 1).unwrap_err();
    assert!(matches!(error, PlanError::Content(ContentError::SizeMismatch)));
    assert!(matches!(Plan::new(&manifest[1..], size), Err(PlanError::Content(_))));
    assert!(matches!(Plan::new(&manifest[..manifest.len() - 1], size), Err(PlanError::Content(_))));
}

#[test]
fn existing_files_are_noticed_before_anything_is_received() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&[("d", DIR, 0), ("d/new", FILE, 1), ("d/old", FILE, 1)]).unwrap();
    assert_eq!(plan.check(dir.path(), false).unwrap(), None);
    fs::create_dir(dir.path().join("d")).unwrap();
    assert_eq!(plan.check(dir.path(), false).unwrap(), None);
    fs::write(dir.path().join("d/old"), b"?").unwrap();
    let present = plan.check(dir.path(), false).unwrap().expect("it may be the same");
    assert_eq!(present.count, 1, "{present}");
    fs::write(dir.path().join("d/old"), b"").unwrap();
    let error = plan.check(dir.path(), false).unwrap_err();
    assert!(matches!(&error, PlanError::Exists(path) if path.ends_with("d/old")), "{error}");
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(plan.check(dir.path(), true).unwrap(), None, "it is replaced");
    fs::remove_file(dir.path().join("d/old")).unwrap();
    fs::create_dir(dir.path().join("d/old")).unwrap();
    let error = plan.check(dir.path(), true).unwrap_err();
    assert!(matches!(&error, PlanError::IsDirectory(path) if path.ends_with("d/old")), "{error}");
    assert!(error.to_string().contains("move it away"), "{error}");
}

#[test]
#[cfg(unix)]
fn links_and_files_in_place_of_directories_are_not_passed() {
    use std::os::unix::fs::symlink;
    let outside = tempfile::tempdir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    symlink(outside.path(), dir.path().join("link")).unwrap();
    fs::write(dir.path().join("file"), b"").unwrap();
    for entries in [
        [("link/x", FILE, 1)],
        [("link", DIR, 0)],
        [("link/a/b", DIR, 0)],
        [("file/x", FILE, 1)],
        [("file", DIR, 0)],
    ] {
        let plan = plan(&entries).unwrap();
        let refused = matches!(plan.check(dir.path(), false), Err(PlanError::InTheWay(_)));
        assert!(refused, "{entries:?}");
        // Links are replaced where files may be.
        let is_link = entries[0].0.starts_with("link");
        assert_eq!(plan.check(dir.path(), true).is_ok(), is_link, "{entries:?}");
    }
    // A link with a file's name is something that exists, wherever it leads.
    symlink("nowhere", dir.path().join("dangling")).unwrap();
    let dangling = plan(&[("dangling", FILE, 1)]).unwrap();
    assert!(matches!(dangling.check(dir.path(), false), Err(PlanError::Exists(_))));
}
