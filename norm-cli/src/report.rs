//! The final report as a file: JSON, either complete or absent.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exit::Failure;
use crate::text;

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

    /// Writes it to a temporary file in the same directory, then renames that.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what was under the name before is then unharmed.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let temporary = temporary_name(path);
        let written = write_and_rename(self, &temporary, path);
        written.map_err(|error| {
            // It may not exist; and the first error is the one to report.
            let _ = fs::remove_file(&temporary);
            Failure::local(format!("cannot write --report {}: {error}", text::path(path)))
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

/// Refuses a path where no report can be written, before the transfer begins; an old report stays.
///
/// # Errors
///
/// One line that names the flag and the cure.
pub fn check(path: &Path) -> Result<(), Failure> {
    let shown = text::path(path);
    if path.file_name().is_none() || path.is_dir() {
        return Err(Failure::usage(format!("--report {shown} is a directory: name a file in it")));
    }
    if fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        // A device would be replaced.
        return Err(Failure::usage(format!(
            "--report {shown} is not a regular file: use another name"
        )));
    }
    let directory = directory_of(path);
    if !directory.is_dir() {
        return Err(Failure::usage(format!(
            "cannot write --report {shown}: directory {} does not exist; create it first",
            text::path(directory)
        )));
    }
    let temporary = temporary_name(path);
    let tried = File::create_new(&temporary).and_then(|_| fs::remove_file(&temporary));
    tried.map_err(|error| {
        Failure::usage(format!("cannot write --report {shown}: {error}; use another directory"))
    })
}

/// Removes the report of an earlier run, which could be taken for this one's if this run fails.
/// Other files are refused: without a name after `--report`, a file to be sent takes its place.
///
/// # Errors
///
/// As [`check`], and when something is there that is no report, or cannot be removed.
pub fn begin(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    check(path)?;
    if !is_report(path) {
        return Err(Failure::usage(format!(
            "--report {} exists and is not a report of an earlier run: use another name",
            text::path(path)
        )));
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::local(format!(
            "cannot remove the old --report {}: {error}",
            text::path(path)
        ))),
        _ => Ok(()),
    }
}

/// True for a report, an empty file, and none.
fn is_report(path: &Path) -> bool {
    let mut start = [0; BEGINNING.len()];
    match File::open(path).and_then(|mut file| file.read(&mut start)) {
        Ok(len) => len == 0 || start == *BEGINNING,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    directory_of(path).join(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_replaces_the_one_before() {
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
    fn report_that_cannot_be_written_leaves_no_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        fs::create_dir_all(path.join("in the way")).unwrap();
        let error = Report::new("norm-send", (), ()).write(&path).unwrap_err();
        assert!(error.message.contains("--report"), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    }

    #[test]
    fn report_of_an_earlier_run_is_removed_at_the_start() {
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
    fn file_that_is_not_a_report_stays() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("image.iso");
        for content in ["x", "{\"program\": \"other\"}", "{\n  \"program\": \"other\"}"] {
            fs::write(&path, content).unwrap();
            assert!(begin(Some(&path)).unwrap_err().message.contains("another name"));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }

    #[test]
    fn paths_that_cannot_be_written_are_refused_early() {
        let temp = tempfile::tempdir().unwrap();
        assert_eq!(check(&temp.path().join("run.json")), Ok(()));
        assert_eq!(check(Path::new("run.json")), Ok(()));
        assert!(check(temp.path()).unwrap_err().message.contains("name a file"));
        assert!(check(Path::new("..")).is_err());
        #[cfg(target_os = "linux")]
        assert!(check(Path::new("/dev/null")).unwrap_err().message.contains("not a regular file"));
        let nowhere = temp.path().join("none/run.json");
        assert!(check(&nowhere).unwrap_err().message.contains("create it first"));
    }
}
