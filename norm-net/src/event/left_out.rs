//! What is not sent of what was found.

use std::path::PathBuf;

use norm_core::fileset::LeftOutCounts;
use norm_files::source::{LeftOut as Found, Reason};

#[cfg(feature = "serde")]
use super::serial;

/// Why something is not sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum LeftOutReason {
    /// It is a symbolic link, which cannot be sent as a standalone file.
    SymbolicLink,
    /// It is a symbolic link that is to be followed, and leads nowhere, or to where it is itself.
    BrokenLink,
    /// It is a socket.
    Socket,
    /// It is a named pipe (FIFO).
    Fifo,
    /// It is a block or character device.
    Device,
    /// It is something else that is neither a file nor a directory.
    OtherType,
    /// It is a file whose size the system does not tell, as in `/proc`.
    UnknownSize,
    /// It is a part of an unfinished transfer.
    Temporary,
    /// It is an empty directory, which cannot be sent as a standalone file.
    EmptyDirectory,
    /// A pattern leaves it out; of a directory all that is in it, which is not looked at.
    Excluded,
}

/// All that is not sent for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct LeftOut {
    /// Why it is not sent.
    pub reason: LeftOutReason,
    /// How many entries, those beyond `first` included.
    pub count: u64,
    /// Paths of the first hundred of them.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::paths"))]
    pub first: Vec<PathBuf>,
}

/// What a sender says that it has found and could not send, by kind. What its user has left out is
/// not among it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
pub struct NotSent {
    /// Sockets.
    pub sockets: u32,
    /// Named pipes (FIFOs).
    pub fifos: u32,
    /// Block and character devices.
    pub devices: u32,
    /// Others that are neither files nor directories nor links, and what cannot be sent.
    pub others: u32,
}

impl NotSent {
    /// True when nothing was left out.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<LeftOutCounts> for NotSent {
    fn from(counts: LeftOutCounts) -> Self {
        let LeftOutCounts { sockets, fifos, devices, others } = counts;
        Self { sockets, fifos, devices, others }
    }
}

impl From<Found> for LeftOut {
    fn from(found: Found) -> Self {
        let reason = match found.reason {
            Reason::SymbolicLink => LeftOutReason::SymbolicLink,
            Reason::BrokenLink => LeftOutReason::BrokenLink,
            Reason::Socket => LeftOutReason::Socket,
            Reason::Fifo => LeftOutReason::Fifo,
            Reason::Device => LeftOutReason::Device,
            Reason::UnknownSize => LeftOutReason::UnknownSize,
            Reason::Temporary => LeftOutReason::Temporary,
            Reason::EmptyDirectory => LeftOutReason::EmptyDirectory,
            Reason::Excluded => LeftOutReason::Excluded,
            _ => LeftOutReason::OtherType,
        };
        Self { reason, count: found.count, first: found.first }
    }
}
