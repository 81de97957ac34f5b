//! How a sender's packets are read, and whether it is an interop peer.

use crate::norm::wire::{Extensions, FecId, Fti, PayloadFormat};

/// The FEC scheme of a sender's packets.
#[derive(Debug)]
pub(crate) struct Coding {
    fec_id: FecId,
    format: PayloadFormat,
    /// Bytes per symbol of the object heard last: the most that a NACK may carry.
    segment_size: u16,
    /// Something suggests that the sender is an interop peer.
    looks_interop: bool,
    /// The sender has done what only native ones do.
    native: bool,
}

impl Coding {
    pub(super) fn new() -> Self {
        Self {
            fec_id: FecId::RAPTORQ,
            format: PayloadFormat::Block8Symbol24,
            segment_size: 512,
            looks_interop: false,
            native: false,
        }
    }

    /// The FEC Encoding ID of the packet heard last.
    pub(crate) fn fec_id(&self) -> FecId {
        self.fec_id
    }

    /// The layout of payload ids.
    pub(crate) fn format(&self) -> PayloadFormat {
        self.format
    }

    /// Bytes per symbol of the object heard last.
    pub(crate) fn segment_size(&self) -> u16 {
        self.segment_size
    }

    /// Notes the scheme that a packet names. With FEC id 2 the layout follows from EXT_FTI.
    pub(crate) fn note_scheme(&mut self, fec_id: FecId, extensions: Extensions<'_>) {
        if self.fec_id != fec_id {
            self.fec_id = fec_id;
            self.looks_interop |= fec_id != FecId::RAPTORQ && fec_id != FecId::NO_CODE;
            self.format = PayloadFormat::for_fec(fec_id).unwrap_or(self.format);
        }
        if fec_id == FecId::REED_SOLOMON
            && let Some(Fti::ReedSolomon { m: 8, .. }) = extensions.fti(fec_id)
        {
            self.format = PayloadFormat::Block24Symbol8;
        }
    }

    /// Notes the layout of an object that has just become known.
    pub(crate) fn note_layout(&mut self, segment_size: u16, format: PayloadFormat) {
        self.segment_size = segment_size;
        self.format = format;
    }

    /// Notes that the sender uses congestion control as RFC 5740 has it.
    pub(crate) fn note_standard(&mut self) {
        self.looks_interop = true;
    }

    /// Notes something that only native senders do: a file set, or a membership query.
    pub(crate) fn note_native(&mut self) {
        self.native = true;
    }

    /// True when the sender seems to be an interop peer. The code alone does not decide that:
    /// native senders send file sets under Reed-Solomon codes, too.
    pub(crate) fn is_interop_peer(&self) -> bool {
        self.looks_interop && !self.native
    }
}
