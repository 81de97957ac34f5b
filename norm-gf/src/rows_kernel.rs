//! The loops that all vector kernels share.
//!
//! A macro, because a function with processor features is inlined only into functions with the same
//! features, and these cannot be a generic parameter.

/// Makes `run(Rows<$element>)` out of these items of the module that calls it:
///
/// - `WIDTH`, the bytes of a `Vector`; `TILE`, how many vectors of each of `GROUP` rows are
///   summed up in registers;
/// - `Factor`, what is needed of a coefficient, and `factor` to make it;
/// - `load(&[u8; WIDTH]) -> Source`, `zero() -> Vector`, `mul_add(Vector, &Factor, Source) ->
///   Vector`;
/// - `add_to(&mut [u8; WIDTH], Vector, &[u8; WIDTH])`, which adds what the mask keeps.
macro_rules! rows_kernel {
    ($features:literal, $element:ty, $scalar:path) => {
        /// Adds to all rows.
        ///
        /// In the order that keeps data near: the factors of 16 rows and 64 sources at a time,
        /// their bytes in pieces that the first cache holds, the sums of a piece in registers.
        #[target_feature(enable = $features)]
        pub(crate) fn run(rows: $crate::rows::Rows<'_, $element>) {
            const ROWS: usize = 16;
            const SOURCES: usize = 64;
            const PIECE: usize = 256;
            const { assert!(PIECE % (TILE * WIDTH) == 0 && ROWS % GROUP == 0 && WIDTH <= 128) }

            let $crate::rows::Rows { dst, row_len, coefficients, sources } = rows;
            let end = row_len - row_len % size_of::<$element>();
            if end < WIDTH {
                return $scalar($crate::rows::Rows { dst, row_len, coefficients, sources });
            }
            let mut factors: Vec<Factor> = Vec::with_capacity(ROWS * SOURCES.min(sources.len()));
            let columns = sources.len();
            for (dst, coefficients) in
                dst.chunks_mut(ROWS * row_len).zip(coefficients.chunks(ROWS * columns))
            {
                for (chunk, sources) in sources.chunks(SOURCES).enumerate() {
                    // In the order of use: by group of rows, then by source.
                    factors.clear();
                    for group in coefficients.chunks(GROUP * columns) {
                        let lone = group.len() < GROUP * columns;
                        let step = if lone { columns } else { group.len() };
                        for group in group.chunks(step) {
                            for s in chunk * SOURCES..chunk * SOURCES + sources.len() {
                                for row in group.chunks(columns) {
                                    factors.push(factor(row[s]));
                                }
                            }
                        }
                    }
                    let count = sources.len();
                    for from in (0..end).step_by(PIECE) {
                        let piece = from..end.min(from + PIECE);
                        let groups = dst.chunks_mut(GROUP * row_len);
                        for (dst, factors) in groups.zip(factors.chunks(GROUP * count)) {
                            if dst.len() == GROUP * row_len {
                                group::<GROUP>(dst, row_len, factors, sources, piece.clone());
                            } else {
                                let rows = dst.chunks_mut(row_len);
                                for (dst, factors) in rows.zip(factors.chunks(count)) {
                                    group::<1>(dst, row_len, factors, sources, piece.clone());
                                }
                            }
                        }
                    }
                }
            }
        }

        /// One piece of `R` rows.
        #[target_feature(enable = $features)]
        #[inline]
        fn group<const R: usize>(
            dst: &mut [u8],
            row_len: usize,
            factors: &[Factor],
            sources: &[&[u8]],
            piece: core::ops::Range<usize>,
        ) {
            let (mut at, end) = (piece.start, piece.end);
            while end - at >= TILE * WIDTH {
                tile::<R, TILE>(dst, row_len, factors, sources, at, WIDTH);
                at += TILE * WIDTH;
            }
            while end - at >= WIDTH {
                tile::<R, 1>(dst, row_len, factors, sources, at, WIDTH);
                at += WIDTH;
            }
            if at < end {
                // The last vector of the row overlaps what is done already, and adds only the rest.
                tile::<R, 1>(dst, row_len, factors, sources, end - WIDTH, end - at);
            }
        }

        /// `T` vectors at `at` of `R` rows; of each vector the last `keep` bytes.
        #[target_feature(enable = $features)]
        #[inline]
        fn tile<const R: usize, const T: usize>(
            dst: &mut [u8],
            row_len: usize,
            factors: &[Factor],
            sources: &[&[u8]],
            at: usize,
            keep: usize,
        ) {
            let mut sums = [[zero(); T]; R];
            for (source, factors) in sources.iter().zip(factors.as_chunks::<R>().0) {
                let vectors = source[at..at + T * WIDTH].as_chunks::<WIDTH>().0;
                for t in 0..T {
                    let source = load(&vectors[t]);
                    for r in 0..R {
                        sums[r][t] = mul_add(sums[r][t], &factors[r], source);
                    }
                }
            }
            let mask = &$crate::rows::KEEP[128 - (WIDTH - keep)..];
            let Some(mask) = mask.first_chunk::<WIDTH>() else { return };
            for (row, sums) in dst.chunks_mut(row_len).zip(sums) {
                let vectors = row[at..at + T * WIDTH].as_chunks_mut::<WIDTH>().0;
                for (vector, sum) in vectors.iter_mut().zip(sums) {
                    add_to(vector, sum, mask);
                }
            }
        }
    };
}
