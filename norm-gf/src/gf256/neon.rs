//! Kernel for 64-bit Arm: look-ups of nibbles, 16 bytes at a time.
#![expect(unsafe_code, reason = "loads and stores of vectors")]

use core::arch::aarch64::*;

use super::{NIBBLES, scalar};

const WIDTH: usize = 16;
const GROUP: usize = 4;
const TILE: usize = 4;

type Vector = uint8x16_t;
/// Low and high nibbles.
type Source = [uint8x16_t; 2];
type Factor = &'static [[u8; 16]; 2];

#[inline]
fn factor(c: u8) -> Factor {
    &NIBBLES[usize::from(c)]
}

#[target_feature(enable = "neon")]
#[inline]
fn whole(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: reads 16 bytes, unaligned, out of a reference to as many.
    unsafe { vld1q_u8(bytes.as_ptr()) }
}

#[target_feature(enable = "neon")]
#[inline]
fn load(bytes: &[u8; WIDTH]) -> Source {
    let bytes = whole(bytes);
    [vandq_u8(bytes, vdupq_n_u8(15)), vshrq_n_u8::<4>(bytes)]
}

#[target_feature(enable = "neon")]
#[inline]
fn zero() -> Vector {
    vdupq_n_u8(0)
}

#[target_feature(enable = "neon")]
#[inline]
fn mul_add(sum: Vector, factor: &Factor, source: Source) -> Vector {
    let low = vqtbl1q_u8(whole(&factor[0]), source[0]);
    let high = vqtbl1q_u8(whole(&factor[1]), source[1]);
    veorq_u8(sum, veorq_u8(low, high))
}

#[target_feature(enable = "neon")]
#[inline]
fn add_to(bytes: &mut [u8; WIDTH], sum: Vector, mask: &[u8; WIDTH]) {
    let sum = veorq_u8(whole(bytes), vandq_u8(sum, whole(mask)));
    // SAFETY: writes 16 bytes, unaligned, through a reference to as many.
    unsafe { vst1q_u8(bytes.as_mut_ptr(), sum) }
}

rows_kernel!("neon", u8, scalar::run);
