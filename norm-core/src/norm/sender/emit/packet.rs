//! A packet that was decided on, before it is written.

use bytes::Bytes;

use crate::carousel::Symbol;
use crate::norm::sender::event::SenderStats;
use crate::norm::sender::objects::{DataBatch, Symbols};
use crate::norm::wire::{
    ACK_WINDOW, CcNode, NodeId, ObjectId, QuantizedRate, RawPayloadId, SizeProbe, Watch, WireTime,
};

/// What is to be sent: one message, or the DATA messages of a batch.
#[derive(Debug)]
pub(crate) enum Packet {
    Data(DataBatch),
    /// DATA of some blocks, in passes.
    Turn(Vec<Symbol>),
    Info(InfoPacket),
    /// CMD(CC).
    Probe(Probe),
    /// CMD(APPLICATION): an application's command.
    Application(Bytes),
    /// CMD(APPLICATION): one of ours, about membership.
    Membership(Bytes),
    /// CMD(APPLICATION) as long as a path may let through.
    SizeProbe(SizeProbe),
    /// CMD(FLUSH).
    Flush(Flush),
    /// CMD(ACK_REQ).
    AckRequest(AckRequest),
    /// CMD(SQUELCH): the oldest symbol that can be repaired.
    Squelch(ObjectId, RawPayloadId),
    /// CMD(REPAIR_ADV): what is being repaired.
    RepairAdv,
    /// CMD(EOT).
    Eot,
}

impl Packet {
    /// True when it says something as the sender, and must not be forged by a member of the group:
    /// a layer that can is to sign it. All INFO and commands are, but for what only has receivers
    /// be silent, or say how much they can take.
    pub(crate) fn speaks_for_sender(&self) -> bool {
        match self {
            Self::Data(_) | Self::Turn(_) | Self::RepairAdv => false,
            Self::AckRequest(request) => request.ack_type != ACK_WINDOW,
            _ => true,
        }
    }

    /// Counts what it is.
    pub(crate) fn count(&self, stats: &mut SenderStats) {
        match self {
            Self::Data(batch) => {
                let symbols = batch.symbols.count();
                match batch.symbols {
                    Symbols::Coded { .. } => stats.coded_packets += symbols,
                    _ if batch.repair => stats.resent_packets += symbols,
                    _ => stats.data_packets += symbols,
                }
            }
            Self::Turn(symbols) => {
                for symbol in symbols {
                    *match (symbol.is_source(), symbol.is_first_pass) {
                        (true, true) => &mut stats.data_packets,
                        (true, false) => &mut stats.resent_packets,
                        (false, _) => &mut stats.coded_packets,
                    } += 1;
                }
            }
            Self::Info(_) => {}
            _ => stats.commands += 1,
        }
    }
}

/// NORM_INFO of an object.
#[derive(Copy, Clone, Debug)]
pub(crate) struct InfoPacket {
    pub(crate) key: u64,
    /// It is repeated unasked, and will be again.
    pub(crate) turning: bool,
    /// It is sent because it was lost.
    pub(crate) repair: bool,
}

/// A probe of round trips and paths.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) cc_sequence: u16,
    pub(crate) send_time: WireTime,
    pub(crate) nodes: Vec<CcNode>,
    pub(crate) extension: ProbeExtension,
}

/// What a probe says besides its list.
#[derive(Copy, Clone, Debug)]
pub(crate) enum ProbeExtension {
    None,
    /// EXT_RATE, for standard receivers.
    Rate(QuantizedRate),
    /// For native receivers.
    Watch(Watch),
}

/// The end of what was sent, and the receivers that are to confirm it.
#[derive(Debug)]
pub(crate) struct Flush {
    pub(crate) object: ObjectId,
    pub(crate) payload_id: RawPayloadId,
    pub(crate) nodes: Vec<NodeId>,
}

/// A request for acknowledgment.
#[derive(Debug)]
pub(crate) struct AckRequest {
    pub(crate) ack_type: u8,
    pub(crate) ack_id: u8,
    pub(crate) nodes: Vec<NodeId>,
}
