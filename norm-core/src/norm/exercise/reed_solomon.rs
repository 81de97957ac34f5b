//! Reed-Solomon codes under arbitrary numbers.

use crate::fec::{CodeError, Field, Points, ReedSolomon};

/// A code, a block and symbols to recover it with, as the input says; whether it was recovered.
///
/// The input is `options, block length (2), parity (2), k (2), symbol size, count`, as many times
/// `kind, number (2)` for what arrives, and the content. Nothing may panic; what is made of true
/// parity must be the content again, and what is refused must leave the block alone.
#[must_use]
pub fn reed_solomon(input: &[u8]) -> bool {
    let Some((&[options, l1, l0, p1, p0, k1, k0, size, count], rest)) = input.split_first_chunk()
    else {
        return false;
    };
    let number = |high, low| u32::from(u16::from_be_bytes([high, low]));
    let field = if options & 1 == 0 { Field::Gf256 } else { Field::Gf65536 };
    let points = if options & 2 == 0 { Points::Rizzo } else { Points::Rfc5510 };
    let (max_block_len, parity, k) = (number(l1, l0), number(p1, p0), number(k1, k0));
    let Ok(code) = ReedSolomon::new(field, points, max_block_len, parity) else { return false };
    let size = u16::from(size);
    let symbol = usize::from(size);
    // So that a run stays short.
    if u64::from(k) * u64::from(size) > 1 << 15 || u64::from(parity) * u64::from(size) > 1 << 15 {
        return false;
    }
    let (arrivals, rest) = rest.split_at(rest.len().min(3 * usize::from(count)));
    let source = &rest[..rest.len().min(k as usize * symbol)];
    let mut coded = Vec::new();
    if code.encode(k, size, source, 0, parity, &mut coded).is_err() {
        let refused = code.decode(k, size, &mut [], |_| false, core::iter::empty());
        assert!(refused.is_err(), "what cannot be encoded was decoded");
        return false;
    }
    let mut whole = source.to_vec();
    whole.resize(k as usize * symbol, 0);

    let (mut lost, mut given, mut sound) = (vec![false; k as usize], Vec::new(), true);
    for arrival in arrivals.as_chunks::<3>().0 {
        let n = number(arrival[1], arrival[2]);
        match arrival[0] % 4 {
            // Lost, with the first parity symbol that is not given yet: enough of them.
            0 | 1 => {
                if let Some(lost) = lost.get_mut(n as usize % k as usize) {
                    let next = (0..parity).find(|p| given.iter().all(|(given, _)| given != p));
                    let next = next.filter(|_| !*lost && arrival[0] % 4 == 0);
                    given.extend(next.map(|p| (p, &coded[p as usize * symbol..][..symbol])));
                    *lost = true;
                }
            }
            // Parity of any number, wrong if there is no such.
            2 => match coded.chunks_exact(symbol).nth(n as usize) {
                Some(true_symbol) => given.push((n, true_symbol)),
                None => given.push((n, &whole[..symbol])),
            },
            // A symbol of a wrong length, or the wrong symbol.
            _ => {
                sound = false;
                given.push((n, &whole[..symbol - n as usize % 2]));
            }
        }
    }
    let mut block = whole.clone();
    for (symbol, _) in block.chunks_exact_mut(symbol).zip(&lost).filter(|(_, lost)| **lost) {
        symbol.fill(0xaa);
    }
    let damaged = block.clone();
    let held = |n: u32| !lost[n as usize];
    let result = code.decode(k, size, &mut block, held, given.iter().copied());
    let losses = lost.iter().filter(|lost| **lost).count();
    match result {
        Ok(()) => assert!(!sound || block == whole, "recovered something else"),
        Err(error) => {
            assert!(block == damaged, "refused, but changed the block");
            let short = given.len() < losses;
            assert!(error != CodeError::TooFewSymbols || short, "there were enough");
        }
    }
    result.is_ok() && sound && losses > 0
}
