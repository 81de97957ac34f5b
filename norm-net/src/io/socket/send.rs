//! Sends a run of equal segments with as few system calls as the kernel allows.

use std::io;

use norm_core::endpoint::MAX_BATCH_BYTES;
use quinn_udp::{Transmit, UdpSockRef, is_msg_size_err};

use super::code_point::{self, WithCodePoint};
use super::setup::Port;
use super::{LinkConfig, LinkStats, raw};
use crate::io::dscp::Dscp;

/// What became of the bytes given to [`Link::send`](super::Link::send).
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The kernel took all.
    Sent,
    /// The kernel's buffer is full: wait, then send the rest, from byte `sent` on.
    Blocked {
        /// Bytes of the contents already taken; whole segments.
        sent: usize,
    },
    /// A datagram is longer than the interface takes now; see [`Link::too_long`]. Nothing from it
    /// on has left.
    ///
    /// [`Link::too_long`]: super::Link::too_long
    TooLong {
        /// Bytes of UDP payload.
        bytes: usize,
    },
    /// The system refused to send, for a reason that may pass; see [`LinkStats::last_send_error`].
    /// Nothing from byte `sent` on has left: send it again later, or count it as lost.
    Refused {
        /// Bytes of the contents already taken; whole segments.
        sent: usize,
    },
}

/// The sending side of a link.
#[derive(Debug)]
pub(super) struct Sending {
    /// Batches are wanted and have not been refused.
    pub(super) batches: bool,
    /// The kernel's buffer was full, and has not told of room since.
    blocked: bool,
    /// Where packets carry a code point.
    with_code_point: Option<WithCodePoint>,
}

impl Sending {
    pub(super) fn new(config: &LinkConfig) -> Self {
        let with_code_point = (config.dscp != Dscp::DEFAULT).then(WithCodePoint::default);
        let batches = config.gso && (with_code_point.is_none() || code_point::CAN_BATCH);
        Self { batches, blocked: false, with_code_point }
    }

    /// Whether the kernel's buffer was full and has not told of room since; the wait takes that
    /// back.
    pub(super) fn blocked_mut(&mut self) -> &mut bool {
        &mut self.blocked
    }

    pub(super) fn max_segments(&self, port: &Port) -> usize {
        if self.batches { port.state.max_gso_segments().max(1) } else { 1 }
    }

    pub(super) fn send(
        &mut self,
        port: &Port,
        stats: &mut LinkStats,
        transmit: &Transmit<'_>,
    ) -> io::Result<SendOutcome> {
        let contents = transmit.contents;
        let segment = transmit.segment_size.unwrap_or(contents.len());
        if segment == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "segments of no bytes"));
        }
        let mut sent = 0;
        while let Some(rest) = contents.get(sent..).filter(|rest| !rest.is_empty()) {
            let fitting = self.max_segments(port).min(MAX_BATCH_BYTES / segment).max(1);
            let chunk = rest.get(..fitting * segment).unwrap_or(rest);
            let segments = chunk.len().div_ceil(segment);
            let part = Transmit { contents: chunk, ..transmit.clone() };
            let result = match &mut self.with_code_point {
                None => port.state.try_send(UdpSockRef::from(&port.socket), &part),
                Some(way) => way.send(&port.socket, transmit.destination, segment, chunk),
            };
            match result {
                Ok(()) => {
                    stats.batches_sent += 1;
                    stats.datagrams_sent += segments as u64;
                    stats.bytes_sent += chunk.len() as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    stats.send_blocked += 1;
                    return Ok(SendOutcome::Blocked { sent });
                }
                Err(error) if is_msg_size_err(&error) => {
                    return Ok(SendOutcome::TooLong { bytes: segment.min(chunk.len()) });
                }
                Err(error) if is_transient(&error) => {
                    return Ok(self.refuse(stats, error, sent));
                }
                Err(_) if segments > 1 => {
                    // Some drivers refuse batches only when the first one comes: packet by packet
                    // from here on. A fault of another kind shows again on the single packet.
                    self.batches = false;
                    stats.batches_refused += 1;
                    continue;
                }
                // What the kernel says of packets from an address that is no longer there.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    return Ok(self.refuse(stats, error, sent));
                }
                Err(error) => return Err(error),
            }
            sent += chunk.len();
        }
        Ok(SendOutcome::Sent)
    }

    /// Notes that the system has refused what follows the first `sent` bytes.
    pub(super) fn refuse(
        &mut self,
        stats: &mut LinkStats,
        error: io::Error,
        sent: usize,
    ) -> SendOutcome {
        stats.sends_refused += 1;
        stats.last_send_error = Some(error);
        SendOutcome::Refused { sent }
    }
}

/// Whether an error concerns this packet or this moment only, so that a session survives it: an
/// unplugged cable, a firewall rule, an ICMP answer to an earlier packet.
pub(super) fn is_transient(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    let kind = matches!(
        error.kind(),
        Kind::NetworkUnreachable
            | Kind::HostUnreachable
            | Kind::NetworkDown
            | Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::PermissionDenied
            | Kind::AddrNotAvailable
            | Kind::OutOfMemory
    );
    kind || error.raw_os_error().is_some_and(raw::is_transient)
}
