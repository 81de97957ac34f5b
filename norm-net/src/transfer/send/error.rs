//! Why a transfer could not be started or carried on. Every message says what to do.

use std::fmt;
use std::io;
use std::path::PathBuf;

use norm_core::fileset::ContentError;
use norm_files::source::ScanError;

use crate::announce::AnnounceError;
use crate::event::path_text;
use crate::io::error::NetError;
use crate::transfer::config_problem::ConfigProblem;
use crate::transfer::flute::Profile;
use crate::transfer::norm::StandardFec;

/// A transfer could not be started, or its sockets failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum SendError {
    /// The paths cannot be sent.
    Scan(ScanError),
    /// The list of files cannot be read back: an internal error.
    Manifest(ContentError),
    /// A name, with its folders, does not fit the NORM_INFO of one packet.
    NameTooLong {
        /// The file with this name.
        path: PathBuf,
    },
    /// There is more to send than a transfer can hold.
    TooLarge {
        /// Bytes of all files.
        bytes: u64,
        /// Bytes of the manifest.
        manifest_bytes: u64,
        /// Bytes of content per packet.
        segment_size: u16,
    },
    /// More standalone files than a session can number.
    TooManyFiles {
        /// How many there are.
        files: u64,
        /// How many there may be.
        max: u64,
    },
    /// A standalone file is larger than its code allows.
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// The code.
        fec: StandardFec,
    },
    /// A standalone file is larger than a profile of FLUTE allows.
    FileBeyondProfile {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        bytes: u64,
        /// Bytes at most.
        limit: u64,
        /// The profile.
        profile: Profile,
    },
    /// The name of a standalone file is no UTF-8, which is what tables of FLUTE are written in.
    NameNotText {
        /// The file.
        path: PathBuf,
    },
    /// There are only empty directories, which cannot be sent as standalone files.
    OnlyDirectories,
    /// An option has a value that cannot work.
    Config(ConfigProblem),
    /// The sockets could not be opened.
    Net(NetError),
    /// The trace of the rate cannot be written.
    RateTrace {
        /// Its file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The system refused a thread or randomness, or the sockets failed for good.
    Io(io::Error),
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan(error) => error.fmt(f),
            Self::Manifest(error) => write!(f, "the list of files cannot be read back: {error}"),
            Self::NameTooLong { path } => write!(
                f,
                "cannot send {}: with its directories its name is longer than a packet; rename it",
                path_text(path)
            ),
            Self::TooLarge { bytes, manifest_bytes, segment_size } => write!(
                f,
                "{bytes} bytes of files with a list of {manifest_bytes} bytes are too much for one \
                 transfer with segments of {segment_size} bytes: send them in parts, or with \
                 larger segments"
            ),
            Self::TooManyFiles { files, max } => write!(
                f,
                "{files} files are more than the {max} that can be sent singly: send them in \
                 parts, or in an archive"
            ),
            Self::FileTooLarge { path, bytes, fec } => {
                let (path, id) = (path_text(path), fec.id());
                write!(f, "{path} ({bytes} bytes) is too large for FEC id {id}: ")?;
                f.write_str(match fec {
                    StandardFec::Id2 => "use FEC id 5 or 129, or cut it up",
                    StandardFec::Id5 => "use FEC id 129, or cut it up",
                    StandardFec::Id129 => "cut it up",
                })
            }
            Self::FileBeyondProfile { path, bytes, limit, profile } => write!(
                f,
                "{} ({bytes} bytes) is too large: with profile {profile} a file may have {limit} \
                 bytes; cut it up, or use another profile",
                path_text(path)
            ),
            Self::NameNotText { path } => write!(
                f,
                "cannot send {}: its name is no UTF-8, as names in tables of FLUTE have to be; \
                 rename it, or use profile own",
                path_text(path)
            ),
            Self::OnlyDirectories => f.write_str(
                "there are only empty directories, and single files are sent without directories: \
                 put files in them, or send a file set",
            ),
            Self::Config(problem) => problem.fmt(f),
            Self::Net(error) => error.fmt(f),
            Self::RateTrace { path, error } => write!(
                f,
                "the trace of the rate cannot be written to {}: {error}; use another name",
                path_text(path)
            ),
            Self::Io(error) => write!(f, "sending failed: {error}"),
        }
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Scan(error) => Some(error),
            Self::Manifest(error) => Some(error),
            Self::Config(problem) => Some(problem),
            Self::Io(error) | Self::RateTrace { error, .. } => Some(error),
            Self::Net(error) => Some(error),
            _ => None,
        }
    }
}

impl From<AnnounceError> for SendError {
    fn from(error: AnnounceError) -> Self {
        match error {
            AnnounceError::Net(error) => Self::Net(error),
            AnnounceError::Io(error) => Self::Io(error),
        }
    }
}

impl From<NetError> for SendError {
    fn from(error: NetError) -> Self {
        Self::Net(error)
    }
}

impl From<ScanError> for SendError {
    fn from(error: ScanError) -> Self {
        Self::Scan(error)
    }
}

impl From<io::Error> for SendError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ConfigProblem> for SendError {
    fn from(problem: ConfigProblem) -> Self {
        Self::Config(problem)
    }
}
