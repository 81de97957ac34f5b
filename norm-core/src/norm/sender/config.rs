//! What an application decides about a sending session.

use core::net::SocketAddr;
use core::time::Duration;

use super::mode::Mode;
use crate::carousel::Passes;
use crate::endpoint::PacketOverhead;
use crate::fec::{Layout, Scheme};
use crate::norm::wire::{NodeId, signed_room};
use crate::transfer::Roster;

/// Settings of a [`crate::norm::Sender`].
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// Our node id; not `NodeId::NONE` or `NodeId::ANY`.
    pub node: NodeId,
    /// Upper limit in bits per second, counting UDP payload and the overhead of `packets`.
    /// `None`: no limit.
    pub rate: Option<u64>,
    /// What decides the rate, up to `rate`.
    pub control: RateControl,
    /// Lower limit of a controller, in bits per second.
    pub rate_min: u64,
    /// Policy for receivers that hold the others back; `None`: they are waited for.
    pub slow: Option<SlowPolicy>,
    /// How long packets are, and may be.
    pub packets: PacketOptions,
    /// Bytes of content per packet (T), 64..=65,000; RaptorQ works best with multiples of 64.
    pub segment_size: u16,
    /// FEC scheme of all objects.
    pub scheme: Scheme,
    /// Symbols per block (K) aimed at, 1..=56,403.
    pub block_len: u32,
    /// RFC 5740 backoff factor K, 0..=15. `None` follows the number of receivers heard.
    pub backoff: Option<u8>,
    /// Receivers that suppression reckons with. `None` follows the number of receivers heard; give
    /// it when most of them will not announce themselves.
    pub group_size: Option<u64>,
    /// Which receivers' feedback counts.
    pub feedback: FeedbackFrom,
    /// Whether receivers are taken to be of this implementation.
    pub mode: Mode,
    /// Which content of files is sent unasked.
    pub payload: Payload,
    /// Group round-trip time.
    pub grtt: GrttOptions,
    /// Shortest silence after which a group or receiver is given up.
    pub patience: Duration,
    /// RFC 5740's robust factor: how often a message that needs an answer is repeated.
    pub robust: u32,
    /// Share of the rate, in percent (1..=90), that late-join repair may take from new data.
    pub late_repair_percent: u32,
    /// Content kept in memory.
    pub cache: CacheOptions,
    /// Content flows only when this many receivers have announced themselves.
    pub min_receivers: usize,
    /// Limits of the wait for `min_receivers`.
    pub start: StartLimits,
    /// Time for late joiners after all known receivers have finished.
    pub linger: Duration,
    /// Most receivers that are listed; further ones are served but not listed.
    pub max_receivers: usize,
    /// Key of the first object; its low 16 bits are the transport id.
    pub first_object: u64,
}

/// Which receivers' feedback counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FeedbackFrom {
    /// Receivers that have announced themselves. A budget bounds the repair for others.
    #[default]
    Announced,
    /// All: repair for unannounced receivers as far as the rate allows, and belief in their round
    /// trips: for standard receivers, or more than can be listed.
    All,
    /// Receivers of the roster, once they have announced themselves. Nothing is repaired for
    /// others, and nothing that they say counts; only native receivers say their names.
    Roster(Roster),
}

/// How long receivers are waited for before content flows; `None`: no limit.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct StartLimits {
    /// Time after which the session ends, and nothing was sent.
    pub timeout: Option<Duration>,
    /// Time after which one receiver is enough.
    pub max_wait: Option<Duration>,
}

/// Which content of files is sent unasked; INFO, and objects that are no files, always are.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Payload {
    /// All of it, once.
    #[default]
    All,
    /// None: it is sent as repair only, for receivers that have most of it already.
    Missing,
    /// None if every receiver that reports has a part of it, else all. Receivers are asked before
    /// the first content of a file is sent, which takes a round of membership reports.
    Auto,
    /// All of all objects, in passes, in which receivers ask for nothing: one that comes at any
    /// time gets all of it from fresh symbols. After the last pass repair begins. Streams cannot be
    /// sent so.
    Carousel {
        /// How often everything is sent.
        passes: Passes,
        /// Bytes of blocks that are sent in one round-robin; `None`: all of them.
        interleave: Option<u64>,
    },
}

/// Settings of the length of packets.
#[derive(Clone, Debug)]
pub struct PacketOptions {
    /// Bytes per packet besides its UDP payload: rates count them, and they limit the payload.
    pub overhead: PacketOverhead,
    /// Bytes more per message that speaks for the sender: a layer signs INFO and commands. They are
    /// as much shorter. 0 without such a layer.
    pub signature: usize,
    /// Lengths that are tried, the longest first, which goes with the segment size of the settings:
    /// path MTU discovery in the manner of RFC 8899 finds the longest one that passes to all
    /// receivers. Content waits for the first answers of receivers then. A single one is used in
    /// any case, and receivers are named that do not get it. Without any, the segment size of the
    /// settings is used, as it is in standard mode.
    pub sizes: Box<[PacketSize]>,
}

impl Default for PacketOptions {
    fn default() -> Self {
        Self { overhead: PacketOverhead::IPV4, signature: 0, sizes: Box::default() }
    }
}

/// A length of packets, and the segment size that goes with it.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct PacketSize {
    /// Bytes of an IP packet, all headers included, that must pass.
    pub packet: u16,
    /// Bytes of content per packet then: what a packet with all headers has room for, or less.
    pub segment: u16,
}

/// Settings of the group round-trip time (GRTT, RFC 5740 §5.5.1).
#[derive(Clone, Debug)]
pub struct GrttOptions {
    /// Round trip assumed before any is measured (RFC 5740: 0.5 s).
    pub initial: Duration,
    /// Lowest round trip advertised: the grain of the timers on either side.
    pub min: Duration,
}

impl Default for GrttOptions {
    fn default() -> Self {
        Self { initial: Duration::from_millis(500), min: Duration::from_millis(2) }
    }
}

/// Settings of the memory for content.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// Bytes of content kept in memory for repair.
    pub bytes: usize,
    /// Content stays in memory after it was sent, even while there are no NACKs. Without, the first
    /// repairs have it read again, which pays where reading is cheap: memory is used again while it
    /// is in the processor's cache.
    pub keep_sent: bool,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self { bytes: 48 << 20, keep_sent: true }
    }
}

impl SenderConfig {
    /// Defaults for a sender with this node id.
    pub fn new(node: NodeId) -> Self {
        Self {
            node,
            rate: Some(100_000_000),
            control: RateControl::Fixed,
            rate_min: 100_000,
            slow: None,
            packets: PacketOptions::default(),
            segment_size: 1344,
            scheme: Scheme::RaptorQ,
            block_len: 1024,
            backoff: None,
            group_size: None,
            feedback: FeedbackFrom::Announced,
            mode: Mode::Native,
            payload: Payload::All,
            grtt: GrttOptions::default(),
            patience: Duration::from_secs(5),
            robust: 20,
            late_repair_percent: 20,
            cache: CacheOptions::default(),
            min_receivers: 0,
            start: StartLimits::default(),
            linger: Duration::ZERO,
            max_receivers: 100_000,
            first_object: 0,
        }
    }

    /// Bytes of content that INFO and commands have room for.
    pub(super) fn command_room(&self) -> usize {
        signed_room(self.segment_size, self.packets.signature)
    }

    /// The settings, if they can work. A Reed-Solomon code decides the block length.
    pub(super) fn checked(mut self) -> Result<Self, ConfigError> {
        if self.node == NodeId::NONE || self.node == NodeId::ANY {
            return Err(ConfigError::ReservedNode);
        }
        if !(64..=65_000).contains(&self.segment_size) {
            return Err(ConfigError::SegmentSize);
        }
        if !(1..=56_403).contains(&self.block_len) {
            return Err(ConfigError::BlockLength);
        }
        if let Payload::Carousel { passes: Passes::Times(0), .. } = self.payload {
            return Err(ConfigError::Passes);
        }
        if let FeedbackFrom::Roster(roster) = &self.feedback
            && (roster.is_empty() || self.mode.lists_all_heard())
        {
            return Err(ConfigError::Roster);
        }
        if !self.sizes_are_usable() {
            return Err(ConfigError::PacketSizes);
        }
        if self.scheme == Scheme::Raptor {
            return Err(ConfigError::Scheme);
        }
        let is_carousel = matches!(self.payload, Payload::Carousel { .. });
        if is_carousel && matches!(self.scheme, Scheme::ReedSolomon(_)) {
            return Err(ConfigError::CarouselCode);
        }
        if let Scheme::ReedSolomon(code) = self.scheme {
            self.block_len = code.block_len().into();
            if Layout::reed_solomon(1, self.segment_size, code).is_err() {
                return Err(ConfigError::SegmentSize);
            }
        }
        Ok(self)
    }

    fn sizes_are_usable(&self) -> bool {
        let sizes = &self.packets.sizes;
        sizes.first().is_none_or(|size| size.segment == self.segment_size)
            && sizes.iter().all(|size| size.segment >= 64 && size.packet > size.segment)
            && sizes.is_sorted_by(|a, b| a.packet > b.packet && a.segment > b.segment)
    }

    /// Content waits until it is known how long packets may be.
    pub(super) fn looks_for_sizes(&self) -> bool {
        self.mode.sends_queries() && self.packets.sizes.len() > 1
    }

    /// Whether packets may be sent as ECN-capable (ECT, RFC 3168): a controller lowers the rate for
    /// CE marks, and native receivers report them. A fixed rate does not change, and standard
    /// receivers may not report marks.
    pub fn uses_ecn(&self) -> bool {
        self.control != RateControl::Fixed && self.mode.has_path_reports()
    }
}

/// What decides the rate.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum RateControl {
    /// The application: `rate`, or as fast as the socket takes it.
    #[default]
    Fixed,
    /// [`Self::Delivery`] while no other flow makes a queue, and [`Self::Fair`] while one does.
    Auto,
    /// What arrives at the slowest receiver: [`crate::norm::congestion::Delivery`].
    Delivery,
    /// [`Self::Delivery`] as a scavenger: it yields as soon as a queue stands that is not its own.
    Scavenger,
    /// What TCP would get on the path of the slowest receiver: [`crate::norm::congestion::Fair`].
    /// In standard mode all but [`Self::Fixed`] mean this: the others need native path reports.
    Fair,
}

/// Which receivers are too slow to be waited for, and what becomes of them.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SlowPolicy {
    /// Rate in bits per second below which a receiver is too slow, if the others can take more
    /// without it. `None`: a receiver that keeps the others below half of what they can take is too
    /// slow.
    pub below: Option<u64>,
    /// Share of lost packets, 0 to 1, from which on a receiver is too slow.
    pub loss: Option<f64>,
    /// How long a receiver is too slow before it is evicted.
    pub after: Duration,
    /// Separate group in which an evicted receiver is to go on; `None`: its transfer ends.
    pub separate_group: Option<SocketAddr>,
}

/// A setting that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Node ids 0 and 2^32 - 1 are reserved (RFC 5740 §4.1).
    ReservedNode,
    /// The segment size is outside 64..=65,000 bytes.
    SegmentSize,
    /// Sizes of packets to be tried are not in descending order, or the longest does not go with
    /// the segment size.
    PacketSizes,
    /// The block length is outside 1..=56,403 symbols.
    BlockLength,
    /// Passes that send nothing.
    Passes,
    /// A roster without receivers, or in standard mode, in which receivers have no names.
    Roster,
    /// Carousels of NORM have RaptorQ or no code.
    CarouselCode,
    /// NORM has no profile for the scheme: Raptor is for FLUTE.
    Scheme,
    /// NORM_INFO must fit one segment.
    InfoTooLong,
    /// A command must fit one segment.
    CommandTooLong,
    /// A stream needs a Reed-Solomon code, cannot follow 16,384 objects, and is sent once.
    StreamCode,
    /// The object is larger than one NORM object can be at these settings.
    ObjectTooLarge,
    /// 32,767 objects are already in the session; transport ids would become ambiguous.
    TooManyObjects,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ReservedNode => "node ids 0 and 4294967295 are reserved: choose another",
            Self::SegmentSize => "the segment size must be 64 to 65000 bytes",
            Self::PacketSizes => "packet sizes must descend from that of the segment size",
            Self::BlockLength => "the block length must be 1 to 56403 symbols",
            Self::Roster => "a roster needs a receiver, and native mode: add one, or leave it out",
            Self::Passes => "a carousel has at least one pass",
            Self::CarouselCode => "a carousel cannot have Reed-Solomon: choose RaptorQ",
            Self::Scheme => "NORM has no FEC encoding id 1 (Raptor): choose RaptorQ",
            Self::InfoTooLong => "NORM_INFO must fit one segment: shorten it",
            Self::CommandTooLong => "a command must fit one segment: shorten it",
            Self::StreamCode => "streams are coded with Reed-Solomon: choose such a scheme",
            Self::ObjectTooLarge => "the object is too large for one NORM object: cut it up",
            Self::TooManyObjects => "a session holds at most 32767 objects: start another",
        })
    }
}

impl core::error::Error for ConfigError {}
