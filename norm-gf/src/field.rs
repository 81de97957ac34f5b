//! The two fields behind one trait.

use std::sync::LazyLock;

use crate::kernel::Kernel;
use crate::rows::Rows;
use crate::tables::Tables;
use crate::{gf256, gf65536};

mod sealed {
    pub trait Sealed {}
}

/// A field of 2^m elements, and symbols that are vectors over it.
pub trait Field: sealed::Sealed + Copy + 'static {
    /// One element; addition is exclusive or.
    type Element: Copy + Default + Eq + Into<u32> + core::fmt::Debug + Send + Sync;

    /// Elements without 0: the logarithms are 0 to `ORDER - 1`.
    const ORDER: u32;

    /// Bytes of an element in a symbol, least significant first.
    const BYTES: usize;

    /// Powers and logarithms.
    fn tables() -> &'static Tables<Self::Element>;

    /// `dst[r] += sum of coefficients[r][s] * sources[s]` for every row r of `dst`, with one
    /// kernel.
    ///
    /// A row has `row_len` bytes, all rows are one after the other, in `coefficients` as well.
    /// Where a row is not whole elements, its last byte is left alone. A kernel that this machine
    /// does not have, or that has no form for this field, gives way to one that does the same.
    ///
    /// # Panics
    ///
    /// If a source is not `row_len` bytes long, or `dst` and `coefficients` have not the same
    /// number of whole rows. Without sources, or with rows of no bytes, nothing is done.
    fn mul_add_rows_with(
        kernel: Kernel,
        dst: &mut [u8],
        row_len: usize,
        coefficients: &[Self::Element],
        sources: &[&[u8]],
    );

    /// [`mul_add_rows_with`](Self::mul_add_rows_with) the fastest kernel.
    ///
    /// # Panics
    ///
    /// As there.
    fn mul_add_rows(
        dst: &mut [u8],
        row_len: usize,
        coefficients: &[Self::Element],
        sources: &[&[u8]],
    ) {
        Self::mul_add_rows_with(Kernel::best(), dst, row_len, coefficients, sources);
    }

    /// `dst += c * src`, with one kernel.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    fn mul_add_with(kernel: Kernel, dst: &mut [u8], c: Self::Element, src: &[u8]) {
        let row_len = dst.len();
        Self::mul_add_rows_with(kernel, dst, row_len, &[c], &[src]);
    }

    /// `dst += c * src`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    fn mul_add(dst: &mut [u8], c: Self::Element, src: &[u8]) {
        Self::mul_add_with(Kernel::best(), dst, c, src);
    }

    /// 2^n.
    #[must_use]
    fn exp(n: u32) -> Self::Element {
        Self::tables().exp()[(n % Self::ORDER) as usize]
    }

    /// The n below [`ORDER`](Self::ORDER) with `2^n = x`; `None` for 0.
    #[must_use]
    fn log(x: Self::Element) -> Option<u32> {
        let x: u32 = x.into();
        (x != 0).then(|| u32::from(Self::tables().log()[x as usize]))
    }

    /// `x * y`.
    #[must_use]
    fn mul(x: Self::Element, y: Self::Element) -> Self::Element {
        match (Self::log(x), Self::log(y)) {
            (Some(x), Some(y)) => Self::exp(x + y),
            _ => Self::Element::default(),
        }
    }

    /// `1 / x`; `None` for 0.
    #[must_use]
    fn inv(x: Self::Element) -> Option<Self::Element> {
        Some(Self::exp(Self::ORDER - Self::log(x)?))
    }
}

/// GF(2^8) by x^8 + x^4 + x^3 + x^2 + 1 (0x11D, RFC 5510 §8.1).
#[derive(Copy, Clone, Debug)]
pub struct Gf256;

/// GF(2^16) by x^16 + x^12 + x^3 + x + 1 (0x1100B, RFC 5510 §8.1); elements of symbols are
/// little-endian.
#[derive(Copy, Clone, Debug)]
pub struct Gf65536;

impl sealed::Sealed for Gf256 {}
impl sealed::Sealed for Gf65536 {}

impl Field for Gf256 {
    type Element = u8;
    const ORDER: u32 = 255;
    const BYTES: usize = 1;

    fn tables() -> &'static Tables<u8> {
        static TABLES: LazyLock<Tables<u8>> = LazyLock::new(|| Tables::new(8, 0x11D));
        &TABLES
    }

    fn mul_add_rows_with(
        kernel: Kernel,
        dst: &mut [u8],
        row_len: usize,
        coefficients: &[u8],
        sources: &[&[u8]],
    ) {
        if let Some(rows) = Rows::new(dst, row_len, coefficients, sources) {
            gf256::run(kernel, rows);
        }
    }
}

impl Field for Gf65536 {
    type Element = u16;
    const ORDER: u32 = 65_535;
    const BYTES: usize = 2;

    fn tables() -> &'static Tables<u16> {
        static TABLES: LazyLock<Tables<u16>> = LazyLock::new(|| Tables::new(16, 0x1100B));
        &TABLES
    }

    fn mul_add_rows_with(
        kernel: Kernel,
        dst: &mut [u8],
        row_len: usize,
        coefficients: &[u16],
        sources: &[&[u8]],
    ) {
        if let Some(rows) = Rows::new(dst, row_len, coefficients, sources) {
            gf65536::run(kernel, rows);
        }
    }
}
