//! What a kernel is to do, checked.

/// Rows of sums to be added to, all lengths checked.
#[derive(Debug)]
pub(crate) struct Rows<'a, E> {
    /// Whole rows of `row_len` bytes.
    pub dst: &'a mut [u8],
    /// Not 0.
    pub row_len: usize,
    /// One row of `sources.len()` for every row of `dst`.
    pub coefficients: &'a [E],
    /// At least one, all of `row_len` bytes.
    pub sources: &'a [&'a [u8]],
}

impl<'a, E> Rows<'a, E> {
    /// `None` when there is nothing to do.
    pub fn new(
        dst: &'a mut [u8],
        row_len: usize,
        coefficients: &'a [E],
        sources: &'a [&'a [u8]],
    ) -> Option<Self> {
        assert!(sources.iter().all(|source| source.len() == row_len), "a source of another length");
        if row_len == 0 || sources.is_empty() {
            assert!(row_len != 0 || dst.is_empty(), "rows of no bytes have none");
            return None;
        }
        let rows = dst.len() / row_len;
        assert_eq!(dst.len(), rows * row_len, "not whole rows");
        assert_eq!(coefficients.len(), rows * sources.len(), "other rows of coefficients");
        Some(Self { dst, row_len, coefficients, sources })
    }
}

/// Bytes 0, then as many ones: from where a vector of it is loaded decides how many of its last
/// bytes are kept.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(crate) const KEEP: [u8; 256] = {
    let mut mask = [0; 256];
    let mut n = 128;
    while n < 256 {
        mask[n] = 0xff;
        n += 1;
    }
    mask
};
