//! Packets of the session announcement protocol (RFC 2974 §6).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | V=1 |A|R|T|E|C|   auth len    |         msg id hash           |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | originating source (4 or 16), authentication (4 x auth len),  |
//! | payload type with a zero byte (may be absent), payload        |
//! ```

use core::fmt;
use core::net::IpAddr;

/// The payload type of descriptions in SDP.
const SDP: &str = "application/sdp";

const VERSION: u8 = 1 << 5;
const ADDRESS_V6: u8 = 1 << 4;
const DELETION: u8 = 1 << 2;
const ENCRYPTED: u8 = 1 << 1;
const COMPRESSED: u8 = 1;

/// What a packet is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SapKind {
    /// A session is there.
    Announcement,
    /// It is no longer.
    Deletion,
}

/// A packet. Authentication data is skipped when it is read, and never written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SapPacket<'a> {
    /// What it is for.
    pub kind: SapKind,
    /// Together with `source` it names this version of the description; never 0.
    pub hash: u16,
    /// The host that announces; never unspecified.
    pub source: IpAddr,
    /// MIME type of the payload; `None` when it was left out, which means SDP.
    pub payload_type: Option<&'a str>,
    /// The description, or, of a deletion, its `o=` line.
    pub payload: &'a [u8],
}

/// Why a datagram is no packet that can be used. Without text, because each is only counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum SapError {
    /// It ends before its header does.
    Truncated,
    /// A version other than 1.
    Version,
    /// It is encrypted (§7).
    Encrypted,
    /// It is compressed; what it would become has no bound.
    Compressed,
    /// Hash or source are 0, as in SAP version 0; such a packet may be discarded.
    Unidentified,
}

impl SapError {
    /// All of them, for tables of counters indexed by `error as usize`.
    pub const ALL: [Self; 5] =
        [Self::Truncated, Self::Version, Self::Encrypted, Self::Compressed, Self::Unidentified];
}

impl fmt::Display for SapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for SapError {}

impl<'a> SapPacket<'a> {
    /// A packet about a description in SDP; the hash follows from the description.
    pub fn new(kind: SapKind, source: IpAddr, description: &str, payload: &'a [u8]) -> Self {
        let [first, second, ..] = *blake3::hash(description.as_bytes()).as_bytes();
        let hash = u16::from_be_bytes([first, second]).max(1);
        Self { kind, hash, source, payload_type: Some(SDP), payload }
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`SapError`].
    pub fn parse(datagram: &'a [u8]) -> Result<Self, SapError> {
        let (&[flags, words, high, low], rest) =
            datagram.split_first_chunk().ok_or(SapError::Truncated)?;
        if flags & 0xe0 != VERSION {
            return Err(SapError::Version);
        }
        if flags & ENCRYPTED != 0 {
            return Err(SapError::Encrypted);
        }
        if flags & COMPRESSED != 0 {
            return Err(SapError::Compressed);
        }
        let (source, rest) = source(flags & ADDRESS_V6 != 0, rest).ok_or(SapError::Truncated)?;
        let hash = u16::from_be_bytes([high, low]);
        if hash == 0 || source.is_unspecified() {
            return Err(SapError::Unidentified);
        }
        let authentication = usize::from(words) * 4;
        let (_, rest) = rest.split_at_checked(authentication).ok_or(SapError::Truncated)?;
        let (payload_type, payload) = payload_type(rest);
        let is_deletion = flags & DELETION != 0;
        let kind = if is_deletion { SapKind::Deletion } else { SapKind::Announcement };
        Ok(Self { kind, hash, source, payload_type, payload })
    }

    /// Appends the packet.
    pub fn emit(&self, out: &mut Vec<u8>) {
        let mut flags = VERSION;
        if self.source.is_ipv6() {
            flags |= ADDRESS_V6;
        }
        if self.kind == SapKind::Deletion {
            flags |= DELETION;
        }
        out.extend([flags, 0]);
        out.extend(self.hash.to_be_bytes());
        match self.source {
            IpAddr::V4(source) => out.extend(source.octets()),
            IpAddr::V6(source) => out.extend(source.octets()),
        }
        if let Some(payload_type) = self.payload_type {
            out.extend(payload_type.as_bytes());
            out.push(0);
        }
        out.extend(self.payload);
    }

    /// True when the payload is a description in SDP.
    pub fn is_sdp(&self) -> bool {
        self.payload_type.is_none_or(|payload_type| payload_type.eq_ignore_ascii_case(SDP))
    }
}

/// The originating source, and what follows.
fn source(is_v6: bool, bytes: &[u8]) -> Option<(IpAddr, &[u8])> {
    if is_v6 {
        let (address, rest) = bytes.split_first_chunk::<16>()?;
        return Some(((*address).into(), rest));
    }
    let (address, rest) = bytes.split_first_chunk::<4>()?;
    Some(((*address).into(), rest))
}

/// The payload type, if there is one, and the payload. A description that begins at once begins
/// with `v=0`, and a deletion with `o=`, which no type does.
fn payload_type(bytes: &[u8]) -> (Option<&str>, &[u8]) {
    if bytes.starts_with(b"v=0") || bytes.starts_with(b"o=") {
        return (None, bytes);
    }
    let named = || {
        let end = bytes.iter().position(|&byte| byte == 0)?;
        let (name, rest) = bytes.split_at_checked(end)?;
        Some((core::str::from_utf8(name).ok()?, rest.get(1..)?))
    };
    named().map_or((None, bytes), |(name, payload)| (Some(name), payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_is_that_of_the_rfc() {
        let (v4, v6) = ([192, 0, 2, 7].into(), IpAddr::from([0x20; 16]));
        let packet = |source| SapPacket {
            kind: SapKind::Deletion,
            hash: 0x1234,
            source,
            payload_type: Some(SDP),
            payload: b"o=",
        };
        let mut bytes = Vec::new();
        packet(v4).emit(&mut bytes);
        assert_eq!(bytes, b"\x24\0\x12\x34\xc0\0\x02\x07application/sdp\0o=");
        assert_eq!(SapPacket::parse(&bytes), Ok(packet(v4)));
        bytes.clear();
        SapPacket { kind: SapKind::Announcement, ..packet(v6) }.emit(&mut bytes);
        assert_eq!(bytes[..4], [0x30, 0, 0x12, 0x34]);
        assert_eq!(bytes[20..], *b"application/sdp\0o=");
    }

    #[test]
    fn authentication_is_skipped_and_the_type_may_be_absent() {
        let bytes = b"\x20\x02\0\x09\x0a\0\0\x01--8bytes--------v=0\r\n";
        assert_eq!(SapPacket::parse(&bytes[..15]), Err(SapError::Truncated));
        let cut: Vec<u8> = [&bytes[..16], &bytes[24..]].concat();
        let packet = SapPacket::parse(&cut).unwrap();
        assert_eq!((packet.payload_type, packet.payload), (None, &b"v=0\r\n"[..]));
        assert!(packet.is_sdp());
        let text = [&cut[..16], b"text/plain\0v=0"].concat();
        assert!(!SapPacket::parse(&text).unwrap().is_sdp());
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        let refused = |bytes: &[u8]| SapPacket::parse(bytes).unwrap_err();
        assert_eq!(refused(b"\x20\0\0"), SapError::Truncated);
        assert_eq!(refused(b"\x30\0\0\x01\x0a\0\0\x01v=0"), SapError::Truncated);
        assert_eq!(refused(b"\0\0\0\x01\x0a\0\0\x01v=0"), SapError::Version);
        assert_eq!(refused(b"\x22\0\0\x01\x0a\0\0\x01v=0"), SapError::Encrypted);
        assert_eq!(refused(b"\x21\0\0\x01\x0a\0\0\x01v=0"), SapError::Compressed);
        assert_eq!(refused(b"\x20\0\0\0\x0a\0\0\x01v=0"), SapError::Unidentified);
        assert_eq!(refused(b"\x20\0\0\x01\0\0\0\0v=0"), SapError::Unidentified);
        assert_eq!(refused(b"\x20\xff\0\x01\x0a\0\0\x01v=0"), SapError::Truncated);
    }

    #[test]
    fn hash_follows_from_the_description() {
        let hash = |text| SapPacket::new(SapKind::Deletion, [10, 0, 0, 1].into(), text, b"").hash;
        assert_eq!(hash("v=0"), hash("v=0"));
        assert_ne!(hash("v=0"), hash("v=0 "));
    }
}
