//! The 28 bytes before the ciphertext, which everybody can read.

use core::fmt;

use norm_core::endpoint::Margins;

use crate::attestation::ATTESTATION_LEN;
use crate::hello::SIGNATURE_LEN;
use crate::secret::KeyId;

/// Bytes before the ciphertext.
pub const HEADER_LEN: usize = 28;
/// Bytes after it.
pub const TAG_LEN: usize = 16;
/// What sealing adds to each datagram.
pub const SEAL: Margins = Margins { head: HEADER_LEN, tail: TAG_LEN };
/// In the second byte: a signature of the session's key ends what is sealed, or in feedback the
/// attestation of a receiver.
const SIGNED: u8 = 0x80;

/// The upper half of the first byte: neither NORM's version nor that of LCT, which are 1.
const VERSION: u8 = 0x50;

/// Which AEAD seals.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Suite {
    /// AES-256-GCM (RFC 5116 §5.2): the faster one where processors have instructions for it.
    #[default]
    Aes256Gcm,
    /// ChaCha20-Poly1305 (RFC 8439).
    ChaCha20Poly1305,
}

impl Suite {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Aes256Gcm => 1,
            Self::ChaCha20Poly1305 => 2,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Aes256Gcm),
            2 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }
}

/// What a datagram is.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// From a sender to its receivers.
    Forward,
    /// From a receiver.
    Feedback,
    /// From a sender, in the clear: which key signs in its run.
    Hello,
    /// From a sender, in the clear: the secret of an epoch, wrapped for its recipients.
    Keys,
    /// From a receiver, in the clear: it asks for that.
    KeyRequest,
    /// From a sender, in the clear: answers it.
    Answer,
    /// From a receiver, a challenge; from a sender, signed, the challenges that it has heard.
    Proof,
    /// From a sender, signed: what it says of a file set.
    Statement,
}

impl Kind {
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Forward => 0,
            Self::Feedback => 1,
            Self::Hello => 2,
            Self::Keys => 3,
            Self::KeyRequest => 4,
            Self::Answer => 7,
            Self::Proof => 5,
            Self::Statement => 6,
        }
    }

    fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Forward),
            1 => Some(Self::Feedback),
            2 => Some(Self::Hello),
            3 => Some(Self::Keys),
            4 => Some(Self::KeyRequest),
            7 => Some(Self::Answer),
            5 => Some(Self::Proof),
            6 => Some(Self::Statement),
            _ => None,
        }
    }
}

/// Which of a group's secrets, in the order of time.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u16);

impl Epoch {
    /// The one after which a session has no other.
    pub const LAST: Self = Self(u16::MAX);
}

/// 96 random bits of a process: no two runs have the same, so that no key seals under the same
/// counter twice. Drawn from the operating system at each start.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub [u8; 12]);

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunId(")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str(")")
    }
}

/// What stands before the ciphertext.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) suite: Suite,
    pub(crate) kind: Kind,
    /// A signature ends what is sealed, or the attestation of a receiver.
    pub(crate) is_signed: bool,
    pub(crate) epoch: Epoch,
    pub(crate) key_id: KeyId,
    pub(crate) run: RunId,
    /// Of a HELLO when it was made, in seconds since 1970; of KEYS the range of its tags; of a
    /// request and its answer the nonce.
    pub(crate) counter: u64,
}

impl Header {
    /// True of what senders send.
    pub(crate) fn is_of_sender(&self) -> bool {
        match self.kind {
            Kind::Forward | Kind::Hello | Kind::Keys | Kind::Answer | Kind::Statement => true,
            Kind::Feedback | Kind::KeyRequest => false,
            Kind::Proof => self.is_signed,
        }
    }

    /// True when the attestation of a receiver ends what is sealed.
    pub(crate) fn is_attested(&self) -> bool {
        self.is_signed && self.kind == Kind::Feedback
    }

    /// Bytes that end what is sealed, and are not of an engine.
    pub(crate) fn ending(&self) -> usize {
        match (self.is_signed, self.kind) {
            (false, _) => 0,
            (true, Kind::Feedback) => ATTESTATION_LEN,
            (true, _) => SIGNATURE_LEN,
        }
    }

    /// Reads the header of a datagram that is long enough for header and tag; `None` for all else.
    pub(crate) fn parse(datagram: &[u8]) -> Option<Self> {
        if datagram.len() < HEADER_LEN + TAG_LEN || datagram[0] & 0xf0 != VERSION {
            return None;
        }
        let (bytes, _) = datagram.split_first_chunk::<HEADER_LEN>()?;
        let (kind, is_signed) = (Kind::from_number(bytes[1] & !SIGNED)?, bytes[1] & SIGNED != 0);
        if is_signed && matches!(kind, Kind::Hello | Kind::Keys | Kind::KeyRequest | Kind::Answer) {
            return None;
        }
        Some(Self {
            suite: Suite::from_number(bytes[0] & 0x0f)?,
            kind,
            is_signed,
            epoch: Epoch(u16::from_be_bytes([bytes[2], bytes[3]])),
            key_id: KeyId(array(&bytes[4..8])),
            run: RunId(array(&bytes[8..20])),
            counter: u64::from_be_bytes(array(&bytes[20..28])),
        })
    }

    pub(crate) fn emit(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = VERSION | self.suite.number();
        bytes[1] = self.kind.number() | if self.is_signed { SIGNED } else { 0 };
        bytes[2..4].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.key_id.0);
        bytes[8..20].copy_from_slice(&self.run.0);
        bytes[20..28].copy_from_slice(&self.counter.to_be_bytes());
        bytes
    }
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

/// The key id of a datagram that looks sealed; `None` for all others. For those who have no key and
/// want to say which one is missing.
pub fn sealed_key_id(datagram: &[u8]) -> Option<KeyId> {
    Header::parse(datagram).map(|header| header.key_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            suite: Suite::ChaCha20Poly1305,
            kind: Kind::Feedback,
            is_signed: false,
            epoch: Epoch(0x0102),
            key_id: KeyId([3, 4, 5, 6]),
            run: RunId([7; 12]),
            counter: 0x0809_0a0b_0c0d_0e0f,
        }
    }

    fn datagram() -> Vec<u8> {
        let mut bytes = header().emit().to_vec();
        bytes.resize(HEADER_LEN + TAG_LEN, 0);
        bytes
    }

    #[test]
    fn header_has_the_bytes_of_the_document() {
        let expected = [
            0x52, 1, 1, 2, 3, 4, 5, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 9, 10, 11, 12, 13,
            14, 15,
        ];
        assert_eq!(header().emit(), expected);
        assert_eq!(Header::parse(&datagram()), Some(header()));
        assert_eq!(sealed_key_id(&datagram()), Some(KeyId([3, 4, 5, 6])));
    }

    #[test]
    fn signature_is_told_by_the_highest_bit_of_the_kind() {
        let signed = Header { kind: Kind::Forward, is_signed: true, ..header() };
        assert_eq!(signed.emit()[1], 0x80);
        let mut bytes = signed.emit().to_vec();
        bytes.resize(HEADER_LEN + TAG_LEN, 0);
        assert_eq!(Header::parse(&bytes), Some(signed));
    }

    #[test]
    fn what_is_not_of_this_version_has_no_header() {
        assert_eq!(Header::parse(&datagram()[..HEADER_LEN + TAG_LEN - 1]), None, "too short");
        for (byte, value) in
            [(0, 0x12), (0, 0x53), (0, 0x50), (1, 8), (1, 0x82), (1, 0x83), (1, 0x87), (1, 0x11)]
        {
            let mut other = datagram();
            other[byte] = value;
            assert_eq!(Header::parse(&other), None, "{value:#x} in byte {byte}");
        }
    }
}
