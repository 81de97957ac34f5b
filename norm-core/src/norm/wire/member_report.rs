//! A receiver's report about itself. Not of the RFC: the content of NORM_REPORT.
//!
//! Version 3, all big-endian, nothing after the reason:
//! ```text
//! | 'N'            | 'M'           | version 3     | state 8      |
//! | sender 32                                                     |
//! | instance 16                    | round 16                     |
//! | grtt_response_sec 32                                          |
//! | grtt_response_usec 32                                         |
//! | identity 128                                                  |
//! | bytes_done 64                                                 |
//! | bytes_total 64                                                |
//! | drops 32                                                      |
//! | ce_marked 32                                                  |
//! | loss 16                        | largest_heard 16             |
//! | name_len 8    | reason_len 8   | name, then reason, both UTF-8
//! ```

use super::reader::Reader;
use super::{Identity, InstanceId, MemberState, NodeId, ParseError, WireTime};

const MAGIC: [u8; 2] = *b"NM";
const VERSION: u8 = 3;

/// The answer to a membership query, and news between queries.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MemberReport<'a> {
    /// The sender it is meant for.
    pub sender: NodeId,
    /// Which run of it.
    pub instance: InstanceId,
    /// The query that is answered.
    pub round: u16,
    /// The query's send time plus the time it was held; zero when none was heard.
    pub grtt_response: WireTime,
    /// The receiver that reports.
    pub identity: Identity,
    /// How far it is.
    pub state: MemberState,
    /// Bytes received of the transfer.
    pub bytes_done: u64,
    /// Bytes in the transfer; 0 while unknown.
    pub bytes_total: u64,
    /// Share of packets lost, times 65 535.
    pub loss: u16,
    /// Packets that arrived and were dropped by the receiving host.
    pub drops: u32,
    /// Packets of the sender that routers have CE-marked (RFC 3168).
    pub ce_marked: u32,
    /// Bytes of the longest IP packet of the sender, all headers included, since the query before
    /// the last one; 0 when there was none.
    pub largest_heard: u16,
    /// A name for people, at most 64 bytes. As it came: it may hold control characters.
    pub name: &'a str,
    /// Why it failed, for people, at most 255 bytes. As it came: it may hold control characters.
    pub reason: &'a str,
}

impl<'a> MemberReport<'a> {
    /// Bytes of a name at most.
    pub const MAX_NAME_LEN: usize = 64;
    /// Bytes of a reason at most.
    pub const MAX_REASON_LEN: usize = 255;
    /// Bytes of everything before the name.
    const FIXED_LEN: usize = 66;

    /// Reads the content of a NORM_REPORT; `None` when it has another format, is of a version or in
    /// a state that we do not know, or has text that is too long or not UTF-8.
    pub fn parse(content: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(content, ParseError::PayloadLength);
        let report = Self::read(&mut reader).ok()??;
        reader.is_empty().then_some(report)
    }

    fn read(reader: &mut Reader<'a>) -> Result<Option<Self>, ParseError> {
        if (reader.array()?, reader.u8()?) != (MAGIC, VERSION) {
            return Ok(None);
        }
        let Some(state) = state_from_wire(reader.u8()?) else { return Ok(None) };
        let sender = NodeId(reader.u32()?);
        let (instance, round) = (InstanceId(reader.u16()?), reader.u16()?);
        let grtt_response = WireTime::parse(reader)?;
        let identity = Identity(reader.array()?);
        let (bytes_done, bytes_total) = (reader.u64()?, reader.u64()?);
        let (drops, ce_marked) = (reader.u32()?, reader.u32()?);
        let (loss, largest_heard) = (reader.u16()?, reader.u16()?);
        let [name_len, reason_len] = reader.array()?.map(usize::from);
        let name = str::from_utf8(reader.bytes(name_len)?);
        let reason = str::from_utf8(reader.bytes(reason_len)?);
        let (Ok(name), Ok(reason)) = (name, reason) else { return Ok(None) };
        if name.len() > Self::MAX_NAME_LEN {
            return Ok(None);
        }
        Ok(Some(Self {
            sender,
            instance,
            round,
            grtt_response,
            identity,
            state,
            bytes_done,
            bytes_total,
            loss,
            drops,
            ce_marked,
            largest_heard,
            name,
            reason,
        }))
    }

    /// Bytes that [`Self::emit`] appends.
    pub fn encoded_len(&self) -> usize {
        Self::FIXED_LEN
            + shortened(self.name, Self::MAX_NAME_LEN).len()
            + shortened(self.reason, Self::MAX_REASON_LEN).len()
    }

    /// Appends the content. Text that is too long is cut between two characters.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let name = shortened(self.name, Self::MAX_NAME_LEN);
        let reason = shortened(self.reason, Self::MAX_REASON_LEN);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, self.state as u8]);
        out.extend_from_slice(&self.sender.0.to_be_bytes());
        out.extend_from_slice(&self.instance.0.to_be_bytes());
        out.extend_from_slice(&self.round.to_be_bytes());
        self.grtt_response.emit(out);
        out.extend_from_slice(&self.identity.0);
        out.extend_from_slice(&self.bytes_done.to_be_bytes());
        out.extend_from_slice(&self.bytes_total.to_be_bytes());
        out.extend_from_slice(&self.drops.to_be_bytes());
        out.extend_from_slice(&self.ce_marked.to_be_bytes());
        out.extend_from_slice(&self.loss.to_be_bytes());
        out.extend_from_slice(&self.largest_heard.to_be_bytes());
        // Both lengths fit: `shortened` holds them to 255 at most.
        out.extend_from_slice(&[name.len() as u8, reason.len() as u8]);
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(reason.as_bytes());
    }
}

/// The longest beginning of `text` with at most `max` bytes and only whole characters.
fn shortened(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default()
}

const fn state_from_wire(state: u8) -> Option<MemberState> {
    Some(match state {
        0 => MemberState::Joined,
        1 => MemberState::Receiving,
        2 => MemberState::Verifying,
        3 => MemberState::Complete,
        4 => MemberState::Writing,
        5 => MemberState::Comparing,
        0xf0 => MemberState::Failed,
        0xff => MemberState::Leaving,
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
