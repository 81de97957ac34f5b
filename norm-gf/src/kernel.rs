//! Which kernels there are, and which of them this machine has.

use std::sync::LazyLock;

/// A way to compute products of whole symbols, named by the processor features that it needs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Any processor.
    Scalar,
    /// 64-bit Arm: table look-ups of 16 nibbles.
    Neon,
    /// x86-64: the same by PSHUFB.
    Ssse3,
    /// x86-64: PSHUFB on 32 bytes.
    Avx2,
    /// x86-64: products as matrices of bits, on 32 bytes.
    GfniAvx2,
    /// x86-64: products as matrices of bits, on 64 bytes.
    GfniAvx512,
}

impl Kernel {
    /// All kernels, the fastest last.
    pub const ALL: [Self; 6] =
        [Self::Scalar, Self::Neon, Self::Ssse3, Self::Avx2, Self::GfniAvx2, Self::GfniAvx512];

    /// Whether this machine has what the kernel needs.
    #[must_use]
    pub fn available(self) -> bool {
        match self {
            Self::Scalar => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[cfg(target_arch = "x86_64")]
            Self::Ssse3 => is_x86_feature_detected!("ssse3"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::GfniAvx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("gfni"),
            #[cfg(target_arch = "x86_64")]
            Self::GfniAvx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("gfni")
            }
            #[allow(unreachable_patterns, reason = "which are left depends on the processor")]
            _ => false,
        }
    }

    /// The fastest kernel of this machine.
    #[must_use]
    pub fn best() -> Self {
        static BEST: LazyLock<Kernel> = LazyLock::new(|| {
            Kernel::ALL.into_iter().rev().find(|k| k.available()).unwrap_or(Kernel::Scalar)
        });
        *BEST
    }
}
