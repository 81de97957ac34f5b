//! What is told of files that are fetched or offered by HTTP.

use norm_core::fileset::{ContentHash, FileHash};
use norm_http::{FillReport, HttpError, SourceReport, SourceUrl};
use serde::Serialize;

use crate::text;

/// What `norm-recv --fill` says.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum FillLine {
    /// First, with `--fill`: what is fetched, and from where.
    FillSettings(super::Settings<FillSetup>),
    /// A source has the list of files and that of hashes.
    FillFound {
        /// The source.
        source: String,
        /// Names the files with all that is in them.
        content: ContentHash,
        /// Files that are wanted.
        files: u64,
        /// Bytes of these files, without those in holes.
        bytes: u64,
        /// The content is what `--expect` demands; else what came over plain http is believed.
        proved: bool,
    },
    /// Some of it was here already.
    FillResumed {
        /// Bytes of files that are here.
        bytes_done: u64,
        /// Bytes of all files that are wanted.
        bytes_total: u64,
    },
    /// A source does not give what it should.
    FillSourceFailed {
        /// The source.
        source: String,
        /// Why, in words for people.
        message: String,
        /// It sent wrong content, and is not asked any more.
        banned: bool,
        /// It is not asked any more, for whatever reason.
        over: bool,
    },
    /// How far it is: about four times per second.
    FillProgress {
        /// Seconds since fetching began.
        elapsed: f64,
        /// Bytes of content that are here and verified.
        bytes_done: u64,
        /// Bytes of content that are wanted.
        bytes_total: u64,
        /// Bytes of content that were fetched.
        bytes_fetched: u64,
    },
    /// A file has its final name.
    FillFileComplete {
        /// Where it is: begins with the output directory.
        path: String,
        /// Its size in bytes.
        bytes: u64,
        /// BLAKE3 of its content, as `b3sum` prints it.
        hash: Option<FileHash>,
        /// An identical file was in place before, and stays as it was.
        present: bool,
    },
    /// Last, with `--fill`.
    FillSummary(super::Summary<FillResult>),
}

/// What `norm-recv --fill` was asked for.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FillSetup {
    /// The sources, as they were named.
    pub sources: Vec<String>,
    /// The output directory.
    pub directory: String,
    /// The content that is demanded; null when any will do.
    pub expect: Option<ContentHash>,
}

/// What came of `norm-recv --fill`.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FillResult {
    /// All of it is here, and verified.
    pub complete: bool,
    /// Nothing was fetched: by the receipt of an earlier run all of it was here, and has not
    /// changed since.
    pub unchanged: bool,
    /// Names the files with all that is in them; null when it is not complete, and when only some
    /// of them were wanted.
    pub content: Option<ContentHash>,
    /// Files that are here, present ones included.
    pub files: u64,
    /// Bytes of these files, without those in holes.
    pub bytes: u64,
    /// Of these, bytes that were here before.
    pub bytes_kept: u64,
    /// Files that were in place before.
    pub present: u64,
    /// Seconds from the first request to the last file.
    pub elapsed: f64,
    /// What each source has given.
    pub sources: Vec<FillSource>,
}

/// What a source has given.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FillSource {
    /// The source, as it was named.
    pub source: String,
    /// Bytes of content that came from it first, and were right.
    pub bytes: u64,
    /// Requests that have failed.
    pub errors: u64,
    /// It sent wrong content, and was asked no more.
    pub banned: bool,
    /// What went wrong last, in words for people; null when nothing did.
    pub message: Option<String>,
}

impl FillResult {
    /// What a report says of a run that is complete.
    pub fn complete(report: &FillReport) -> Self {
        Self {
            complete: true,
            unchanged: report.unchanged,
            content: report.content,
            files: report.files,
            bytes: report.bytes,
            bytes_kept: report.bytes_kept,
            present: report.present,
            elapsed: report.elapsed.as_secs_f64(),
            sources: sources(&report.sources),
        }
    }

    /// A run that is not complete, with what the sources have given.
    pub fn incomplete(given: &[SourceReport], elapsed: f64) -> Self {
        Self {
            complete: false,
            unchanged: false,
            content: None,
            files: 0,
            bytes: 0,
            bytes_kept: 0,
            present: 0,
            elapsed,
            sources: sources(given),
        }
    }
}

fn sources(given: &[SourceReport]) -> Vec<FillSource> {
    let one = |source: &SourceReport| FillSource {
        source: source.url.to_string(),
        bytes: source.bytes,
        errors: source.errors,
        banned: source.is_banned,
        message: source.problem.as_ref().map(ToString::to_string),
    };
    given.iter().map(one).collect()
}

/// What is said of a source that has failed.
pub fn source_failed(url: &SourceUrl, error: &HttpError, is_over: bool) -> FillLine {
    FillLine::FillSourceFailed {
        source: url.to_string(),
        message: text::plain(&error.to_string()).into_owned(),
        banned: *error == HttpError::WrongChunk,
        over: is_over,
    }
}
