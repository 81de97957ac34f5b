//! Removes what a run that was killed has left of files that it was placing.
//!
//! Such a part lies beside the place of its file, in any directory below the output directory. The
//! set's manifest, which is there until the last file is placed, says where that is. A part is made
//! anew from its first byte, so none is of any use.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use norm_core::fileset::{EntryKind, Manifest, TEMP_PREFIX};

use super::open::is_ours;
use crate::names;
use crate::sink::plan::is_directory;
use crate::sink::set::MAX_MANIFEST_READ;
use crate::sink::spool_files::part_names;
use crate::sink::system;

/// Removes the parts of the spool with this stem. `manifest` is locked by us: so no receiver is at
/// work on it.
pub fn remove_parts(root: &Path, stem: &str, manifest: &File) {
    let limit = MAX_MANIFEST_READ + 1;
    let Ok(bytes) = system::read_to_end(manifest, limit) else { return };
    // Parts are made only when the whole manifest is right.
    let parsed = Manifest::parse(&bytes).ok();
    let Some(manifest) = parsed.filter(|manifest| is_named_by(stem, manifest)) else { return };
    for folder in folders(&manifest) {
        for name in part_names(stem) {
            let part = root.join(&folder).join(name);
            let ours = system::look(&part).is_ok_and(|m| m.is_file() && is_ours(&part, &m));
            if ours && is_reached_directly(root, &folder) {
                // One that cannot be removed takes room, and does no other harm.
                let _ = system::remove(&part);
            }
        }
    }
}

/// True when this is the manifest of which the name tells the hash.
fn is_named_by(stem: &str, manifest: &Manifest<'_>) -> bool {
    let id = manifest.hash().to_string();
    let rest = stem.strip_prefix(TEMP_PREFIX).and_then(|rest| rest.strip_prefix(&id));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// The directories that files of the set belong to, below the output directory.
fn folders(manifest: &Manifest<'_>) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for entry in manifest.entries().map_while(Result::ok).filter(|e| e.kind == EntryKind::File) {
        let Ok(path) = names::to_path(entry.path) else { continue };
        if let Some(folder) = path.parent().filter(|folder| !folders.contains(*folder)) {
            folders.insert(folder.to_owned());
        }
    }
    folders
}

/// True when no link leads there.
fn is_reached_directly(root: &Path, folder: &Path) -> bool {
    let mut at = root.to_owned();
    folder.components().all(|component| {
        at.push(component);
        is_directory(&at).unwrap_or(false)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use norm_core::fileset::{Entry, ManifestHash, ManifestWriter};

    /// A directory with a manifest of these files; the manifest, and its stem.
    fn set(paths: &[&str]) -> (tempfile::TempDir, File, String) {
        let mut writer = ManifestWriter::new();
        for path in paths {
            writer.push(&Entry { size: 1, ..Entry::new(EntryKind::File, path) }).unwrap();
        }
        let (manifest, hash) = writer.finish();
        let stem = format!("{TEMP_PREFIX}{hash}");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("{stem}.manifest"));
        fs::write(&path, manifest).unwrap();
        (dir, File::open(path).unwrap(), stem)
    }

    #[test]
    fn parts_go_from_the_folders_of_the_set_and_nothing_else_does() {
        let (dir, manifest, stem) = set(&["a", "d/e/f", "../d/b"]);
        fs::create_dir_all(dir.path().join("d/e")).unwrap();
        fs::create_dir_all(dir.path().join("other")).unwrap();
        for folder in ["", "d/", "d/e/", "other/"] {
            let part = format!("{stem}.part");
            for name in [&*part, &format!("{part}7"), &format!("{stem}-1.part"), ".norm-x.part"] {
                fs::write(dir.path().join(format!("{folder}{name}")), "x").unwrap();
            }
        }
        remove_parts(dir.path(), &stem, &manifest);
        let count = |folder: &str| fs::read_dir(dir.path().join(folder)).unwrap().count();
        assert_eq!(
            ["", "d", "d/e", "other"].map(count),
            [5, 3, 2, 4],
            "ours are gone but in the last"
        );
        assert!(
            dir.path().join(format!("other/{stem}.part")).exists(),
            "not of this set's folders"
        );
    }

    #[test]
    fn second_spool_of_a_set_has_parts_of_its_own() {
        let (dir, manifest, stem) = set(&["a"]);
        for name in [format!("{stem}.part"), format!("{stem}-1.part")] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        remove_parts(dir.path(), &format!("{stem}-1"), &manifest);
        assert!(dir.path().join(format!("{stem}.part")).exists());
        assert!(!dir.path().join(format!("{stem}-1.part")).exists());
    }

    #[test]
    fn manifest_of_another_content_is_not_believed() {
        let (dir, manifest, stem) = set(&["a"]);
        let other = format!("{TEMP_PREFIX}{}", ManifestHash([7; 32]));
        fs::write(dir.path().join(format!("{other}.part")), "x").unwrap();
        remove_parts(dir.path(), &other, &manifest);
        assert!(dir.path().join(format!("{other}.part")).exists(), "{stem}");
    }

    #[test]
    #[cfg(unix)]
    fn links_are_not_followed() {
        let (dir, manifest, stem) = set(&["link/a"]);
        let outside = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let part = outside.path().join(format!("{stem}.part"));
        fs::write(&part, "x").unwrap();
        remove_parts(dir.path(), &stem, &manifest);
        assert!(part.exists());
    }
}
