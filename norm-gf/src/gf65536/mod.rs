//! Kernels of GF(2^16). An odd last byte of a row is left alone.

mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::kernel::Kernel;
use crate::rows::Rows;

/// Adds to all rows with this kernel, or with a lesser one if the machine does not have it or it
/// has no form for this field.
#[cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "a kernel may be entered only where its features are")
)]
pub(crate) fn run(kernel: Kernel, rows: Rows<'_, u16>) {
    let kernel = if kernel.available() { kernel } else { Kernel::Scalar };
    match kernel {
        // SAFETY: `available` has found avx2.
        #[cfg(target_arch = "x86_64")]
        Kernel::Avx2 => unsafe { x86::avx2::run(rows) },
        // SAFETY: `available` has found avx2 and gfni.
        #[cfg(target_arch = "x86_64")]
        Kernel::GfniAvx2 => unsafe { x86::gfni_avx2::run(rows) },
        // SAFETY: `available` has found avx512f, avx512bw and gfni.
        #[cfg(target_arch = "x86_64")]
        Kernel::GfniAvx512 => unsafe { x86::gfni_avx512::run(rows) },
        _ => scalar::run(rows),
    }
}

/// The products `c * 2^0` to `c * 2^15`.
fn shifted(c: u16) -> [u16; 16] {
    let mut power = c;
    core::array::from_fn(|_| {
        let this = power;
        let carry = if power & 0x8000 == 0 { 0 } else { 0x100B };
        power = power << 1 ^ carry;
        this
    })
}

/// Of one coefficient, the products with each of the 4 nibbles of a word.
fn nibbles(c: u16) -> [[u16; 16]; 4] {
    let shifted = shifted(c);
    let mut tables = [[0; 16]; 4];
    for (table, shifted) in tables.iter_mut().zip(shifted.as_chunks::<4>().0) {
        for x in 1..16_usize {
            // The lowest bit of x, and a smaller number that is done already.
            table[x] = table[x & (x - 1)] ^ shifted[x.trailing_zeros() as usize];
        }
    }
    tables
}
