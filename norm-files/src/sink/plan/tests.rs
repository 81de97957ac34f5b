use std::fs;

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
