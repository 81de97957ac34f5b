//! The final report as a file: JSON, either complete or absent.

mod unnamed;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::exit::Failure;
use crate::sandbox::Allowed;
use crate::text;

/// How every report begins.
const BEGINNING: &[u8; 18] = b"{\n  \"program\": \"no";

/// Names that are tried for a report.
const MAX_NAMES: u32 = 100;

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
}

/// Where the report of a run goes, if anywhere.
#[derive(Debug, Default)]
pub struct Destination {
    path: Option<PathBuf>,
    /// The file that gets that name in the end, where it can be without one until then.
    file: Option<File>,
}

impl Destination {
    /// Removes the report of an earlier run, which could be taken for this one's if this run fails.
    /// Other files are refused: without a name after `--report`, a file to be sent takes its place.
    ///
    /// # Errors
    ///
    /// As [`check`], and when something is there that is no report, or cannot be removed.
    pub fn begin(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        check(path)?;
        remove_earlier(path)?;
        let file = unnamed::create(directory_of(path));
        Ok(Self { path: Some(path.to_owned()), file })
    }

    /// What the program writes for it from now on.
    pub(crate) fn allow(&self, allowed: &mut Allowed) {
        let Some(path) = &self.path else { return };
        let folder = directory_of(path).to_owned();
        match self.file {
            Some(_) => allowed.names.push(folder),
            None => allowed.writes.folders.push(folder),
        }
    }

    /// Writes the report, once: under its name it is complete or absent. Where another run has
    /// taken the name since the start, it gets the next free one, which is returned.
    ///
    /// # Errors
    ///
    /// When the file cannot be written; what was under the name before is then unharmed.
    pub fn write(&self, report: &impl Serialize) -> Result<Option<PathBuf>, Failure> {
        let Some(path) = &self.path else { return Ok(None) };
        let written = match &self.file {
            Some(file) => write_to(report, file).and_then(|()| name_it(file, path)),
            None => write_and_rename(report, path).map(|()| None),
        };
        written.map_err(|error| {
            Failure::local(format!("cannot write --report {}: {error}", text::path(path)))
        })
    }
}

/// Gives a file this name, or the next one that is free: then that is returned. To replace what has
/// the name, the program would have to be allowed to remove files there.
fn name_it(file: &File, path: &Path) -> io::Result<Option<PathBuf>> {
    let mut result = unnamed::name(file, path).map(|()| None);
    for number in 2..=MAX_NAMES {
        match result {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let other = numbered(path, number);
                result = unnamed::name(file, &other).map(|()| Some(other));
            }
            result => return result,
        }
    }
    result
}

/// The same name with a number before its extension: `run-2.json`.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

fn write_to(report: &impl Serialize, mut file: &File) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(report)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()
}

/// Writes a temporary file in the same directory, then renames that.
fn write_and_rename(report: &impl Serialize, path: &Path) -> io::Result<()> {
    let temporary = temporary_name(path);
    let written = File::create_new(&temporary)
        .and_then(|file| write_to(report, &file))
        .and_then(|()| fs::rename(&temporary, path));
    written.inspect_err(|_| {
        // It may not exist; and the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    })
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

/// Removes the report of an earlier run; other files are refused.
fn remove_earlier(path: &Path) -> Result<(), Failure> {
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

    fn begin(path: &Path) -> Result<Destination, Failure> {
        Destination::begin(Some(path))
    }

    /// Every way in which it can be written.
    fn both(path: &Path) -> [Destination; 2] {
        let named = Destination { path: Some(path.to_owned()), file: None };
        [begin(path).unwrap(), named]
    }

    #[test]
    fn report_replaces_the_one_before() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        for bytes in [1, 2, 3, 4] {
            let [first, second] = both(&path);
            let destination = if bytes % 2 == 0 { first } else { second };
            destination.write(&Report::new("norm-send", "settings", bytes)).unwrap();
            let text = fs::read_to_string(&path).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (&value["program"], &value["summary"]),
                (&"norm-send".into(), &bytes.into())
            );
            assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        }
        Destination::begin(None).unwrap().write(&Report::new("norm-send", (), ())).unwrap();
    }

    #[test]
    fn report_that_cannot_be_written_leaves_no_file() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        let [_, renamed] = both(&path);
        fs::create_dir_all(path.join("in the way")).unwrap();
        let error = renamed.write(&Report::new("norm-send", (), ())).unwrap_err();
        assert!(error.message.contains("--report"), "{error}");
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        let folder = temp.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let destinations = both(&folder.join("run.json"));
        fs::remove_dir(&folder).unwrap();
        for destination in destinations {
            let error = destination.write(&Report::new("norm-send", (), ())).unwrap_err();
            assert!(error.message.contains("--report"), "{error}");
            assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn report_that_finds_its_name_taken_gets_the_next_one() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let runs: Vec<Destination> = (0..3).map(|_| begin(&at("run.json")).unwrap()).collect();
        if runs.iter().any(|run| run.file.is_none()) {
            return println!("skipped: this file system has no files without a name");
        }
        let names = runs
            .iter()
            .enumerate()
            .map(|(number, run)| run.write(&Report::new("norm-send", "settings", number)).unwrap());
        let names: Vec<_> = names.collect();
        assert_eq!(names, [None, Some(at("run-2.json")), Some(at("run-3.json"))]);
        for (number, name) in ["run.json", "run-2.json", "run-3.json"].into_iter().enumerate() {
            let text = fs::read_to_string(at(name)).unwrap();
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(value["summary"], number);
        }
        assert_eq!(numbered(Path::new("a.b/report"), 2), Path::new("a.b/report-2"));
    }

    #[test]
    fn report_of_an_earlier_run_is_removed_at_the_start() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("run.json");
        let destination = begin(&path).unwrap();
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "nothing until it is complete");
        destination.write(&Report::new("norm-send", "settings", 1)).unwrap();
        assert_eq!(check(&path), Ok(()));
        assert!(path.exists());
        begin(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        begin(&path).unwrap();
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0);
    }

    #[test]
    fn file_that_is_not_a_report_stays() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("image.iso");
        for content in ["x", "{\"program\": \"other\"}", "{\n  \"program\": \"other\"}"] {
            fs::write(&path, content).unwrap();
            assert!(begin(&path).unwrap_err().message.contains("another name"));
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
