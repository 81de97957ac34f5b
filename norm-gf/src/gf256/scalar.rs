//! Byte by byte, on any processor.

use super::NIBBLES;
use crate::rows::Rows;

pub(crate) fn run(rows: Rows<'_, u8>) {
    let Rows { dst, row_len, coefficients, sources } = rows;
    let coefficients = coefficients.chunks(sources.len());
    for (row, coefficients) in dst.chunks_mut(row_len).zip(coefficients) {
        for (source, &c) in sources.iter().zip(coefficients) {
            let [low, high] = &NIBBLES[usize::from(c)];
            for (d, s) in row.iter_mut().zip(*source) {
                *d ^= low[usize::from(s & 15)] ^ high[usize::from(s >> 4)];
            }
        }
    }
}
