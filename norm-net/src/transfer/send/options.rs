//! What the user decides about a transfer, and what came of it.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use norm_core::endpoint::PacketOverhead;
use norm_core::norm::sender::{ConfigError, DATA_OVERHEAD};
use norm_core::norm::wire::NodeId;

use super::{Compat, Fec, SendError, Slow};
use crate::io::dscp::Dscp;
use crate::io::interface::{Interface, InterfaceSpec};
use crate::io::socket::LinkConfig;
use crate::transfer::schedule::{RateSchedule, WallClock};
use crate::transfer::send::pace::Pace;

const SEGMENT_SIZES: RangeInclusive<u16> = 64..=65_000;
/// MTUs that leave room for a segment and that IPv4 can carry.
const MTUS: RangeInclusive<u32> = 184..=65_535;
/// Bytes of each packet that are left for headers.
const HEADERS: u32 = 120;
/// Packets are not longer than this unless an MTU is given: what jumbo frames mostly carry.
const JUMBO_MTU: u32 = 9_000;
/// The loopback interface lets 64 KiB out, which no network does; what works there should work
/// elsewhere.
const LOOPBACK_MTU: u32 = 1_500;
/// RaptorQ is fastest with symbols of a multiple of this many bytes.
const SEGMENT_STEP: u32 = 64;

/// The options of [`send`](super::send()).
#[derive(Clone, Debug)]
pub struct SendOptions {
    /// Multicast group and port, or the address of the only receiver.
    pub group: SocketAddr,
    /// Interface to send through; without it the routing table decides.
    pub interface: Option<InterfaceSpec>,
    /// How fast.
    pub pace: Pace,
    /// What becomes of receivers that keep the others slow.
    pub slow: Slow,
    /// Bounds by the time of day; a fixed rate is replaced by them.
    pub schedule: Option<RateSchedule>,
    /// What the schedule goes by.
    pub clock: WallClock,
    /// Multicast TTL or hop limit, 1 to 255.
    pub ttl: u32,
    /// The mark of all packets.
    pub dscp: Dscp,
    /// Whether receivers on this machine get the packets too.
    pub loopback: bool,
    /// Data starts when this many receivers have announced themselves; 0 starts at once.
    pub min_receivers: usize,
    /// Give up waiting for `min_receivers` after this long; `None` waits for ever.
    pub start_timeout: Option<Duration>,
    /// Send only what receivers ask for: for those that have most of it from before. With `compat` it has
    /// no effect.
    pub on_request: bool,
    /// Stay this long for late receivers after all known ones have finished.
    pub linger: Duration,
    /// The most bytes that a packet may have on its way, IP header included, 184 to 65,535; lowered,
    /// with a hint, to what the interface lets out. `None` takes that, but at most 9,000, and 1,500
    /// on the loopback interface. Nothing is ever fragmented.
    pub mtu: Option<u32>,
    /// Bytes of content per packet, 64 to 65,000; lowered, with a hint, to what `mtu` has room for.
    /// `None`: the largest multiple of 64 that leaves 120 bytes of it for headers.
    pub segment_size: Option<u16>,
    /// The code of a set; has no effect with `compat`.
    pub fec: Fec,
    /// Send as the NRL's NORM does, to receivers of other makes; `None`: as a set, with checksums.
    pub compat: Option<Compat>,
    /// Memory to use, in bytes: three eighths are for content, kept for repair.
    pub memory: usize,
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
    /// The usual options: as fast as it arrives, TTL 1, receivers on this machine included, starts at once,
    /// does not linger.
    pub fn new(group: SocketAddr) -> Self {
        Self {
            group,
            interface: None,
            pace: Pace::AUTO,
            slow: Slow::Wait,
            schedule: None,
            clock: WallClock::Local,
            ttl: 1,
            dscp: Dscp::DEFAULT,
            loopback: true,
            min_receivers: 0,
            start_timeout: None,
            on_request: false,
            linger: Duration::ZERO,
            mtu: None,
            segment_size: None,
            fec: Fec::Auto,
            compat: None,
            memory: 128 << 20,
            recv_buffer: 4 << 20,
            send_buffer: 4 << 20,
            node: None,
            seed: None,
        }
    }

    /// The same, to receivers of other makes, with segments of the size that they usually see.
    #[must_use]
    pub fn compatible(self, compat: Compat) -> Self {
        Self { compat: Some(compat), segment_size: Some(Compat::SEGMENT_SIZE), ..self }
    }

    /// Refuses values that cannot work, as far as this can be told without a network.
    pub(super) fn check(&self) -> Result<(), SendError> {
        if let Some(mistake) = self.pace.mistake() {
            return Err(SendError::Config(mistake.into()));
        }
        if self.segment_size.is_some_and(|size| !SEGMENT_SIZES.contains(&size)) {
            return Err(ConfigError::SegmentSize.into());
        }
        if self.mtu.is_some_and(|mtu| !MTUS.contains(&mtu)) {
            let (least, most) = (MTUS.start(), MTUS.end());
            return Err(SendError::Config(format!("the MTU must be {least} to {most} bytes")));
        }
        if let Some(mistake) = self.slow.mistake(self.group, self.compat.is_some()) {
            return Err(SendError::Config(mistake));
        }
        self.compat.as_ref().map_or(Ok(()), |compat| compat.scheme().map(|_| ()))
    }

    /// The segment size to use, and what to tell the user about it: that wanted, or the usual one for
    /// the MTU, or else the largest good one that the MTU has room for.
    ///
    /// # Errors
    /// [`SendError::Config`] when the interface lets too little out for any segment.
    pub(super) fn fit_segment(
        &self,
        interface: &Interface,
    ) -> Result<(u16, Option<String>), SendError> {
        let name = &interface.name;
        let limit = interface.mtu.unwrap_or(u32::MAX);
        let mtu = self.mtu.unwrap_or(u32::MAX).min(limit);
        // Payload ids of FEC id 129 are four bytes longer.
        let ids = if self.compat.is_some() { 4 } else { 0 };
        let overhead = DATA_OVERHEAD as u32 + ids + self.packet_overhead().bytes() as u32;
        let room = mtu.saturating_sub(overhead);
        let wanted = match self.segment_size {
            Some(wanted) => u32::from(wanted),
            None => usual_segment(self.mtu.map_or_else(|| usual_mtu(interface), |_| mtu)),
        };
        let fitting = (room.min((*SEGMENT_SIZES.end()).into())) / SEGMENT_STEP * SEGMENT_STEP;
        let segment = if wanted <= room { wanted } else { fitting };
        let Some(segment) = u16::try_from(segment).ok().filter(|s| SEGMENT_SIZES.contains(s))
        else {
            return Err(SendError::Config(match self.mtu.filter(|mtu| *mtu <= limit) {
                Some(mtu) => format!("an MTU of {mtu} is too small: give a larger one"),
                None => {
                    format!("the MTU of {name} ({limit}) is too small: choose another interface")
                }
            }));
        };
        let hint = if wanted > room {
            let (path, mtu) = self.mtu.map_or((name.as_str(), limit), |_| ("the path", mtu));
            let what = format!("segments of {wanted} bytes do not fit {path} (MTU {mtu})");
            Some(format!("{what}: using {segment} bytes"))
        } else if let Some(given) = self.mtu.filter(|given| *given > limit) {
            let what = format!("packets of {given} bytes do not fit {name} (MTU {limit})");
            Some(format!("{what}: using segments of {segment} bytes"))
        } else {
            None
        };
        Ok((segment, hint))
    }

    /// Memory for the session itself: a slow lane may need a quarter.
    pub(super) fn engine_memory(&self) -> usize {
        if self.slow.lane().is_some() { self.memory / 4 * 3 } else { self.memory }
    }

    /// Bytes of IP and UDP headers per packet.
    pub(super) fn packet_overhead(&self) -> PacketOverhead {
        PacketOverhead::to(self.group.ip())
    }

    pub(super) fn link_config(&self) -> LinkConfig {
        LinkConfig {
            interface: self.interface.clone(),
            ttl: self.ttl,
            dscp: self.dscp,
            ecn: self.compat.is_none() && self.pace.heeds_marks(),
            loopback: self.loopback,
            recv_buffer: self.recv_buffer,
            send_buffer: self.send_buffer,
            feedback_only: true,
            ..LinkConfig::new(self.group)
        }
    }
}

/// The MTU to reckon with where none is given.
fn usual_mtu(interface: &Interface) -> u32 {
    let most = if interface.loopback { LOOPBACK_MTU } else { JUMBO_MTU };
    interface.mtu.unwrap_or(LOOPBACK_MTU).min(most)
}

/// The segment size for an MTU: room is left for IPv6, for EXT_FTI, and for what may come.
fn usual_segment(mtu: u32) -> u32 {
    let segment = mtu.saturating_sub(HEADERS) / SEGMENT_STEP * SEGMENT_STEP;
    segment.min(u32::from(*SEGMENT_SIZES.end()) / SEGMENT_STEP * SEGMENT_STEP)
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
    /// How fast is sent.
    pub pace: Pace,
    /// Multicast TTL or hop limit.
    pub ttl: u32,
    /// The mark of all packets.
    pub dscp: Dscp,
    /// Bytes of content per packet.
    pub segment_size: u16,
    /// The FEC encoding id in use: 6 for RaptorQ, 5, 2 or 129 for Reed-Solomon codes.
    pub fec_id: u8,
    /// Source symbols in the longest block.
    pub block_len: u32,
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
    /// What is not sent, and why; one line each. Of links and special files the first thousand.
    pub skipped: Vec<String>,
    /// How many entries are not sent, those beyond `skipped` included.
    pub skipped_total: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(mtu: Option<u32>) -> Interface {
        Interface {
            name: "eth7".to_owned(),
            index: 7,
            v4: None,
            v6: None,
            addresses: Vec::new(),
            loopback: false,
            up: true,
            running: true,
            mtu,
        }
    }

    #[test]
    fn segments_are_cut_to_what_the_interface_lets_out_and_the_user_is_told() {
        let with = |group: &str, segment_size| SendOptions {
            segment_size: Some(segment_size),
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
        assert!(error.contains("eth7 (127) is too small"), "{error}");
    }

    #[test]
    fn without_a_wish_the_segment_follows_the_mtu_of_the_interface() {
        let fit = |loopback, mtu| {
            let interface = Interface { loopback, ..interface(mtu) };
            SendOptions::new("239.1.2.3:4".parse().unwrap()).fit_segment(&interface)
        };
        let cases = [
            (false, Some(1500), 1344),
            (false, Some(1400), 1280),
            (false, Some(9000), 8832),
            (false, Some(65_520), 8832),
            (false, None, 1344),
            (true, Some(65_536), 1344),
            (false, Some(184), 64),
        ];
        for (loopback, mtu, segment) in cases {
            assert_eq!(fit(loopback, mtu).unwrap(), (segment, None), "{mtu:?}");
        }
        assert!(fit(false, Some(183)).unwrap_err().to_string().contains("too small"));
    }

    #[test]
    fn a_given_mtu_overrides_that_of_the_interface_as_far_as_packets_get_out() {
        let fit = |given, segment_size, loopback, mtu| {
            let options = SendOptions {
                mtu: Some(given),
                segment_size,
                ..SendOptions::new("239.1.2.3:4".parse().unwrap())
            };
            options.check()?;
            options.fit_segment(&Interface { loopback, ..interface(Some(mtu)) })
        };
        assert_eq!(fit(1500, None, false, 9000).unwrap(), (1344, None));
        assert_eq!(fit(9000, None, true, 65_536).unwrap(), (8832, None));
        assert_eq!(fit(65_535, None, true, 65_536).unwrap(), (64_960, None));
        let (segment, hint) = fit(9000, None, false, 1500).unwrap();
        let hint = hint.unwrap();
        assert!(segment == 1344 && hint.contains("9000") && hint.contains("eth7"), "{hint}");
        let (segment, hint) = fit(1400, Some(1400), false, 1500).unwrap();
        let hint = hint.unwrap();
        assert!(segment == 1280 && hint.contains("the path (MTU 1400)"), "{hint}");
        for given in [183, 65_536] {
            assert!(
                fit(given, None, false, 1500).unwrap_err().to_string().contains("184 to 65535")
            );
        }
    }
}
