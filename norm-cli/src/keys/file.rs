//! Files that hold secrets, which only their owner can read.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::Failure;
use crate::text;

/// Bytes of a file at most.
const MAX_LEN: u64 = 65_536;

/// Reads a file with a secret; refuses one that other users can read.
///
/// # Errors
///
/// One line that names what named the file, and the cure.
pub(super) fn read(named_by: &str, path: &Path) -> Result<Zeroizing<String>, Failure> {
    let shown = text::path(path);
    let unreadable = |error: io::Error| {
        Failure::usage(format!("{named_by} {shown} cannot be read: {error}; check the name"))
    };
    let file = File::open(path).map_err(unreadable)?;
    let loose = loose_mode(&file).map_err(unreadable)?;
    if let Some(mode) = loose.filter(|_| !is_credential(path)) {
        return Err(Failure::usage(format!(
            "{named_by} {shown} can be read by other users (mode {mode:o}): run chmod 600 {shown}"
        )));
    }
    // As long as it may be from the start: what a growing one leaves is not overwritten.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LEN as usize + 1));
    file.take(MAX_LEN + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    let text = Some(&bytes).filter(|bytes| bytes.len() as u64 <= MAX_LEN);
    let text = text.and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.map(|text| Zeroizing::new(text.to_owned())).ok_or_else(|| {
        Failure::usage(format!("{named_by} {shown} is no text of up to {MAX_LEN} bytes"))
    })
}

/// The permissions of a file that others than its owner can read or change. Pipes are as good as
/// their other end.
#[cfg(unix)]
fn loose_mode(file: &File) -> io::Result<Option<u32>> {
    use std::os::unix::fs::MetadataExt;

    let metadata = file.metadata()?;
    let mode = metadata.mode() & 0o777;
    Ok((metadata.is_file() && mode & 0o077 != 0).then_some(mode))
}

/// True of a file that a service manager has handed to this service alone (`LoadCredential` of
/// systemd). Its mode may name a group, which then stands for a list of users that have access.
fn is_credential(path: &Path) -> bool {
    let folder = env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty());
    folder.is_some_and(|folder| path.starts_with(folder))
}

#[cfg(not(unix))]
fn loose_mode(_: &File) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Makes a file that only its owner can read.
///
/// # Errors
///
/// When something has the name; what the system says. Then nothing is left of it.
pub(super) fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists already, and is not overwritten: use another NAME, or remove it",
            text::path(path)
        )),
        _ => unwritten(path, &error),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|error| {
        // Half of a key is none; and the first error is the one to report.
        let _ = fs::remove_file(path);
        unwritten(path, &error)
    })
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    Failure::local(format!("cannot write {}: {error}; use another directory", text::path(path)))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn files_that_others_can_read_are_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lab.key");
        create(&path, "secret").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*read("--key", &path).unwrap(), "secret");
        for mode in [0o640, 0o604, 0o660, 0o777, 0o610] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read("--key", &path).unwrap_err().message;
            assert!(refused.contains(&format!("mode {mode:o}")), "{refused}");
            assert!(refused.contains("chmod 600") && !refused.contains("secret"), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(*read("--key", &path).unwrap(), "secret");
    }

    #[test]
    fn what_is_no_short_text_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("lab.key");
        assert!(read("--key", &path).unwrap_err().message.contains("check the name"));
        assert!(read("--key", temp.path()).is_err(), "a directory");
        create(&path, &"x".repeat(MAX_LEN as usize)).unwrap();
        assert_eq!(read("--key", &path).unwrap().len() as u64, MAX_LEN);
        assert!(create(&path, "other").unwrap_err().message.contains("exists already"));
        fs::write(&path, "x".repeat(MAX_LEN as usize + 1)).unwrap();
        assert!(read("--key", &path).unwrap_err().message.contains("no text"));
        fs::write(&path, b"\xff").unwrap();
        assert!(read("--key", &path).unwrap_err().message.contains("no text"));
    }
}
