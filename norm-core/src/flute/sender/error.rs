//! Why a sender cannot be made, or an object cannot be sent.

use core::fmt;

use super::profile::Profile;
use crate::fec::{FecId, LayoutError};

/// Why a sender cannot be made, or an object cannot be sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SenderError {
    /// The TSI is larger than the profile allows.
    Tsi {
        /// The largest one.
        max: u64,
    },
    /// The first TOI is 0, or larger than the profile allows.
    FirstToi {
        /// The largest one.
        max: u64,
    },
    /// The profile knows no TOI that is large enough for one more object.
    Objects {
        /// The largest TOI.
        max: u64,
    },
    /// The profile does not allow this FEC scheme.
    Scheme {
        /// The profile.
        profile: Profile,
        /// The scheme.
        fec: FecId,
    },
    /// Symbols have too few bytes, or too many.
    SymbolSize {
        /// The fewest.
        min: u16,
        /// The most.
        max: u16,
    },
    /// No source symbols in a block, or more than the scheme allows.
    BlockLen {
        /// The most.
        max: u32,
    },
    /// The rate is 0.
    Rate,
    /// Passes that send nothing.
    Passes,
    /// A table would expire before it is sent again.
    Life,
    /// The object is larger than scheme, symbol size and profile allow.
    ObjectTooLarge {
        /// Bytes of the object.
        size: u64,
        /// Bytes at most.
        limit: u64,
    },
    /// The scheme cannot carry the object.
    Layout(LayoutError),
    /// The profile has no way to say that an object is a part of a file set.
    SetPart {
        /// The profile.
        profile: Profile,
    },
    /// The table would have more bytes than receivers accept.
    Table {
        /// Bytes at most.
        limit: usize,
    },
    /// An object after `finish`, or after the end.
    Finished,
}

impl fmt::Display for SenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tsi { max } => {
                write!(f, "the TSI is at most {max} with this profile: use another")
            }
            Self::FirstToi { max } => write!(f, "the first TOI is 1 to {max}"),
            Self::Objects { max } => write!(f, "too many objects: the last TOI is {max}"),
            Self::Scheme { profile, fec } => {
                write!(f, "the profile {profile} does not allow FEC id {}", fec.0)
            }
            Self::SymbolSize { min, max } => write!(f, "a symbol has {min} to {max} bytes"),
            Self::BlockLen { max } => write!(f, "a block has 1 to {max} source symbols"),
            Self::Rate => f.write_str("a rate is needed: nothing else controls it"),
            Self::Passes => f.write_str("at least one pass is needed"),
            Self::Life => f.write_str("the table has to live for four of its intervals"),
            Self::ObjectTooLarge { size, limit } => {
                write!(f, "the object has {size} bytes; at most {limit} can be sent")
            }
            Self::Layout(error) => error.fmt(f),
            Self::SetPart { profile } => {
                write!(f, "the profile {profile} sends single files, not file sets")
            }
            Self::Table { limit } => {
                write!(f, "too many files: a table has at most {limit} bytes")
            }
            Self::Finished => f.write_str("no object can be added any more"),
        }
    }
}

impl core::error::Error for SenderError {}

impl From<LayoutError> for SenderError {
    fn from(error: LayoutError) -> Self {
        Self::Layout(error)
    }
}
