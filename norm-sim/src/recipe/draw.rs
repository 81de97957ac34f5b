//! Drawing a recipe from a seed.

mod flute;

use core::time::Duration;

use norm_core::Rng;

use super::{Feature, FecId, Place, Recipe};
use crate::rule::Rule;
use crate::scenario::Attack;

/// Bytes in a session, at most.
const MAX_BYTES: u64 = 8 << 20;
/// Content packets times receivers, at most: the cost of a run.
const MAX_DELIVERIES: u64 = 40_000;
/// Time in milliseconds that the bytes take at the rate, at most.
const MAX_MILLIS: u64 = 6000;
/// Silence in milliseconds that all features together may cause: less than any timeout.
const MAX_SILENCE: u64 = 3000;

/// Turns a seed into one for the drawing of a code.
const REED_SOLOMON: u64 = 0x5253_5253_5253_5253;
/// Turns a seed into one for the drawing of a controller.
const CONTROL: u64 = 0x4343_4343_4343_4343;
/// Turns a seed into one for the drawing of a path MTU.
const PATH_MTU: u64 = 0x4d4d_4d4d_4d4d_4d4d;
/// Turns a seed into one for the drawing of what is sent unasked.
const PAYLOAD: u64 = 0x5041_5941_5041_5941;
/// Turns a seed into one for the drawing of what receivers have from before.
const HELD: u64 = 0x4845_4c44_4845_4c44;
/// Turns a seed into one for the drawing of what receivers want.
const ONLY: u64 = 0x4f4e_4c59_4f4e_4c59;
/// Turns a seed into one for the drawing of content that changes.
const WITHDRAWS: u64 = 0x5749_5448_5749_5448;
/// Turns a seed into one for the drawing of moves.
const MOVES: u64 = 0x4d4f_5645_4d4f_5645;
/// Turns a seed into one for the drawing of passes.
const CAROUSEL: u64 = 0x4341_524f_4341_524f;
/// Turns a seed into one for the drawing of a session of FLUTE.
const FLUTE: u64 = 0x464c_5554_464c_5554;
/// Turns a seed into one for the drawing of a seal.
const SEALED: u64 = 0x5345_414c_5345_414c;

/// Turns a seed into one for the drawing of a roster.
const ROSTER: u64 = 0x524f_5354_524f_5354;

/// Draws a recipe.
pub(super) fn recipe(seed: u64) -> Recipe {
    let mut dice = Dice { rng: Rng::new(seed), silence: MAX_SILENCE };
    let receivers = dice.log(1, 60) as u32;
    let segment_size = dice.one_of([1024, 1024, 1344, 1400, 64, 128, 999, 4096]);
    let block_len = dice.one_of([64, 64, 64, 200, 10, 2, 1, 1024]);
    let packets = MAX_DELIVERIES / u64::from(receivers);
    let sizes = dice.sizes(MAX_BYTES.min(packets * u64::from(segment_size)), segment_size);
    let min_rate = sizes.iter().sum::<u64>() * 8 / MAX_MILLIS;
    let rate_kbit = dice.one_of([100_000, 100_000, 1_000_000, 10_000, 1000]);
    let mut recipe = Recipe {
        seed,
        receivers,
        sizes,
        info: dice.chance(0.3),
        segment_size,
        block_len,
        no_code: dice.chance(0.2),
        rate_kbit: rate_kbit.max(min_rate as u32),
        delay_us: dice.one_of([1000, 1000, 50, 10_000, 50_000, 250_000]),
        features: Vec::new(),
    };
    recipe.features = dice.features(&recipe);
    // Dice of their own leave all other draws unchanged.
    let mut dice = Dice { rng: Rng::new(seed ^ REED_SOLOMON), silence: 0 };
    if dice.chance(0.25) {
        recipe.features.insert(0, dice.reed_solomon(segment_size));
    }
    let mut dice = Dice { rng: Rng::new(seed ^ CONTROL), silence: 0 };
    if dice.chance(0.25) {
        recipe.features.insert(0, Feature::Control { fair: dice.chance(0.3) });
    }
    let mut dice = Dice { rng: Rng::new(seed ^ MOVES), silence: 0 };
    if dice.chance(0.1) {
        dice.moves(&mut recipe);
    }
    let mut dice = Dice { rng: Rng::new(seed ^ PATH_MTU), silence: 0 };
    if dice.chance(0.2) {
        let feature = if dice.chance(0.3) { Feature::PacketSizes } else { dice.path_mtu() };
        recipe.features.push(feature);
    }
    let mut dice = Dice { rng: Rng::new(seed ^ PAYLOAD), silence: 0 };
    if dice.chance(0.15) {
        recipe.features.push(Feature::Payload { missing: dice.chance(0.5) });
    }
    let mut dice = Dice { rng: Rng::new(seed ^ HELD), silence: 0 };
    if dice.chance(0.15) {
        dice.held(&mut recipe);
    }
    let mut dice = Dice { rng: Rng::new(seed ^ CAROUSEL), silence: 0 };
    if dice.chance(0.0625) {
        recipe.features.push(dice.carousel());
    }
    parts(&mut recipe, seed);
    let mut dice = Dice { rng: Rng::new(seed ^ FLUTE), silence: 0 };
    if dice.chance(0.125) {
        flute::turn(&mut dice, &mut recipe);
    }
    keys(&mut recipe, seed);
    recipe
}

/// Draws what is sealed, and which receivers are expected.
fn keys(recipe: &mut Recipe, seed: u64) {
    let mut dice = Dice { rng: Rng::new(seed ^ SEALED), silence: 0 };
    if dice.chance(0.125) {
        recipe.features.push(Feature::Sealed { chacha: dice.chance(0.3) });
    }
    let mut dice = Dice { rng: Rng::new(seed ^ ROSTER), silence: 0 };
    let is_flute = recipe.features.iter().any(|feature| matches!(feature, Feature::Flute(_)));
    if dice.chance(0.07) && !is_flute {
        // Pages of keys are not cut to fit shorter paths.
        let is_short = recipe.features.iter().any(Feature::shortens);
        recipe.features.push(Feature::Roster { keys: dice.chance(0.5) && !is_short });
    }
}

/// Draws what receivers want, and what changes.
fn parts(recipe: &mut Recipe, seed: u64) {
    let mut dice = Dice { rng: Rng::new(seed ^ ONLY), silence: 0 };
    if dice.chance(0.1) {
        let (every, share) = (dice.every(), dice.one_of([0.0, 0.05, 0.5, 0.9]));
        recipe.features.push(Feature::Only { every, chunk: dice.chunk(recipe), share });
    }
    let mut dice = Dice { rng: Rng::new(seed ^ WITHDRAWS), silence: 0 };
    if dice.chance(0.1) {
        let (at_ms, share) = (dice.log(1, 3000) as u32, dice.one_of([0.02, 0.1, 0.5]));
        recipe.features.push(Feature::Withdraws { at_ms, chunk: dice.chunk(recipe), share });
    }
}

struct Dice {
    rng: Rng,
    /// Milliseconds of silence that features may still cause.
    silence: u64,
}

impl Dice {
    fn chance(&mut self, p: f64) -> bool {
        self.rng.chance(p)
    }

    fn one_of<T: Copy, const N: usize>(&mut self, items: [T; N]) -> T {
        const { assert!(N > 0) };
        items[self.rng.below(N as u64) as usize]
    }

    /// `low` to `high`, both included.
    fn range(&mut self, low: u64, high: u64) -> u64 {
        low + self.rng.below(high - low + 1)
    }

    /// `low` to `high`, both included, with all orders of magnitude equally likely.
    fn log(&mut self, low: u64, high: u64) -> u64 {
        let exponent = self.range(low.max(1).ilog2().into(), high.max(1).ilog2().into());
        let (from, to) = (1 << exponent, (2 << exponent) - 1);
        let high = high.max(low);
        self.range(from, to).clamp(low, high)
    }

    /// A share of `low` to `high` thousandths, short in print.
    fn share(&mut self, low: u64, high: u64) -> f64 {
        self.log(low, high) as f64 / 1000.0
    }

    fn every(&mut self) -> u32 {
        self.one_of([1, 2, 3, 60])
    }

    /// A time of silence, within the remaining limit.
    fn pause(&mut self) -> u64 {
        let span = self.range(0, self.silence.min(2000));
        self.silence -= span;
        span
    }

    fn sizes(&mut self, max: u64, segment_size: u16) -> Vec<u64> {
        let mut left = max;
        let count = self.one_of([1, 1, 1, 2, 3, 8, 40]);
        let mut sizes = Vec::new();
        for _ in 0..count {
            let size = match self.rng.below(8) {
                0 => self.range(0, 1),
                1 => self.range(1, 3) * u64::from(segment_size) + self.range(0, 2) - 1,
                _ => self.log(1, max),
            };
            sizes.push(size.min(left));
            left -= size.min(left);
        }
        sizes
    }

    fn reed_solomon(&mut self, segment_size: u16) -> Feature {
        let parity = self.one_of([16, 16, 8, 55, 1, 0]);
        let (wide, long) = (self.chance(0.3), self.chance(0.3));
        let id = match (wide && segment_size.is_multiple_of(2), long) {
            (true, _) => FecId::Id2,
            (_, true) => FecId::Id129,
            (_, false) => FecId::Id5,
        };
        Feature::ReedSolomon { id, parity }
    }

    fn carousel(&mut self) -> Feature {
        Feature::Carousel {
            passes: self.one_of([1, 2, 2, 3, 5]),
            once: self.chance(0.3).then(|| self.one_of([0, 1, 5, 30, 100])),
            interleave: self.chance(0.3).then(|| self.log(1, 1 << 20) as u32),
        }
    }

    /// Some hosts move once or twice. An attacker then tries to be followed instead of the sender.
    fn moves(&mut self, recipe: &mut Recipe) {
        let first = self.log(1, 3000) as u32;
        let second = first + self.log(1, 20_000) as u32;
        let at_ms = if self.chance(0.3) { vec![first, second] } else { vec![first] };
        for feature in &mut recipe.features {
            if let Feature::Attacker { attacks, .. } = feature {
                attacks.push(Attack::FalseMoves);
            }
        }
        recipe.features.push(Feature::Moves { every: self.every(), at_ms });
    }

    /// Bytes in a chunk, so that there are 20,000 in an object at most.
    fn chunk(&mut self, recipe: &Recipe) -> u32 {
        let largest = recipe.sizes.iter().copied().max().unwrap_or(1);
        self.log(1, largest.max(2)).max(largest / 20_000) as u32
    }

    /// Receivers have something from before, and most of the time only what is missing is sent.
    fn held(&mut self, recipe: &mut Recipe) {
        let largest = recipe.sizes.iter().copied().max().unwrap_or(1);
        let chunk = self.log(1, largest.max(2)) as u32;
        let chunks: u64 = recipe.sizes.iter().map(|size| 1 + size / u64::from(chunk)).sum();
        // All chunks take two seconds at most.
        let most = (2_000_000 / chunks).max(1);
        let compare_us = if self.chance(0.5) { self.log(1, most.min(20_000)) as u32 } else { 0 };
        recipe.features.push(Feature::OnDisk {
            every: self.every(),
            chunk: chunk.max((largest / 20_000) as u32),
            missing: self.one_of([0.0, 0.05, 0.05, 0.5, 1.0]),
            compare_us,
            unreadable: self.one_of([0.0, 0.0, 0.1]),
        });
        let payload = |feature: &Feature| matches!(feature, Feature::Payload { .. });
        if self.chance(0.7) && !recipe.features.iter().any(payload) {
            recipe.features.push(Feature::Payload { missing: true });
        }
    }

    fn path_mtu(&mut self) -> Feature {
        let from_ms = if self.chance(0.5) { self.range(1, 3000) as u32 } else { 0 };
        Feature::PathMtu { every: self.every(), size: self.range(0, 2) as u8, from_ms }
    }

    fn features(&mut self, recipe: &Recipe) -> Vec<Feature> {
        let mut features = Vec::new();
        let tree = self.chance(0.2);
        if tree {
            features.push(Feature::Tree { branches: self.range(1, 4) as u32 });
        }
        for _ in 0..self.one_of([0, 0, 1, 1, 2, 3]) {
            let place = self.place(tree);
            features.push(Feature::Fault { place, rule: self.rule(recipe, place) });
        }
        for kind in KINDS {
            if self.chance(RARE) {
                features.push(kind(self, recipe));
            }
        }
        if self.chance(RARE) {
            let for_ms = self.pause() as u32;
            let at_ms = self.range(0, 2000) as u32;
            let buffer = self.one_of([1 << 20, 1 << 16, 0]);
            features.push(Feature::Stalls { every: self.every(), at_ms, for_ms, buffer });
        }
        features
    }

    /// A delay in microseconds for each block, so that all blocks take two seconds at most.
    fn per_block(&mut self, recipe: &Recipe) -> u32 {
        let block = u64::from(recipe.segment_size) * u64::from(recipe.block_len);
        let blocks: u64 = recipe.sizes.iter().map(|size| 1 + size / block).sum();
        self.log(10, (2_000_000 / blocks).clamp(10, 300_000)) as u32
    }

    fn attacks(&mut self) -> Vec<Attack> {
        let count = self.one_of([1, 1, 2, 3]);
        (0..count)
            .map(|_| Attack::ALL[self.rng.below(Attack::ALL.len() as u64) as usize].clone())
            .collect()
    }

    fn place(&mut self, tree: bool) -> Place {
        if tree && self.chance(0.5) {
            return self.one_of([Place::TrunkDown, Place::TrunkUp]);
        }
        let (down, up) = (Place::Down(self.every()), Place::Up(self.every()));
        self.one_of([Place::SenderOut, Place::SenderIn, down, down, down, up])
    }

    /// A rule for this place that leaves the transfer possible.
    fn rule(&mut self, recipe: &Recipe, place: Place) -> Rule {
        let ms = |n: u64| Duration::from_millis(n);
        let from = ms(self.range(0, 2000));
        let content = place.carries_content();
        match self.rng.below(if content { 13 } else { 15 }) {
            0..=2 => Rule::Loss(self.share(1, 300)),
            3 => {
                let (enter, leave) = (self.share(1, 20), self.share(50, 500));
                Rule::Bursts { enter, leave, loss: self.one_of([0.3, 0.8, 1.0]) }
            }
            4 => {
                let to = from + ms(self.pause());
                Rule::LossDuring { from, to, loss: self.one_of([0.2, 0.5, 1.0]) }
            }
            5 => {
                let lost = self.share(20, 300);
                let len = self.range(10, 60);
                Rule::Recorded((0..len).map(|_| self.chance(lost)).collect())
            }
            6 => Rule::Outage { from, to: from + ms(self.pause()) },
            7 => Rule::Mtu(u32::from(recipe.segment_size).max(512) + 120),
            8 => {
                let bits = u64::from(recipe.rate_kbit) * self.range(700, 1500);
                let bits = if content { bits } else { bits.max(256_000) };
                let queue = self.log(1 << 15, 1 << 18) as u32;
                Rule::Rate { bits, queue, mark: self.chance(0.3).then_some(queue / 4) }
            }
            9 => Rule::Jitter(ms(self.log(1, 100))),
            10 => Rule::Late { share: self.share(5, 100), by: ms(self.log(1, 100)) },
            11 => Rule::Held(ms(self.log(5, 205))),
            12 => Rule::Duplicate(self.share(10, 500)),
            13 => Rule::Corrupt(self.share(1, 50)),
            _ => Rule::Truncate(self.share(1, 50)),
        }
    }
}

/// Probability of each kind of feature.
const RARE: f64 = 0.06;

/// A draw of a feature.
type Kind = fn(&mut Dice, &Recipe) -> Feature;

/// Draws of features, in the order of their application: those of all hosts come when all hosts
/// are there.
const KINDS: [Kind; 25] = [
    |d, _| Feature::WayBack { delay_us: d.log(10, 250_000) as u32 },
    |d, _| Feature::FarAway { every: d.every(), delay_us: d.log(10, 250_000) as u32 },
    |d, _| Feature::Unicast { every: d.one_of([1, 1, 1, 2]) },
    |d, _| Feature::Silent { every: d.every() },
    |d, _| Feature::OneWay { every: d.every() },
    |d, _| Feature::Snooping { every: d.every() },
    |d, _| Feature::Backoff(d.one_of([0, 1, 4, 6, 15])),
    |_, _| Feature::WaitFor,
    |d, _| Feature::Joins { every: d.every(), at_ms: d.log(1, 3000) as u32 },
    |d, _| Feature::JoinPolicy { every: d.every(), next: d.chance(0.5) },
    |d, _| Feature::Restarts { every: d.every(), at_ms: d.log(1, 3000) as u32 },
    |d, _| Feature::Dies { every: d.one_of([2, 3, 60]), at_ms: d.log(1, 3000) as u32 },
    |d, recipe| Feature::SlowDisk { every: d.every(), delay_us: d.per_block(recipe) },
    |d, _| Feature::FullDisk { every: d.one_of([2, 3, 60]), after: d.range(0, 20) },
    |d, recipe| Feature::SlowRead { delay_us: d.per_block(recipe) },
    |d, _| Feature::FewBlocks { every: d.every(), blocks: d.log(1, 8) as u32 },
    |d, recipe| Feature::SmallCache {
        bytes: u32::from(recipe.segment_size) * recipe.block_len * d.log(1, 64) as u32,
    },
    |d, _| Feature::Store { every: d.every() },
    |d, _| Feature::FirstObject(d.one_of([65_535, 65_530, 65_500, (1 << 32) - 3])),
    |d, _| Feature::Linger { ms: d.range(0, 4000) as u32 },
    |d, _| Feature::SameNode { every: d.one_of([1, 2]) },
    |d, _| Feature::Attacker {
        attacks: d.attacks(),
        rate: d.one_of([1, 10, 100]),
        at_ms: d.range(0, 300) as u32,
    },
    |d, recipe| Feature::SecondSender {
        sizes: d.sizes(recipe.sizes.iter().sum::<u64>() / 2, recipe.segment_size),
        rate_kbit: recipe.rate_kbit,
    },
    |d, _| Feature::Tcp { cubic: d.chance(0.5) },
    |d, _| Feature::Clock {
        every: d.every(),
        offset_ms: d.one_of([0, 1, 100_000]),
        drift_ppm: d.one_of([0, 100, -100, 500]),
        late_us: d.log(1, 20_000) as u32,
    },
];
