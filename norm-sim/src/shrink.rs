//! Shrinking: simpler recipes that fail like a failed one.

use core::time::Duration;

use crate::recipe::{Feature, FluteSession, Place, Recipe};
use crate::rule::Rule;

/// The value of `every` for the first receiver alone.
const FIRST_ONLY: u32 = 60;

/// What shrinking has found.
#[derive(Debug, PartialEq)]
pub(crate) struct Shrunk<T> {
    /// The smallest recipe that fails.
    pub(crate) recipe: Recipe,
    /// Its failure.
    pub(crate) failure: T,
    /// Number of recipes that were tried.
    pub(crate) tried: u32,
}

/// Finds a smaller recipe that still fails, with at most `budget` tries. `fails` returns the
/// failure of a recipe if it is like the given one.
///
/// The search is greedy: the first simpler recipe that fails replaces the last one. If none fails
/// with the same seed, a few other seeds are tried, because every change moves the random draws.
pub(crate) fn shrink<T>(
    mut recipe: Recipe,
    mut failure: T,
    budget: u32,
    fails: impl Fn(&Recipe, &T) -> Option<T>,
) -> Shrunk<T> {
    let mut tried = 0;
    'simpler: loop {
        for offset in [0, 1, 2, 3] {
            for mut candidate in candidates(&recipe) {
                if tried == budget {
                    return Shrunk { recipe, failure, tried };
                }
                candidate.seed = recipe.seed.wrapping_add(offset);
                tried += 1;
                if let Some(again) = fails(&candidate, &failure) {
                    recipe = candidate;
                    failure = again;
                    continue 'simpler;
                }
            }
        }
        return Shrunk { recipe, failure, tried };
    }
}

/// Recipes that are simpler than this one by one step, the largest steps first. Every chain of
/// steps ends, because each removes a part or moves a number towards that of the simplest recipe.
fn candidates(recipe: &Recipe) -> Vec<Recipe> {
    let mut found = Vec::new();
    let mut push = |change: &dyn Fn(&mut Recipe)| {
        let mut simpler = recipe.clone();
        change(&mut simpler);
        if simpler != *recipe {
            found.push(simpler);
        }
    };
    let features = recipe.features.len();
    if features > 1 {
        push(&|r| r.features.truncate(features / 2));
        push(&|r| _ = r.features.drain(..features / 2));
    }
    for n in 0..features {
        push(&|r| _ = r.features.remove(n));
    }
    for receivers in [1, recipe.receivers / 2, recipe.receivers.saturating_sub(1)] {
        push(&|r| r.receivers = receivers.max(1));
    }
    for sizes in simpler_sizes(&recipe.sizes) {
        push(&|r| r.sizes.clone_from(&sizes));
    }
    let simplest = Recipe::simplest(recipe.seed);
    push(&|r| r.info = false);
    push(&|r| r.no_code = false);
    push(&|r| r.segment_size = simplest.segment_size);
    push(&|r| r.block_len = simplest.block_len);
    push(&|r| r.rate_kbit = simplest.rate_kbit);
    push(&|r| r.delay_us = simplest.delay_us);
    for n in 0..features {
        for simpler in simpler_features(&recipe.features[n]) {
            push(&|r| r.features[n] = simpler.clone());
        }
    }
    found
}

fn simpler_sizes(sizes: &[u64]) -> Vec<Vec<u64>> {
    let mut found = Vec::new();
    if sizes.len() > 1 {
        found.push(sizes[..sizes.len() / 2].to_vec());
        found.push(sizes[sizes.len() / 2..].to_vec());
        for n in 0..sizes.len() {
            let mut fewer = sizes.to_vec();
            fewer.remove(n);
            found.push(fewer);
        }
    }
    for (n, &size) in sizes.iter().enumerate() {
        for smaller in smaller(size) {
            let mut sizes = sizes.to_vec();
            sizes[n] = smaller;
            found.push(sizes);
        }
    }
    found
}

/// Smaller numbers, the smallest first. Halves are rounded to be short in print.
fn smaller(n: u64) -> Vec<u64> {
    let half = n / 2;
    let round = (0..19).map(|zeros| 10u64.pow(zeros)).rfind(|unit| unit * 10 <= half);
    let half = half - half % round.unwrap_or(1);
    let mut found = vec![0, 1, half];
    found.retain(|&smaller| smaller < n);
    found.dedup();
    found
}

fn halves(n: u32) -> Vec<u32> {
    smaller(n.into()).into_iter().map(|n| n as u32).collect()
}

fn simpler_features(feature: &Feature) -> Vec<Feature> {
    let mut found = Vec::new();
    let mut push = |change: &dyn Fn(&mut Feature)| {
        let mut simpler = feature.clone();
        change(&mut simpler);
        if simpler != *feature {
            found.push(simpler);
        }
    };
    push(&|f| {
        if let Some(every) = every_of(f) {
            *every = FIRST_ONLY;
        }
    });
    let numbers = numbers_of(&mut feature.clone()).len();
    for place in 0..numbers {
        let now = *numbers_of(&mut feature.clone())[place];
        for less in halves(now) {
            push(&|f| *numbers_of(f)[place] = less);
        }
    }
    match feature {
        Feature::Tree { branches: 2.. } => found.push(Feature::Tree { branches: 1 }),
        Feature::Fault { place, rule } => {
            let place = *place;
            found
                .extend(simpler_rules(rule).into_iter().map(|rule| Feature::Fault { place, rule }));
        }
        Feature::Attacker { attacks, rate, at_ms } if attacks.len() > 1 => {
            for attack in attacks {
                let (attacks, rate, at_ms) = (vec![attack.clone()], *rate, *at_ms);
                found.push(Feature::Attacker { attacks, rate, at_ms });
            }
        }
        Feature::Moves { every, at_ms } if at_ms.len() > 1 => {
            let with = |at_ms| Feature::Moves { every: *every, at_ms: vec![at_ms] };
            found.extend(at_ms.iter().copied().map(with));
        }
        Feature::SecondSender { sizes, rate_kbit } => {
            let with = |sizes| Feature::SecondSender { sizes, rate_kbit: *rate_kbit };
            found.extend(simpler_sizes(sizes).into_iter().map(with));
        }
        Feature::Flute(session) => found.extend(simpler_sessions(session)),
        _ => {}
    }
    found
}

fn simpler_sessions(session: &FluteSession) -> Vec<Feature> {
    let mut found = Vec::new();
    let mut push = |simpler: FluteSession| {
        if simpler != *session {
            found.push(Feature::Flute(simpler));
        }
    };
    push(FluteSession { restart_ms: None, same_tois: false, ..*session });
    push(FluteSession { interleave: None, ..*session });
    push(FluteSession { raptor: false, ..*session });
    push(FluteSession { set: false, ..*session });
    push(FluteSession { known: true, ..*session });
    push(FluteSession { fdt_ms: 1000, ..*session });
    found
}

/// The number that selects the hosts of a feature.
fn every_of(feature: &mut Feature) -> Option<&mut u32> {
    match feature {
        Feature::Fault { place: Place::Down(every) | Place::Up(every), .. }
        | Feature::FarAway { every, .. }
        | Feature::Unicast { every }
        | Feature::Silent { every }
        | Feature::OneWay { every }
        | Feature::Snooping { every }
        | Feature::Joins { every, .. }
        | Feature::JoinPolicy { every, .. }
        | Feature::Restarts { every, .. }
        | Feature::Dies { every, .. }
        | Feature::Stalls { every, .. }
        | Feature::Moves { every, .. }
        | Feature::Clock { every, .. }
        | Feature::SlowDisk { every, .. }
        | Feature::FullDisk { every, .. }
        | Feature::FewBlocks { every, .. }
        | Feature::Store { every }
        | Feature::Only { every, .. }
        | Feature::SameNode { every } => Some(every),
        _ => None,
    }
}

/// The numbers of a feature that should be small.
fn numbers_of(feature: &mut Feature) -> Vec<&mut u32> {
    match feature {
        Feature::WayBack { delay_us }
        | Feature::FarAway { delay_us, .. }
        | Feature::SlowRead { delay_us }
        | Feature::SlowDisk { delay_us, .. } => vec![delay_us],
        Feature::Joins { at_ms, .. }
        | Feature::Restarts { at_ms, .. }
        | Feature::Dies { at_ms, .. }
        | Feature::Withdraws { at_ms, .. } => vec![at_ms],
        Feature::Stalls { at_ms, for_ms, .. } => vec![at_ms, for_ms],
        Feature::Clock { offset_ms, late_us, .. } => vec![offset_ms, late_us],
        Feature::Attacker { rate, at_ms, .. } => vec![rate, at_ms],
        Feature::Linger { ms } => vec![ms],
        _ => Vec::new(),
    }
}

fn simpler_rules(rule: &Rule) -> Vec<Rule> {
    let half = |share: f64| libm::round(share * 500.0) / 1000.0;
    let share = |share: f64, make: &dyn Fn(f64) -> Rule| {
        let less = half(share);
        if less > 0.0 && less < share { vec![make(less)] } else { Vec::new() }
    };
    // Rounded to be short in print.
    let sooner = |time: Duration| Duration::from_millis(time.as_millis() as u64 / 2);
    match *rule {
        Rule::Loss(loss) => share(loss, &Rule::Loss),
        Rule::Duplicate(twice) => share(twice, &Rule::Duplicate),
        Rule::Corrupt(wrong) => share(wrong, &Rule::Corrupt),
        Rule::Truncate(cut) => share(cut, &Rule::Truncate),
        Rule::Bursts { enter, leave, loss } => vec![Rule::Loss(enter * loss / (enter + leave))],
        Rule::Recorded(ref lost) if lost.len() > 1 => {
            let (first, second) = lost.split_at(lost.len() / 2);
            vec![Rule::Recorded(first.to_vec()), Rule::Recorded(second.to_vec())]
        }
        Rule::LossDuring { from, to, loss: 1.0 } => vec![Rule::Outage { from, to }],
        Rule::LossDuring { from, to, .. } => vec![Rule::LossDuring { from, to, loss: 1.0 }],
        Rule::Outage { from, to } if to > from => {
            let (span, earlier) = (to - from, sooner(from));
            let mut found = vec![Rule::Outage { from, to: from + sooner(span) }];
            if earlier < from {
                found.push(Rule::Outage { from: earlier, to: earlier + span });
            }
            found
        }
        Rule::Jitter(max) if !max.is_zero() => vec![Rule::Jitter(sooner(max))],
        Rule::Held(every) if every > Duration::from_millis(1) => vec![Rule::Held(sooner(every))],
        Rule::Late { share, by } if !by.is_zero() => vec![Rule::Late { share, by: sooner(by) }],
        Rule::Rate { bits, queue, mark: Some(_) } => vec![Rule::Rate { bits, queue, mark: None }],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chain_of_simpler_recipes_ends() {
        for seed in 0..40 {
            let mut recipe = Recipe::draw(seed);
            let mut steps = 0;
            // The worst case of a greedy search: only the smallest steps, the last ones, succeed.
            while let Some(simpler) = candidates(&recipe).pop() {
                recipe = simpler;
                steps += 1;
                assert!(steps < 3000, "seed {seed}: no end, at {recipe}");
            }
            assert_eq!(recipe.features, [], "{recipe}");
        }
    }

    #[test]
    fn recipe_shrinks_to_the_simplest_one_if_all_fail() {
        let shrunk = shrink(Recipe::draw(4), (), 1000, |_, ()| Some(()));
        assert_eq!(shrunk.recipe, Recipe { sizes: vec![0], ..Recipe::simplest(4) });
        assert!(shrunk.tried < 100, "{}", shrunk.tried);
    }

    #[test]
    fn budget_is_kept_and_recipes_that_do_not_fail_are_not_taken() {
        let recipe = Recipe::draw(4);
        let shrunk = shrink(recipe.clone(), (), 50, |_, ()| None);
        assert_eq!(shrunk, Shrunk { recipe, failure: (), tried: 50 });
    }

    #[test]
    fn other_seeds_are_tried_when_the_first_leads_no_further() {
        let start = Recipe { receivers: 8, ..Recipe::simplest(6) };
        let even = |r: &Recipe, (): &()| (r.seed % 2 == 1 || r.receivers == 8).then_some(());
        let recipe = shrink(start, (), 1000, even).recipe;
        assert_eq!((recipe.seed, recipe.receivers), (7, 1));
    }
}
