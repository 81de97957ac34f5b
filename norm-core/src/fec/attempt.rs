//! What is left of an attempt to solve a Raptor block that has failed.

use core::fmt;

use super::raptor::RaptorSolver;

/// The work of an attempt, and which symbols are in it. A copy begins anew.
#[derive(Default)]
pub(super) struct Attempt(Option<Box<Begun>>);

struct Begun {
    solver: RaptorSolver,
    /// Source symbols that it has, a bit each.
    source: Vec<u64>,
    /// Repair symbols that it has, in the order in which they came.
    repair: usize,
}

impl Clone for Attempt {
    fn clone(&self) -> Self {
        Self(None)
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attempt").field(&self.0.as_ref().map(|begun| begun.repair)).finish()
    }
}

impl Attempt {
    /// True when there is something of one.
    pub(super) fn is_begun(&self) -> bool {
        self.0.is_some()
    }

    /// Forgets it.
    pub(super) fn clear(&mut self) {
        self.0 = None;
    }

    /// Solves with the symbols that the attempt has and those that have come since: source symbols
    /// of which the bit in `held` is set, and repair symbols in the order in which they came.
    /// `None` when they do not suffice.
    pub(super) fn solve<'a>(
        &mut self,
        k: u32,
        symbol_size: u16,
        held: &[u64],
        source: impl Iterator<Item = &'a [u8]>,
        repair: impl Iterator<Item = (u32, &'a [u8])>,
    ) -> Option<Vec<u8>> {
        let mut begun = match self.0.take() {
            Some(begun) => begun,
            None => {
                let (source, repair) = (vec![0; held.len()], 0);
                Box::new(Begun { solver: RaptorSolver::new(k, symbol_size)?, source, repair })
            }
        };
        let bit = |bits: &[u64], symbol: u32| {
            bits.get(symbol as usize / 64).is_some_and(|word| word >> (symbol % 64) & 1 == 1)
        };
        let is_new = |symbol: u32| bit(held, symbol) && !bit(&begun.source, symbol);
        let new = (0..k).zip(source).filter(|&(symbol, _)| is_new(symbol));
        let mut pushed = begun.solver.push(new);
        begun.source.copy_from_slice(held);
        let before = begun.repair;
        let count = &mut begun.repair;
        pushed &= begun.solver.push(repair.skip(before).inspect(|_| *count += 1));
        let solved = begun.solver.solve().filter(|_| pushed);
        if solved.is_none() && pushed {
            self.0 = Some(begun);
        }
        solved
    }
}
