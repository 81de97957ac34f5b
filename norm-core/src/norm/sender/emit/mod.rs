//! Packets: those that were decided on, and how they are written.

mod advertise;
mod answers;
mod packet;
mod writer;
mod written;

pub(crate) use answers::{Answer, PendingAnswers};
pub(crate) use packet::{AckRequest, Flush, InfoPacket, Packet, Probe, ProbeExtension};
pub use writer::DATA_OVERHEAD;
pub(crate) use writer::{PacketWriter, Sources, max_packet_size};
pub(crate) use written::Written;
