//! Content that is computed rather than stored, so that any byte can be checked anywhere.

use bytes::Bytes;

use crate::packet::mix;

/// The content of all objects of a run.
#[derive(Copy, Clone, Debug)]
pub struct Content {
    seed: u64,
}

impl Content {
    /// Content that follows from a seed.
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// `len` bytes of an object (by the low 16 bits of its key) from `offset` on.
    pub fn read(&self, key: u64, offset: u64, len: usize) -> Bytes {
        let object = key & 0xffff;
        let end = offset + len as u64;
        let words = (offset / 8)..end.div_ceil(8);
        let bytes: Vec<u8> = words.flat_map(|word| self.word(object, word).to_le_bytes()).collect();
        let skip = (offset % 8) as usize;
        Bytes::from(bytes).slice(skip..skip + len)
    }

    /// Bytes that stand for a repair symbol where no receiver decodes.
    pub(crate) fn repair(&self, key: u64, block: u32, symbol: u32, len: usize) -> Bytes {
        let name = u64::from(block) << 32 | u64::from(symbol);
        Self { seed: mix(self.seed, !name) }.read(key, 0, len)
    }

    fn word(&self, object: u64, word: u64) -> u64 {
        let mut z = self.seed ^ (object << 48) ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn part_agrees_with_the_whole_object() {
        let content = Content::new(7);
        let whole = content.read(3, 0, 100);
        for start in 0..20 {
            assert_eq!(
                content.read(3, start, 50),
                whole.slice(start as usize..start as usize + 50)
            );
        }
        assert_ne!(content.read(4, 0, 100), whole);
        assert!(content.read(1, 5, 0).is_empty());
    }
}
