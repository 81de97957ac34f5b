//! Word by word, on any processor.

use super::nibbles;
use crate::rows::Rows;

pub(crate) fn run(rows: Rows<'_, u16>) {
    let Rows { dst, row_len, coefficients, sources } = rows;
    let coefficients = coefficients.chunks(sources.len());
    for (row, coefficients) in dst.chunks_mut(row_len).zip(coefficients) {
        for (source, &c) in sources.iter().zip(coefficients) {
            let tables = nibbles(c);
            let words = row.as_chunks_mut::<2>().0.iter_mut();
            for (d, s) in words.zip(source.as_chunks::<2>().0) {
                let s = usize::from(u16::from_le_bytes(*s));
                let product = tables[0][s & 15]
                    ^ tables[1][s >> 4 & 15]
                    ^ tables[2][s >> 8 & 15]
                    ^ tables[3][s >> 12];
                *d = (u16::from_le_bytes(*d) ^ product).to_le_bytes();
            }
        }
    }
}
