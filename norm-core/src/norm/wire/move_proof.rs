//! EXT_MOVE: what lets receivers believe that a sender has another address. Not of the RFC; on
//! NORM_INFO, and on the NORM_CMD(APPLICATION) of a native sender that concern membership.
//!
//! ```text
//! | het 68        | hel 5         | moves 16                      |
//! | value 128                                                     |
//! ```

use super::ParseError;
use super::reader::Reader;

/// The extension's type.
pub(super) const EXT_MOVE: u8 = 68;
/// Its length in words.
const WORDS: u8 = 5;

/// How often a sender has moved, and a value that only it knew before it did for the last time.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct MoveProof {
    /// How often its address has changed.
    pub moves: u16,
    /// Hashed once for each move, this is the value that it had before.
    pub value: [u8; 16],
}

impl MoveProof {
    /// Bytes of the extension.
    pub const LEN: usize = WORDS as usize * 4;

    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body, ParseError::Extension);
        let proof = Self { moves: reader.u16().ok()?, value: reader.array().ok()? };
        reader.is_empty().then_some(proof)
    }

    pub(super) fn to_extension(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..2].copy_from_slice(&[EXT_MOVE, WORDS]);
        bytes[2..4].copy_from_slice(&self.moves.to_be_bytes());
        bytes[4..].copy_from_slice(&self.value);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::norm::wire::{ExtensionBuf, Extensions};

    #[test]
    fn layout_is_fixed_and_other_lengths_are_none() {
        let proof = MoveProof { moves: 0x0102, value: [0xab; 16] };
        let mut written = ExtensionBuf::new();
        assert!(written.push_move(proof));
        let bytes = written.as_extensions().as_bytes();
        assert_eq!(bytes[..4], [68, 5, 1, 2]);
        assert_eq!(bytes[4..], [0xab; 16]);
        assert_eq!(written.as_extensions().move_proof(), Some(proof));
        for words in [1, 4, 6] {
            let mut other = vec![0; usize::from(words) * 4];
            other[..2].copy_from_slice(&[EXT_MOVE, words]);
            assert_eq!(Extensions::from_bytes(&other).unwrap().move_proof(), None);
        }
    }
}
