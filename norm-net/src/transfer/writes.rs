//! Where a session writes: for programs that the system keeps from writing elsewhere.

use std::fs;
use std::path::PathBuf;

use crate::transfer::receive::{ReceiveError, ReceiveOptions, open_backup};
use crate::transfer::send::SendOptions;

/// Where a session writes. A program that has the system confine it, to these places, does that
/// before it has threads; so what can be made of them is made now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Writes {
    /// Folders, with all that is below them.
    pub folders: Vec<PathBuf>,
    /// Files that are made, and not replaced.
    pub files: Vec<PathBuf>,
    /// Folders for files that have no name, or have it for a moment only.
    pub unnamed: Vec<PathBuf>,
}

impl Writes {
    /// Of a receiving session. Makes its output directory, the one for backups and that for
    /// receipts; in a dry run, which makes none of them, there are temporary files only.
    ///
    /// # Errors
    /// As [`receive`](crate::receive), when an option cannot work or a directory cannot be made.
    /// Receipts that cannot be kept are none.
    pub fn of_receiver(options: &ReceiveOptions) -> Result<Self, ReceiveError> {
        options.check()?;
        let state = &options.files.state;
        if options.files.dry_run {
            return Ok(Self { folders: vec![std::env::temp_dir()], ..Self::default() });
        }
        let output = &options.directory;
        fs::create_dir_all(output)
            .map_err(|error| ReceiveError::Directory { path: output.clone(), error })?;
        let backup = open_backup(options)?.map(|backup| backup.path().to_owned());
        // Without it no receipt can be kept: then there is none.
        let _ = state.make_receipts();
        let mut folders = vec![output.clone()];
        folders.extend(backup);
        folders.extend(state.existing());
        Ok(Self { folders, ..Self::default() })
    }

    /// Of a sending session. Makes the folder for hashes; without it none are kept. Temporary files
    /// are all in one folder.
    pub fn of_sender(options: &SendOptions) -> Self {
        let state = &options.content.state;
        // As above.
        let _ = state.make_hashes();
        Self {
            folders: state.existing(),
            files: options.rate.trace.iter().cloned().collect(),
            unnamed: vec![norm_files::large_files()],
        }
    }
}

#[cfg(test)]
mod tests {
    use norm_files::state::StateFolders;

    use super::*;
    use crate::transfer::config_problem::ConfigProblem;

    #[test]
    fn directories_of_a_receiver_are_made() {
        let temp = tempfile::tempdir().unwrap();
        let at = |name: &str| temp.path().join(name);
        let group = "239.255.1.1:6003".parse().unwrap();
        let mut options = ReceiveOptions::new(group, at("out"));
        options.files.backup_dir = Some(at("old/deep"));
        options.overwrite = true;
        options.files.state = StateFolders::within(&at("state"));
        options.files.dry_run = true;
        let dry = Writes::of_receiver(&options).unwrap();
        assert_eq!(dry.folders, [std::env::temp_dir()]);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "a dry run makes nothing");
        options.files.dry_run = false;
        let writes = Writes::of_receiver(&options).unwrap();
        assert_eq!(writes.folders, [at("out"), at("old/deep"), at("state/receipts")]);
        assert!(writes.folders.iter().all(|folder| folder.is_dir()) && writes.files.is_empty());
        options.files.backup_dir = Some(at("out/old"));
        let refused = Writes::of_receiver(&options).unwrap_err();
        let inside = ConfigProblem::BackupInOutput { path: at("out/old") };
        assert!(matches!(refused, ReceiveError::Config(problem) if problem == inside));
        assert!(!at("out/old").exists());
    }

    #[test]
    fn sender_writes_hashes_and_its_trace_only() {
        let temp = tempfile::tempdir().unwrap();
        let mut options = SendOptions::new("239.255.1.1:6003".parse().unwrap());
        options.content.state = StateFolders::within(&temp.path().join("state"));
        options.rate.trace = Some(temp.path().join("trace.csv"));
        let writes = Writes::of_sender(&options);
        assert_eq!(writes.folders, [temp.path().join("state/hashes")]);
        assert_eq!(writes.files, [temp.path().join("trace.csv")]);
        assert_eq!(writes.unnamed, [norm_files::large_files()]);
        options.content.state = StateFolders::none();
        assert!(Writes::of_sender(&options).folders.is_empty());
    }
}
