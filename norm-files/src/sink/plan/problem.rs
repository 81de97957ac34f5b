//! Why a set cannot be put into the output directory, and what is there already.

use std::fmt;
use std::path::PathBuf;

use norm_core::fileset::ContentError;

use crate::SystemError;

/// Why a set cannot be put into the output directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlanError {
    /// The manifest is damaged.
    Content(ContentError),
    /// A symbolic link, which this system does not have.
    Unsupported(String),
    /// The files have far more bytes than travel, which is suspicious.
    TooSparse {
        /// Bytes of all files, holes included.
        size: u64,
        /// Bytes that travel.
        data: u64,
    },
    /// A name of which nothing safe is left.
    Name(String),
    /// Two entries would be the same file, or one a directory below the other.
    Clash(PathBuf),
    /// Nothing of the set matches what is wanted.
    NothingWanted,
    /// Something else is there already.
    Exists(PathBuf),
    /// A file of the same size and other content is there.
    Differs(PathBuf),
    /// A symbolic link, or a file, where a directory must be.
    InTheWay(PathBuf),
    /// A directory where a file must be.
    IsDirectory(PathBuf),
    /// The directory cannot be looked into.
    Io(PathBuf, SystemError),
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(error) => write!(f, "the list of files is unusable: {error}"),
            Self::Unsupported(name) => write!(
                f,
                "{name:?} is a symbolic link, which cannot be made here: have its sender leave it \
                 out or follow it"
            ),
            Self::TooSparse { size, data } => write!(
                f,
                "the files have {size} bytes, and all but {data} of them are in holes: allow that \
                 if you trust the sender"
            ),
            Self::Name(name) => write!(f, "the file name {name:?} cannot be created here"),
            Self::Clash(path) => {
                write!(f, "the set has two entries for {}", path.display())
            }
            Self::NothingWanted => f.write_str("nothing of the set is wanted"),
            Self::Exists(path) => write!(f, "{} exists already", path.display()),
            Self::Differs(path) => write!(
                f,
                "{} exists already: its size is the same, its content is not (or cannot be read)",
                path.display()
            ),
            Self::InTheWay(path) => write!(
                f,
                "{} is in the way: a directory is needed there, and links are not followed",
                path.display()
            ),
            Self::IsDirectory(path) => write!(
                f,
                "{} is a directory, and a file is to be put there: move it away, or use another \
                 directory",
                path.display()
            ),
            Self::Io(path, error) => write!(f, "cannot look at {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for PlanError {}

/// Files of a set that are in their places already, with the right size: they stay as they are if
/// their content turns out to be the same in the end; if not, the transfer fails then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentFiles {
    /// How many; at least 1.
    pub count: u64,
    /// The first of them.
    pub first: PathBuf,
}

impl fmt::Display for PresentFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let first = self.first.display();
        match self.count {
            1 => write!(
                f,
                "{first} is here already, with the same size: it stays as it is if its content \
                 turns out to be the same in the end, and if not, the transfer fails then"
            ),
            n => write!(
                f,
                "{n} files are here already, with the same sizes, {first} for one: they stay as \
                 they are if their content turns out to be the same in the end, and if not, the \
                 transfer fails then"
            ),
        }
    }
}
