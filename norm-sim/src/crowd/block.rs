//! What the members of a crowd lack of one block.

use norm_core::Rng;

use super::chance::Chance;

/// One block: what arrived at the crowd's door, and what each member lost on its last steps.
#[derive(Debug)]
pub(super) struct Block {
    /// Source symbols (K).
    symbols: u32,
    /// Source symbols that arrived at the door.
    seen: u32,
    /// Symbols that each member lost, less the repair symbols that it got; allocated when needed.
    short: Vec<i16>,
    /// Members that lack something, once the block is due or repair has begun; in no order.
    needy: Vec<u32>,
    counted: bool,
    /// How many blocks were due when it became due; 0 before: no NACK may ask for it.
    pub(super) due: u32,
    /// Requests heard: when, for how many symbols, and the NACK's number.
    pub(super) heard: Vec<(u64, u32, u64)>,
}

/// A decoder that has just enough symbols, some of them repair, needs one more this often.
const DECODER_FAILS: f64 = 1.0 / 256.0;

impl Block {
    pub(super) fn new(symbols: u32) -> Self {
        Self {
            symbols,
            seen: 0,
            short: Vec::new(),
            needy: Vec::new(),
            counted: false,
            due: 0,
            heard: Vec::new(),
        }
    }

    /// A source symbol is at the door, for the first time.
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

    /// A repair symbol is at the door, maybe before the block is due, for what says so may be lost;
    /// `complete` hears of members that now have enough.
    pub(super) fn repair(
        &mut self,
        members: u32,
        loss: Chance,
        rng: &mut Rng,
        mut complete: impl FnMut(u32),
    ) {
        self.count(members, &mut complete);
        let (missing, short) = (self.missing(), &mut self.short);
        let fails = Chance::new(DECODER_FAILS);
        // Who has the same symbols fails together.
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
            // Nobody will ask any more.
            self.short = Vec::new();
        }
    }

    /// The first transmission has passed it: who lacks something may ask. `complete` hears of the
    /// members that lack nothing.
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

    /// Members that lack something.
    pub(super) fn needy(&self) -> &[u32] {
        &self.needy
    }

    /// Symbols that a member lacks.
    pub(super) fn need(&self, member: u32) -> u32 {
        if !self.counted || self.short.is_empty() {
            return 0;
        }
        (i32::from(self.short[member as usize]) + self.missing()).max(0) as u32
    }

    /// Source symbols lost before the door.
    fn missing(&self) -> i32 {
        self.symbols as i32 - self.seen as i32
    }

    /// Finds out who lacks something, once; `complete` hears of the others.
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

    /// Four members, none of which loses anything of its own, and a block of three symbols of which
    /// so many arrive before a repair symbol does, and so many after it; all before it is due.
    fn complete_before_and_when_due(before: u32, after: u32) -> (u32, u32) {
        let (mut block, mut rng, never) = (Block::new(3), Rng::new(1), Chance::new(0.0));
        let (mut early, mut late) = (0, 0);
        (0..before).for_each(|_| block.source(4, never, &mut rng));
        block.repair(4, never, &mut rng, |_| early += 1);
        (0..after).for_each(|_| block.source(4, never, &mut rng));
        block.make_due(1, 4, |_| late += 1);
        assert_eq!(block.needy().len() as u32, 4 - early - late);
        (early, late)
    }

    #[test]
    fn each_member_completes_once_when_repair_comes_before_the_block_is_due() {
        assert_eq!(complete_before_and_when_due(3, 0), (4, 0));
        assert_eq!(complete_before_and_when_due(2, 0), (4, 0));
        assert_eq!(complete_before_and_when_due(1, 1), (0, 4));
        assert_eq!(complete_before_and_when_due(1, 0), (0, 0));
    }
}
