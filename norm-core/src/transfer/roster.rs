//! Which receivers are expected.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names of the receivers that are expected, each with the IP address that it has to send from, or
/// with none. Clones share the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    lines: Arc<BTreeMap<String, Option<IpAddr>>>,
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

    /// The address in the line with a name, if there is such a line.
    pub fn line(&self, name: &str) -> Option<Option<IpAddr>> {
        self.lines.get(name).copied()
    }

    /// True when no receiver is expected.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Of a name that comes twice, the last line counts.
impl FromIterator<(String, Option<IpAddr>)> for Roster {
    fn from_iter<I: IntoIterator<Item = (String, Option<IpAddr>)>>(lines: I) -> Self {
        let plain = |(name, ip): (String, Option<IpAddr>)| (name, ip.map(|ip| ip.to_canonical()));
        Self { lines: Arc::new(lines.into_iter().map(plain).collect()) }
    }
}
