//! What can go wrong while a link is opened. Every message says what happened and what to do.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use crate::io::interface::{Interface, InterfaceError, Names};

/// A link could not be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum NetError {
    /// An option has a value that cannot work.
    Config(LinkProblem),
    /// No interface could be chosen.
    Interface(InterfaceError),
    /// The system refused to set a socket up.
    Socket {
        /// What was tried, fit for `cannot …`.
        action: String,
        /// What the system said.
        error: io::Error,
    },
    /// The system refused to join the group.
    Join {
        /// The group.
        group: IpAddr,
        /// The only source wanted, for source-specific multicast.
        source: Option<IpAddr>,
        /// Name of the interface.
        interface: String,
        /// What the system said.
        error: io::Error,
        /// The interfaces there are.
        existing: Vec<Interface>,
    },
}

/// An option of a link has a value that cannot work.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkProblem {
    /// The session has port 0.
    NoPort {
        /// Group or peer.
        group: SocketAddr,
    },
    /// The TTL (hop limit) is not 1 to 255.
    Ttl {
        /// What was asked for.
        ttl: u32,
    },
    /// The session's address is unspecified, which is nothing to send to.
    NoDestination {
        /// Group or peer.
        group: SocketAddr,
    },
    /// A source was given for a session that is not multicast.
    SourceWithoutGroup {
        /// The source.
        source: IpAddr,
        /// The peer.
        group: SocketAddr,
    },
    /// The source is not the address of one sender.
    SourceAddress {
        /// The source.
        source: IpAddr,
    },
    /// Source and group are of different address families.
    MixedFamilies {
        /// The source.
        source: IpAddr,
        /// The group.
        group: SocketAddr,
    },
}

impl fmt::Display for LinkProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPort { group } => {
                write!(f, "the session {group} needs a port from 1 to 65535")
            }
            Self::Ttl { ttl } => write!(f, "a TTL of {ttl} is not possible: give 1 to 255"),
            Self::NoDestination { group } => {
                write!(f, "{group} is no address to send to: give a group or a peer")
            }
            Self::SourceWithoutGroup { source, group } => {
                write!(f, "a source ({source}) needs a multicast group, not {group}")
            }
            Self::SourceAddress { source } => {
                write!(f, "the source {source} must be the address of one sender")
            }
            Self::MixedFamilies { source, group } => {
                write!(f, "source {source} and group {group} mix IPv4 and IPv6")
            }
        }
    }
}

impl NetError {
    /// True when the interface, or an address on it, is missing: both may come yet, as they do
    /// while a machine starts.
    pub fn is_missing_address(&self) -> bool {
        let error = match self {
            Self::Config(_) => return false,
            Self::Interface(InterfaceError::List(_) | InterfaceError::Ambiguous { .. }) => {
                return false;
            }
            Self::Interface(_) => return true,
            Self::Socket { error, .. } | Self::Join { error, .. } => error,
        };
        // The interface went meanwhile, or its address is being checked for duplicates.
        error.kind() == io::ErrorKind::AddrNotAvailable
            || error.raw_os_error().is_some_and(crate::io::socket::is_no_device)
    }

    pub(crate) fn socket(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |error| Self::Socket { action, error }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(problem) => problem.fmt(f),
            Self::Interface(error) => error.fmt(f),
            Self::Socket { action, error } => {
                write!(f, "cannot {action}: {error}")?;
                match error.kind() {
                    io::ErrorKind::AddrInUse => {
                        f.write_str("; another program holds this port, choose another one")
                    }
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; ports below 1024 and some options need privileges")
                    }
                    _ => Ok(()),
                }
            }
            Self::Join { group, source, interface, error, existing } => {
                write!(f, "cannot join {group}")?;
                if let Some(source) = source {
                    write!(f, " from source {source}")?;
                }
                write!(f, " on {interface}: {error}; interfaces here: {}", Names(existing))
            }
        }
    }
}

impl std::error::Error for NetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(_) => None,
            Self::Interface(error) => Some(error),
            Self::Socket { error, .. } | Self::Join { error, .. } => Some(error),
        }
    }
}

impl From<InterfaceError> for NetError {
    fn from(error: InterfaceError) -> Self {
        Self::Interface(error)
    }
}
