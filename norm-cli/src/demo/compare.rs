//! Compares a copy with its source, byte for byte.

use std::fs::{self, File, FileType};
use std::io::{self, Read};
use std::path::Path;

use crate::text;

/// Bytes compared at a time.
const CHUNK: usize = 256 << 10;

/// Compares `source` with what stands under its name in `folder`. `None` when they are identical,
/// else the first difference.
pub(super) fn difference(source: &Path, folder: &Path) -> Option<String> {
    compare_named(source, folder).unwrap_or_else(|error| Some(format!("cannot compare: {error}")))
}

fn compare_named(source: &Path, folder: &Path) -> io::Result<Option<String>> {
    // What is in a directory has its place in the folder itself.
    let contents = norm_net::means_contents(source);
    let name = source.file_name().filter(|_| !contents).unwrap_or_default();
    let copy = folder.join(name);
    let found = if contents { fs::metadata(source)? } else { fs::symlink_metadata(source)? };
    compare(source, &copy, found.file_type())
}

fn compare(source: &Path, copy: &Path, kind: FileType) -> io::Result<Option<String>> {
    let Ok(found) = fs::symlink_metadata(copy) else {
        return Ok(Some(format!("{} is missing", text::path(copy))));
    };
    let found = found.file_type();
    if kind.is_dir() && found.is_dir() {
        compare_folders(source, copy)
    } else if kind.is_symlink() && found.is_symlink() {
        let is_same = fs::read_link(source)? == fs::read_link(copy)?;
        Ok((!is_same).then(|| format!("{} leads elsewhere", text::path(copy))))
    } else if kind.is_file() && found.is_file() {
        compare_files(source, copy)
    } else {
        Ok(Some(format!("{} is not of the same type", text::path(copy))))
    }
}

fn compare_folders(source: &Path, copy: &Path) -> io::Result<Option<String>> {
    let mut expected = 0;
    for entry in fs::read_dir(source)? {
        let (entry, kind) = entry.and_then(|entry| entry.file_type().map(|kind| (entry, kind)))?;
        // Sockets and devices are not sent, nor are links of systems that have others.
        let is_link = kind.is_symlink() && cfg!(unix);
        if !kind.is_dir() && !kind.is_file() && !is_link {
            continue;
        }
        expected += 1;
        let difference = compare(&entry.path(), &copy.join(entry.file_name()), kind)?;
        if difference.is_some() {
            return Ok(difference);
        }
    }
    let surplus = fs::read_dir(copy)?.count() != expected;
    Ok(surplus.then(|| format!("{} has more entries than its source", text::path(copy))))
}

fn compare_files(source: &Path, copy: &Path) -> io::Result<Option<String>> {
    let (mut ours, mut theirs) = (File::open(source)?, File::open(copy)?);
    let (mut left, mut right) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut offset = 0;
    loop {
        let (ours, theirs) = (fill(&mut ours, &mut left)?, fill(&mut theirs, &mut right)?);
        if ours != theirs {
            let at = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
            return Ok(Some(format!("{} differs at byte {}", text::path(copy), offset + at)));
        }
        if ours.is_empty() {
            return Ok(None);
        }
        offset += ours.len();
    }
}

/// Reads until the buffer is full or the file ends.
fn fill<'a>(file: &mut File, buffer: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A temporary directory with `source/…` and `copy/source/…`, both holding the same.
    fn source_and_copy() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let temp = tempfile::tempdir().unwrap();
        let (source, copy) = (temp.path().join("source"), temp.path().join("copy"));
        for root in [source.clone(), copy.join("source")] {
            fs::create_dir_all(root.join("sub")).unwrap();
            fs::write(root.join("sub/large"), vec![7; CHUNK + 10]).unwrap();
            fs::write(root.join("empty"), "").unwrap();
        }
        (temp, source, copy)
    }

    #[test]
    fn same_content_has_no_difference() {
        let (_temp, source, copy) = source_and_copy();
        assert_eq!(difference(&source, &copy), None);
        assert_eq!(difference(&source.join("sub/large"), &copy.join("source/sub")), None);
    }

    #[test]
    fn one_byte_is_found() {
        let (_temp, source, copy) = source_and_copy();
        let mut bytes = vec![7; CHUNK + 10];
        bytes[CHUNK + 3] = 8;
        fs::write(copy.join("source/sub/large"), bytes).unwrap();
        let found = difference(&source, &copy).unwrap();
        assert!(found.ends_with(&format!("differs at byte {}", CHUNK + 3)), "{found}");
    }

    #[test]
    fn longer_missing_and_surplus_files_are_found() {
        let (_temp, source, copy) = source_and_copy();
        fs::write(copy.join("source/empty"), "x").unwrap();
        assert!(difference(&source, &copy).unwrap().contains("differs at byte 0"));
        fs::remove_file(copy.join("source/empty")).unwrap();
        assert!(difference(&source, &copy).unwrap().contains("missing"));
        fs::write(copy.join("source/empty"), "").unwrap();
        fs::write(copy.join("source/more"), "").unwrap();
        assert!(difference(&source, &copy).unwrap().contains("more entries"));
    }

    #[test]
    #[cfg(unix)]
    fn link_is_not_a_copy() {
        let (_temp, source, copy) = source_and_copy();
        let file = copy.join("source/empty");
        fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink(source.join("empty"), &file).unwrap();
        assert!(difference(&source, &copy).unwrap().contains("same type"));
    }

    #[test]
    #[cfg(unix)]
    fn links_are_the_same_that_lead_to_the_same() {
        let (_temp, source, copy) = source_and_copy();
        std::os::unix::fs::symlink("sub", source.join("link")).unwrap();
        std::os::unix::fs::symlink("sub", copy.join("source/link")).unwrap();
        assert_eq!(difference(&source, &copy), None);
        assert_eq!(difference(&source.join("link"), &copy.join("source")), None);
        fs::remove_file(copy.join("source/link")).unwrap();
        std::os::unix::fs::symlink("empty", copy.join("source/link")).unwrap();
        assert!(difference(&source, &copy).unwrap().contains("leads elsewhere"));
    }
}
