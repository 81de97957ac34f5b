//! What the members of a population lack of one block.

use norm_core::Rng;

use super::chance::Chance;

/// One block: the symbols that came through the shared link, and those that each member lost.
#[derive(Debug)]
pub(super) struct Block {
    /// Source symbols (K).
    symbols: u32,
    /// Source symbols that came through the shared link.
    seen: u32,
    /// By member: symbols that it lost, less the repair symbols that it got. Empty until needed.
    short: Vec<i16>,
    /// Members that lack symbols, in no order; known when the block is due or repair has begun.
    needy: Vec<u32>,
    /// `needy` is known.
    counted: bool,
    /// Number of blocks that were due when this one became due; 0 before. A NACK may only ask for
    /// blocks that are due.
    pub(super) due: u32,
    /// Requests that members have overheard.
    pub(super) overheard: Vec<Overheard>,
}

/// A request for a block that members have overheard.
#[derive(Copy, Clone, Debug)]
pub(super) struct Overheard {
    pub(super) at: u64,
    pub(super) symbols: u32,
    /// Number of the NACK.
    pub(super) number: u64,
}

/// Probability that a decoder with exactly K symbols, some of them repair, needs one more.
const DECODER_FAILURE: f64 = 1.0 / 256.0;

impl Block {
    pub(super) fn new(symbols: u32) -> Self {
        Self {
            symbols,
            seen: 0,
            short: Vec::new(),
            needy: Vec::new(),
            counted: false,
            due: 0,
            overheard: Vec::new(),
        }
    }

    /// Takes the first transmission of a source symbol.
    pub(super) fn source(&mut self, members: u32, loss: Chance, rng: &mut Rng) {
        self.seen += 1;
        if self.counted {
            return;
        }
        if self.short.is_empty() {
            self.short = vec![0; members as usize];
        }
        loss.each(members, rng, |member| {
            let short = &mut self.short[member as usize];
            *short = short.saturating_add(1);
        });
    }

    /// Takes a repair symbol, possibly before the block is due, as the packet that makes it due may
    /// be lost. Calls `complete` for members that now have enough.
    pub(super) fn repair(
        &mut self,
        members: u32,
        loss: Chance,
        rng: &mut Rng,
        mut complete: impl FnMut(u32),
    ) {
        self.count(members, &mut complete);
        let (missing, short) = (self.missing(), &mut self.short);
        let fails = Chance::new(DECODER_FAILURE);
        // Members with the same symbols fail together.
        let all_fail = fails.happens(rng);
        self.needy.retain(|&member| {
            if loss.happens(rng) {
                return true;
            }
            let own = &mut short[member as usize];
            *own -= 1;
            if i32::from(*own) + missing > 0 {
                return true;
            }
            if if loss.is_never() { all_fail } else { fails.happens(rng) } {
                *own += 1;
                return true;
            }
            complete(member);
            false
        });
        if self.needy.is_empty() && self.due > 0 {
            // No member will ask any more.
            self.short = Vec::new();
        }
    }

    /// The first transmission has passed the block: members that lack symbols may ask. Calls
    /// `complete` for members that lack none.
    pub(super) fn make_due(&mut self, due: u32, members: u32, mut complete: impl FnMut(u32)) {
        self.count(members, &mut complete);
        self.due = due;
        let (missing, short) = (self.missing(), &self.short);
        self.needy.retain(|&member| {
            let lacks = i32::from(short[member as usize]) + missing > 0;
            if !lacks {
                complete(member);
            }
            lacks
        });
    }

    /// Members that lack symbols.
    pub(super) fn needy(&self) -> &[u32] {
        &self.needy
    }

    /// Number of symbols that a member lacks.
    pub(super) fn need(&self, member: u32) -> u32 {
        if !self.counted || self.short.is_empty() {
            return 0;
        }
        (i32::from(self.short[member as usize]) + self.missing()).max(0) as u32
    }

    /// Source symbols that the shared link lost.
    fn missing(&self) -> i32 {
        self.symbols as i32 - self.seen as i32
    }

    /// Finds the members that lack symbols, once. Calls `complete` for the others.
    fn count(&mut self, members: u32, complete: &mut impl FnMut(u32)) {
        if self.counted {
            return;
        }
        self.counted = true;
        if self.short.is_empty() {
            self.short = vec![0; members as usize];
        }
        let missing = self.missing();
        let lacks = |short: i16| i32::from(short) + missing > 0;
        for member in 0..members {
            if lacks(self.short[member as usize]) {
                self.needy.push(member);
            } else {
                complete(member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four members that lose nothing independently, and a block of three symbols. `before` of them
    /// arrive before a repair symbol, `after` of them after it, and all before the block is due.
    /// Returns the members that are complete before and when the block is due.
    fn complete_before_and_when_due(before: u32, after: u32) -> (u32, u32) {
        let mut block = Block::new(3);
        let mut rng = Rng::new(1);
        let never = Chance::new(0.0);
        let mut early = 0;
        let mut late = 0;
        (0..before).for_each(|_| block.source(4, never, &mut rng));
        block.repair(4, never, &mut rng, |_| early += 1);
        (0..after).for_each(|_| block.source(4, never, &mut rng));
        block.make_due(1, 4, |_| late += 1);
        assert_eq!(block.needy().len() as u32, 4 - early - late);
        (early, late)
    }

    #[test]
    fn member_completes_once_with_repair_before_the_block_is_due() {
        assert_eq!(complete_before_and_when_due(3, 0), (4, 0));
        assert_eq!(complete_before_and_when_due(2, 0), (4, 0));
        assert_eq!(complete_before_and_when_due(1, 1), (0, 4));
        assert_eq!(complete_before_and_when_due(1, 0), (0, 0));
    }
}
