//! What an application decides about a sending session.

use core::time::Duration;

use super::slow::SlowPolicy;
use crate::endpoint::PacketOverhead;
use crate::fec::Scheme;
use crate::norm::wire::NodeId;

/// Settings of a [`crate::norm::Sender`].
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// Our node id; not `NodeId::NONE` or `NodeId::ANY`.
    pub node: NodeId,
    /// Upper limit in bits per second, counting UDP payload and `packet_overhead`. `None`: no limit.
    pub rate: Option<u64>,
    /// Who decides how fast is sent, up to `rate`.
    pub control: RateControl,
    /// A controller never goes below this many bits per second.
    pub rate_min: u64,
    /// What is done about receivers that keep the others slow; `None`: they are waited for.
    pub slow: Option<SlowPolicy>,
    /// Bytes per packet beside its UDP payload that the rate counts.
    pub packet_overhead: PacketOverhead,
    /// Bytes of content per packet (T), 64..=65,000; RaptorQ likes multiples of 64.
    pub segment_size: u16,
    /// How objects are protected.
    pub scheme: Scheme,
    /// Symbols per block (K) aimed at, 1..=56,403.
    pub block_len: u32,
    /// RFC 5740 backoff factor K, 0..=15. `None` follows the number of receivers heard.
    pub backoff: Option<u8>,
    /// Receivers that suppression reckons with. `None` follows the number of receivers heard; give it
    /// when most of them will not announce themselves.
    pub group_size: Option<u64>,
    /// Repair for whoever asks, announced or not, as far as the rate allows, and believe its round
    /// trips: for receivers of other makes, or too many to be listed.
    pub open: bool,
    /// Speak RFC 5740 and nothing of our own, for receivers of other makes: no roll calls; whoever
    /// is heard is listed; every DATA message carries EXT_FTI, and probes EXT_RATE, which the NRL
    /// implementation answers.
    pub rfc_only: bool,
    /// Send files' content only to who asks for it, and unasked only what there is (INFO): for receivers that
    /// have most of it from before.
    pub on_request: bool,
    /// Round trip assumed before any is measured (RFC 5740 §5.5.1: 0.5 s).
    pub initial_grtt: Duration,
    /// Lowest round trip advertised: the grain of the timers on either side.
    pub min_grtt: Duration,
    /// Shortest patience before a silent group or receiver is given up.
    pub patience: Duration,
    /// RFC 5740's robust factor: how often what needs an answer is repeated.
    pub robust: u32,
    /// Share of the rate, in percent (1..=90), that old repairs may take from new data.
    pub history_percent: u32,
    /// Bytes of content kept in memory for repair.
    pub cache_bytes: usize,
    /// Keep what was sent in memory even while nobody asks for repair. Without, the first ones who ask have it
    /// read again, which pays where reading is cheap: memory is used again while it is in the processor's
    /// cache.
    pub keep_sent: bool,
    /// Start only when this many receivers have announced themselves.
    pub min_receivers: usize,
    /// Give up waiting for `min_receivers` after this long; `None` waits for ever.
    pub start_timeout: Option<Duration>,
    /// Stay this long for late joiners after everybody known has finished.
    pub linger: Duration,
    /// Receivers remembered at most; further ones are served but not listed.
    pub max_receivers: usize,
    /// Key of the first object; its low 16 bits are the transport id.
    pub first_object: u64,
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
            packet_overhead: PacketOverhead::IPV4,
            segment_size: 1344,
            scheme: Scheme::RaptorQ,
            block_len: 1024,
            backoff: None,
            group_size: None,
            open: false,
            rfc_only: false,
            on_request: false,
            initial_grtt: Duration::from_millis(500),
            min_grtt: Duration::from_millis(2),
            patience: Duration::from_secs(5),
            robust: 20,
            history_percent: 20,
            cache_bytes: 48 << 20,
            keep_sent: true,
            min_receivers: 0,
            start_timeout: None,
            linger: Duration::ZERO,
            max_receivers: 100_000,
            first_object: 0,
        }
    }
}

impl SenderConfig {
    /// Packets may say that a router can mark them instead of dropping them (ECT, RFC 3168): a controller
    /// slows down for marks, and receivers of ours tell of them. Nobody would at a rate that is fixed; and who
    /// may have receivers of other makes cannot know whether they do.
    pub fn heeds_marks(&self) -> bool {
        self.control != RateControl::Fixed && !self.rfc_only
    }
}

/// Who decides how fast is sent.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum RateControl {
    /// The application: at `rate`, or as fast as the socket takes it.
    #[default]
    Fixed,
    /// [`Self::Delivery`] as long as nobody else makes a queue, and [`Self::Fair`] while somebody does.
    Auto,
    /// What arrives at the slowest receiver: [`crate::norm::congestion::Delivery`].
    Delivery,
    /// The same, but all others go first: it gives way as soon as a queue stands that is not its own.
    Polite,
    /// What TCP would get on the path of the slowest receiver: [`crate::norm::congestion::Fair`]. With
    /// `rfc_only`, the others mean this as well: they need reports of our own.
    Fair,
}

/// A setting that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// Node ids 0 and 2^32 - 1 are reserved (RFC 5740 §4.1).
    ReservedNode,
    /// The segment size is outside 64..=65,000 bytes.
    SegmentSize,
    /// The block length is outside 1..=56,403 symbols.
    BlockLength,
    /// NORM_INFO must fit one segment.
    InfoTooLong,
    /// A command must fit one segment.
    CommandTooLong,
    /// A stream needs a Reed-Solomon code, and objects behind a long list of others cannot be one.
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
            Self::BlockLength => "the block length must be 1 to 56403 symbols",
            Self::InfoTooLong => "NORM_INFO must fit one segment: shorten it",
            Self::CommandTooLong => "a command must fit one segment: shorten it",
            Self::StreamCode => "streams are coded with Reed-Solomon: choose such a scheme",
            Self::ObjectTooLarge => "the object is too large for one NORM object: cut it up",
            Self::TooManyObjects => "a session holds at most 32767 objects: start another",
        })
    }
}

impl core::error::Error for ConfigError {}
