//! The roll call: how receivers announce themselves. Ours, the content of NORM_CMD(APPLICATION).
//!
//! Version 1, all big-endian, nothing behind the last field:
//! ```text
//! | 'N'            | 'R'           | version 1     | kind 1       |  call
//! | round 16       | window_ms 32  ...
//! | send_time_sec 32                                              |
//! | send_time_usec 32                                             |
//! | confirmed 32                                                  |
//! | listed 32                                                     |
//!
//! | 'N'            | 'R'           | version 1     | kind 2       |  collision
//! | node 32                                                       |
//! | keeper 128                                                    |
//!
//! | 'N'            | 'R'           | version 1     | kind 3       |  eject
//! | node 32                                                       |
//! | identity 128                                                  |
//! | family 8       | reserved 8    | port 16                      |
//! | address 0, 32 or 128, as family 0, 4 or 6 says                |
//! ```

use core::net::{IpAddr, SocketAddr};

use super::reader::Reader;
use super::{NodeId, ParseError, WireTime};

const MAGIC: [u8; 2] = *b"NR";
const VERSION: u8 = 1;
const KIND_CALL: u8 = 1;
const KIND_COLLISION: u8 = 2;
const KIND_EJECT: u8 = 3;

/// 128 random bits by which a receiver is known, whatever its node id.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(pub [u8; 16]);

/// What a sender asks of, or tells, its receivers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum RollCall {
    /// "Who is there?" Each receiver answers once, with a [`super::MemberReport`].
    Call {
        /// Counts the calls; answers repeat it.
        round: u16,
        /// Answers are spread evenly over this many milliseconds.
        window_ms: u32,
        /// When the call left; answers measure the round trip with it.
        send_time: WireTime,
        /// Receivers that have confirmed the transfer.
        confirmed: u32,
        /// Receivers that have answered so far.
        listed: u32,
    },
    /// Two identities use one node id: all but the keeper draw a new one.
    Collision {
        /// The id in question.
        node: NodeId,
        /// Who may keep it.
        keeper: Identity,
    },
    /// A receiver keeps the others slow: it has to go.
    Eject {
        /// Its node id.
        node: NodeId,
        /// Who it is.
        identity: Identity,
        /// The group in which the same set is sent for slow receivers; `None` where it is not.
        lane: Option<SocketAddr>,
    },
}

impl RollCall {
    /// Reads the content of an application command; `None` when it is not ours, or of a version
    /// that we do not know.
    pub fn parse(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(content, ParseError::PayloadLength);
        let roll_call = Self::read(&mut reader).ok()??;
        reader.is_empty().then_some(roll_call)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, ParseError> {
        if reader.array()? != MAGIC || reader.u8()? != VERSION {
            return Ok(None);
        }
        Ok(match reader.u8()? {
            KIND_CALL => Some(Self::Call {
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
            KIND_EJECT => {
                let (node, identity) = (NodeId(reader.u32()?), Identity(reader.array()?));
                let [family, reserved] = reader.array()?;
                let port = reader.u16()?;
                let address: Option<IpAddr> = match family {
                    0 if port == 0 => None,
                    4 => Some(reader.array::<4>()?.into()),
                    6 => Some(reader.array::<16>()?.into()),
                    _ => return Ok(None),
                };
                let lane = address.map(|address| SocketAddr::new(address, port));
                (reserved == 0).then_some(Self::Eject { node, identity, lane })
            }
            _ => None,
        })
    }

    /// Appends the content: 26 bytes for a call, 24 for a collision, 28 to 44 for an ejection.
    pub fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        match *self {
            Self::Call { round, window_ms, send_time, confirmed, listed } => {
                out.extend_from_slice(&[VERSION, KIND_CALL]);
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
            Self::Eject { node, identity, lane } => {
                out.extend_from_slice(&[VERSION, KIND_EJECT]);
                out.extend_from_slice(&node.0.to_be_bytes());
                out.extend_from_slice(&identity.0);
                let family = lane.map_or(0, |lane| if lane.is_ipv4() { 4 } else { 6 });
                out.extend_from_slice(&[family, 0]);
                out.extend_from_slice(&lane.map_or(0, |lane| lane.port()).to_be_bytes());
                match lane.map(|lane| lane.ip()) {
                    Some(IpAddr::V4(ip)) => out.extend_from_slice(&ip.octets()),
                    Some(IpAddr::V6(ip)) => out.extend_from_slice(&ip.octets()),
                    None => {}
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(roll_call: RollCall) -> Vec<u8> {
        let mut bytes = Vec::new();
        roll_call.emit(&mut bytes);
        bytes
    }

    const CALL: RollCall = RollCall::Call {
        round: 0x0102,
        window_ms: 0x0304_0506,
        send_time: WireTime { sec: 7, usec: 8 },
        confirmed: 9,
        listed: 10,
    };

    #[test]
    fn the_layout_of_version_1_stays_as_it_is() {
        let bytes = encoded(CALL);
        let call: [u8; 26] =
            [78, 82, 1, 1, 1, 2, 3, 4, 5, 6, 0, 0, 0, 7, 0, 0, 0, 8, 0, 0, 0, 9, 0, 0, 0, 10];
        assert_eq!(bytes, call);
        assert_eq!(RollCall::parse(&bytes), Some(CALL));
        let collision = RollCall::Collision { node: NodeId(5), keeper: Identity([0xcc; 16]) };
        let bytes = encoded(collision);
        assert_eq!(bytes[..8], [78, 82, 1, 2, 0, 0, 0, 5]);
        assert_eq!(bytes[8..], [0xcc; 16]);
        assert_eq!(RollCall::parse(&bytes), Some(collision));
        for (lane, tail) in [
            (None, vec![0, 0, 0, 0]),
            (Some("239.1.2.3:7"), vec![4, 0, 0, 7, 239, 1, 2, 3]),
            (Some("[ff15::1]:7"), [&[6, 0, 0, 7, 0xff, 0x15][..], &[0; 13], &[1]].concat()),
        ] {
            let lane = lane.map(|lane| lane.parse().unwrap());
            let eject = RollCall::Eject { node: NodeId(5), identity: Identity([0xcc; 16]), lane };
            let bytes = encoded(eject);
            assert_eq!(bytes[..8], [78, 82, 1, 3, 0, 0, 0, 5]);
            assert_eq!(bytes[24..], tail);
            assert_eq!(RollCall::parse(&bytes), Some(eject));
        }
    }

    #[test]
    fn what_is_not_ours_is_left_alone() {
        let bytes = encoded(CALL);
        for at in 0..4 {
            let mut other = bytes.clone();
            other[at] ^= 0x40;
            assert_eq!(RollCall::parse(&other), None, "byte {at}");
        }
        assert_eq!(RollCall::parse(b"hello-cmd"), None);
        assert_eq!(RollCall::parse(&[]), None);
    }

    #[test]
    fn every_other_length_is_refused() {
        let mut bytes = encoded(CALL);
        for len in 0..bytes.len() {
            assert_eq!(RollCall::parse(&bytes[..len]), None, "{len} bytes");
        }
        bytes.push(0);
        assert_eq!(RollCall::parse(&bytes), None);
    }
}
