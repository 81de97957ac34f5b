//! What is fetched, from where, and what becomes of it.

use std::path::PathBuf;

use norm_core::fileset::ContentHash;
use norm_files::Preserve;
use norm_files::sink::Only;
use norm_files::source::PatternError;
use norm_files::state::StateFolders;

use crate::client::SourceUrl;

/// What is fetched, from where, and what becomes of it. More fields may come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FillOptions {
    /// Where the content is: services of this crate, and web servers.
    pub sources: Vec<SourceUrl>,
    /// The output directory, which is made if it is not there.
    pub directory: PathBuf,
    /// The only content that is wanted; any if that is `None`.
    pub expect: Option<ContentHash>,
    /// Existing files are replaced.
    pub overwrite: bool,
    /// Where what is replaced is kept.
    pub backup_dir: Option<PathBuf>,
    /// Files that are wanted; `None` is all.
    pub only: Option<Only>,
    /// What of files is set beyond permissions and times.
    pub preserve: Preserve,
    /// Files may be as sparse as they like.
    pub allow_sparse: bool,
    /// What an earlier run has left is used, and what this one leaves is kept.
    pub resume: bool,
    /// Where receipts are kept.
    pub state: StateFolders,
}

impl FillOptions {
    /// These sources into this directory, with defaults for all else.
    pub fn new(sources: Vec<SourceUrl>, directory: impl Into<PathBuf>) -> Self {
        Self {
            sources,
            directory: directory.into(),
            expect: None,
            overwrite: false,
            backup_dir: None,
            only: None,
            preserve: Preserve::default(),
            allow_sparse: false,
            resume: true,
            state: StateFolders::none(),
        }
    }

    /// Has only files fetched that match one of these gitignore patterns; without any, all.
    ///
    /// # Errors
    /// When one is malformed.
    pub fn want_only(&mut self, patterns: &[String]) -> Result<(), PatternError> {
        self.only = Only::new(patterns)?;
        Ok(())
    }
}
