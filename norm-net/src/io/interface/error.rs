//! Why no interface could be taken.

use std::fmt;
use std::io;

use super::Interface;

/// No interface could be chosen. Messages name the interfaces that exist and the option to use.
#[derive(Debug)]
pub enum InterfaceError {
    /// The system did not list its interfaces.
    List(io::Error),
    /// What was asked for does not exist.
    NotFound {
        /// As the user wrote it.
        wanted: String,
        /// What there is instead.
        existing: Vec<Interface>,
    },
    /// The interface exists, but has no address of the family of the session.
    NoAddress {
        /// Name of the interface.
        name: String,
        /// `"IPv4"`, `"IPv6"` or `"IP"`.
        family: &'static str,
        /// What there is instead.
        existing: Vec<Interface>,
    },
    /// Nothing was asked for, no route decides, and there is more than one candidate.
    Ambiguous {
        /// `"IPv4"` or `"IPv6"`.
        family: &'static str,
        /// Those that could be meant.
        candidates: Vec<Interface>,
    },
    /// Nothing was asked for and no interface that reaches others has an address of the family.
    NoneUsable {
        /// `"IPv4"` or `"IPv6"`.
        family: &'static str,
        /// All that exist.
        existing: Vec<Interface>,
    },
}

impl fmt::Display for InterfaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(error) => write!(f, "cannot list the network interfaces: {error}"),
            Self::NotFound { wanted, existing } => {
                write!(f, "no network interface is {wanted}; there are: {}", Names(existing))
            }
            Self::NoAddress { name, family, existing } => {
                let names = Names(existing);
                write!(f, "interface {name} has no {family} address; there are: {names}")
            }
            Self::Ambiguous { family, candidates } => write!(
                f,
                "no route tells which interface to use for {family}; choose one: {}",
                Names(candidates)
            ),
            Self::NoneUsable { family, existing } => {
                write!(f, "no interface that reaches other machines has an {family} address")?;
                if let Some(loopback) = existing.iter().find(|one| one.loopback) {
                    write!(f, "; for a test on one machine choose {}", loopback.name)?;
                }
                write!(f, "; there are: {}", Names(existing))
            }
        }
    }
}

impl std::error::Error for InterfaceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::List(error) => Some(error),
            _ => None,
        }
    }
}

/// A list of interfaces for the end of a message.
pub(crate) struct Names<'a>(pub(crate) &'a [Interface]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        for (position, interface) in self.0.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{interface}")?;
        }
        Ok(())
    }
}
