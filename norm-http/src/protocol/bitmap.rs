//! Which chunks of a set a service has: a bit each, the first in the highest bit of the first byte.
//! Bits after the last chunk are 0.

/// Which chunks there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    bytes: Vec<u8>,
    chunks: u32,
}

/// Bytes of a bitmap of this many chunks.
pub fn bitmap_len(chunks: u32) -> usize {
    chunks.div_ceil(8) as usize
}

impl Bitmap {
    /// All of this many chunks.
    pub fn full(chunks: u32) -> Self {
        let mut bytes = vec![0xff; bitmap_len(chunks)];
        if let (Some(last), rest @ 1..) = (bytes.last_mut(), chunks % 8) {
            *last = !(0xff >> rest);
        }
        Self { bytes, chunks }
    }

    /// The bitmap of this many chunks, as it travels; `None` when it is none.
    pub fn parse(bytes: &[u8], chunks: u32) -> Option<Self> {
        let last = Self::full(chunks).bytes.last().copied().unwrap_or_default();
        let is_clean = bytes.last().copied().unwrap_or_default() & !last == 0;
        let fits = bytes.len() == bitmap_len(chunks) && is_clean;
        fits.then(|| Self { bytes: bytes.to_vec(), chunks })
    }

    /// As it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many chunks the set has.
    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// True when the chunk with this number is there.
    pub fn has(&self, chunk: u32) -> bool {
        let byte = self.bytes.get((chunk / 8) as usize).copied().unwrap_or_default();
        byte & bit(chunk) != 0
    }

    /// The chunk with this number is not there any more; false if it was not before.
    pub fn remove(&mut self, chunk: u32) -> bool {
        let had = self.has(chunk);
        if let Some(byte) = self.bytes.get_mut((chunk / 8) as usize) {
            *byte &= !bit(chunk);
        }
        had
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.bytes.iter().map(|byte| byte.count_ones()).sum()
    }
}

fn bit(chunk: u32) -> u8 {
    0x80 >> (chunk % 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_counted_from_the_highest_bit() {
        let mut bitmap = Bitmap::full(10);
        assert_eq!((bitmap.as_bytes(), bitmap.count()), (&[0xff, 0xc0][..], 10));
        assert!(bitmap.remove(1) && !bitmap.remove(1) && !bitmap.remove(10));
        assert_eq!((bitmap.as_bytes(), bitmap.count()), (&[0xbf, 0xc0][..], 9));
        assert!(bitmap.has(0) && !bitmap.has(1) && bitmap.has(9) && !bitmap.has(10));
        assert_eq!(Bitmap::parse(&[0xbf, 0xc0], 10), Some(bitmap));
        assert_eq!(Bitmap::full(16).as_bytes(), [0xff, 0xff]);
        assert_eq!(Bitmap::parse(&[], 0), Some(Bitmap::full(0)));
    }

    #[test]
    fn bitmaps_of_other_sets_are_none() {
        for wrong in [&[0xff][..], &[0xff, 0xc0, 0], &[0xff, 0xe0], &[]] {
            assert_eq!(Bitmap::parse(wrong, 10), None);
        }
    }
}
