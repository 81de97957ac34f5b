//! Features: what a scenario has beyond the simplest one.

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::scenario::Attack;

/// One feature of a scenario. `every: n` stands for the first receiver and each n-th after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Feature {
    /// Receivers are spread over switches of their own, below the sender's.
    Tree {
        /// Number of these switches.
        branches: u32,
    },
    /// A fault of a link.
    Fault {
        /// The links and their direction.
        place: Place,
        /// The fault.
        rule: Rule,
    },
    /// The delay from the receivers differs from the delay to them.
    WayBack {
        /// Delay from the receivers, in microseconds.
        delay_us: u32,
    },
    /// Some receivers have another delay.
    FarAway {
        /// Which receivers.
        every: u32,
        /// Delay in microseconds.
        delay_us: u32,
    },
    /// Some receivers send feedback to the sender's address.
    Unicast {
        /// Which receivers.
        every: u32,
    },
    /// Some receivers send no feedback.
    Silent {
        /// Which receivers.
        every: u32,
    },
    /// Feedback of some receivers never arrives.
    OneWay {
        /// Which receivers.
        every: u32,
    },
    /// The switch ports of some receivers take no multicast; these use the sender's address.
    Snooping {
        /// Which receivers.
        every: u32,
    },
    /// The first sender uses a Reed-Solomon code.
    ReedSolomon {
        /// FEC encoding id of the code.
        id: FecId,
        /// Parity symbols of each block.
        parity: u16,
    },
    /// A controller sets the first sender's rate, from a quarter of the recipe's rate up to it.
    Control {
        /// By NORM-CC alone; otherwise by both controllers, as `norm-send` does by default.
        fair: bool,
    },
    /// The sender looks for the length of packets that passes to all receivers: that of the recipe,
    /// and shorter ones.
    PacketSizes,
    /// The sender sends no content of files unasked, or asks first whether receivers have some.
    Payload {
        /// None of it is sent unasked; otherwise none where all receivers have a part.
        missing: bool,
    },
    /// The sender sends everything in passes, at its fixed rate, with RaptorQ or without a code.
    Carousel {
        /// Number of passes.
        passes: u32,
        /// Everything is sent once instead, with this many percent of coded symbols on top.
        once: Option<u32>,
        /// Bytes of blocks in one round-robin; otherwise all of them.
        interleave: Option<u32>,
    },
    /// Some receivers get only shorter packets, perhaps from a time on. The sender looks for their
    /// length.
    PathMtu {
        /// Which receivers.
        every: u32,
        /// Which of the lengths: 1 is the one after the longest.
        size: u8,
        /// Time in milliseconds at which the path changes; 0 for the whole run.
        from_ms: u32,
    },
    /// Everything is sealed.
    Sealed {
        /// With ChaCha20-Poly1305; otherwise with AES-256-GCM.
        chacha: bool,
    },
    /// The sender expects all receivers that report, by name.
    Roster {
        /// Everything is sealed for them, and each name has a key.
        keys: bool,
    },
    /// The backoff factor K is fixed.
    Backoff(u8),
    /// The sender starts when all receivers have announced themselves.
    WaitFor,
    /// Some receivers join late; the sender lingers for them.
    Joins {
        /// Which receivers.
        every: u32,
        /// Time in milliseconds.
        at_ms: u32,
    },
    /// Some receivers begin with a later object, rather than with all that the sender has.
    JoinPolicy {
        /// Which receivers.
        every: u32,
        /// With the next object that begins (RFC 5740 §5.2); otherwise with the first received one.
        next: bool,
    },
    /// Some receivers crash and start again; the sender lingers for them.
    Restarts {
        /// Which receivers.
        every: u32,
        /// Time in milliseconds.
        at_ms: u32,
    },
    /// Some receivers crash and do not come back.
    Dies {
        /// Which receivers.
        every: u32,
        /// Time in milliseconds.
        at_ms: u32,
    },
    /// Some hosts, the sender first, do nothing for a time.
    Stalls {
        /// Which hosts.
        every: u32,
        /// Start of the stall, in milliseconds.
        at_ms: u32,
        /// Length of the stall, in milliseconds.
        for_ms: u32,
        /// Bytes that a socket buffers meanwhile.
        buffer: u32,
    },
    /// Some hosts, the sender first, get other addresses.
    Moves {
        /// Which hosts.
        every: u32,
        /// Times in milliseconds, all of them for each host.
        at_ms: Vec<u32>,
    },
    /// Some hosts, the sender first, have clocks that are ahead and fast, and late timers.
    Clock {
        /// Which hosts.
        every: u32,
        /// What the clocks are ahead, in milliseconds.
        offset_ms: u32,
        /// What the clocks gain, in parts per million.
        drift_ppm: i32,
        /// Longest delay of timers, in microseconds.
        late_us: u32,
    },
    /// Some receivers store slowly.
    SlowDisk {
        /// Which receivers.
        every: u32,
        /// Microseconds for a block.
        delay_us: u32,
    },
    /// The disks of some receivers are full after a number of blocks.
    FullDisk {
        /// Which receivers.
        every: u32,
        /// Number of blocks.
        after: u64,
    },
    /// The sender reads slowly.
    SlowRead {
        /// Microseconds for a block.
        delay_us: u32,
    },
    /// Some receivers have room for few blocks.
    FewBlocks {
        /// Which receivers.
        every: u32,
        /// Number of blocks.
        blocks: u32,
    },
    /// The sender keeps few bytes in memory.
    SmallCache {
        /// Number of bytes.
        bytes: u32,
    },
    /// Some receivers keep all bytes and decode them.
    Store {
        /// Which receivers.
        every: u32,
    },
    /// Some receivers have a part of each object on disk from before.
    OnDisk {
        /// Which receivers.
        every: u32,
        /// Bytes in a chunk.
        chunk: u32,
        /// Share of chunks that they lack, 0 to 1.
        missing: f64,
        /// Time to compare a chunk, in microseconds; 0 when it is known from the start.
        compare_us: u32,
        /// Share of blocks of which what is on disk is unreadable, 0 to 1.
        unreadable: f64,
    },
    /// Some receivers want a part of each object, and nothing else.
    Only {
        /// Which receivers.
        every: u32,
        /// Bytes in a chunk.
        chunk: u32,
        /// Share of chunks that they want, 0 to 1.
        share: f64,
    },
    /// Some of the content changes at the sender, which tells its receivers.
    Withdraws {
        /// Time in milliseconds.
        at_ms: u32,
        /// Bytes in a chunk.
        chunk: u32,
        /// Share of chunks that change, 0 to 1.
        share: f64,
    },
    /// An attacker.
    Attacker {
        /// Kinds of its packets.
        attacks: Vec<Attack>,
        /// Packets per second.
        rate: u32,
        /// Start in milliseconds.
        at_ms: u32,
    },
    /// A session of FLUTE instead of one of NORM; features that FLUTE does not know do nothing.
    Flute(FluteSession),
    /// The key of the first object.
    FirstObject(u64),
    /// A second sender to the same receivers.
    SecondSender {
        /// Bytes in each of its objects.
        sizes: Vec<u64>,
        /// Kilobits per second.
        rate_kbit: u32,
    },
    /// The sender stays after the end.
    Linger {
        /// Time in milliseconds.
        ms: u32,
    },
    /// A TCP flow from the sender's switch to that of the first receiver.
    Tcp {
        /// CUBIC (RFC 9438); otherwise Reno (RFC 5681).
        cubic: bool,
    },
    /// Some receivers begin with the same node id; the first of them with the sender's.
    SameNode {
        /// Which receivers.
        every: u32,
    },
}

impl Feature {
    /// True when receivers may lose content because of it, and have to ask for it.
    pub(super) fn loses(&self) -> bool {
        matches!(
            self,
            Self::Fault { .. }
                | Self::Joins { .. }
                | Self::Restarts { .. }
                | Self::WaitFor
                | Self::Stalls { .. }
                | Self::Moves { .. }
                | Self::SlowDisk { .. }
                | Self::FewBlocks { .. }
                | Self::SameNode { .. }
                | Self::Attacker { .. }
                | Self::Payload { .. }
                | Self::OnDisk { .. }
                | Self::Roster { keys: true }
        )
    }

    /// True when some path takes shorter packets only.
    pub(super) fn shortens(&self) -> bool {
        let rule = match self {
            Self::PathMtu { .. } => return true,
            Self::Fault { rule, .. } => rule,
            _ => return false,
        };
        matches!(rule, Rule::Mtu(_) | Rule::MtuFrom { .. })
    }

    /// True when it reports receivers that do not exist, and the sender waits for them. Without a
    /// shared secret they look like real ones.
    pub(super) fn denies(&self) -> bool {
        let denies = |a: &Attack| matches!(a, Attack::FalseReports | Attack::Collisions);
        matches!(self, Self::Attacker { attacks, .. } if attacks.iter().any(denies))
    }
}

/// A session of FLUTE. Sizes, symbols, blocks, code and rate are those of the recipe.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FluteSession {
    /// Passes of the carousel; 0 for one without end.
    pub passes: u32,
    /// Everything is sent once instead, with this many percent of coded symbols on top.
    pub once: Option<u32>,
    /// With Raptor, where the recipe has RaptorQ.
    pub raptor: bool,
    /// Bytes of blocks in one round-robin, if not the engine's choice.
    pub interleave: Option<u32>,
    /// Time between two sendings of the table, in milliseconds.
    pub fdt_ms: u32,
    /// The objects are parts of a set; otherwise files.
    pub set: bool,
    /// Time in milliseconds at which the sender crashes and starts again.
    pub restart_ms: Option<u32>,
    /// It then has the same TOIs.
    pub same_tois: bool,
    /// Receivers know the sender's address, and take nothing from others.
    pub known: bool,
}

/// FEC encoding id of a Reed-Solomon code.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FecId {
    /// Over GF(2^16) (RFC 5510 §4). Segments of an odd size get id 5 instead.
    Id2,
    /// Over GF(2^8) (RFC 5510 §5).
    Id5,
    /// Over GF(2^8), with 32-bit block numbers (RFC 5740 §4.2.1).
    Id129,
}

/// A direction of some links.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// From the sender.
    SenderOut,
    /// To the sender.
    SenderIn,
    /// From the sender's switch to the others, in a tree.
    TrunkDown,
    /// From the other switches to the sender's.
    TrunkUp,
    /// To these receivers.
    Down(u32),
    /// From these receivers.
    Up(u32),
}

impl Place {
    /// True when content passes there.
    pub(super) fn carries_content(self) -> bool {
        matches!(self, Self::SenderOut | Self::TrunkDown | Self::Down(_))
    }
}
