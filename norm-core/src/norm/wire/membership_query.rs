//! The membership query: a sender asks its receivers to announce themselves, settles a clash of
//! node ids, or evicts a slow receiver. Not of the RFC: the content of NORM_CMD(APPLICATION).
//!
//! Version 1, all big-endian, nothing after the last field:
//! ```text
//! | 'N'            | 'R'           | version 1     | kind 1       |  query
//! | round 16       | window_ms 32  ...
//! | send_time_sec 32                                              |
//! | send_time_usec 32                                             |
//! | confirmed 32                                                  |
//! | listed 32                                                     |
//! | name of the sender, UTF-8, 0 to 64 bytes ...
//!
//! | 'N'            | 'R'           | version 1     | kind 2       |  collision
//! | node 32                                                       |
//! | keeper 128                                                    |
//!
//! | 'N'            | 'R'           | version 1     | kind 3       |  evict
//! | node 32                                                       |
//! | identity 128                                                  |
//! | family 8       | reserved 8    | port 16                      |
//! | address 0, 32 or 128, as family 0, 4 or 6 says                |
//!
//! | 'N'            | 'R'           | version 1     | kind 4       |  moved
//! ```

use core::net::{IpAddr, SocketAddr};

use super::reader::Reader;
use super::{NodeId, ParseError, WireTime};

const MAGIC: [u8; 2] = *b"NR";
const VERSION: u8 = 1;
const KIND_QUERY: u8 = 1;
const KIND_COLLISION: u8 = 2;
const KIND_EVICT: u8 = 3;
const KIND_MOVED: u8 = 4;

/// 128 random bits by which a receiver is known, whatever its node id.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub [u8; 16]);

/// What a sender asks its receivers, or tells one of them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum MembershipQuery {
    /// "Which receivers are there?" Each of them answers once, with a [`super::MemberReport`].
    Query {
        /// Counts the queries; reports repeat it.
        round: u16,
        /// Reports are spread evenly over this many milliseconds.
        window_ms: u32,
        /// When the query left; reports measure the round trip with it.
        send_time: WireTime,
        /// Receivers that have confirmed the transfer.
        confirmed: u32,
        /// Receivers that have reported so far.
        listed: u32,
    },
    /// Two identities use one node id: all but the keeper draw a new one.
    Collision {
        /// The id in question.
        node: NodeId,
        /// The identity that keeps it.
        keeper: Identity,
    },
    /// A receiver keeps the others slow: its part in the transfer ends.
    Evict {
        /// Its node id.
        node: NodeId,
        /// Its identity.
        identity: Identity,
        /// The separate group in which slow receivers get the same content; `None` without one.
        group: Option<SocketAddr>,
    },
    /// The sender has another address: the one that this comes from. EXT_MOVE proves it.
    Moved,
}

impl MembershipQuery {
    /// Bytes of a query without a name.
    const QUERY_LEN: usize = 26;
    /// Most bytes of a sender's name.
    pub const MAX_NAME_LEN: usize = 64;

    /// Reads the content of an application command; `None` when it has another format, or is of a
    /// version that we do not know.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content, ParseError::PayloadLength);
        let query = Self::read(&mut reader).ok()??;
        let is_good = match query {
            Self::Query { .. } => Self::name_in(content).is_some(),
            _ => reader.is_empty(),
        };
        is_good.then_some(query)
    }

    /// The name of the sender in the content of an application command, if that is a query.
    pub fn sender_name(content: &[u8]) -> Option<&str> {
        matches!(Self::parse(content)?, Self::Query { .. }).then(|| Self::name_in(content))?
    }

    fn name_in(query: &[u8]) -> Option<&str> {
        let name = query.get(Self::QUERY_LEN..)?;
        let name = Some(name).filter(|name| name.len() <= Self::MAX_NAME_LEN)?;
        core::str::from_utf8(name).ok()
    }

    /// Appends a query with the sender's name, which is cut so that all fits `limit` bytes.
    pub fn emit_named(&self, name: &str, limit: usize, out: &mut Vec<u8>) {
        self.emit(out);
        let limit = limit.saturating_sub(Self::QUERY_LEN).min(Self::MAX_NAME_LEN);
        out.extend_from_slice(&name.as_bytes()[..name.floor_char_boundary(limit)]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, ParseError> {
        if reader.array()? != MAGIC || reader.u8()? != VERSION {
            return Ok(None);
        }
        Ok(match reader.u8()? {
            KIND_QUERY => Some(Self::Query {
                round: reader.u16()?,
                window_ms: reader.u32()?,
                send_time: WireTime::parse(reader)?,
                confirmed: reader.u32()?,
                listed: reader.u32()?,
            }),
            KIND_COLLISION => Some(Self::Collision {
                node: NodeId(reader.u32()?),
                keeper: Identity(reader.array()?),
            }),
            KIND_EVICT => {
                let node = NodeId(reader.u32()?);
                let identity = Identity(reader.array()?);
                let [family, reserved] = reader.array()?;
                let port = reader.u16()?;
                let address: Option<IpAddr> = match family {
                    0 if port == 0 => None,
                    4 => Some(reader.array::<4>()?.into()),
                    6 => Some(reader.array::<16>()?.into()),
                    _ => return Ok(None),
                };
                let group = address.map(|address| SocketAddr::new(address, port));
                (reserved == 0).then_some(Self::Evict { node, identity, group })
            }
            KIND_MOVED => Some(Self::Moved),
            _ => None,
        })
    }

    /// Appends the content: 26 bytes for a query, 24 for a collision, 28 to 44 for an
    /// eviction, 4 for a move.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        match *self {
            Self::Query { round, window_ms, send_time, confirmed, listed } => {
                out.extend_from_slice(&[VERSION, KIND_QUERY]);
                out.extend_from_slice(&round.to_be_bytes());
                out.extend_from_slice(&window_ms.to_be_bytes());
                send_time.emit(out);
                out.extend_from_slice(&confirmed.to_be_bytes());
                out.extend_from_slice(&listed.to_be_bytes());
            }
            Self::Collision { node, keeper } => {
                out.extend_from_slice(&[VERSION, KIND_COLLISION]);
                out.extend_from_slice(&node.0.to_be_bytes());
                out.extend_from_slice(&keeper.0);
            }
            Self::Evict { node, identity, group } => {
                out.extend_from_slice(&[VERSION, KIND_EVICT]);
                out.extend_from_slice(&node.0.to_be_bytes());
                out.extend_from_slice(&identity.0);
                let family = group.map_or(0, |group| if group.is_ipv4() { 4 } else { 6 });
                out.extend_from_slice(&[family, 0]);
                out.extend_from_slice(&group.map_or(0, |group| group.port()).to_be_bytes());
                match group.map(|group| group.ip()) {
                    Some(IpAddr::V4(ip)) => out.extend_from_slice(&ip.octets()),
                    Some(IpAddr::V6(ip)) => out.extend_from_slice(&ip.octets()),
                    None => {}
                }
            }
            Self::Moved => out.extend_from_slice(&[VERSION, KIND_MOVED]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(query: MembershipQuery) -> Vec<u8> {
        let mut bytes = Vec::new();
        query.emit(&mut bytes);
        bytes
    }

    const QUERY: MembershipQuery = MembershipQuery::Query {
        round: 0x0102,
        window_ms: 0x0304_0506,
        send_time: WireTime { sec: 7, usec: 8 },
        confirmed: 9,
        listed: 10,
    };

    #[test]
    fn layout_of_version_1_is_fixed() {
        let bytes = encoded(QUERY);
        let expected: [u8; 26] =
            [78, 82, 1, 1, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10];
        assert_eq!(bytes, expected);
        assert_eq!(MembershipQuery::parse(&bytes), Some(QUERY));
        let collision =
            MembershipQuery::Collision { node: NodeId(5), keeper: Identity([0xcc; 16]) };
        let bytes = encoded(collision);
        assert_eq!(bytes[..8], [78, 82, 1, 2, 0, 0, 0, 5]);
        assert_eq!(bytes[8..], [0xcc; 16]);
        assert_eq!(MembershipQuery::parse(&bytes), Some(collision));
        for (group, address) in [
            (None, vec![0, 0, 0, 0]),
            (Some("239.1.2.3:7"), vec![4, 0, 0, 7, 239, 1, 2, 3]),
            (Some("[ff15::1]:7"), [&[6, 0, 0, 7, 0xff, 0x15][..], &[0; 13], &[1]].concat()),
        ] {
            let group = group.map(|group| group.parse().unwrap());
            let evict =
                MembershipQuery::Evict { node: NodeId(5), identity: Identity([0xcc; 16]), group };
            let bytes = encoded(evict);
            assert_eq!(bytes[..8], [78, 82, 1, 3, 0, 0, 0, 5]);
            assert_eq!(bytes[24..], address);
            assert_eq!(MembershipQuery::parse(&bytes), Some(evict));
        }
        assert_eq!(encoded(MembershipQuery::Moved), [78, 82, 1, 4]);
        assert_eq!(MembershipQuery::parse(&[78, 82, 1, 4]), Some(MembershipQuery::Moved));
    }

    #[test]
    fn content_of_another_application_is_ignored() {
        let bytes = encoded(QUERY);
        for at in 0..4 {
            let mut other = bytes.clone();
            other[at] ^= 0x40;
            assert_eq!(MembershipQuery::parse(&other), None, "byte {at}");
        }
        assert_eq!(MembershipQuery::parse(b"hello-cmd"), None);
        assert_eq!(MembershipQuery::parse(&[]), None);
    }

    #[test]
    fn lengths_other_than_the_format_are_refused() {
        let mut bytes = encoded(QUERY);
        for len in 0..bytes.len() {
            assert_eq!(MembershipQuery::parse(&bytes[..len]), None, "{len} bytes");
        }
        for len in [1, 64] {
            let named = [&bytes[..], &vec![b'a'; len]].concat();
            assert_eq!(MembershipQuery::parse(&named), Some(QUERY), "a name of {len} bytes");
        }
        for rest in [&[0xff][..], &[b'a'; 65]] {
            assert_eq!(MembershipQuery::parse(&[&bytes, rest].concat()), None);
        }
        bytes[3] = KIND_COLLISION;
        bytes.truncate(25);
        assert_eq!(MembershipQuery::parse(&bytes), None, "no name there");
    }

    #[test]
    fn query_has_the_name_of_the_sender_as_far_as_there_is_room() {
        let named = |name: &str, limit| {
            let mut bytes = Vec::new();
            QUERY.emit_named(name, limit, &mut bytes);
            assert!(bytes.len() <= limit);
            MembershipQuery::sender_name(&bytes).map(str::to_owned)
        };
        assert_eq!(named("lab-1", 64).as_deref(), Some("lab-1"));
        assert_eq!(named("", 64).as_deref(), Some(""));
        assert_eq!(named("ééé", 31).as_deref(), Some("éé"));
        assert_eq!(named(&"a".repeat(99), 1000), Some("a".repeat(64)));
        assert_eq!(MembershipQuery::sender_name(b"other"), None);
    }
}
