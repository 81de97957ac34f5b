//! Which receivers are expected.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::endpoint::ReceiverKey;

/// What has to be true of an expected receiver beside its name.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct RosterLine {
    /// The address that it has to send from; `None`: any.
    pub address: Option<IpAddr>,
    /// The key that has to prove what it says; `None`: any, or none.
    pub key: Option<ReceiverKey>,
}

/// Names of the receivers that are expected, each with its line. Clones share the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    lines: Arc<BTreeMap<String, RosterLine>>,
}

impl Roster {
    /// How many receivers are expected.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.lines.keys().map(String::as_str)
    }

    /// The line with a name, if there is one.
    pub fn line(&self, name: &str) -> Option<RosterLine> {
        self.lines.get(name).copied()
    }

    /// True when no receiver is expected.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Of a name that comes twice, the last line counts.
impl FromIterator<(String, RosterLine)> for Roster {
    fn from_iter<I: IntoIterator<Item = (String, RosterLine)>>(lines: I) -> Self {
        let plain = |(name, line): (String, RosterLine)| {
            (name, RosterLine { address: line.address.map(|ip| ip.to_canonical()), ..line })
        };
        Self { lines: Arc::new(lines.into_iter().map(plain).collect()) }
    }
}
