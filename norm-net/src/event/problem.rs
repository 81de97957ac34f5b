//! What has failed at a receiver, as values.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use norm_core::fileset::{ContentError, ContentHash};
use norm_files::sink::SetError;

#[cfg(feature = "serde")]
use super::serial;
use super::{SystemError, path_text};

/// Why a transfer, or a file of it, is not complete.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "kind", rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(transform = serial::with_message))]
#[non_exhaustive]
pub enum Problem {
    /// The sender can no longer repair what is missing.
    Irreparable,
    /// The sender ended before everything had arrived.
    SenderEnded,
    /// The sender was forgotten, because too many others were heard.
    SenderForgotten,
    /// Nothing more arrived for a time.
    Stalled {
        /// How long that was, in seconds.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::seconds"))]
        #[cfg_attr(feature = "schema", schemars(with = "f64"))]
        after: Duration,
    },
    /// Another transfer is complete, and this one is not waited for.
    Remaining {
        /// Why it is not.
        cause: Remaining,
    },
    /// The sender waits for this receiver no longer, because it takes less than the others.
    Evicted,
    /// The sender named a separate group for slow receivers, and nothing came there.
    SeparateGroupSilent,
    /// A file is empty, and its name does not come.
    NameMissing,
    /// The sender's objects do not make a file set.
    InvalidSet {
        /// What is wrong with them, in words.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SetError,
    },
    /// The manifest is not the one that was announced.
    WrongManifest,
    /// The manifest or the digest list is damaged.
    Damaged {
        /// What is wrong with it, in words.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: ContentError,
    },
    /// The content is not the expected one.
    OtherContent {
        /// The content hash of what is wanted.
        expected: ContentHash,
        /// That of what was sent.
        found: ContentHash,
    },
    /// A sender of single files says of none of them that it has the expected hash.
    OtherFiles {
        /// The hash of what is wanted.
        expected: ContentHash,
        /// How many files it tells of, as far as was heard; at least 1.
        files: u64,
        /// The first of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// What the sender has signed of the set holds no longer.
    SetExpired,
    /// By its serial number the set is of more than a day from now.
    SetAhead,
    /// A set of the same name and sender that is newer was received before.
    SetOlder {
        /// The name of the set.
        name: String,
    },
    /// The sender has signed nothing of the set that covers its content.
    NotStated,
    /// The sender has not answered: what it has sent may be a recording.
    NotLive,
    /// What arrived of a file does not match the sender's hashes.
    HashMismatch,
    /// What arrived of some files of a set does not match the sender's hashes; the others are
    /// complete.
    WrongFiles {
        /// How many; at least 1.
        files: u64,
        /// The first of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// The sender has withdrawn a file: it changed, was removed or could not be read while it was
    /// sent.
    Withdrawn,
    /// The sender has withdrawn some files of a set.
    WithdrawnFiles {
        /// How many; at least 1.
        files: u64,
        /// The first of them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        first: PathBuf,
    },
    /// Nothing of the set matches what is wanted.
    NothingWanted,
    /// A symbolic link, which this system does not have.
    Unsupported {
        /// Its name: text from the network.
        name: String,
    },
    /// The files have far more bytes than travel, which is suspicious.
    TooSparse {
        /// Bytes of all files, holes included.
        size: u64,
        /// Bytes that travel.
        data: u64,
    },
    /// A file name of which nothing safe is left.
    UnusableName {
        /// The name: text from the network.
        name: String,
    },
    /// Two files of a set would have one name here.
    NameClash {
        /// The name, below the output directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
    },
    /// Something is in the place of a file.
    Obstructed {
        /// The place.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// What is there.
        obstacle: Obstacle,
    },
    /// The operating system refused to read or write.
    System {
        /// What was tried.
        action: Action,
        /// The file or directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
        /// What the system said.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::text"))]
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        error: SystemError,
    },
    /// The output directory was removed or unmounted after the session began.
    DirectoryGone {
        /// The directory, or a file below it.
        #[cfg_attr(feature = "serde", serde(serialize_with = "serial::path"))]
        path: PathBuf,
    },
    /// A block could not be written.
    BlockUnwritten,
    /// The session was stopped.
    Stopped,
    /// An internal error, which should be reported.
    Internal {
        /// What it said.
        error: String,
    },
}

/// Why a remaining transfer is not waited for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum Remaining {
    /// It began after the other one was complete.
    BeganLater,
    /// Its sender is silent.
    SenderSilent,
    /// Nothing more came of it.
    Stalled,
}

/// What is in the place of a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum Obstacle {
    /// Another file.
    File,
    /// A file of the same size whose content is another, or cannot be read.
    SameSize,
    /// A symbolic link or a file, where a directory must be.
    NoDirectory,
    /// A directory, where a file must be.
    Directory,
}

/// What was tried with a file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum Action {
    /// To write what arrived.
    Write,
    /// To read back what was written.
    ReadBack,
    /// To create a file or directory, or give it its name.
    Create,
    /// To look whether something is there.
    Examine,
    /// To keep what is replaced.
    BackUp,
}

impl Problem {
    /// The system refused this with this file or directory.
    pub fn system(action: Action, path: impl Into<PathBuf>, error: &io::Error) -> Self {
        Self::System { action, path: path.into(), error: error.into() }
    }

    /// True when the disk is full, or the user has as much on it as is allowed: there may be room
    /// again later.
    pub fn is_full(&self) -> bool {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self, Self::System { error, .. }
            if matches!(error.kind, QuotaExceeded | StorageFull))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Irreparable => f.write_str("the sender can no longer repair what is missing"),
            Self::SenderEnded => f.write_str(
                "the sender ended before everything had arrived: it was stopped, or it failed",
            ),
            Self::SenderForgotten => {
                f.write_str("its sender was forgotten, because too many others were heard")
            }
            Self::Stalled { after } => {
                write!(f, "nothing more arrived for {} s", after.as_secs_f64())
            }
            Self::Remaining { cause } => write!(f, "another transfer was received{cause}"),
            Self::Evicted => f.write_str(
                "the sender no longer waits for this receiver, which is slower than the others",
            ),
            Self::SeparateGroupSilent => {
                f.write_str("sent to a separate group for slow receivers, where nothing came")
            }
            Self::NameMissing => f.write_str("it is empty, and its name does not come"),
            Self::InvalidSet { error } => error.fmt(f),
            Self::WrongManifest => {
                f.write_str("the list of files is not the one that was announced")
            }
            Self::Damaged { error } => error.fmt(f),
            Self::OtherContent { expected, found } => {
                write!(f, "its content is not the expected one: {found}, not {expected}")
            }
            Self::OtherFiles { expected, files, first } => {
                other_files(f, expected, *files, &path_text(first))
            }
            Self::SetExpired
            | Self::SetAhead
            | Self::SetOlder { .. }
            | Self::NotStated
            | Self::NotLive => self.of_statements(f),
            Self::HashMismatch => f.write_str(MISMATCH),
            Self::WrongFiles { files, first } => of_files(f, *files, first, MISMATCH),
            Self::Withdrawn => f.write_str(WITHDRAWN),
            Self::WithdrawnFiles { files, first } => of_files(f, *files, first, WITHDRAWN),
            Self::NothingWanted => f.write_str("nothing that is sent matches what is wanted here"),
            Self::Unsupported { .. }
            | Self::TooSparse { .. }
            | Self::UnusableName { .. }
            | Self::NameClash { .. } => self.of_entries(f),
            Self::Obstructed { path, obstacle } => write!(f, "{} {obstacle}", path_text(path)),
            Self::System { action, path, error } => {
                write!(f, "cannot {action} {}: {error}{}", path_text(path), cure(error))
            }
            Self::DirectoryGone { path } => write!(
                f,
                "{} is gone: the directory was removed or unmounted after this receiver began; \
                 make or mount it again, and receive again",
                path_text(path)
            ),
            Self::BlockUnwritten => f.write_str("a block could not be written"),
            Self::Stopped => f.write_str("stopped by the user"),
            Self::Internal { error } => f.write_str(error),
        }
    }
}

impl Problem {
    /// What is wrong with what a set lists.
    fn of_entries(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported { name } => write!(
                f,
                "{name:?} is a symbolic link, which cannot be made here: have its sender leave it \
                 out or follow it"
            ),
            Self::TooSparse { size, data } => write!(
                f,
                "the files have {size} bytes, and all but {data} of them are in holes, which is \
                 suspicious"
            ),
            Self::UnusableName { name } => {
                write!(f, "the file name {name:?} cannot be created here")
            }
            Self::NameClash { path } => {
                write!(f, "the set has two entries for {}", path_text(path))
            }
            _ => f.write_str("the set cannot be received"),
        }
    }
}

impl Problem {
    /// What is wrong with what the sender has signed of a set.
    fn of_statements(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SetExpired => f.write_str("it has expired, or a clock is wrong"),
            Self::SetAhead => f.write_str("it is of a later day than today: a clock is wrong"),
            Self::SetOlder { name } => {
                write!(f, "it is older than what was received of {name:?} before")
            }
            Self::NotLive => f.write_str("its sender has not answered: this may be a recording"),
            _ => f.write_str("its sender has not signed its content"),
        }
    }
}

impl std::error::Error for Problem {}

/// None of the files that are sent is said to be the expected one.
fn other_files(
    f: &mut fmt::Formatter<'_>,
    expected: &ContentHash,
    files: u64,
    first: &str,
) -> fmt::Result {
    match files {
        1 => write!(f, "{first} is sent, and is not said to be {expected}"),
        _ => write!(f, "{files} files are sent, {first} first; none is said to be {expected}"),
    }
}

/// What is wrong with some files of a set.
fn of_files(f: &mut fmt::Formatter<'_>, files: u64, first: &Path, problem: &str) -> fmt::Result {
    match files {
        1 => write!(f, "{}: {problem}", path_text(first)),
        files => write!(f, "{files} files, {} for one: {problem}", path_text(first)),
    }
}

/// What is wrong with what arrived.
const MISMATCH: &str = "what arrived does not match the sender's hashes";
/// Why a sender withdraws files.
const WITHDRAWN: &str = "withdrawn by the sender: changed, removed or unreadable while being sent";

/// What helps against an error of the system.
fn cure(error: &SystemError) -> &'static str {
    match error.kind {
        _ if error.is_file_limit() => {
            "; raise the limit on open files (ulimit -n), and receive again"
        }
        io::ErrorKind::StaleNetworkFileHandle => {
            "; the share was exported anew: mount it again, and receive again"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room there, or take another folder, and receive again"
        }
        io::ErrorKind::FileTooLarge => {
            "; the file system takes no file of that size (FAT: 4 GiB), or a limit is set (ulimit \
             -f): raise that, or take a folder elsewhere, and receive again"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; mount it for writing, or take another folder, and receive again"
        }
        _ => "",
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BeganLater => ", and this session takes one",
            Self::SenderSilent => ", and this one's sender is silent",
            Self::Stalled => ", and nothing more came of this one",
        })
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "exists already, and is not overwritten",
            Self::SameSize => {
                "exists already: its size is the same, its content is not (or cannot be read); it \
                 is not overwritten"
            }
            Self::NoDirectory => {
                "is in the way: a directory is needed there, and links are not followed"
            }
            Self::Directory => "is a directory, and a file is to be put there",
        })
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "write to",
            Self::ReadBack => "read back what was written to",
            Self::Create => "create",
            Self::Examine => "look at",
            Self::BackUp => "keep what would be replaced in",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURE: &str = "; make room there, or take another folder, and receive again";

    #[test]
    fn full_disk_is_told_with_its_cure() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            let problem = Problem::system(Action::Write, "out", &kind.into());
            assert_eq!(problem.to_string(), format!("cannot write to out: {kind}{CURE}"));
        }
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let words = Problem::system(Action::Create, "out/file", &denied).to_string();
        assert!(words.starts_with("cannot create out/file: ") && !words.contains(';'), "{words}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn write_to_a_full_disk_is_told_with_its_cure() {
        use std::io::Write;

        let mut full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let error = full.write_all(b"content").unwrap_err();
        let words = Problem::system(Action::Write, "out", &error).to_string();
        assert!(words.starts_with("cannot write to out: No space") && words.ends_with(CURE));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn cure_of_a_disk_with_too_little_room_is_told_once() {
        use norm_core::fileset::{Entry, EntryKind, ManifestWriter};

        let dir = tempfile::tempdir().unwrap();
        let spools = norm_files::sink::Spools::new(dir.path(), true);
        let entry = Entry { size: 8 << 40, ..Entry::new(EntryKind::File, "file") };
        let mut writer = ManifestWriter::new();
        writer.push(&entry).unwrap();
        let (manifest, hash) = writer.finish();
        let plan = norm_files::sink::Plan::new(&manifest, entry.size).unwrap();
        let spool = spools.create(hash, entry.size).unwrap();
        let error = spool.check_room(&plan).unwrap_err();
        let words = Problem::system(Action::Create, dir.path(), &error).to_string();
        assert!(words.ends_with(&format!(" are free{CURE}")), "{words}");
        assert_eq!(words.matches("make room").count(), 1, "{words}");
    }

    #[test]
    fn words_name_what_is_in_the_way() {
        let problem = Problem::Obstructed { path: "out/a".into(), obstacle: Obstacle::File };
        assert_eq!(problem.to_string(), "out/a exists already, and is not overwritten");
        let problem = Problem::Remaining { cause: Remaining::SenderSilent };
        assert!(problem.to_string().ends_with("and this one's sender is silent"));
    }
}
