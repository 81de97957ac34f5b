//! What is said of a session before it is joined.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::fec::FecId;
use crate::flute::wire::Tsi;

/// Seconds from 1900, where the times of SDP begin, to 1970.
const TO_UNIX: u64 = 2_208_988_800;

/// Which protocol carries a session.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionProtocol {
    /// NORM (RFC 5740); `NORM/UDP`, a name of our own.
    Norm,
    /// FLUTE (RFC 6726); `FLUTE/UDP`.
    Flute,
}

impl SessionProtocol {
    /// What stands in an `m=` line.
    pub const fn token(self) -> &'static str {
        match self {
            Self::Norm => "NORM/UDP",
            Self::Flute => "FLUTE/UDP",
        }
    }

    /// The protocol with this token, in capitals or not; `None` for those of others.
    pub(super) fn from_token(token: &str) -> Option<Self> {
        [Self::Norm, Self::Flute].into_iter().find(|it| it.token().eq_ignore_ascii_case(token))
    }
}

/// `NORM` or `FLUTE`.
impl fmt::Display for SessionProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Norm => "NORM",
            Self::Flute => "FLUTE",
        })
    }
}

/// Where a description comes from (RFC 8866 §5.2). All but the version name the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of a user, `-` for none.
    pub username: String,
    /// Number of the session at that user and address.
    pub id: u64,
    /// Grows with each change of the description.
    pub version: u64,
    /// Address or name of the host.
    pub address: String,
}

impl Origin {
    /// True when both are of the same session.
    pub fn is_same_session(&self, other: &Self) -> bool {
        (&self.username, self.id, &self.address) == (&other.username, other.id, &other.address)
    }
}

/// When a session is there (RFC 8866 §5.9), in seconds since 1900; 0 is without bound.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Its start.
    pub start: u64,
    /// Its end.
    pub stop: u64,
}

impl Times {
    /// From a moment on, this long after 1970.
    pub fn since(start: Duration) -> Self {
        Self { start: start.as_secs().saturating_add(TO_UNIX), stop: 0 }
    }

    /// True when the end has passed at `now`, which is the time since 1970.
    pub fn is_over(self, now: Duration) -> bool {
        self.stop != 0 && self.stop <= now.as_secs().saturating_add(TO_UNIX)
    }
}

/// A code that a description declares (3GPP TS 26.346 §7.3.2.8).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct FecDeclaration {
    /// By which the description refers to it.
    pub reference: u32,
    /// FEC encoding id.
    pub id: FecId,
    /// FEC instance id, of codes that need one.
    pub instance: Option<u16>,
    /// The session uses it: `a=FEC:` names it.
    pub used: bool,
}

/// How much is sent; `a=file-set:`, an attribute of our own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ContentSize {
    /// Files.
    pub files: u64,
    /// Bytes in them.
    pub bytes: u64,
}

/// Lines of a description that mean nothing here, as they came but for their order, which is that
/// of RFC 8866 §5 when they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OtherLines {
    /// Before the first `m=` line.
    pub session: Vec<String>,
    /// After the `m=` line of this session.
    pub media: Vec<String>,
    /// Media of other protocols, and further ones of these: all their lines.
    pub more: Vec<String>,
}

/// What is said of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// Where the description comes from.
    pub origin: Origin,
    /// The session's name for people; empty when it has none.
    pub name: String,
    /// Which protocol carries it.
    pub protocol: SessionProtocol,
    /// Multicast group, or the address of the only receiver, and UDP port.
    pub group: SocketAddr,
    /// TTL or hop limit of its packets, 1 to 255. By IPv6 it is an attribute of our own,
    /// `a=hop-limit:`, as SDP has no place for it.
    pub ttl: Option<u8>,
    /// The only sources, of source-specific multicast; none when any may send (RFC 4570).
    pub sources: Vec<IpAddr>,
    /// FLUTE: the transport session id.
    pub tsi: Option<Tsi>,
    /// FLUTE: the number of channels.
    pub channels: Option<u16>,
    /// The highest rate, in bits per second.
    pub rate: Option<u64>,
    /// The codes.
    pub fec: Vec<FecDeclaration>,
    /// When it is there.
    pub times: Times,
    /// How much is sent.
    pub content: Option<ContentSize>,
    /// Names the key of a sealed session, as its packets do; `a=norm-key-id:`, an attribute of our
    /// own.
    pub key_id: Option<u32>,
    /// What else was said.
    pub others: OtherLines,
}

impl SessionDescription {
    /// A session of this protocol in this group, and nothing else known of it.
    pub fn new(protocol: SessionProtocol, group: SocketAddr, origin: Origin) -> Self {
        Self {
            origin,
            name: String::new(),
            protocol,
            group,
            ttl: None,
            sources: Vec::new(),
            tsi: None,
            channels: None,
            rate: None,
            fec: Vec::new(),
            times: Times::default(),
            content: None,
            key_id: None,
            others: OtherLines::default(),
        }
    }

    /// The codes that the session uses: those that are named, else all that are declared.
    pub fn fec_ids(&self) -> impl Iterator<Item = FecId> {
        let names_some = self.fec.iter().any(|code| code.used);
        self.fec.iter().filter(move |code| code.used || !names_some).map(|code| code.id)
    }

    /// True when the end has passed at `now`, which is the time since 1970. Never for a session
    /// that comes again (`r=`, or a second `t=`).
    pub fn is_over(&self, now: Duration) -> bool {
        let again = |line: &String| line.starts_with("t=") || line.starts_with("r=");
        self.times.is_over(now) && !self.others.session.iter().any(again)
    }
}
