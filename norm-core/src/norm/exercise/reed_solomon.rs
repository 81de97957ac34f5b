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
    let field = if options & 1 == 0 { Field::Gf256 } else { Field::Gf65536 };
    let points = if options & 2 == 0 { Points::Rizzo } else { Points::Rfc5510 };
    let (max_block_len, parity, k) = (number(l1, l0), number(p1, p0), number(k1, k0));
    let Ok(code) = ReedSolomon::new(field, points, max_block_len, parity) else { return false };
    let size = u16::from(size);
    // So that a run stays short.
    if u64::from(k) * u64::from(size) > 1 << 15 || u64::from(parity) * u64::from(size) > 1 << 15 {
        return false;
    }
    let (arrivals, rest) = rest.split_at(rest.len().min(3 * usize::from(count)));
    let len = k as usize * usize::from(size);
    let source = &rest[..rest.len().min(len)];
    let mut coded = Vec::new();
    if code.encode(k, size, source, 0, parity, &mut coded).is_err() {
        let refused = code.decode(k, size, &mut [], |_| false, core::iter::empty());
        assert!(refused.is_err(), "what cannot be encoded was decoded");
        return false;
    }
    let mut block = source.to_vec();
    block.resize(len, 0);
    let mut arrived = Arrived::new(k, usize::from(size));
    for arrival in arrivals.as_chunks::<3>().0 {
        arrived.add(*arrival, parity, &block, &coded);
    }
    arrived.check(&code, &block)
}

fn number(high: u8, low: u8) -> u32 {
    u32::from(u16::from_be_bytes([high, low]))
}

/// What arrives of a block of `k` symbols of `size` bytes.
struct Arrived<'a> {
    k: u32,
    size: usize,
    lost: Vec<bool>,
    /// Parity symbols, with their numbers.
    parity: Vec<(u32, &'a [u8])>,
    /// No symbol has the wrong length or content.
    sound: bool,
}

impl<'a> Arrived<'a> {
    fn new(k: u32, size: usize) -> Self {
        Self { k, size, lost: vec![false; k as usize], parity: Vec::new(), sound: true }
    }

    /// Takes one arrival; `coded` are the `parity` true symbols of `block`.
    fn add(&mut self, [kind, high, low]: [u8; 3], parity: u32, block: &'a [u8], coded: &'a [u8]) {
        let (n, size) = (number(high, low), self.size);
        match kind % 4 {
            // Lost, with the first parity symbol that has not arrived yet: enough of them.
            0 | 1 => {
                if let Some(lost) = self.lost.get_mut(n as usize % self.k as usize) {
                    let next =
                        (0..parity).find(|p| self.parity.iter().all(|(given, _)| given != p));
                    let next = next.filter(|_| !*lost && kind % 4 == 0);
                    self.parity.extend(next.map(|p| (p, &coded[p as usize * size..][..size])));
                    *lost = true;
                }
            }
            // Parity of any number, wrong if there is no such.
            2 => {
                let symbol = coded.chunks_exact(size).nth(n as usize);
                self.parity.push((n, symbol.unwrap_or(&block[..size])));
            }
            // A symbol of a wrong length, or the wrong symbol.
            _ => {
                self.sound = false;
                self.parity.push((n, &block[..size - n as usize % 2]));
            }
        }
    }

    /// Recovers `block` from what arrived; true when something was lost, and it was recovered.
    fn check(&self, code: &ReedSolomon, block: &[u8]) -> bool {
        let mut found = block.to_vec();
        let symbols = found.chunks_exact_mut(self.size).zip(&self.lost);
        for (symbol, _) in symbols.filter(|(_, lost)| **lost) {
            symbol.fill(0xaa);
        }
        let damaged = found.clone();
        let held = |n: u32| !self.lost[n as usize];
        let parity = self.parity.iter().copied();
        let result = code.decode(self.k, self.size as u16, &mut found, held, parity);
        let losses = self.lost.iter().filter(|lost| **lost).count();
        match result {
            Ok(()) => assert!(!self.sound || found == block, "recovered something else"),
            Err(error) => {
                assert!(found == damaged, "refused, but changed the block");
                let short = self.parity.len() < losses;
                assert!(error != CodeError::TooFewSymbols || short, "there were enough");
            }
        }
        result.is_ok() && self.sound && losses > 0
    }
}
