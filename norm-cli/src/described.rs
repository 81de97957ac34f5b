//! Descriptions of sessions (SDP) in files.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use norm_net::announce::{MAX_DESCRIPTION, SessionDescription};

use crate::exit::Failure;
use crate::text;

/// How every description begins.
const BEGINNING: &[u8] = b"v=0";

/// Refuses a path where no description can be written, before the session begins.
///
/// # Errors
///
/// One line that names the flag and the cure.
pub fn check(path: &Path) -> Result<(), Failure> {
    let shown = text::path(path);
    let refuse = |why: &str| Err(Failure::usage(format!("--sdp {shown} {why}")));
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_dir() => refuse("is a directory: name a file in it"),
        Ok(there) if !there.is_file() => refuse("is not a regular file: use another name"),
        Ok(there) if there.len() > 0 && !begins_as_description(path) => {
            refuse("exists and is no description of a session: use another name, or remove it")
        }
        Ok(_) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            refuse(&format!("cannot be written: {error}"))
        }
        Err(_) => match path.parent().filter(|parent| *parent != Path::new("")) {
            Some(parent) if !parent.is_dir() => {
                let parent = text::path(parent);
                refuse(&format!("cannot be written: {parent} does not exist; create it first"))
            }
            _ => Ok(()),
        },
    }
}

fn begins_as_description(path: &Path) -> bool {
    let mut start = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(BEGINNING.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == BEGINNING
}

/// Writes a description.
///
/// # Errors
///
/// What the system says, with the flag.
pub fn write(path: &Path, description: &SessionDescription) -> Result<(), Failure> {
    fs::write(path, description.emit()).map_err(|error| {
        let path = text::path(path);
        Failure::local(format!("--sdp {path} cannot be written: {error}; name another file"))
    })
}

/// Reads a description.
///
/// # Errors
///
/// When the file cannot be read, or describes no session; with the number of the line.
pub fn read(path: &Path) -> Result<SessionDescription, Failure> {
    let shown = text::path(path);
    let mut bytes = Vec::new();
    let most = MAX_DESCRIPTION as u64 + 1;
    File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes)).map_err(|error| {
        Failure::usage(format!("--sdp {shown} cannot be read: {error}; check the name"))
    })?;
    SessionDescription::parse(&bytes).map_err(|error| {
        Failure::usage(format!(
            "--sdp {shown}, {error}: use a file of norm-send --sdp, or name the session with -g"
        ))
    })
}

#[cfg(test)]
mod tests {
    use norm_net::announce::{Origin, SessionProtocol};

    use super::*;

    #[test]
    fn description_replaces_only_another_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.sdp");
        check(&path).unwrap();
        let origin =
            Origin { username: "-".to_owned(), id: 1, version: 1, address: "192.0.2.7".to_owned() };
        let group = "239.1.2.3:6000".parse().unwrap();
        let description = SessionDescription::new(SessionProtocol::Norm, group, origin);
        write(&path, &description).unwrap();
        assert_eq!(read(&path), Ok(description));
        check(&path).unwrap();
        fs::write(&path, "my notes").unwrap();
        assert!(check(&path).unwrap_err().message.contains("use another name"));
        let error = read(&path).unwrap_err().message;
        assert!(error.contains("line 1") && error.contains("-g"), "{error}");
        assert!(check(folder.path()).unwrap_err().message.contains("directory"));
        let deep = folder.path().join("no/such.sdp");
        assert!(check(&deep).unwrap_err().message.contains("create it first"));
        assert!(read(&deep).unwrap_err().message.contains("check the name"));
    }
}
