//! Cases: the parameters of the comparison.

use std::fmt;

/// One case of the comparison.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Case {
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

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { receivers, loss, mtu, offload, bottleneck } = self;
        let plural = if *receivers == 1 { "" } else { "s" };
        let offload = if *offload { "on" } else { "off" };
        write!(f, "{receivers} receiver{plural}, {loss} % loss, MTU {mtu}, offload {offload}")?;
        match bottleneck {
            Some(bits) => write!(f, ", {} Mbit/s", bits / 1_000_000),
            None => Ok(()),
        }
    }
}
