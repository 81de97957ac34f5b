//! What would be sent.

use norm_files::source::{FileSet, FoundEntry, Selection, scan};

use super::error::SendError;
use crate::event::{Hint, LeftOut};

/// What [`send`](super::send()) would send.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Preview {
    /// Files, empty ones included.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes in all files, without those in holes.
    pub bytes: u64,
    /// What was found and would not be sent, by reason.
    pub left_out: Vec<LeftOut>,
    /// What looks wrong.
    pub hints: Vec<Hint>,
    /// Files, directories and links, in the order in which they would be sent.
    pub entries: Vec<FoundEntry>,
}

/// Examines what is selected, and sends nothing. Each file is opened once, and no network is used.
///
/// # Errors
/// [`SendError::Scan`] when there is nothing to send, or it cannot be read.
pub fn preview(selection: impl Into<Selection>) -> Result<Preview, SendError> {
    let found: FileSet = scan(selection)?;
    Ok(Preview {
        files: found.file_count,
        directories: found.directories,
        links: found.links,
        bytes: found.payload_size,
        hints: Hint::unused_patterns(&found).into_iter().chain(Hint::given_links(&found)).collect(),
        entries: found.entries(),
        left_out: found.left_out.into_iter().map(LeftOut::from).collect(),
    })
}
