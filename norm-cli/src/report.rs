//! The final report as a file: JSON, complete or not there at all.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exit::Failure;

/// How every report begins.
const BEGINNING: &[u8; 18] = b"{\n  \"program\": \"no";

/// What `--report` writes.
#[derive(Clone, Debug, Serialize)]
pub struct Report<Settings, Summary> {
    /// `norm-send` or `norm-recv`.
    pub program: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The same as the event `settings` of `--json`.
    pub settings: Settings,
    /// The same as the event `summary` of `--json`.
    pub summary: Summary,
}

impl<Settings: Serialize, Summary: Serialize> Report<Settings, Summary> {
    /// A report of this version.
    pub fn new(program: &'static str, settings: Settings, summary: Summary) -> Self {
        Self { program, version: env!("CARGO_PKG_VERSION"), settings, summary }
    }

    /// Writes it to a temporary file beside `path`, then renames that.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what was under the name before is then unharmed.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let temporary = temporary_name(path);
        let written = write_and_rename(self, &temporary, path);
        written.map_err(|error| {
            // It may not exist; and the first error is the one to tell.
            let _ = fs::remove_file(&temporary);
            Failure::local(format!("--report {} cannot be written: {error}", path.display()))
        })
    }
}

fn write_and_rename(report: &impl Serialize, temporary: &Path, path: &Path) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(report)?;
    text.push(b'\n');
    let mut file = File::create_new(temporary)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

/// Refuses a place where no report can be written, before hours of work depend on it; an old report stays.
///
/// # Errors
///
/// One line that names the flag and the cure.
pub fn check(path: &Path) -> Result<(), Failure> {
    let shown = path.display();
    if path.file_name().is_none() || path.is_dir() {
        return Err(Failure::usage(format!("--report {shown} is a folder: name a file in it")));
    }
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        // A device would be replaced.
        return Err(Failure::usage(format!(
            "--report {shown} is no plain file: choose another name"
        )));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        let folder = folder.display();
        return Err(Failure::usage(format!(
            "--report {shown}: the folder {folder} is not there; make it first"
        )));
    }
    let temporary = temporary_name(path);
    let tried = File::create_new(&temporary).and_then(|_| fs::remove_file(&temporary));
    tried.map_err(|error| {
        Failure::usage(format!(
            "--report {shown} cannot be written: {error}; choose another folder"
        ))
    })
}

/// Removes the report of an earlier run, so that nobody takes it for this one's, whatever becomes of this
/// one. Nothing else is removed: whoever forgets the name after `--report` names a file of theirs.
///
/// # Errors
///
/// As [`check`], and when something is there that is no report, or cannot be removed.
pub fn begin(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    check(path)?;
    if !is_report(path) {
        return Err(Failure::usage(format!(
            "--report {}: a file is there that is no report of an earlier run; choose another name",
            path.display()
        )));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::local(format!(
            "--report {}: the old report cannot be removed: {error}",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// True of a report of ours, of an empty file, and of none.
fn is_report(path: &Path) -> bool {
    let mut start = [0; BEGINNING.len()];
    match File::open(path).and_then(|mut file| file.read(&mut start)) {
        Ok(len) => len == 0 || start == *BEGINNING,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    folder_of(path).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_replaces_the_one_before_and_leaves_nothing_else_behind() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        for bytes in [1, 2] {
            Report::new("norm-send", "settings", bytes).write(&path).unwrap();
        }
        let text = fs::read_to_string(&path).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["program"], "norm-send");
        assert_eq!(value["summary"], 2);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_report_that_cannot_be_written_says_so_and_cleans_up() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        fs::create_dir_all(path.join("in the way")).unwrap();
        let error = Report::new("norm-send", (), ()).write(&path).unwrap_err();
        assert!(error.message.contains("--report"), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn the_report_of_an_earlier_run_goes_when_a_new_one_begins() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        assert_eq!(begin(Some(&path)), Ok(()));
        Report::new("norm-send", "settings", 1).write(&path).unwrap();
        assert_eq!(check(&path), Ok(()));
        assert!(path.exists());
        assert_eq!((begin(Some(&path)), begin(None)), (Ok(()), Ok(())));
        fs::write(&path, "").unwrap();
        assert_eq!(begin(Some(&path)), Ok(()));
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_is_no_report_stays() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("image.iso");
        for content in ["x", "{\"program\": \"other\"}", "{\n  \"program\": \"other\"}"] {
            fs::write(&path, content).unwrap();
            assert!(begin(Some(&path)).unwrap_err().message.contains("another name"));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn places_where_no_report_fits_are_refused_early() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(check(&temp.path().join("run.json")), Ok(()));
        assert_eq!(check(Path::new("run.json")), Ok(()));
        assert!(check(temp.path()).unwrap_err().message.contains("name a file"));
        assert!(check(Path::new("..")).is_err());
        #[cfg(target_os = "linux")]
        assert!(check(Path::new("/dev/null")).unwrap_err().message.contains("no plain file"));
        let nowhere = temp.path().join("none/run.json");
        assert!(check(&nowhere).unwrap_err().message.contains("make it first"));
    }
}
