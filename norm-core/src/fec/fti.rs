//! Layouts to and from EXT_FTI.

use super::{Layout, LayoutError, Scheme};
use crate::wire::{Fti, ObjectSize};

impl Layout {
    /// Checks what a packet says about an object.
    ///
    /// # Errors
    /// [`LayoutError`] when the values are impossible, beyond our limits, or of another scheme.
    pub fn from_fti(fti: &Fti) -> Result<Self, LayoutError> {
        match *fti {
            Fti::RaptorQ { size, symbol_size, blocks, sub_blocks, alignment } => {
                Self::raptorq(size.get(), symbol_size, blocks, sub_blocks, alignment)
            }
            Fti::NoCode { size, symbol_size, max_block_len } => {
                Self::no_code(size.get(), symbol_size, max_block_len)
            }
            _ => Err(LayoutError::UnknownScheme),
        }
    }

    /// What packets say about the object.
    pub fn to_fti(&self) -> Fti {
        let size = ObjectSize::new(self.size()).unwrap_or(ObjectSize::MAX);
        let symbol_size = self.symbol_size();
        match self.scheme() {
            Scheme::RaptorQ => Fti::RaptorQ {
                size,
                symbol_size,
                blocks: u8::try_from(self.blocks()).unwrap_or(u8::MAX),
                sub_blocks: self.sub_blocks(),
                alignment: self.alignment(),
            },
            Scheme::NoCode => {
                Fti::NoCode { size, symbol_size, max_block_len: self.max_block_len() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_survives_the_wire() {
        for size in [0, 1, 1343, 1344, 1345, 10_000_000] {
            for layout in [
                Layout::choose_raptorq(size, 1344, 1024).unwrap(),
                Layout::choose_no_code(size, 1344, 1024).unwrap(),
            ] {
                assert_eq!(Layout::from_fti(&layout.to_fti()), Ok(layout));
            }
        }
    }
}
