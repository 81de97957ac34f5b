//! The header of a stream's segment (RFC 5740 §4.2.1).
//!
//! ```text
//!  0  payload_len, 16 bits: bytes of content; 0 for a control code
//!  2  payload_msg_start, 16 bits: 1 + where the first message in this segment begins; 0 when none
//!     does. Of a control code, the code: 0, the end of the stream
//!  4  payload_offset, 32 bits: where in the stream the content lies; wraps
//!  8  content
//! ```
//!
//! The header is part of the coded symbol: that of a lost segment is recovered with it.

/// Bytes of the header.
pub(crate) const HEADER_LEN: usize = 8;

/// What a segment says of itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    /// Bytes of content after the header; 0 only at the end of the stream.
    pub(crate) len: u16,
    /// Where the first message that begins in this segment does so, below `len`.
    pub(crate) message_start: Option<u16>,
    /// The position of the content in the stream, in bytes, modulo 2^32.
    pub(crate) offset: u32,
}

impl SegmentHeader {
    /// Reads the header of a source symbol. Bytes after the content are padding.
    ///
    /// `None` when the symbol is shorter than it says, when a message would begin after the
    /// content, and for control codes other than the end.
    pub(crate) fn parse(symbol: &[u8]) -> Option<Self> {
        let (&header, content) = symbol.split_first_chunk::<HEADER_LEN>()?;
        let [len_high, len_low, start_high, start_low, offset @ ..] = header;
        let len = u16::from_be_bytes([len_high, len_low]);
        let start = u16::from_be_bytes([start_high, start_low]);
        if usize::from(len) > content.len() || start > len {
            return None;
        }
        let offset = u32::from_be_bytes(offset);
        Some(Self { len, message_start: start.checked_sub(1), offset })
    }

    /// The header as it goes before the content.
    pub(crate) fn emit(&self) -> [u8; HEADER_LEN] {
        let [len_high, len_low] = self.len.to_be_bytes();
        let start = self.message_start.map_or(0, |start| start.saturating_add(1));
        let [start_high, start_low] = start.to_be_bytes();
        let [a, b, c, d] = self.offset.to_be_bytes();
        [len_high, len_low, start_high, start_low, a, b, c, d]
    }

    /// Whether the stream ends here.
    pub(crate) fn is_end(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn captured_segments_are_understood() {
        let mut symbol = *b"\0\x28\0\x0b\0\0\0\x50uvwxyz #2\na23456789b123456789c123456789";
        let header = SegmentHeader { len: 40, message_start: Some(10), offset: 80 };
        assert_eq!(SegmentHeader::parse(&symbol), None, "one byte less than it says");
        symbol[1] = 39;
        let shorter = SegmentHeader { len: 39, ..header };
        assert_eq!(SegmentHeader::parse(&symbol), Some(shorter));
        let end = SegmentHeader::parse(b"\0\0\0\0\0\0\0\x78").unwrap();
        assert!(end.is_end() && end.offset == 120 && end.message_start.is_none());
    }

    #[test]
    fn padding_after_the_content_is_ignored() {
        let header = SegmentHeader::parse(b"\0\x01\0\x01\0\0\0\0x\0\0\0").unwrap();
        assert_eq!(header, SegmentHeader { len: 1, message_start: Some(0), offset: 0 });
    }

    #[test]
    fn inconsistent_headers_are_refused() {
        assert_eq!(SegmentHeader::parse(b""), None);
        assert_eq!(SegmentHeader::parse(b"\0\0\0\0\0\0\0"), None, "too short");
        assert_eq!(SegmentHeader::parse(b"\0\x02\0\x03\0\0\0\0xy"), None, "begins after the end");
        assert_eq!(SegmentHeader::parse(b"\0\0\0\x01\0\0\0\0"), None, "unknown control code");
        assert_eq!(SegmentHeader::parse(b"\xff\xff\0\0\0\0\0\0xy"), None, "longer than it is");
    }

    proptest! {
        #[test]
        fn parsed_header_is_emitted_as_it_came(
            symbol in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..32),
                (0u8..20, 0u8..20, prop::collection::vec(any::<u8>(), 4..28)).prop_map(
                    |(len, start, content)| [vec![0, len, 0, start], content].concat()
                ),
            ],
        ) {
            if let Some(header) = SegmentHeader::parse(&symbol) {
                prop_assert_eq!(&header.emit()[..], &symbol[..HEADER_LEN]);
                prop_assert!(header.message_start.is_none_or(|start| start < header.len));
                prop_assert!(HEADER_LEN + usize::from(header.len) <= symbol.len());
            }
        }
    }
}
