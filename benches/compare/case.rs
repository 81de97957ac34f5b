//! Cases: the parameters of the comparison.

use std::fmt;

use bytesize::ByteSize;
use clap::ValueEnum;

/// One case of the comparison.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Case {
    /// Size of the file.
    pub size: ByteSize,
    /// Limits on socket buffers.
    pub buffers: Buffers,
    /// Number of receivers.
    pub receivers: u8,
    /// Percent of the packets that each receiver loses.
    pub loss: f64,
    /// MTU of all interfaces.
    pub mtu: u32,
    /// A batch (GSO) crosses the network as one packet.
    pub offload: bool,
    /// Bits per second of a bottleneck to each receiver, if there is one.
    pub bottleneck: Option<u64>,
}

/// What programs may have as socket buffers.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub enum Buffers {
    /// The limits that Linux ships, also for programs that are run as root
    Stock,
    /// Whatever they ask for, up to 256 MiB
    Large,
}

impl Case {
    /// Size of the file in bytes.
    pub fn bytes(&self) -> f64 {
        self.size.as_u64() as f64
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { size, buffers, receivers, loss, mtu, offload, bottleneck } = self;
        let plural = if *receivers == 1 { "" } else { "s" };
        let offload = if *offload { "on" } else { "off" };
        write!(f, "{receivers} receiver{plural}, {loss} % loss, MTU {mtu}, offload {offload}")?;
        if let Some(bits) = bottleneck {
            write!(f, ", {} Mbit/s", bits / 1_000_000)?;
        }
        write!(f, ", {size}, {} buffers", buffers.name())
    }
}

impl Buffers {
    pub fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Large => "large",
        }
    }
}
