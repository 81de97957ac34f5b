//! Header extensions of LCT, ALC and FLUTE: EXT_NOP, EXT_AUTH and EXT_TIME (RFC 5651 §5.2), EXT_FTI
//! (RFC 5775 §4.2), EXT_FDT and EXT_CENC (RFC 6726 §3.4).
//!
//! EXT_NOP and EXT_AUTH are carried and not looked at.

use super::{FdtInstanceId, Fti, NtpTime, ParseError};
use crate::base::header_ext;
use crate::fec::FecId;

pub use crate::base::Extension;

/// Times of the sender.
const EXT_TIME: u8 = 2;
/// FEC Object Transmission Information.
pub(super) const EXT_FTI: u8 = 64;
/// The packet is of an FDT instance.
const EXT_FDT: u8 = 192;
/// How an FDT instance is encoded.
const EXT_CENC: u8 = 193;

/// FLUTE as of RFC 3926, which 3GPP and DVB use.
pub const FLUTE_VERSION_1: u8 = 1;
/// FLUTE as of RFC 6726.
pub const FLUTE_VERSION_2: u8 = 2;

/// The extensions of a packet; each is known to end inside.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    /// No extensions.
    pub const EMPTY: Self = Self(&[]);
    /// The header length is 255 words at most, and the longest header takes 10 of them.
    pub const MAX_LEN: usize = (255 - 10) * 4;

    /// Checks the lengths.
    ///
    /// # Errors
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

    /// One after the other, unknown ones too.
    pub fn iter(self) -> impl Iterator<Item = Extension<'a>> + Clone {
        header_ext::iter(self.0)
    }

    /// The first EXT_FTI that is one of this scheme.
    pub fn fti(self, fec: FecId) -> Option<Fti> {
        self.bodies(EXT_FTI).find_map(|body| Fti::parse(fec, body))
    }

    /// True when there is an EXT_FTI, of whatever scheme.
    pub fn has_fti(self) -> bool {
        self.bodies(EXT_FTI).next().is_some()
    }

    /// The first EXT_TIME.
    pub fn time(self) -> Option<ExtTime> {
        self.bodies(EXT_TIME).find_map(ExtTime::parse)
    }

    /// The first EXT_FDT.
    pub fn fdt(self) -> Option<ExtFdt> {
        self.bodies(EXT_FDT).find_map(ExtFdt::parse)
    }

    /// The first EXT_CENC.
    pub fn cenc(self) -> Option<Cenc> {
        self.bodies(EXT_CENC).find_map(|body| body.first().copied().map(Cenc))
    }

    fn bodies(self, het: u8) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |extension| extension.het == het).map(|extension| extension.body)
    }
}

/// EXT_FDT: which instance of the FDT a packet belongs to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct ExtFdt {
    /// The version of FLUTE: [`FLUTE_VERSION_1`] or [`FLUTE_VERSION_2`]; 4 bits.
    pub version: u8,
    /// The instance.
    pub instance: FdtInstanceId,
}

impl ExtFdt {
    fn parse(body: &[u8]) -> Option<Self> {
        let &[high, middle, low] = body.first_chunk()?;
        let instance = u32::from_be_bytes([0, high & 0x0f, middle, low]);
        Some(Self { version: high >> 4, instance: FdtInstanceId::new(instance)? })
    }

    fn to_bytes(self) -> [u8; 4] {
        let [_, high, middle, low] = self.instance.get().to_be_bytes();
        [EXT_FDT, self.version << 4 | high, middle, low]
    }
}

/// EXT_CENC: the algorithm that an FDT instance is encoded with.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Cenc(pub u8);

impl Cenc {
    /// Not encoded.
    pub const NULL: Self = Self(0);
    /// The format of zlib (RFC 1950).
    pub const ZLIB: Self = Self(1);
    /// DEFLATE without a frame (RFC 1951).
    pub const DEFLATE: Self = Self(2);
    /// The format of gzip (RFC 1952).
    pub const GZIP: Self = Self(3);
}

/// EXT_TIME: times by the sender's clock (RFC 5651 §5.2.2).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtTime {
    /// When the packet was sent (SCT); the fraction is 0 where only seconds are told.
    pub sent: Option<NtpTime>,
    /// Seconds until the last packet of the object (ERT).
    pub residual: Option<u32>,
    /// When objects of the session were last added, changed or removed (SLC), in seconds of NTP.
    pub changed: Option<u32>,
}

/// Of the first byte of `Use`: seconds of SCT.
const SCT_HIGH: u8 = 0x80;
/// The fraction of SCT.
const SCT_LOW: u8 = 0x40;
/// ERT.
const ERT: u8 = 0x20;
/// SLC.
const SLC: u8 = 0x10;

impl ExtTime {
    /// Words on the wire at most.
    const MAX_WORDS: usize = 5;

    fn parse(body: &[u8]) -> Option<Self> {
        let (&[uses, _], values) = body.split_first_chunk()?;
        let (mut values, _) = values.as_chunks::<4>();
        let mut value = |flag: u8| {
            if uses & flag == 0 {
                return Some(None);
            }
            let (&first, rest) = values.split_first()?;
            values = rest;
            Some(Some(u32::from_be_bytes(first)))
        };
        let (seconds, fraction) = (value(SCT_HIGH)?, value(SCT_LOW)?);
        let fraction = fraction.unwrap_or(0);
        let sent = seconds.map(|seconds| NtpTime { seconds, fraction });
        Some(Self { sent, residual: value(ERT)?, changed: value(SLC)? })
    }

    fn to_extension(self) -> ([u8; Self::MAX_WORDS * 4], usize) {
        let (seconds, fraction) = self.sent.map(|sent| (sent.seconds, sent.fraction)).unzip();
        let values =
            [(SCT_HIGH, seconds), (SCT_LOW, fraction), (ERT, self.residual), (SLC, self.changed)];
        let (mut uses, mut words) = (0, 1_u8);
        let mut bytes = [0; Self::MAX_WORDS * 4];
        for (flag, value) in values {
            let Some(value) = value else { continue };
            let at = usize::from(words) * 4;
            for (to, from) in bytes.iter_mut().skip(at).zip(value.to_be_bytes()) {
                *to = from;
            }
            (uses, words) = (uses | flag, words + 1);
        }
        for (to, from) in bytes.iter_mut().zip([EXT_TIME, words, uses]) {
            *to = from;
        }
        (bytes, usize::from(words) * 4)
    }
}

/// Room for the extensions of one packet, on the stack: one of each that a sender writes.
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

    /// Adds EXT_FDT; false, and nothing added, when it does not fit.
    pub fn push_fdt(&mut self, fdt: ExtFdt) -> bool {
        self.push(&fdt.to_bytes())
    }

    /// Adds EXT_CENC; false, and nothing added, when it does not fit.
    pub fn push_cenc(&mut self, cenc: Cenc) -> bool {
        self.push(&[EXT_CENC, cenc.0, 0, 0])
    }

    /// Adds EXT_TIME; false, and nothing added, when it does not fit.
    pub fn push_time(&mut self, time: ExtTime) -> bool {
        let (bytes, len) = time.to_extension();
        bytes.get(..len).is_some_and(|extension| self.push(extension))
    }

    /// Adds EXT_FTI; false, and nothing added, when it does not fit.
    pub fn push_fti(&mut self, fti: &Fti) -> bool {
        let (bytes, len) = fti.to_extension();
        bytes.get(..len).is_some_and(|extension| self.push(extension))
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
mod tests {
    use super::*;

    fn time(uses: u8, values: &[u32]) -> Option<ExtTime> {
        let words = u8::try_from(values.len() + 1).unwrap();
        let mut bytes = vec![EXT_TIME, words, uses, 0];
        bytes.extend(values.iter().flat_map(|value| value.to_be_bytes()));
        Extensions::from_bytes(&bytes).unwrap().time()
    }

    #[test]
    fn times_stand_in_the_order_of_their_flags() {
        let all = ExtTime {
            sent: Some(NtpTime { seconds: 1, fraction: 2 }),
            residual: Some(3),
            changed: Some(4),
        };
        assert_eq!(time(0xf0, &[1, 2, 3, 4]), Some(all));
        assert_eq!(time(0xf0, &[1, 2, 3, 4, 5]), Some(all), "more may follow");
        assert_eq!(time(0xf0, &[1, 2, 3]), None);
        let sent = Some(NtpTime { seconds: 7, fraction: 0 });
        assert_eq!(time(0x90, &[7, 8]), Some(ExtTime { sent, changed: Some(8), ..all_none() }));
        assert_eq!(time(0, &[]), Some(all_none()));
        let mut buf = ExtensionBuf::new();
        assert!(buf.push_time(all) && buf.push_time(all_none()));
        assert_eq!(buf.as_extensions().as_bytes().len(), 24);
        assert_eq!(buf.as_extensions().time(), Some(all));
    }

    fn all_none() -> ExtTime {
        ExtTime { sent: None, residual: None, changed: None }
    }

    #[test]
    fn extensions_of_an_fdt_survive_and_stop_where_there_is_no_room() {
        let fdt = ExtFdt { version: FLUTE_VERSION_2, instance: FdtInstanceId::MAX };
        let mut buf = ExtensionBuf::new();
        assert!(buf.push_fdt(fdt) && buf.push_cenc(Cenc::GZIP));
        assert_eq!(buf.as_extensions().as_bytes(), [192, 0x2f, 0xff, 0xff, 193, 3, 0, 0]);
        assert_eq!(
            (buf.as_extensions().fdt(), buf.as_extensions().cenc()),
            (Some(fdt), Some(Cenc::GZIP))
        );
        assert_eq!((0..20).filter(|_| buf.push_fdt(fdt)).count(), 14);
    }

    #[test]
    fn extensions_that_are_not_whole_are_refused() {
        for wrong in [&[1][..], &[1, 0, 0, 0], &[1, 2, 0, 0], &[192, 1, 2]] {
            assert_eq!(Extensions::from_bytes(wrong), Err(ParseError::Extension), "{wrong:?}");
        }
        let nops = [[0, 1, 0, 0]; 246].concat();
        assert_eq!(Extensions::from_bytes(&nops), Err(ParseError::HeaderLength));
        assert!(Extensions::from_bytes(&nops[..Extensions::MAX_LEN]).is_ok());
    }
}
