//! Outgoing datagrams: the buffer that an engine fills, room for a layer around each of them, and
//! what a datagram takes on the wire.

use core::net::{IpAddr, SocketAddr};

/// Bytes in one batch at most: the largest UDP payload over IPv4 (65,507), rounded down. Kernels
/// refuse larger batches as well.
pub const MAX_BATCH_BYTES: usize = 65_000;

/// Where a packet goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The session's group (or the peer, in a unicast session).
    Group,
    /// One host.
    Unicast(SocketAddr),
}

/// Describes the bytes in a [`TransmitBuf`]: equal segments, of which the last may be shorter.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Where the segments go.
    pub destination: Destination,
    /// Bytes per datagram, margins included.
    pub segment_size: usize,
    /// The address of the sender that the segments speak to; `None` when they are of a sender.
    pub feedback_to: Option<SocketAddr>,
    /// They speak for the sender: a layer that can is to sign each of them.
    pub to_sign: bool,
}

impl Transmit {
    /// The same, to be signed.
    #[must_use]
    pub const fn signed(self) -> Self {
        Self { to_sign: true, ..self }
    }
}

/// Bytes that a datagram takes on the wire in addition to what its engine writes: headers of IP and
/// UDP, and what layers add. Rates count them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PacketOverhead(usize);

impl PacketOverhead {
    /// Nothing: rates count what engines write.
    pub const NONE: Self = Self(0);
    /// IPv4 and UDP headers without options.
    pub const IPV4: Self = Self(28);
    /// IPv6 and UDP headers without extensions.
    pub const IPV6: Self = Self(48);

    /// That of datagrams to this address.
    pub const fn to(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::IPV4,
            IpAddr::V6(_) => Self::IPV6,
        }
    }

    /// The overhead below a layer that adds `margins` to each datagram.
    #[must_use]
    pub const fn with(self, margins: Margins) -> Self {
        Self(self.0 + margins.bytes())
    }

    /// Bytes per datagram.
    pub const fn bytes(self) -> usize {
        self.0
    }

    /// Bytes of this many datagrams.
    pub const fn of(self, datagrams: u64) -> u64 {
        self.0 as u64 * datagrams
    }
}

/// Room around what an engine writes of each datagram, in bytes, for a layer that fills it
/// afterwards.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Margins {
    /// Before it.
    pub head: usize,
    /// After it.
    pub tail: usize,
}

impl Margins {
    /// No room.
    pub const NONE: Self = Self { head: 0, tail: 0 };

    /// Bytes per datagram.
    pub const fn bytes(self) -> usize {
        self.head + self.tail
    }
}

/// The driver's buffer for outgoing bytes; reused, so that sending does not allocate.
///
/// It holds datagrams back to back: equal segments, of which the last may be shorter, so that a
/// kernel can cut them (GSO). An engine appends one datagram after the other. A layer around the
/// engine sets [`Margins`] before it asks the engine, and fills them in all
/// [`TransmitBuf::datagrams_mut`] afterwards.
#[derive(Debug)]
pub struct TransmitBuf {
    bytes: Vec<u8>,
    margins: Margins,
    max_segments: usize,
    segment_size: usize,
    datagrams: usize,
}

impl TransmitBuf {
    /// A buffer for batches of at most `max_segments` datagrams (1 switches batching off), without
    /// margins.
    pub fn new(max_segments: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(MAX_BATCH_BYTES),
            margins: Margins::NONE,
            max_segments: max_segments.max(1),
            segment_size: 0,
            datagrams: 0,
        }
    }

    /// This buffer, emptied, with margins around each datagram.
    #[must_use]
    pub fn with_margins(mut self, margins: Margins) -> Self {
        self.set_margins(margins);
        self
    }

    /// Empties the buffer, and sets the margins of the datagrams that follow.
    pub fn set_margins(&mut self, margins: Margins) {
        self.clear();
        self.margins = margins;
    }

    /// The margins around each datagram.
    pub fn margins(&self) -> Margins {
        self.margins
    }

    /// Changes the largest batch, for instance when the kernel refuses segmentation offload.
    pub fn set_max_segments(&mut self, max_segments: usize) {
        self.max_segments = max_segments.max(1);
    }

    /// How many datagrams of which an engine writes `payload` bytes each a batch may hold; at least
    /// one.
    pub fn batch_limit(&self, payload: usize) -> usize {
        let segment_size = payload + self.margins.bytes();
        (MAX_BATCH_BYTES / segment_size.max(1)).clamp(1, self.max_segments)
    }

    /// Drops all datagrams; margins and limits stay.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.segment_size = 0;
        self.datagrams = 0;
    }

    /// Appends one datagram: `write` appends its payload to the bytes that it is given.
    ///
    /// All datagrams of a batch are of one length; only the last may be shorter.
    #[inline]
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.resize(start + self.margins.head, 0);
        write(&mut self.bytes);
        self.bytes.resize(self.bytes.len() + self.margins.tail, 0);
        debug_assert_eq!(start, self.datagrams * self.segment_size, "a short datagram came before");
        if self.datagrams == 0 {
            self.segment_size = self.bytes.len();
        }
        debug_assert!(self.bytes.len() - start <= self.segment_size, "longer than the first one");
        self.datagrams += 1;
    }

    /// All datagrams back to back, margins included.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Datagrams in the buffer.
    pub fn datagrams(&self) -> usize {
        self.datagrams
    }

    /// Bytes that the engine wrote: all datagrams without their margins.
    pub fn payload_bytes(&self) -> usize {
        self.bytes.len() - self.datagrams * self.margins.bytes()
    }

    /// Bytes of the first datagram, margins included; 0 when the buffer is empty.
    pub fn segment_size(&self) -> usize {
        self.segment_size
    }

    /// Makes the margin after each datagram longer, for a layer that adds more to these than to
    /// others.
    pub fn lengthen(&mut self, bytes: usize) {
        let (old, new) = (self.segment_size, self.segment_size + bytes);
        let len = self.bytes.len();
        self.bytes.resize(len + self.datagrams * bytes, 0);
        for number in (0..self.datagrams).rev() {
            let (start, end) = (number * old, len.min((number + 1) * old));
            self.bytes.copy_within(start..end, number * new);
            let end = number * new + end - start;
            self.bytes[end..end + bytes].fill(0);
        }
        self.segment_size = new;
    }

    /// Each datagram with its margins, for a layer that fills them.
    pub fn datagrams_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bytes.chunks_mut(self.segment_size.max(1))
    }

    /// The description of what is in the buffer; `None` when it is empty.
    pub fn transmit(&self, destination: Destination) -> Option<Transmit> {
        let segment_size = self.segment_size;
        let transmit = Transmit { destination, segment_size, feedback_to: None, to_sign: false };
        (self.datagrams > 0).then_some(transmit)
    }

    /// The same of feedback to the sender at an address, wherever it goes.
    pub fn feedback(&self, destination: Destination, sender: SocketAddr) -> Option<Transmit> {
        Some(Transmit { feedback_to: Some(sender), ..self.transmit(destination)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of a layer that seals datagrams: a header with a counter, and an authentication tag.
    const SEAL: Margins = Margins { head: 24, tail: 20 };

    fn append(out: &mut TransmitBuf, byte: u8, len: usize) {
        out.append(|bytes| bytes.resize(bytes.len() + len, byte));
    }

    #[test]
    fn datagrams_without_margins_lie_back_to_back() {
        let mut out = TransmitBuf::new(8);
        assert_eq!(out.transmit(Destination::Group), None);
        append(&mut out, 1, 3);
        append(&mut out, 2, 3);
        append(&mut out, 3, 1);
        assert_eq!(out.as_bytes(), [1, 1, 1, 2, 2, 2, 3]);
        assert_eq!((out.datagrams(), out.payload_bytes()), (3, 7));
        let destination = Destination::Group;
        let transmit = Transmit { destination, segment_size: 3, feedback_to: None, to_sign: false };
        assert_eq!(out.transmit(Destination::Group), Some(transmit));
        let sender = ([192, 0, 2, 1], 6003).into();
        let feedback = Transmit { feedback_to: Some(sender), ..transmit };
        assert_eq!(out.feedback(Destination::Group, sender), Some(feedback));
        out.clear();
        assert!(out.as_bytes().is_empty() && out.transmit(Destination::Group).is_none());
        assert_eq!((out.datagrams(), out.payload_bytes(), out.segment_size()), (0, 0, 0));
    }

    #[test]
    fn segments_with_margins_come_out_at_one_stride() {
        let mut out = TransmitBuf::new(8).with_margins(SEAL);
        for (byte, len) in [(1, 100), (2, 100), (3, 10)] {
            append(&mut out, byte, len);
        }
        assert_eq!(out.segment_size(), 144);
        assert_eq!(out.as_bytes().len(), 144 * 2 + 54);
        assert_eq!((out.datagrams(), out.payload_bytes()), (3, 210));
        for (datagram, byte) in out.as_bytes().chunks(144).zip(1..) {
            let (head, rest) = datagram.split_at(SEAL.head);
            let (payload, tail) = rest.split_at(rest.len() - SEAL.tail);
            assert!(head.iter().chain(tail).all(|&margin| margin == 0));
            assert!(!payload.is_empty() && payload.iter().all(|&own| own == byte));
        }
    }

    #[test]
    fn layer_fills_the_margins_of_every_datagram() {
        let mut out = TransmitBuf::new(8).with_margins(SEAL);
        append(&mut out, 1, 50);
        append(&mut out, 1, 7);
        for (datagram, number) in out.datagrams_mut().zip(10..) {
            let len = datagram.len();
            datagram[..SEAL.head].fill(number);
            datagram[len - SEAL.tail..].fill(number);
        }
        let lens: Vec<usize> = out.as_bytes().chunks(out.segment_size()).map(<[u8]>::len).collect();
        assert_eq!(lens, [94, 51]);
        assert_eq!((out.as_bytes()[0], out.as_bytes()[93]), (10, 10));
        assert_eq!((out.as_bytes()[94], out.as_bytes()[144]), (11, 11));
    }

    #[test]
    fn margins_can_be_made_longer_after_an_engine_has_written() {
        for lens in [vec![9], vec![100, 100, 7], vec![50, 50]] {
            let mut out = TransmitBuf::new(8).with_margins(SEAL);
            lens.iter().zip(1..).for_each(|(&len, byte)| append(&mut out, byte, len));
            out.lengthen(64);
            assert_eq!(out.segment_size(), lens[0] + 108);
            let datagrams: Vec<&mut [u8]> = out.datagrams_mut().collect();
            assert_eq!(datagrams.len(), lens.len());
            for ((datagram, &len), byte) in datagrams.into_iter().zip(&lens).zip(1..) {
                assert_eq!(datagram.len(), len + 108);
                assert!(datagram[24..24 + len].iter().all(|&own| own == byte));
                assert!(datagram[24 + len..].iter().all(|&margin| margin == 0));
            }
        }
    }

    #[test]
    fn margins_are_zero_again_after_the_buffer_was_used() {
        let mut out = TransmitBuf::new(8).with_margins(SEAL);
        append(&mut out, 1, 50);
        out.datagrams_mut().for_each(|datagram| datagram.fill(0xff));
        out.clear();
        append(&mut out, 1, 50);
        assert!(out.as_bytes()[..SEAL.head].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn batch_limit_leaves_room_for_the_margins() {
        let mut out = TransmitBuf::new(1000).with_margins(SEAL);
        for payload in [1, 64, 956, 1388, 30_000, 64_956, 64_957, 70_000] {
            let limit = out.batch_limit(payload);
            assert!(limit == 1 || limit * (payload + 44) <= MAX_BATCH_BYTES, "{payload}");
            assert!((limit + 1) * (payload + 44) > MAX_BATCH_BYTES || limit == 1000, "{payload}");
        }
        assert_eq!(out.batch_limit(956), 65);
        out.set_max_segments(16);
        assert_eq!(out.batch_limit(956), 16);
        out.set_max_segments(0);
        assert_eq!(out.batch_limit(956), 1);
    }

    #[test]
    fn full_batch_with_margins_stays_within_the_limit() {
        let mut out = TransmitBuf::new(64).with_margins(SEAL);
        let limit = out.batch_limit(1380);
        (0..limit).for_each(|_| append(&mut out, 7, 1380));
        assert!(out.as_bytes().len() <= MAX_BATCH_BYTES);
        assert_eq!(out.as_bytes().len(), limit * 1424);
    }

    #[test]
    fn overhead_grows_with_the_margins_of_a_layer() {
        let sealed = PacketOverhead::to([192, 0, 2, 1].into()).with(SEAL);
        assert_eq!(sealed.bytes(), 28 + 44);
        assert_eq!(sealed.of(10), 720);
        assert_eq!(PacketOverhead::to([0u16; 8].into()), PacketOverhead::IPV6);
        assert_eq!(PacketOverhead::NONE.with(SEAL).bytes(), 44);
    }
}
