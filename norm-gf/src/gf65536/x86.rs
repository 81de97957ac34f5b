//! Kernels for x86-64. Low and high bytes of words are taken apart, multiplied as in GF(2^8) with
//! what becomes low and what becomes high bytes of the product, and put together again.

use std::sync::LazyLock;

use super::{nibbles, shifted};

/// 4 matrices of 8 by 8 bits as GF2P8AFFINEQB takes them: from low bytes to low, from high to low,
/// from low to high, from high to high.
type Matrices = [u64; 4];

/// Of all coefficients below 256, and of all their multiples of 256; that of any other is a sum.
static MATRICES: LazyLock<Box<[[Matrices; 256]; 2]>> = LazyLock::new(|| {
    let mut all = Box::new([[[0; 4]; 256]; 2]);
    for c in 0..=255_u8 {
        all[0][usize::from(c)] = matrices(u16::from(c));
        all[1][usize::from(c)] = matrices(u16::from(c) << 8);
    }
    all
});

fn matrices(c: u16) -> Matrices {
    let mut matrices = [0; 4];
    for (column, product) in shifted(c).into_iter().enumerate() {
        for row in 0..16 {
            // The row that makes bit i of a byte is byte 7 - i.
            let bit = u64::from(product >> row & 1) << ((7 - row % 8) * 8 + column % 8);
            matrices[row / 8 * 2 + column / 8] |= bit;
        }
    }
    matrices
}

fn gfni_factor(c: u16) -> Matrices {
    let [low, high] = c.to_le_bytes().map(usize::from);
    let (low, high) = (&MATRICES[0][low], &MATRICES[1][high]);
    core::array::from_fn(|n| low[n] ^ high[n])
}

pub(super) mod avx2 {
    //! 64 bytes at a time, 8 look-ups of nibbles.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::scalar;
    use super::{LazyLock, nibbles};

    const WIDTH: usize = 64;
    const GROUP: usize = 4;
    const TILE: usize = 1;

    /// Low bytes and high bytes.
    type Vector = [__m256i; 2];
    /// The nibbles of a word, lowest first.
    type Source = [__m256i; 4];
    /// Of each nibble, low bytes and high bytes of the products.
    type Factor = [[[u8; 16]; 2]; 4];

    /// Of all coefficients below 256, and of all their multiples of 256; that of any other is a
    /// sum.
    static TABLES: LazyLock<Box<[[Factor; 256]; 2]>> = LazyLock::new(|| {
        let mut all = Box::new([[Factor::default(); 256]; 2]);
        for c in 0..=255_u8 {
            all[0][usize::from(c)] = tables(u16::from(c));
            all[1][usize::from(c)] = tables(u16::from(c) << 8);
        }
        all
    });

    fn tables(c: u16) -> Factor {
        nibbles(c).map(|table| {
            let bytes = table.map(u16::to_le_bytes);
            [bytes.map(|b| b[0]), bytes.map(|b| b[1])]
        })
    }

    #[inline]
    fn factor(c: u16) -> Factor {
        let [low, high] = c.to_le_bytes().map(usize::from);
        let mut sum = TABLES[0][low];
        for (sum, term) in sum.as_flattened_mut().iter_mut().zip(TABLES[1][high].as_flattened()) {
            for (sum, term) in sum.iter_mut().zip(term) {
                *sum ^= term;
            }
        }
        sum
    }

    /// The same table for both halves: PSHUFB looks up within 16 bytes.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn twice(table: &[u8; 16]) -> __m256i {
        // SAFETY: reads 16 bytes, unaligned, out of a reference to as many.
        _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(table.as_ptr().cast()) })
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn half(bytes: &[u8; 32]) -> __m256i {
        // SAFETY: reads 32 bytes, unaligned, out of a reference to as many.
        unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn store(bytes: &mut [u8; 32], vector: __m256i) {
        // SAFETY: writes 32 bytes, unaligned, through a reference to as many.
        unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
    }

    /// Low bytes and high bytes, both in an order that [`add_to`] undoes.
    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn split(bytes: &[u8; WIDTH]) -> Vector {
        let [a, b] = bytes.as_chunks().0 else { return zero() };
        let (a, b) = (half(a), half(b));
        let low = _mm256_set1_epi16(0xff);
        [
            _mm256_packus_epi16(_mm256_and_si256(a, low), _mm256_and_si256(b, low)),
            _mm256_packus_epi16(_mm256_srli_epi16::<8>(a), _mm256_srli_epi16::<8>(b)),
        ]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Source {
        let nibble = _mm256_set1_epi8(15);
        let [low, high] = split(bytes);
        [
            _mm256_and_si256(low, nibble),
            _mm256_and_si256(_mm256_srli_epi64::<4>(low), nibble),
            _mm256_and_si256(high, nibble),
            _mm256_and_si256(_mm256_srli_epi64::<4>(high), nibble),
        ]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn zero() -> Vector {
        [_mm256_setzero_si256(); 2]
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn mul_add(mut sum: Vector, factor: &Factor, source: Source) -> Vector {
        for (tables, nibble) in factor.iter().zip(source) {
            for (sum, table) in sum.iter_mut().zip(tables) {
                *sum = _mm256_xor_si256(*sum, _mm256_shuffle_epi8(twice(table), nibble));
            }
        }
        sum
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    pub(super) fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = [_mm256_unpacklo_epi8(sum[0], sum[1]), _mm256_unpackhi_epi8(sum[0], sum[1])];
        let masks = mask.as_chunks().0;
        for ((bytes, sum), mask) in bytes.as_chunks_mut().0.iter_mut().zip(sum).zip(masks) {
            let kept = _mm256_and_si256(sum, half(mask));
            let sum = _mm256_xor_si256(half(bytes), kept);
            store(bytes, sum);
        }
    }

    rows_kernel!("avx2", u16, scalar::run);
}

pub(super) mod gfni_avx2 {
    //! 64 bytes at a time, 4 products with matrices.

    use core::arch::x86_64::*;

    use super::super::scalar;
    use super::avx2::{add_to, split as load, zero};
    use super::{Matrices, gfni_factor as factor};

    const WIDTH: usize = 64;
    const GROUP: usize = 4;
    const TILE: usize = 1;

    /// Low bytes and high bytes.
    type Vector = [__m256i; 2];
    type Factor = Matrices;

    #[target_feature(enable = "avx2,gfni")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, [low, high]: Vector) -> Vector {
        let matrix = factor.map(|matrix| _mm256_set1_epi64x(matrix.cast_signed()));
        let product = [
            _mm256_xor_si256(
                _mm256_gf2p8affine_epi64_epi8::<0>(low, matrix[0]),
                _mm256_gf2p8affine_epi64_epi8::<0>(high, matrix[1]),
            ),
            _mm256_xor_si256(
                _mm256_gf2p8affine_epi64_epi8::<0>(low, matrix[2]),
                _mm256_gf2p8affine_epi64_epi8::<0>(high, matrix[3]),
            ),
        ];
        [_mm256_xor_si256(sum[0], product[0]), _mm256_xor_si256(sum[1], product[1])]
    }

    rows_kernel!("avx2,gfni", u16, scalar::run);
}

pub(super) mod gfni_avx512 {
    //! 128 bytes at a time, 4 products with matrices.
    #![expect(unsafe_code, reason = "loads and stores of vectors")]

    use core::arch::x86_64::*;

    use super::super::scalar;
    use super::{Matrices, gfni_factor as factor};

    const WIDTH: usize = 128;
    const GROUP: usize = 4;
    const TILE: usize = 2;

    /// Low bytes and high bytes.
    type Vector = [__m512i; 2];
    type Factor = Matrices;

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn half(bytes: &[u8; 64]) -> __m512i {
        // SAFETY: reads 64 bytes, unaligned, out of a reference to as many.
        unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn store(bytes: &mut [u8; 64], vector: __m512i) {
        // SAFETY: writes 64 bytes, unaligned, through a reference to as many.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), vector) }
    }

    /// Low bytes and high bytes, both in an order that [`add_to`] undoes.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn load(bytes: &[u8; WIDTH]) -> Vector {
        let [a, b] = bytes.as_chunks().0 else { return zero() };
        let (a, b) = (half(a), half(b));
        let low = _mm512_set1_epi16(0xff);
        [
            _mm512_packus_epi16(_mm512_and_si512(a, low), _mm512_and_si512(b, low)),
            _mm512_packus_epi16(_mm512_srli_epi16::<8>(a), _mm512_srli_epi16::<8>(b)),
        ]
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn zero() -> Vector {
        [_mm512_setzero_si512(); 2]
    }

    #[target_feature(enable = "avx512f,avx512bw,gfni")]
    #[inline]
    fn mul_add(sum: Vector, factor: &Factor, [low, high]: Vector) -> Vector {
        let matrix = factor.map(|matrix| _mm512_set1_epi64(matrix.cast_signed()));
        let product = [
            _mm512_xor_si512(
                _mm512_gf2p8affine_epi64_epi8::<0>(low, matrix[0]),
                _mm512_gf2p8affine_epi64_epi8::<0>(high, matrix[1]),
            ),
            _mm512_xor_si512(
                _mm512_gf2p8affine_epi64_epi8::<0>(low, matrix[2]),
                _mm512_gf2p8affine_epi64_epi8::<0>(high, matrix[3]),
            ),
        ];
        [_mm512_xor_si512(sum[0], product[0]), _mm512_xor_si512(sum[1], product[1])]
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
        let sum = [_mm512_unpacklo_epi8(sum[0], sum[1]), _mm512_unpackhi_epi8(sum[0], sum[1])];
        let masks = mask.as_chunks().0;
        for ((bytes, sum), mask) in bytes.as_chunks_mut().0.iter_mut().zip(sum).zip(masks) {
            let kept = _mm512_and_si512(sum, half(mask));
            let sum = _mm512_xor_si512(half(bytes), kept);
            store(bytes, sum);
        }
    }

    rows_kernel!("avx512f,avx512bw,gfni", u16, scalar::run);
}
