//! Kernels for x86-64. A product of a byte is the sum of those of its nibbles, looked up by PSHUFB,
//! or that with a matrix of 8 by 8 bits, by GFNI.

/// Of each coefficient, the matrix of bits as GF2P8AFFINEQB takes it: the row that makes bit i of
/// the product is byte 7 - i.
static MATRICES: [u64; 256] = {
    let mut matrices = [0; 256];
    let mut c = 0;
    while c < 256 {
        let mut column = 0;
        while column < 8 {
            let product = super::product(c, 1 << column);
            let mut row = 0;
            while row < 8 {
                if product >> row & 1 != 0 {
                    matrices[c] |= 1 << ((7 - row) * 8 + column);
                }
                row += 1;
            }
            column += 1;
        }
        c += 1;
    }
    matrices
};

pub(super) mod ssse3 {
    //! 16 bytes at a time.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::{NIBBLES, scalar};

    const WIDTH: usize = 16;
    const GROUP: usize = 4;
    const TILE: usize = 2;

    type Vector = __m128i;
    /// Low and high nibbles.
    type Source = [__m128i; 2];
    type Factor = &'static [[u8; 16]; 2];

    #[inline]
    fn factor(c: u8) -> Factor {
        &NIBBLES[usize::from(c)]
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn whole(bytes: &[u8; WIDTH]) -> Vector {
        // SAFETY: reads 16 bytes, unaligned, out of a reference to as many.
        unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Source {
        let nibble = _mm_set1_epi8(15);
        let bytes = whole(bytes);
        [_mm_and_si128(bytes, nibble), _mm_and_si128(_mm_srli_epi64::<4>(bytes), nibble)]
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn zero() -> Vector {
        _mm_setzero_si128()
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, source: Source) -> Vector {
        let low = _mm_shuffle_epi8(whole(&factor[0]), source[0]);
        let high = _mm_shuffle_epi8(whole(&factor[1]), source[1]);
        _mm_xor_si128(sum, _mm_xor_si128(low, high))
    }

    #[target_feature(enable = "ssse3")]
    #[inline]
    fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = _mm_xor_si128(whole(bytes), _mm_and_si128(sum, whole(mask)));
        // SAFETY: writes 16 bytes, unaligned, through a reference to as many.
        unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), sum) }
    }

    rows_kernel!("ssse3", u8, scalar::run);
}

pub(super) mod avx2 {
    //! 32 bytes at a time.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::{NIBBLES, scalar};

    const WIDTH: usize = 32;
    const GROUP: usize = 4;
    const TILE: usize = 2;

    type Vector = __m256i;
    /// Low and high nibbles.
    type Source = [__m256i; 2];
    type Factor = &'static [[u8; 16]; 2];

    #[inline]
    fn factor(c: u8) -> Factor {
        &NIBBLES[usize::from(c)]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn whole(bytes: &[u8; WIDTH]) -> Vector {
        // SAFETY: reads 32 bytes, unaligned, out of a reference to as many.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    /// The same table for both halves: PSHUFB looks up within 16 bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn twice(table: &[u8; 16]) -> Vector {
        // SAFETY: reads 16 bytes, unaligned, out of a reference to as many.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Source {
        let nibble = _mm256_set1_epi8(15);
        let bytes = whole(bytes);
        [_mm256_and_si256(bytes, nibble), _mm256_and_si256(_mm256_srli_epi64::<4>(bytes), nibble)]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn zero() -> Vector {
        _mm256_setzero_si256()
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, source: Source) -> Vector {
        let low = _mm256_shuffle_epi8(twice(&factor[0]), source[0]);
        let high = _mm256_shuffle_epi8(twice(&factor[1]), source[1]);
        _mm256_xor_si256(sum, _mm256_xor_si256(low, high))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = _mm256_xor_si256(whole(bytes), _mm256_and_si256(sum, whole(mask)));
        // SAFETY: writes 32 bytes, unaligned, through a reference to as many.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), sum) }
    }

    rows_kernel!("avx2", u8, scalar::run);
}

pub(super) mod gfni_avx2 {
    //! 32 bytes at a time.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::scalar;
    use super::MATRICES;

    const WIDTH: usize = 32;
    const GROUP: usize = 4;
    const TILE: usize = 2;

    type Vector = __m256i;
    type Source = __m256i;
    type Factor = u64;

    #[inline]
    fn factor(c: u8) -> Factor {
        MATRICES[usize::from(c)]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Source {
        // SAFETY: reads 32 bytes, unaligned, out of a reference to as many.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn zero() -> Vector {
        _mm256_setzero_si256()
    }

    #[target_feature(enable = "avx2,gfni")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, source: Source) -> Vector {
        let matrix = _mm256_set1_epi64x(factor.cast_signed());
        _mm256_xor_si256(sum, _mm256_gf2p8affine_epi64_epi8::<0>(source, matrix))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = _mm256_xor_si256(load(bytes), _mm256_and_si256(sum, load(mask)));
        // SAFETY: writes 32 bytes, unaligned, through a reference to as many.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), sum) }
    }

    rows_kernel!("avx2,gfni", u8, scalar::run);
}

pub(super) mod gfni_avx512 {
    //! 64 bytes at a time.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::scalar;
    use super::MATRICES;

    const WIDTH: usize = 64;
    const GROUP: usize = 4;
    const TILE: usize = 4;

    type Vector = __m512i;
    type Source = __m512i;
    type Factor = u64;

    #[inline]
    fn factor(c: u8) -> Factor {
        MATRICES[usize::from(c)]
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Source {
        // SAFETY: reads 64 bytes, unaligned, out of a reference to as many.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn zero() -> Vector {
        _mm512_setzero_si512()
    }

    #[target_feature(enable = "avx512f,avx512bw,gfni")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, source: Source) -> Vector {
        let matrix = _mm512_set1_epi64(factor.cast_signed());
        _mm512_xor_si512(sum, _mm512_gf2p8affine_epi64_epi8::<0>(source, matrix))
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = _mm512_xor_si512(load(bytes), _mm512_and_si512(sum, load(mask)));
        // SAFETY: writes 64 bytes, unaligned, through a reference to as many.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), sum) }
    }

    rows_kernel!("avx512f,avx512bw,gfni", u8, scalar::run);
}
