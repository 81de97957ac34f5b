//! What may be special about a scenario.

use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::scenario::Attack;

/// One thing that is not plain. `every: n` means the first receiver and each n-th after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Feature {
    /// Receivers are spread over switches of their own, below the sender's.
    Tree {
        /// How many.
        branches: u32,
    },
    /// Something goes wrong on a link.
    Fault {
        /// Where.
        place: Place,
        /// What.
        rule: Rule,
    },
    /// The way from the receivers takes another time than the way to them.
    WayBack {
        /// In microseconds.
        delay_us: u32,
    },
    /// Some receivers are further away.
    FarAway {
        /// Which.
        every: u32,
        /// In microseconds.
        delay_us: u32,
    },
    /// Some receivers answer to the sender's address.
    Unicast {
        /// Which.
        every: u32,
    },
    /// Some receivers never say anything.
    Silent {
        /// Which.
        every: u32,
    },
    /// Nothing that some receivers say arrives.
    OneWay {
        /// Which.
        every: u32,
    },
    /// Some receivers' switch ports take no multicast; they answer to the sender's address.
    Snooping {
        /// Which.
        every: u32,
    },
    /// The first sender codes with Reed-Solomon.
    ReedSolomon {
        /// Over GF(2^16), with FEC encoding id 2.
        wide: bool,
        /// With FEC encoding id 129, when it is not `wide`; else 5.
        long: bool,
        /// Coded symbols of each block.
        parity: u16,
    },
    /// A controller sets the first sender's rate, between a quarter of what is given, and that.
    Control {
        /// By NORM-CC alone; else as `norm-send` does by itself.
        fair: bool,
    },
    /// The backoff factor K is fixed.
    Backoff(u8),
    /// The sender starts when all receivers have announced themselves.
    WaitFor,
    /// Some receivers come later; the sender lingers for them.
    Joins {
        /// Which.
        every: u32,
        /// When, in milliseconds.
        at_ms: u32,
    },
    /// Some receivers begin with the next object that begins (RFC 5740 §5.2), or with the first
    /// that they hear, rather than with everything that the sender has.
    JoinPolicy {
        /// Which.
        every: u32,
        /// The next that begins; else the first heard.
        next: bool,
    },
    /// Some receivers crash and start again; the sender lingers for them.
    Restarts {
        /// Which.
        every: u32,
        /// When, in milliseconds.
        at_ms: u32,
    },
    /// Some receivers crash for good.
    Dies {
        /// Which.
        every: u32,
        /// When, in milliseconds.
        at_ms: u32,
    },
    /// Some hosts, the sender first, do nothing for a time.
    Stalls {
        /// Which hosts.
        every: u32,
        /// When, in milliseconds.
        at_ms: u32,
        /// For how long.
        for_ms: u32,
        /// Bytes that a socket keeps meanwhile.
        buffer: u32,
    },
    /// Some hosts, the sender first, have clocks that are ahead and fast, and late timers.
    Clock {
        /// Which hosts.
        every: u32,
        /// By how much ahead, in milliseconds.
        offset_ms: u32,
        /// By how much fast, in parts per million.
        drift_ppm: i32,
        /// How late at most, in microseconds.
        late_us: u32,
    },
    /// Some receivers store slowly.
    SlowDisk {
        /// Which.
        every: u32,
        /// Microseconds for a block.
        delay_us: u32,
    },
    /// Some receivers' disks are full after so many blocks.
    FullDisk {
        /// Which.
        every: u32,
        /// Blocks.
        after: u64,
    },
    /// The sender reads slowly.
    SlowRead {
        /// Microseconds for a block.
        delay_us: u32,
    },
    /// Some receivers have room for few blocks.
    FewBlocks {
        /// Which.
        every: u32,
        /// How many.
        blocks: u32,
    },
    /// The sender keeps little in memory.
    SmallCache {
        /// Bytes.
        bytes: u32,
    },
    /// Some receivers decode for real and keep the bytes.
    Store {
        /// Which.
        every: u32,
    },
    /// Somebody who means no good.
    Attacker {
        /// How.
        attacks: Vec<Attack>,
        /// Packets per second.
        rate: u32,
        /// From when on, in milliseconds.
        at_ms: u32,
    },
    /// The key of the first object.
    FirstObject(u64),
    /// A second sender beside the first, to the same receivers.
    SecondSender {
        /// Bytes in each of its objects.
        sizes: Vec<u64>,
        /// Kilobits per second.
        rate_kbit: u32,
    },
    /// The sender stays after the end.
    Linger {
        /// For so many milliseconds.
        ms: u32,
    },
    /// A TCP flow from beside the sender to the first receiver's switch.
    Tcp {
        /// RFC 9438; else RFC 5681.
        cubic: bool,
    },
    /// Some receivers begin with one and the same node id; the first of them with the sender's.
    SameNode {
        /// Which.
        every: u32,
    },
}

impl Feature {
    /// True when receivers may lack something because of it that they have to ask for.
    pub(super) fn loses(&self) -> bool {
        matches!(
            self,
            Self::Fault { .. }
                | Self::Joins { .. }
                | Self::Restarts { .. }
                | Self::WaitFor
                | Self::Stalls { .. }
                | Self::SlowDisk { .. }
                | Self::FewBlocks { .. }
                | Self::SameNode { .. }
                | Self::Attacker { .. }
        )
    }

    /// True when it makes up receivers that are waited for: nothing but a secret would tell them
    /// from real ones.
    pub(super) fn denies(&self) -> bool {
        let denies = |a: &Attack| matches!(a, Attack::FalseReports | Attack::Collisions);
        matches!(self, Self::Attacker { attacks, .. } if attacks.iter().any(denies))
    }
}

/// A direction of some links.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// What the sender sends.
    SenderOut,
    /// What the sender hears.
    SenderIn,
    /// From the sender's switch to the others, in a tree.
    TrunkDown,
    /// And back.
    TrunkUp,
    /// To these receivers.
    Down(u32),
    /// From them.
    Up(u32),
}

impl Place {
    /// True when content passes there.
    pub(super) fn carries_content(self) -> bool {
        matches!(self, Self::SenderOut | Self::TrunkDown | Self::Down(_))
    }
}
