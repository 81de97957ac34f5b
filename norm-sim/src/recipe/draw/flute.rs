//! Turns a recipe into one of a FLUTE session.

use core::time::Duration;

use super::Dice;
use crate::recipe::{Feature, FluteSession, Place, Recipe};
use crate::rule::Rule;
use crate::scenario::Attack;

/// Bytes in a session, at most.
const MAX_BYTES: u64 = 2 << 20;
/// Symbols times receivers of one pass, at most.
const MAX_DELIVERIES: u64 = 12_000;
/// Attacks that need no message of NORM.
const ATTACKS: [Attack; 3] = [Attack::Noise, Attack::Mutate, Attack::Replay];

/// Leaves of a recipe what FLUTE knows, and adds a session and faults of the way to the receivers.
pub(super) fn turn(dice: &mut Dice, recipe: &mut Recipe) {
    recipe.receivers = recipe.receivers.min(12);
    let symbols = MAX_DELIVERIES / u64::from(recipe.receivers);
    let mut left = MAX_BYTES.min(symbols * u64::from(recipe.segment_size));
    for size in &mut recipe.sizes {
        *size = (*size).min(left);
        left -= *size;
    }
    recipe.features.retain(is_known);
    recipe.features.insert(0, Feature::Flute(session(dice)));
    let down = Place::Down(dice.every());
    if dice.chance(0.6) {
        let rule = Rule::Loss(dice.share(1, 300));
        recipe.features.push(Feature::Fault { place: down, rule });
    }
    if dice.chance(0.25) {
        let by = Duration::from_millis(dice.log(1, 100));
        let rule = if dice.chance(0.5) {
            Rule::Jitter(by)
        } else {
            Rule::Late { share: dice.share(5, 100), by }
        };
        recipe.features.push(Feature::Fault { place: down, rule });
    }
    if dice.chance(0.2) {
        let rule = Rule::Duplicate(dice.share(10, 500));
        recipe.features.push(Feature::Fault { place: Place::SenderOut, rule });
    }
    if dice.chance(0.1) {
        let rule =
            if dice.chance(0.7) { Rule::Corrupt(0.01) } else { Rule::Truncate(dice.share(1, 50)) };
        recipe.features.push(Feature::Fault { place: down, rule });
    }
    if dice.chance(0.3) {
        let (every, at_ms) = (dice.every(), dice.log(1, 3000) as u32);
        recipe.features.push(Feature::Joins { every, at_ms });
    }
    if dice.chance(0.15) {
        let (every, at_ms) = (dice.every(), dice.log(1, 3000) as u32);
        recipe.features.push(Feature::Restarts { every, at_ms });
    }
    if dice.chance(0.15) {
        let attacks = ATTACKS[..1 + dice.rng.below(ATTACKS.len() as u64) as usize].to_vec();
        let (rate, at_ms) = (dice.one_of([1, 10, 100]), dice.range(0, 300) as u32);
        recipe.features.push(Feature::Attacker { attacks, rate, at_ms });
    }
}

fn session(dice: &mut Dice) -> FluteSession {
    FluteSession {
        passes: dice.one_of([0, 0, 0, 1, 2, 3, 5, 10]),
        once: dice.chance(0.3).then(|| dice.one_of([0, 1, 5, 10, 30, 100])),
        interleave: dice.chance(0.3).then(|| dice.log(1, 1 << 20) as u32),
        fdt_ms: dice.one_of([1000, 1000, 100, 20]),
        raptor: dice.chance(0.2),
        set: dice.chance(0.4),
        restart_ms: dice.chance(0.2).then(|| dice.log(1, 5000) as u32),
        same_tois: dice.chance(0.5),
        known: dice.chance(0.7),
    }
}

/// True for features that mean something in a session of FLUTE.
fn is_known(feature: &Feature) -> bool {
    use Feature as F;
    match feature {
        F::Attacker { attacks, .. } => attacks.iter().all(|attack| ATTACKS.contains(attack)),
        F::Tree { .. }
        | F::Fault { .. }
        | F::FarAway { .. }
        | F::ReedSolomon { .. }
        | F::Joins { .. }
        | F::Restarts { .. }
        | F::Dies { .. }
        | F::Stalls { .. }
        | F::Clock { .. }
        | F::SlowDisk { .. }
        | F::SlowRead { .. }
        | F::Tcp { .. } => true,
        _ => false,
    }
}
