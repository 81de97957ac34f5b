//! Which options cannot work, as values.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use norm_core::fec::LayoutError;
use norm_files::source::PatternError;

use super::flute::SenderError;
use super::norm::ConfigError;
use crate::event::path_text;

/// MTUs that leave room for a segment and that IPv4 can carry, in bytes.
pub(crate) const MTUS: RangeInclusive<u32> = 248..=65_535;

/// An option of a session has a value that cannot work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// A rate of 0 sends nothing.
    ZeroRate,
    /// The lowest rate is above the highest.
    MinAboveMax {
        /// The lowest rate, in bits per second.
        min: u64,
        /// The highest rate, in bits per second.
        max: u64,
    },
    /// The segment size is not 128 to 65,000 bytes.
    SegmentSize,
    /// The MTU is not possible.
    Mtu {
        /// Bytes of a packet, headers included.
        mtu: u32,
    },
    /// The MTU leaves no room for a segment.
    MtuTooSmall {
        /// Bytes of a packet, headers included.
        mtu: u32,
        /// The interface with this limit; `None` when the limit was given.
        interface: Option<String>,
    },
    /// No code has blocks of these numbers of symbols.
    Code {
        /// Source symbols.
        block_len: u16,
        /// Parity symbols.
        parity: u16,
        /// What is wrong with them.
        error: LayoutError,
    },
    /// The code cannot be used with segments of this size.
    Segment {
        /// Bytes of content per packet.
        segment_size: u16,
        /// What is wrong with it.
        error: LayoutError,
    },
    /// The loss of slow receivers is not above 0 and at most 1.
    SlowLoss {
        /// Share of packets lost.
        loss: f64,
    },
    /// Other implementations know no separate group for slow receivers.
    SeparateGroupInStandardMode,
    /// The separate group is no second multicast group beside the session's, of the same family.
    SeparateGroup {
        /// The separate group.
        separate_group: SocketAddr,
        /// The session's group.
        group: SocketAddr,
    },
    /// The separate group is the session's own.
    SameGroup {
        /// The group.
        group: SocketAddr,
    },
    /// A source means source-specific multicast, where receivers cannot send to the group.
    SourceNeedsUnicastFeedback {
        /// The source.
        source: IpAddr,
    },
    /// The share of packets to drop is not 0 to below 100 percent.
    DropPercent {
        /// What was asked for, in percent.
        percent: f64,
    },
    /// The directory that keeps what is replaced is in the output directory, or the other way
    /// round.
    BackupInOutput {
        /// The directory.
        path: PathBuf,
    },
    /// What earlier sets had cannot be removed, because nothing is known of them: there is no
    /// folder for receipts.
    DeleteWithoutReceipts,
    /// A session that is in no group cannot be announced: there is nothing to join.
    AnnounceWithoutGroup {
        /// The address of its receiver.
        group: SocketAddr,
    },
    /// A pattern of what is wanted is none.
    Pattern(PatternError),
    /// A session for programs of others, in standard mode or by a profile of FLUTE that is not our
    /// own, cannot be sealed: they have no keys.
    SealedForOthers,
    /// In standard mode receivers have no names that a roster could have.
    RosterInStandardMode,
    /// The session has one receiver, and the roster more.
    RosterForOne {
        /// Receivers in the roster.
        receivers: usize,
        /// The address of the session's receiver.
        group: SocketAddr,
    },
    /// More receivers are waited for than the roster has.
    RosterTooShort {
        /// Receivers in the roster.
        receivers: usize,
        /// Receivers that are waited for.
        wanted: usize,
    },
    /// The key of a receiver in the roster is not one that the session is for: the receiver could
    /// not take part.
    RosterKeyLeftOut {
        /// What the receiver calls itself.
        name: String,
    },
    /// One way, nothing tells how much the network takes: a fixed rate is needed.
    OneWayRate,
    /// One way, an option has no meaning that needs to hear of receivers.
    OneWay {
        /// The option.
        option: OneWayOption,
    },
    /// The TSI has more than 48 bits.
    Tsi {
        /// The TSI.
        tsi: u64,
    },
    /// What the engine of FLUTE says of its settings, or of an object.
    Flute(SenderError),
    /// What the engine of NORM says of its settings.
    Norm(ConfigError),
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroRate => f.write_str("a rate of 0 sends nothing: give a higher one"),
            Self::MinAboveMax { .. } => {
                f.write_str("the lowest rate is above the highest: give a lower one")
            }
            Self::SegmentSize => f.write_str("the segment size must be 128 to 65000 bytes"),
            Self::Mtu { .. } => {
                let (min, max) = (MTUS.start(), MTUS.end());
                write!(f, "the MTU must be {min} to {max} bytes")
            }
            Self::MtuTooSmall { mtu, interface: None } => {
                write!(f, "an MTU of {mtu} is too small: give a larger one")
            }
            Self::MtuTooSmall { mtu, interface: Some(name) } => {
                write!(f, "the MTU of {name} ({mtu}) is too small: choose another interface")
            }
            Self::Code { block_len, parity, error } => write!(
                f,
                "blocks of {block_len} symbols with {parity} of parity cannot be coded: {error}"
            ),
            Self::Segment { segment_size, error } => {
                write!(f, "segments of {segment_size} bytes: {error}")
            }
            Self::SlowLoss { .. } => {
                f.write_str("the loss of slow receivers must be above 0 and at most 1")
            }
            Self::SeparateGroupInStandardMode => f.write_str(
                "receivers of other implementations know no separate group: evict slow ones",
            ),
            Self::SeparateGroup { .. } | Self::SameGroup { .. } => separate_group(f, self),
            Self::SourceNeedsUnicastFeedback { source } => write!(
                f,
                "a source ({source}) means source-specific multicast, where receivers cannot send \
                 to the group: choose unicast feedback, or none"
            ),
            Self::DropPercent { percent } => {
                write!(f, "cannot drop {percent} percent of the packets: give 0 to below 100")
            }
            Self::BackupInOutput { path } => write!(
                f,
                "the backup directory {} and the output directory must not be in each other: \
                 choose another one",
                path_text(path)
            ),
            Self::DeleteWithoutReceipts => f.write_str(
                "there is no folder for receipts, which say what earlier transfers had: give one",
            ),
            Self::AnnounceWithoutGroup { group } => announced_without_group(f, *group),
            Self::Pattern(error) => error.fmt(f),
            Self::SealedForOthers => f.write_str(SEALED_FOR_OTHERS),
            Self::RosterInStandardMode
            | Self::RosterForOne { .. }
            | Self::RosterTooShort { .. }
            | Self::RosterKeyLeftOut { .. } => roster(f, self),
            Self::OneWayRate | Self::OneWay { .. } | Self::Tsi { .. } | Self::Flute(_) => {
                one_way(f, self)
            }
            Self::Norm(error) => error.fmt(f),
        }
    }
}

const SEALED_FOR_OTHERS: &str = "programs of others have no keys: a session in standard mode, or \
                                 by a profile of FLUTE other than our own, cannot be sealed";

/// What is wrong with a separate group.
fn separate_group(f: &mut fmt::Formatter<'_>, problem: &ConfigProblem) -> fmt::Result {
    match problem {
        ConfigProblem::SeparateGroup { separate_group, group } => write!(
            f,
            "a separate group ({separate_group}) is a second multicast group beside the \
                 session's ({group}): give both, of one family, or evict slow receivers"
        ),
        ConfigProblem::SameGroup { group } => {
            write!(f, "the separate group must be another group than the session's, {}", group.ip())
        }
        _ => Ok(()),
    }
}

/// What is wrong with a roster.
fn roster(f: &mut fmt::Formatter<'_>, problem: &ConfigProblem) -> fmt::Result {
    match problem {
        ConfigProblem::RosterForOne { receivers, group } => write!(
            f,
            "the roster has {receivers} receivers, and {group} is one: leave one line in it, or \
             give a multicast group"
        ),
        ConfigProblem::RosterTooShort { receivers, wanted } => write!(
            f,
            "{wanted} receivers are waited for, and the roster has {receivers}: wait for fewer, \
             or add the missing ones to it"
        ),
        ConfigProblem::RosterKeyLeftOut { name } => write!(
            f,
            "the key of {name} in the roster is not among those that the session is for: add it \
             to the recipients, for whom the same file can be used"
        ),
        _ => f.write_str("receivers of other implementations have no names: leave the roster out"),
    }
}

/// What is wrong with a session one way.
fn one_way(f: &mut fmt::Formatter<'_>, problem: &ConfigProblem) -> fmt::Result {
    match problem {
        ConfigProblem::OneWay { option } => write!(f, "{option}"),
        ConfigProblem::Tsi { tsi } => {
            write!(f, "a TSI of {tsi} is too large: give one below 2^48")
        }
        ConfigProblem::Flute(error) => write!(f, "{error}"),
        _ => f.write_str("one way, nothing tells how much the network takes: give a fixed rate"),
    }
}

fn announced_without_group(f: &mut fmt::Formatter<'_>, group: SocketAddr) -> fmt::Result {
    write!(f, "a session with one receiver ({group}) cannot be announced: give a multicast group")
}

impl std::error::Error for ConfigProblem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Norm(error) => Some(error),
            Self::Flute(error) => Some(error),
            Self::Pattern(error) => Some(error),
            _ => None,
        }
    }
}

/// What only works where receivers answer.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OneWayOption {
    /// Standard mode of NORM.
    Standard,
    /// A policy for slow receivers.
    Slow,
    /// To wait for receivers.
    MinReceivers,
    /// A roster.
    Roster,
    /// To send what receivers ask for.
    OnRequest,
    /// To choose senders by their names.
    SenderName,
    /// Standard mode, together with a carousel of NORM.
    StandardCarousel,
}

impl fmt::Display for OneWayOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard mode is of NORM: choose it or FLUTE",
            Self::Slow => "one way, nothing tells that a receiver is slow: leave that policy out",
            Self::MinReceivers => {
                "one way, a sender cannot wait for receivers: start them before it, or repeat"
            }
            Self::Roster => "one way, receivers are not heard: leave the roster out",
            Self::OnRequest => "one way, receivers cannot ask for anything: send all of it",
            Self::StandardCarousel => {
                "receivers of other implementations know no carousels: leave one of both out"
            }
            Self::SenderName => "by FLUTE senders have no names: choose a source, or a TSI",
        })
    }
}

impl From<PatternError> for ConfigProblem {
    fn from(error: PatternError) -> Self {
        Self::Pattern(error)
    }
}

impl From<ConfigError> for ConfigProblem {
    fn from(error: ConfigError) -> Self {
        Self::Norm(error)
    }
}
