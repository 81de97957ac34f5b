//! Kernels of GF(2^8).

#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::kernel::Kernel;
use crate::rows::Rows;

/// Adds to all rows with this kernel, or with a lesser one if the machine does not have it.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(unsafe_code, reason = "a kernel may be entered only where its features are")
)]
pub(crate) fn run(kernel: Kernel, rows: Rows<'_, u8>) {
    let kernel = if kernel.available() { kernel } else { Kernel::Scalar };
    match kernel {
        // SAFETY: `available` has found neon.
        #[cfg(target_arch = "aarch64")]
        Kernel::Neon => unsafe { neon::run(rows) },
        // SAFETY: `available` has found ssse3.
        #[cfg(target_arch = "x86_64")]
        Kernel::Ssse3 => unsafe { x86::ssse3::run(rows) },
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

/// `c * x` bit by bit; for tables.
const fn product(c: usize, x: usize) -> u8 {
    let (mut sum, mut power, mut rest) = (0, c, x);
    while rest != 0 {
        if rest & 1 != 0 {
            sum ^= power;
        }
        power <<= 1;
        if power > 0xff {
            power ^= 0x11D;
        }
        rest >>= 1;
    }
    sum as u8
}

/// Of each coefficient, the products with all low and with all high nibbles.
static NIBBLES: [[[u8; 16]; 2]; 256] = {
    let mut tables = [[[0; 16]; 2]; 256];
    let mut c = 0;
    while c < 256 {
        let mut x = 0;
        while x < 16 {
            tables[c][0][x] = product(c, x);
            tables[c][1][x] = product(c, x << 4);
            x += 1;
        }
        c += 1;
    }
    tables
};
