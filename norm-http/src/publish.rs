//! Hashes files and folders, so that any web server can be a source of them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use norm_files::complete::CompleteSet;
use norm_files::source::{
    Extents, HashCache, LeftOut, Reader, ScanError, Selection, SourceError, scan,
};
use norm_files::state::StateFolders;

use crate::protocol::sidecar::{EXTENSION, HEADER_BYTES, Sidecar};

/// Why files could not be hashed.
#[derive(Debug)]
#[non_exhaustive]
pub enum HashError {
    /// They cannot be listed.
    Scan(ScanError),
    /// One of them cannot be read, or changed meanwhile.
    Source(SourceError),
}

/// Files that were hashed, and what of the selection is not among them.
#[derive(Debug)]
pub struct Hashed {
    /// The set.
    pub set: CompleteSet,
    /// What was left out, by reason.
    pub left_out: Vec<LeftOut>,
}

/// Hashes all files of a selection; those that have not changed since earlier runs are known from
/// the folder for hashes. `watch` hears how many bytes of how many are hashed, and may end it: then
/// the result is `None`.
///
/// # Errors
/// When there is nothing, or it cannot be read.
pub fn hash(
    selection: &Selection,
    state: &StateFolders,
    watch: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Result<Option<Hashed>, HashError> {
    let found = scan(selection).map_err(HashError::Scan)?;
    let (bytes, left_out) = (found.payload_size, found.left_out.clone());
    let extents =
        Extents { extent_bytes: bytes.max(1), count: bytes.min(1) as u32, payload_size: bytes };
    let mut reader = Reader::new(extents, found).with_cache(HashCache::new(state));
    let hashed = reader.hash_first(&mut |done| watch(done, bytes)).map_err(HashError::Source)?;
    Ok(hashed.and_then(|_| reader.complete()).map(|set| Hashed { set, left_out }))
}

/// Where the lists of a file or folder are on a web server: beside it.
pub fn sidecar_path(path: &Path) -> Option<PathBuf> {
    let mut name = path.file_name()?.to_owned();
    name.push(EXTENSION);
    Some(path.with_file_name(name))
}

/// Writes the lists of a set to a file, which appears as a whole; lists that were there are
/// replaced.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] when something else has the name, and what the system says.
pub fn write_sidecar(set: &CompleteSet, path: &Path) -> io::Result<()> {
    if !may_replace(path)? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    // What has the name already is not ours.
    let file = File::create_new(&temporary)
        .map_err(|error| io::Error::other(format!("{}: {error}", temporary.display())))?;
    let written = write(set, file).and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn write(set: &CompleteSet, file: File) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    Sidecar::write(set, &mut out)?;
    out.flush()?;
    out.get_ref().sync_all()
}

/// True when nothing is there, or lists.
fn may_replace(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error),
        Ok(there) if !there.is_file() => return Ok(false),
        Ok(_) => {}
    }
    let mut header = [0; HEADER_BYTES];
    let read = File::open(path)?.read_exact(&mut header);
    Ok(read.is_ok() && Sidecar::parse(&header).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_stand_beside_the_file_and_replace_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("image.iso");
        fs::write(&path, b"content").unwrap();
        let selection = Selection::new([path.clone()]);
        let none = StateFolders::none();
        let go_on = &mut |_, _| ControlFlow::Continue(());
        let hashed = hash(&selection, &none, go_on).unwrap().unwrap();
        let sidecar = sidecar_path(&path).unwrap();
        assert_eq!(sidecar, dir.path().join("image.iso.norm"));
        write_sidecar(&hashed.set, &sidecar).unwrap();
        write_sidecar(&hashed.set, &sidecar).unwrap();
        let bytes = fs::read(&sidecar).unwrap();
        let header = Sidecar::parse(bytes.first_chunk().unwrap()).unwrap();
        let lists = (header.manifest_len + header.digests_len) as usize;
        assert_eq!(bytes.len(), HEADER_BYTES + lists);
        fs::write(&sidecar, b"something else").unwrap();
        let error = write_sidecar(&hashed.set, &sidecar).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&sidecar).unwrap(), b"something else");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left");
        let stop = &mut |_, _| ControlFlow::Break(());
        assert!(hash(&selection, &none, stop).is_ok());
        let missing = Selection::new([dir.path().join("none")]);
        assert!(matches!(hash(&missing, &none, go_on), Err(HashError::Scan(_))));
        assert_eq!(sidecar_path(Path::new("/")), None);
    }
}
