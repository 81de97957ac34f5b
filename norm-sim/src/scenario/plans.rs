//! Settings of engines, TCP flows and populations.

use core::time::Duration;

use norm_core::norm::receiver::ReceiverConfig;
use norm_core::norm::sender::{ObjectSpec, SenderConfig};
use norm_core::norm::wire::{Identity, NodeId};

use crate::packet::HostId;

/// A sending engine and its application.
#[derive(Clone, Debug)]
pub struct SenderPlan {
    /// Settings of the engine.
    pub config: SenderConfig,
    /// Objects to send.
    pub objects: Vec<ObjectSpec>,
    /// Time that reading a block takes.
    pub read_delay: Duration,
    /// Time and type of a request for application acknowledgments.
    pub ack_request: Option<(Duration, u8)>,
    /// A fault of the engine that the invariants must find.
    pub broken: Option<Broken>,
    /// Record what the controller of the rate believes.
    pub trace_rate: bool,
    /// Record when each packet is sent.
    pub records: bool,
}

/// A receiving engine and its application.
#[derive(Clone, Debug)]
pub struct ReceiverPlan {
    /// Settings of the engine. An identity of zero stands for the host's number. The application
    /// always decides itself what it accepts and confirms.
    pub config: ReceiverConfig,
    /// Time that each storing job takes; jobs follow one another.
    pub store_delay: Duration,
    /// Stored blocks after which the disk is full.
    pub disk_full_after: Option<u64>,
    /// Bytes that the socket buffers while the host is stalled.
    pub socket_buffer: u32,
    /// What it has on disk from before.
    pub held: Option<HeldPlan>,
    /// Keep every byte and decode it, rather than compare and count symbols. This takes more time
    /// and memory.
    pub real_store: bool,
    /// A fault of the engine that the invariants must find.
    pub broken: Option<Broken>,
}

/// What a receiver has on disk from before: a part of the chunks of each object, drawn by chance.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct HeldPlan {
    /// Bytes in a chunk.
    pub chunk: u32,
    /// Share of chunks that it lacks, 0 to 1.
    pub missing: f64,
    /// Time to compare a chunk; zero when it is known from the start what is there.
    pub compare_time: Duration,
    /// It knows before it hears of an object that it may have a part: possible where objects have
    /// INFO.
    pub expected: bool,
    /// Share of blocks of which what is there turns out to be unreadable when it is needed, 0 to 1.
    pub unreadable: f64,
}

/// Faults of an engine, made outside of it: they show that the invariants find such faults.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A receiver that ignores the requests of other receivers.
    ForgetsSuppression,
    /// A receiver that writes some blocks at a wrong offset.
    WritesAtAWrongOffset,
    /// A sender that ignores requests for whole blocks.
    IgnoresBlockRequests,
}

/// Many receivers that share one link.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationPlan {
    /// Number of receivers.
    pub receivers: u32,
    /// Share of packets (0 to 1) that each receiver loses independently, in addition to those that
    /// the link loses for all.
    pub loss: f64,
    /// NACKs go to the sender alone, and its REPAIR_ADV informs the other receivers.
    pub unicast: bool,
    /// Time from one receiver to another.
    pub delay: Duration,
}

/// One end of a TCP flow.
#[derive(Clone, Debug, PartialEq)]
pub enum TcpPlan {
    /// Sends without end, from a random moment in its first 100 ms on.
    Source {
        /// The host with the other end.
        to: HostId,
        /// How its window grows and shrinks.
        control: Control,
    },
    /// Acknowledges the segments of one source.
    Sink,
}

/// How the congestion window of a TCP flow grows and shrinks.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    Cubic,
}

impl Default for ReceiverPlan {
    fn default() -> Self {
        Self {
            config: ReceiverConfig::new(Identity([0; 16])),
            store_delay: Duration::ZERO,
            disk_full_after: None,
            socket_buffer: 1 << 20,
            held: None,
            real_store: false,
            broken: None,
        }
    }
}

impl SenderPlan {
    /// `size` bytes at 100 Mbit/s, in blocks of 64 symbols of 1024 bytes.
    pub fn new(size: u64) -> Self {
        let mut config = SenderConfig::new(NodeId(1));
        config.segment_size = 1024;
        config.block_len = 64;
        config.cache.bytes = 4 << 20;
        Self {
            config,
            objects: vec![ObjectSpec { size, info: None, file: true }],
            read_delay: Duration::from_micros(200),
            ack_request: None,
            broken: None,
            trace_rate: false,
            records: false,
        }
    }
}
