//! What the user decides about a transfer, and what came of it.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use norm_core::sender::{ConfigError, DATA_OVERHEAD};
use norm_core::wire::NodeId;

use super::{Compat, SendError};
use crate::interface::{Interface, InterfaceSpec};
use crate::socket::LinkConfig;

const SEGMENT_SIZES: RangeInclusive<u16> = 64..=65_000;
/// RaptorQ is fastest with symbols of a multiple of this many bytes.
const SEGMENT_STEP: u32 = 64;

/// The options of [`send`](super::send()).
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// Multicast group and port, or the address of the only receiver.
    pub group: SocketAddr,
    /// Interface to send through; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// Upper limit in bits per second, UDP and IP headers included. `None`: as fast as the kernel
    /// takes it, which only suits networks that nothing else uses.
    pub rate: Option<u64>,
    /// Multicast TTL or hop limit, 1 to 255.
    pub ttl: u32,
    /// Whether receivers on this machine get the packets too.
    pub loopback: bool,
    /// Data starts when this many receivers have announced themselves; 0 starts at once.
    pub min_receivers: usize,
    /// Give up waiting for `min_receivers` after this long; `None` waits for ever.
    pub start_timeout: Option<Duration>,
    /// Stay this long for late receivers after all known ones have finished.
    pub linger: Duration,
    /// Bytes of content per packet, 64 to 65,000; lowered, with a hint, where the interface does not
    /// let such packets out. The default fits an MTU of 1500.
    pub segment_size: u16,
    /// Send as the NRL's NORM does, to receivers of other makes; `None`: as a set, with checksums.
    pub compat: Option<Compat>,
    /// Kernel receive buffer to ask for, in bytes.
    pub recv_buffer: usize,
    /// Kernel send buffer to ask for, in bytes.
    pub send_buffer: usize,
    /// Our node id; `None` draws one.
    pub node: Option<NodeId>,
    /// Where all random choices follow from, the id of the set included: two transfers with one
    /// seed look like one to receivers. `None` takes one from the system, as it should be.
    pub seed: Option<u64>,
}

impl SendOptions {
    /// The usual options: 100 Mbit/s, TTL 1, receivers on this machine included, starts at once,
    /// does not linger.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            rate: Some(100_000_000),
            ttl: 1,
            loopback: true,
            min_receivers: 0,
            start_timeout: None,
            linger: Duration::ZERO,
            segment_size: 1344,
            compat: None,
            recv_buffer: 4 << 20,
            send_buffer: 4 << 20,
            node: None,
            seed: None,
        }
    }

    /// The same, to receivers of other makes, with segments of the size that they usually see.
    #[must_use]
    pub fn compatible(self, compat: Compat) -> Self {
        Self { compat: Some(compat), segment_size: Compat::SEGMENT_SIZE, ..self }
    }

    /// Refuses values that cannot work, as far as this can be told without a network.
    pub(super) fn check(&self) -> Result<(), SendError> {
        if self.rate == Some(0) {
            return Err(SendError::Config("a rate of 0 sends nothing: give a higher one".into()));
        }
        if !SEGMENT_SIZES.contains(&self.segment_size) {
            return Err(ConfigError::SegmentSize.into());
        }
        self.compat.as_ref().map_or(Ok(()), |compat| compat.scheme().map(|_| ()))
    }

    /// The segment size to use: the one wanted, or else the largest good one that the interface lets
    /// out, together with what to tell the user about that.
    pub(super) fn fit_segment(
        &self,
        interface: &Interface,
    ) -> Result<(u16, Option<String>), SendError> {
        let wanted = u32::from(self.segment_size);
        // Payload ids of FEC id 129 are four bytes longer.
        let ids = if self.compat.is_some() { 4 } else { 0 };
        let overhead = DATA_OVERHEAD as u32 + ids + self.packet_overhead();
        let room = interface.mtu.map_or(u32::MAX, |mtu| mtu.saturating_sub(overhead));
        if wanted <= room {
            return Ok((self.segment_size, None));
        }
        let (name, mtu) = (&interface.name, interface.mtu.unwrap_or_default());
        let fitting = u16::try_from(room / SEGMENT_STEP * SEGMENT_STEP).unwrap_or(u16::MAX);
        if fitting < *SEGMENT_SIZES.start() {
            let message =
                format!("the MTU of {name} ({mtu}) is too small: choose another interface");
            return Err(SendError::Config(message));
        }
        let hint = format!(
            "segments of {wanted} bytes do not fit {name} (MTU {mtu}): using {fitting} bytes"
        );
        Ok((fitting, Some(hint)))
    }

    /// Bytes of IP and UDP headers per packet.
    pub(super) fn packet_overhead(&self) -> u32 {
        if self.group.is_ipv4() { 28 } else { 48 }
    }

    pub(super) fn link_config(&self) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            ttl: self.ttl,
            loopback: self.loopback,
            recv_buffer: self.recv_buffer,
            send_buffer: self.send_buffer,
            feedback_only: true,
            ..LinkConfig::new(self.group)
        }
    }
}

/// What a transfer was set up with, for the user to see.
#[derive(Clone, Debug)]
pub struct SendSettings {
    /// The group (or receiver).
    pub group: SocketAddr,
    /// The interface in use.
    pub interface: Interface,
    /// Why this interface, in a few words.
    pub because: &'static str,
    /// Upper limit in bits per second.
    pub rate: Option<u64>,
    /// Multicast TTL or hop limit.
    pub ttl: u32,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// Where packets leave from.
    pub local: SocketAddr,
    /// Id of the set, in hex, as receivers show it; empty when files are sent without a set.
    pub set: String,
    /// How files are sent to receivers of other makes, if they are.
    pub compat: Option<Compat>,
    /// Files to send, empty ones included.
    pub files: u64,
    /// Directories to send.
    pub directories: u64,
    /// Bytes in all files.
    pub bytes: u64,
    /// What to tell the user about kernel buffers or the segment size; may have several lines.
    pub hint: Option<String>,
    /// What is not sent, and why; one line each.
    pub skipped: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_cut_to_what_the_interface_lets_out_and_the_user_is_told() {
        let interface = |mtu| Interface {
            name: "eth7".to_owned(),
            index: 7,
            v4: None,
            v6: None,
            addresses: Vec::new(),
            loopback: false,
            up: true,
            running: true,
            mtu,
        };
        let with = |group: &str, segment_size| SendOptions {
            segment_size,
            ..SendOptions::new(group.parse().unwrap())
        };
        let fit = |group, wanted, mtu| with(group, wanted).fit_segment(&interface(mtu));
        let (v4, v6) = ("239.1.2.3:4", "[ff15::1]:4");
        assert_eq!(fit(v4, 1436, Some(1500)).unwrap(), (1436, None));
        assert_eq!(fit(v4, 60_000, None).unwrap(), (60_000, None));
        for (group, wanted, mtu, fitting) in
            [(v4, 1437, 1500, 1408), (v4, 1344, 1400, 1280), (v6, 1417, 1500, 1408)]
        {
            let (segment_size, hint) = fit(group, wanted, Some(mtu)).unwrap();
            assert_eq!(segment_size, fitting);
            let hint = hint.unwrap();
            assert!(hint.contains("eth7") && hint.contains(&fitting.to_string()), "{hint}");
        }
        let error = fit(v4, 1344, Some(127)).unwrap_err().to_string();
        assert!(error.contains("too small"), "{error}");
    }
}
