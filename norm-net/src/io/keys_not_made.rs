//! Why a sender made no other keys for its recipients.

use std::fmt;

/// Why a sender made no other keys for its recipients.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[non_exhaustive]
pub enum KeysNotMade {
    /// The system has no random numbers.
    NoRandomness,
    /// More recipients have one tag than a page has room for: their keys were made for that.
    SameTags,
    /// The system started no thread that makes them, or it ended.
    NoThread,
}

impl fmt::Display for KeysNotMade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRandomness => {
                "the system has no random numbers; see that getrandom works on this machine"
            }
            Self::SameTags => {
                "more than thirteen of the recipients' keys were made to collide; remove those \
                 from the list that you cannot vouch for"
            }
            Self::NoThread => {
                "the system started no thread for that, or it ended; see the limits of processes \
                 and memory (ulimit -a)"
            }
        })
    }
}

impl std::error::Error for KeysNotMade {}
