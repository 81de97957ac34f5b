//! What can go wrong while a link is opened. Every message says what happened and what to do.

use std::fmt;
use std::io;
use std::net::IpAddr;

use crate::io::interface::{Interface, InterfaceError, Names};

/// A link could not be opened.
#[derive(Debug)]
pub enum NetError {
    /// An option has a value that cannot work.
    Config(String),
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

impl NetError {
    pub(crate) fn socket(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |error| Self::Socket { action, error }
    }
}

impl fmt::Display for NetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(message) => f.write_str(message),
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
