//! Header extensions (RFC 5740 §4.1): read as an area of checked lengths, written into a small
//! buffer. How they are told apart: [`crate::base::Extension`].

use super::move_proof::EXT_MOVE;
use super::path::{EXT_PATH, EXT_WATCH};
use super::reader::Reader;
use super::{
    CcFlags, FecId, Fti, MoveProof, ParseError, PathReport, QuantizedLoss, QuantizedRate,
    QuantizedRtt, Sequence, Watch,
};
use crate::base::header_ext;

pub use crate::base::Extension;

/// FEC Object Transmission Information.
pub(super) const EXT_FTI: u8 = 64;
/// Congestion control feedback.
const EXT_CC: u8 = 3;
/// The sender's rate.
const EXT_RATE: u8 = 128;
/// The newest packet that a receiver has heard; not of the RFC.
///
/// ```text
/// | het 194       | reserved 8    | sequence 16                   |
/// ```
const EXT_HEARD: u8 = 194;

/// The extensions of a message; each is known to end inside.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    /// No extensions.
    pub const EMPTY: Self = Self(&[]);
    /// The header length is 255 words at most, and the longest base header takes 6 of them.
    pub const MAX_LEN: usize = (255 - 6) * 4;

    /// Checks the lengths.
    ///
    /// # Errors
    ///
    /// [`ParseError::Extension`] when one has length zero or leaves the area;
    /// [`ParseError::HeaderLength`] when all are longer than [`Self::MAX_LEN`].
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, ParseError> {
        if bytes.len() > Self::MAX_LEN {
            return Err(ParseError::HeaderLength);
        }
        if header_ext::are_whole(bytes) { Ok(Self(bytes)) } else { Err(ParseError::Extension) }
    }

    /// All of them, as on the wire.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// True when there are none.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// One after the other, unknown ones too.
    pub fn iter(self) -> impl Iterator<Item = Extension<'a>> + Clone + 'a {
        header_ext::iter(self.0)
    }

    /// The first EXT_FTI that is one of scheme `fec`.
    pub fn fti(self, fec: FecId) -> Option<Fti> {
        self.bodies(EXT_FTI).find_map(|body| Fti::parse(fec, body))
    }

    /// The first EXT_CC.
    pub fn cc_feedback(self) -> Option<CcFeedback> {
        self.bodies(EXT_CC).find_map(CcFeedback::parse)
    }

    /// The first EXT_RATE.
    pub fn rate(self) -> Option<QuantizedRate> {
        self.bodies(EXT_RATE).find_map(|body| match *body {
            [_reserved, high, low] => Some(QuantizedRate(u16::from_be_bytes([high, low]))),
            _ => None,
        })
    }

    /// The first EXT_HEARD: the newest packet of the sender that a receiver had heard.
    pub fn heard(self) -> Option<Sequence> {
        self.bodies(EXT_HEARD).find_map(|body| match *body {
            [_reserved, high, low] => Some(Sequence(u16::from_be_bytes([high, low]))),
            _ => None,
        })
    }

    /// The first EXT_WATCH.
    pub fn watch(self) -> Option<Watch> {
        self.bodies(EXT_WATCH).find_map(Watch::parse)
    }

    /// The first EXT_PATH.
    pub fn path_report(self) -> Option<PathReport> {
        self.bodies(EXT_PATH).find_map(PathReport::parse)
    }

    /// The first EXT_MOVE.
    pub fn move_proof(self) -> Option<MoveProof> {
        self.bodies(EXT_MOVE).find_map(MoveProof::parse)
    }

    fn bodies(self, het: u8) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |extension| extension.het == het).map(|extension| extension.body)
    }
}

/// EXT_CC: a receiver's view of the path (RFC 5740 §4.2.3.5).
///
/// ```text
/// | het 3          | hel 3         |   cc_sequence 16             |
/// | cc_flags 8     | cc_rtt 8      |   cc_loss 16                 |
/// | cc_rate 16                     |   cc_reserved 16             |
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CcFeedback {
    /// The last probe heard, or one more from a receiver in a hurry.
    pub cc_sequence: u16,
    /// The receiver's state.
    pub flags: CcFlags,
    /// Its round trip, valid with [`CcFlags::RTT`].
    pub rtt: QuantizedRtt,
    /// Its loss; the low half travels in cc_reserved.
    pub loss: QuantizedLoss,
    /// The rate it can take.
    pub rate: QuantizedRate,
}

impl CcFeedback {
    fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body, ParseError::Extension);
        let feedback = Self::read(&mut reader).ok()?;
        reader.is_empty().then_some(feedback)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, ParseError> {
        let cc_sequence = reader.u16()?;
        let [flags, rtt] = reader.array()?;
        let high = reader.u16()?;
        let rate = QuantizedRate(reader.u16()?);
        let loss = QuantizedLoss { high, low: reader.u16()? };
        Ok(Self { cc_sequence, flags: CcFlags(flags), rtt: QuantizedRtt(rtt), loss, rate })
    }

    fn to_bytes(self) -> [u8; 12] {
        let [s0, s1] = self.cc_sequence.to_be_bytes();
        let [h0, h1] = self.loss.high.to_be_bytes();
        let [r0, r1] = self.rate.0.to_be_bytes();
        let [l0, l1] = self.loss.low.to_be_bytes();
        [EXT_CC, 3, s0, s1, self.flags.0, self.rtt.0, h0, h1, r0, r1, l0, l1]
    }
}

/// Room for the extensions of one message, on the stack: FTI, CC and rate together fit twice.
#[derive(Copy, Clone, Debug)]
pub struct ExtensionBuf {
    bytes: [u8; Self::CAPACITY],
    len: usize,
}

impl ExtensionBuf {
    const CAPACITY: usize = 64;

    /// Nothing in it.
    pub const fn new() -> Self {
        Self { bytes: [0; Self::CAPACITY], len: 0 }
    }

    /// Adds EXT_FTI; false, and nothing added, when it does not fit.
    pub fn push_fti(&mut self, fti: &Fti) -> bool {
        let (bytes, len) = fti.to_extension();
        bytes.get(..len).is_some_and(|extension| self.push(extension))
    }

    /// Adds EXT_CC; false, and nothing added, when it does not fit.
    pub fn push_cc(&mut self, feedback: &CcFeedback) -> bool {
        self.push(&feedback.to_bytes())
    }

    /// Adds EXT_PATH; false, and nothing added, when it does not fit.
    pub fn push_path(&mut self, report: &PathReport) -> bool {
        let (bytes, len) = report.to_extension();
        bytes.get(..len).is_some_and(|extension| self.push(extension))
    }

    /// Adds EXT_WATCH; false, and nothing added, when it does not fit.
    pub fn push_watch(&mut self, watch: Watch) -> bool {
        self.push(&watch.to_bytes())
    }

    /// Adds EXT_MOVE; false, and nothing added, when it does not fit.
    pub fn push_move(&mut self, proof: MoveProof) -> bool {
        self.push(&proof.to_extension())
    }

    /// Adds EXT_HEARD; false, and nothing added, when it does not fit.
    pub fn push_heard(&mut self, newest: Sequence) -> bool {
        let [high, low] = newest.0.to_be_bytes();
        self.push(&[EXT_HEARD, 0, high, low])
    }

    /// Adds EXT_RATE; false, and nothing added, when it does not fit.
    pub fn push_rate(&mut self, rate: QuantizedRate) -> bool {
        let [high, low] = rate.0.to_be_bytes();
        self.push(&[EXT_RATE, 0, high, low])
    }

    /// What was added so far, in that order.
    pub fn as_extensions(&self) -> Extensions<'_> {
        // `len` counts only whole extensions written by `push`.
        Extensions(self.bytes.get(..self.len).unwrap_or_default())
    }

    fn push(&mut self, extension: &[u8]) -> bool {
        let end = self.len + extension.len();
        let Some(room) = self.bytes.get_mut(self.len..end) else { return false };
        room.copy_from_slice(extension);
        self.len = end;
        true
    }
}

impl Default for ExtensionBuf {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
