//! What happens while a directory is filled, and what came of it.

use std::path::PathBuf;
use std::time::Duration;

use norm_core::fileset::{ContentHash, FileHash};
use norm_files::sink::RefusedMetadata;

use crate::client::{HttpError, SourceUrl};

/// Something that happens.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FillEvent {
    /// A source has the list of files and that of hashes.
    Found {
        /// The source.
        url: SourceUrl,
        /// Names the files with all that is in them.
        content: ContentHash,
        /// Files that are wanted, other names of files included.
        files: u64,
        /// Bytes of these files, without those in holes.
        bytes: u64,
        /// The content was demanded by its hash, or the source has proved itself; else it is what
        /// anything on the way has made of it.
        is_proved: bool,
    },
    /// Some of it was here already.
    Resumed {
        /// Bytes of files that are here.
        bytes_done: u64,
        /// Bytes of all files that are wanted.
        bytes_total: u64,
    },
    /// A source does not give what it should.
    SourceFailed {
        /// The source.
        url: SourceUrl,
        /// Why.
        error: HttpError,
        /// It is asked no more.
        is_over: bool,
    },
    /// How far it is: about four times per second.
    Progress(FillProgress),
    /// Everything is here, and files are made.
    Verifying,
    /// A file has its final name.
    FileComplete {
        /// Where it is: begins with the output directory.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// BLAKE3 of its content.
        hash: Option<FileHash>,
        /// An identical file was in place before.
        present: bool,
    },
}

/// How far it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillProgress {
    /// Time since fetching began.
    pub elapsed: Duration,
    /// Bytes of content that are here and verified.
    pub bytes_done: u64,
    /// Bytes of content that are wanted.
    pub bytes_total: u64,
    /// Bytes of content that were fetched.
    pub bytes_fetched: u64,
}

/// What came of it: all of it is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FillReport {
    /// Names the files with all that is in them.
    pub content: Option<ContentHash>,
    /// Files that are here, present ones included.
    pub files: u64,
    /// Files that were not wanted.
    pub unwanted: u64,
    /// Files that were in place before.
    pub present: u64,
    /// Files and links that were replaced and are kept.
    pub backups: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub links: u64,
    /// Bytes of the files that are wanted, without those in holes.
    pub bytes: u64,
    /// Of these, bytes that were here before.
    pub bytes_kept: u64,
    /// Nothing was fetched: by a receipt all of it was here, and has not changed since.
    pub unchanged: bool,
    /// Modes, times and the like that were refused.
    pub refused: Option<RefusedMetadata>,
    /// What each source has given, in the order in which they were named; none if nothing was
    /// missing.
    pub sources: Vec<SourceReport>,
    /// From the first request to the last file.
    pub elapsed: Duration,
}

/// What a source has given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SourceReport {
    /// The source.
    pub url: SourceUrl,
    /// Bytes of content that came from it first, and were right.
    pub bytes: u64,
    /// Requests that have failed.
    pub errors: u64,
    /// It sent a wrong chunk, and was asked no more.
    pub is_banned: bool,
    /// What went wrong last.
    pub problem: Option<HttpError>,
}
