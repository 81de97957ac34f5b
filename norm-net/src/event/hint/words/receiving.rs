//! About what is received.

use std::fmt;
use std::path::Path;

use super::Hint;
use crate::event::{SystemError, path_text};

pub(super) fn write(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::TooManySets { limit } => {
            write!(f, "{limit} file sets are on their way; another one is ignored")
        }
        Hint::SetIgnored { set, error, .. } => write!(f, "file set {set} is ignored: {error}"),
        Hint::SetRefused { problem, .. } => write!(f, "a transfer is refused: {problem}"),
        Hint::OtherContent { content, .. } => {
            write!(f, "a transfer is ignored: its content is not the expected one, but {content}")
        }
        Hint::ResumeDataUnusable { error, .. } => {
            write!(f, "resume data of this transfer is not used: {error}")
        }
        Hint::PatternsUnmatched { patterns, .. } => {
            let quoted: Vec<String> = patterns.iter().map(|one| format!("{one:?}")).collect();
            write!(f, "nothing in this transfer matches {}", quoted.join(" or "))
        }
        Hint::ChangedFilesStay { .. } | Hint::NotRemoved { .. } => about_earlier_sets(hint, f),
        Hint::FilesPresent { files, first, .. } => files_present(f, *files, first),
        Hint::MetadataRefused { entries, first, error, .. } => {
            metadata_refused(f, *entries, first, error)
        }
        Hint::SlowDisk { directory } => write!(
            f,
            "the disk with {} takes less than arrives, and limits the transfer: receive on a \
             faster one",
            path_text(directory)
        ),
        Hint::SpoolRoom { directory, symbols, files, free } => write!(
            f,
            "receiving needs up to {} on the disk of {} for symbols, beside {} for the files, and \
             {} are free",
            mib(*symbols),
            path_text(directory),
            mib(*files),
            mib(*free)
        ),
        Hint::SpoolFailed { directory, error } => write!(
            f,
            "what waits for the rest of its block cannot be kept in {}: {error}. What finds no \
             room in memory has to come again: make room there, or use more memory",
            path_text(directory)
        ),
        Hint::ReceivedAgain { .. } => {
            f.write_str("part of the set did not match its hash and is received again")
        }
        Hint::SeparateGroupUnreachable { error } => {
            write!(f, "the separate group cannot be joined: {error}")
        }
        _ => Ok(()),
    }
}

/// What a file system does not take beside content.
fn metadata_refused(
    f: &mut fmt::Formatter<'_>,
    entries: u64,
    first: &Path,
    error: &SystemError,
) -> fmt::Result {
    let first = path_text(first);
    match entries {
        1 => write!(f, "mode, time or the like of {first} cannot be set")?,
        n => write!(
            f,
            "modes, times or the like of {n} files and directories, {first} for one, cannot be set"
        )?,
    }
    write!(
        f,
        ": {error}. Their content is complete. Where that matters, set it where this file system \
         is, or receive on another one"
    )
}

/// What earlier sets had, and stays.
fn about_earlier_sets(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::ChangedFilesStay { files: 1, first, .. } => {
            let first = path_text(first);
            write!(f, "{first} is no longer sent, and stays, because it was changed here")
        }
        Hint::ChangedFilesStay { files, first, .. } => write!(
            f,
            "{files} files are no longer sent, and stay, because they were changed here: {} for \
             one",
            path_text(first)
        ),
        Hint::NotRemoved { entries: 1, first, error, .. } => {
            write!(f, "one file that is no longer sent stays: {}: {error}", path_text(first))
        }
        Hint::NotRemoved { entries, first, error, .. } => write!(
            f,
            "{entries} files that are no longer sent stay: {} for one: {error}",
            path_text(first)
        ),
        _ => Ok(()),
    }
}

/// Files that are to be received are in place.
fn files_present(f: &mut fmt::Formatter<'_>, files: u64, first: &Path) -> fmt::Result {
    let first = path_text(first);
    let its = if files == 1 { "its" } else { "their" };
    match files {
        1 => write!(f, "{first} is in place already, with the same size: it stays")?,
        n => write!(
            f,
            "{n} files are in place already, with the same sizes, {first} for one: \
             they stay"
        )?,
    }
    write!(
        f,
        " if {its} content turns out to be the same in the end, and if not, the \
         transfer fails then"
    )
}

/// Bytes as `12 MiB`, rounded up.
fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
