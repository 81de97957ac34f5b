//! About the length of packets.

use std::fmt;

use super::Hint;

pub(super) fn write(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::OnlyShortPackets { address, largest, in_use, .. } => {
            write!(
                f,
                "only short packets of {address} arrive, of up to {largest} bytes, and no \
                 content: a link on the way has a smaller MTU than "
            )?;
            match in_use {
                0 => f.write_str("the sender's packets need")?,
                bytes => write!(f, "the sender's packets of {bytes} bytes need")?,
            }
            f.write_str(
                ". The sender finds the length that passes, unless it was given one, is of \
                 another implementation, or other receivers were there before",
            )
        }
        Hint::InterfaceMtu { interface, mtu } => write!(
            f,
            "{interface} takes packets of {mtu} bytes at most since its MTU was lowered: going on \
             with shorter ones"
        ),
        Hint::ShorterPackets { address, .. } => write!(
            f,
            "{address} sends shorter packets from now on, because longer ones do not reach all \
             receivers; what is here stays"
        ),
        Hint::Fragmented { address, bytes, mtu, interface, .. } => write!(
            f,
            "packets of {address} come in fragments: they have {bytes} bytes, and {interface} \
             lets {mtu} through. The loss of one fragment is the loss of a packet"
        ),
        _ => Ok(()),
    }
}
