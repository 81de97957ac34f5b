//! Sends packets with a code point in their IP header (DSCP, RFC 2474).
//!
//! quinn-udp gives each packet a control message for the ECN bits, and on Linux that replaces the
//! whole byte of the header, whatever the socket's option says. So packets with a code point leave
//! without control messages: the byte and the size of segments are options of the socket.

use std::io;
use std::net::SocketAddr;

use socket2::Socket;

use super::{LinkConfig, raw};

/// The two lowest bits of that byte: routers may set a CE mark (RFC 3168 §5).
const ECT0: u8 = 0b10;

/// The byte of the IP header with which packets of a link leave.
pub(super) fn byte(config: &LinkConfig) -> u8 {
    config.dscp.byte() | if config.ecn { ECT0 } else { 0 }
}

/// Has all packets of a socket leave with this byte in their IP header: DSCP and ECN.
pub(super) fn set(socket: &Socket, group: SocketAddr, byte: u8) -> io::Result<()> {
    if group.is_ipv4() {
        socket.set_tos_v4(byte.into())
    } else {
        raw::set_traffic_class_v6(socket, byte)
    }
}

/// Whether the kernel can cut such packets into segments.
pub(super) const CAN_BATCH: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// The way out of packets with a code point.
#[derive(Debug, Default)]
pub(super) struct WithCodePoint {
    /// Bytes of the segments that the kernel cuts; 0 when it cuts none.
    segment: usize,
}

impl WithCodePoint {
    /// Sends `contents` as datagrams of `segment` bytes.
    pub(super) fn send(
        &mut self,
        socket: &mio::net::UdpSocket,
        to: SocketAddr,
        segment: usize,
        contents: &[u8],
    ) -> io::Result<()> {
        // What leaves whole must not depend on whether the system can cut.
        let wanted = if contents.len() > segment { segment } else { 0 };
        if wanted != self.segment {
            raw::set_segment(socket, wanted)?;
            self.segment = wanted;
        }
        loop {
            match socket.send_to(contents, to) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => return sent.map(|_| ()),
            }
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use socket2::SockRef;

    use crate::io::dscp::Dscp;
    use crate::io::socket::{Link, LinkConfig, SendOutcome};

    use super::raw;

    /// The bytes of the IP header with which packets from a link arrive, and their lengths.
    fn arrivals(to: &str, (dscp, ecn): (Dscp, bool), sizes: &[(usize, usize)]) -> Vec<(u8, usize)> {
        let receiver = UdpSocket::bind(to).unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        if receiver.local_addr().unwrap().is_ipv4() {
            SockRef::from(&receiver).set_recv_tos_v4(true).unwrap();
        } else {
            SockRef::from(&receiver).set_recv_tclass_v6(true).unwrap();
        }
        let config = LinkConfig { dscp, ecn, ..LinkConfig::new(receiver.local_addr().unwrap()) };
        let mut link = Link::open(&config).unwrap();
        for &(segment, bytes) in sizes {
            let sent = link.send(link.group(), segment, &vec![7; bytes]).unwrap();
            assert_eq!(sent, SendOutcome::Sent);
        }
        let packets: usize = sizes.iter().map(|(segment, bytes)| bytes.div_ceil(*segment)).sum();
        (0..packets).map(|_| raw::receive_with_class(&receiver).unwrap()).collect()
    }

    #[test]
    fn packet_leaves_with_its_code_point_single_or_in_a_batch() {
        for to in ["127.0.0.1:0", "[::1]:0"] {
            let ef = Dscp::new(46).unwrap();
            for (dscp, ecn, byte) in [
                (Dscp::LE, false, 0x04),
                (ef, false, 0xb8),
                (Dscp::LE, true, 0x06),
                (ef, true, 0xba),
                (Dscp::DEFAULT, true, 0x02),
            ] {
                // Single, in a batch, single and longer than the segments before.
                let found =
                    arrivals(to, (dscp, ecn), &[(100, 100), (100, 250), (180, 180), (90, 200)]);
                let lengths = [100, 100, 100, 50, 180, 90, 90, 20];
                let wanted: Vec<_> = lengths.iter().map(|&len| (byte, len)).collect();
                assert_eq!(found, wanted, "{to} {dscp} {ecn}");
            }
        }
    }

    #[test]
    fn packet_without_a_code_point_has_none() {
        for to in ["127.0.0.1:0", "[::1]:0"] {
            let found = arrivals(to, (Dscp::DEFAULT, false), &[(100, 100), (100, 200)]);
            assert_eq!(found, [(0, 100), (0, 100), (0, 100)]);
        }
    }
}
